"""The thermal recipes as a user runs them, small: trained on a few pairs, scored, and used at any size."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from places import ROOT

from hdsynth_tf.config import flags
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator, ProjectedDiscriminator
from hdsynth_tf.train import __main__ as train
from hdsynth_tf.train import stages, tone_fitting
from pipelines.conditioning import ImageConditioning
from pipelines.dataset import make_train
from pipelines.pairing.pairs import hold_out
from pipelines.reading.depth import write_deep

SMALL = [
    "--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--discriminator_filters=4",
    "--steps_per_epoch=2", "--sample_epochs=5", "--precision=float32", "--val_share=0.25", "--noexport",
]  # fmt: skip
RECIPE = [
    f"--flagfile={ROOT / 'experiments' / 'thermal.flags'}", "--image_height=40", "--image_width=48", *SMALL,
    "--warm_start_epochs=1", "--epochs=1", "--decay_epochs=0",
]  # fmt: skip
LARGE = [
    f"--flagfile={ROOT / 'experiments' / 'thermal_large.flags'}", "--image_height=80", "--image_width=96", *SMALL,
    "--num_enhancer_blocks=1", "--batch_size=2", "--warm_start_epochs=1", "--enhancer_epochs=1", "--epochs=1,1",
    "--decay_epochs=0,0",
]  # fmt: skip
PLAIN = [
    f"--flagfile={ROOT / 'experiments' / 'thermal_plain.flags'}", "--image_height=32", "--image_width=48", *SMALL,
    "--num_enhancer_blocks=1", "--discriminator_layers=1", "--batch_size=2,1", "--warm_start_epochs=1,1",
    "--enhancer_epochs=1",
]  # fmt: skip


@pytest.fixture
def pairs(tmp_path, rng):
    """Six pairs of one camera of 8 bits and one of colours, of two sizes; what is hot is dark in the photograph."""
    for folder in ("thermal", "visible"):
        (tmp_path / folder).mkdir()
    for number in range(6):
        size = (32, 48) if number % 2 else (35, 47)
        heat = np.asarray(Image.fromarray(rng.integers(0, 256, (4, 6), "uint8")).resize(size[::-1], Image.BILINEAR))
        write_deep(heat[..., None], tmp_path / "thermal" / f"{number}.png")
        write_deep(255 - np.stack([heat, heat // 2, heat], -1), tmp_path / "visible" / f"{number}.png")
    return tmp_path


@pytest.fixture
def trained(command, pairs, monkeypatch):
    """A function that trains on the pairs; gives the run's folder and what was printed."""
    monkeypatch.setattr(tone_fitting, "STEPS", 300)

    def train(recipe):
        run = pairs / "run"
        places = [f"--source_dir={pairs / 'thermal'}", f"--target_dir={pairs / 'visible'}"]
        code, output, error = command("train", *recipe, *places, f"--run_dir={run}")
        assert code == 0, error
        return run, output

    return train


@pytest.mark.slow
def test_recipe(trained, rng, lpips_weights, efficientnet_weights):
    lpips_weights()
    efficientnet_weights()
    run, output = trained(RECIPE)
    assert [name in output for name in ("G1 warm start", "G1, 1 epochs", "G2")] == [1, 1, 0]
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert "Tone" in output and np.abs(model.generator.tone.get_weights()[2]).max() > 0
    assert isinstance(model.discriminator, ProjectedDiscriminator)
    for size in ((33, 57), (90, 20)):
        heat = rng.integers(0, 256, (*size, 1)).astype("float32")
        assert model.generate({"source": heat}).shape == (*size, 3)


@pytest.mark.slow
def test_pictures_of_one_input_in_other_lights(trained, command, pairs):
    run, _ = trained([*PLAIN, "--num_tones=3"])
    places = [f"--source_dir={pairs / 'thermal'}", f"--output_dir={pairs / 'out'}"]
    code, _, error = command("generate", f"--model={run}", "--styles=3", "--seed=3", *places)
    assert code == 0, error
    first, *others = (np.asarray(Image.open(pairs / "out" / f"0_{seed}.png")).astype(float) for seed in (3, 4, 5))
    dark, light = (other.mean() for other in others)
    assert dark < light and all(np.abs(first - other).mean() > 0.5 for other in others)
    model = keras.saving.load_model(run / "model.keras", compile=False)
    heat = np.asarray(Image.open(pairs / "thermal" / "0.png"))[..., None]
    assert np.abs(model.generate({"source": heat}) - first).max() <= 1  # unless it is said, what is to be expected

    photo = np.full((40, 60, 3), [220, 180, 90], "uint8")
    Image.fromarray(photo).save(pairs / "photo.png")
    places = [f"--source_dir={pairs / 'thermal'}", f"--output_dir={pairs / 'alike'}"]
    code, _, error = command("generate", f"--model={run}", f"--style_from={pairs / 'photo.png'}", *places)
    assert code == 0, error
    made = np.asarray(Image.open(pairs / "alike" / "0.png")).mean((0, 1))
    np.testing.assert_allclose(made, photo[0, 0], atol=12)
    assert "in the photo&#39;s light" in (pairs / "alike" / "index.html").read_text()


def test_training_and_the_tone_see_changed_sources(trained, pairs, monkeypatch):
    """Inverted each time: the networks see nothing else, the tone also the frames as they are."""
    seen = {}

    def stream(*arguments):
        seen["training"] = [inputs["source"].numpy() for inputs, _ in make_train(*arguments).take(6)]
        return make_train(*arguments)

    def fit(tone, conditioning, scenes, seed):
        seen["tone"] = [inputs["source"].numpy() for inputs, _ in scenes]
        assert len(scenes) == len(seen["tone"])  # which the progress bar shows
        return 0.0

    monkeypatch.setattr(stages, "make_train", stream)
    monkeypatch.setattr(stages, "fit_tone", fit)
    more = ["--dataset=folder", "--tone", "--epochs=1", "--decay_epochs=0", "--noflip", "--source_polarity=1"]
    trained([*SMALL, *more, "--image_height=32", "--image_width=48"])
    frames = [np.asarray(Image.open(path))[..., None] for path in sorted((pairs / "thermal").iterdir())]

    def shares(arrays, targets):
        """Of some arrays, how many are one of the targets."""
        return sum(any(np.array_equal(array[0], target) for target in targets) for array in arrays)

    whole, inverted = frames[1::2], [255 - frame for frame in frames[1::2]]  # those of the size that is trained on
    assert shares(seen["training"], whole) == 0 < shares(seen["training"], inverted)
    plain = shares(seen["tone"], frames)
    assert plain * 4 == len(seen["tone"]) and shares(seen["tone"], [255 - frame for frame in frames]) == 3 * plain


@pytest.mark.slow
def test_recipe_for_many_pairs(trained, lpips_weights, efficientnet_weights):
    lpips_weights()
    efficientnet_weights()
    run, output = trained(LARGE)
    assert [name in output for name in ("G1 warm start", "G2 warm start", "G2 alone", "G2 together")] == [1, 1, 1, 1]
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert model.generator.tone is not None and isinstance(model.discriminator, ProjectedDiscriminator)


@pytest.mark.slow
def test_recipe_without_pretrained_networks(trained, script, pairs, rng):
    run, output = trained(PLAIN)
    assert [name in output for name in ("G1 warm start", "G2 warm start", "G2 alone", "G2 together")] == [1, 1, 1, 0]
    model, coarse = (keras.saving.load_model(path) for path in (run / "model.keras", run / "levels" / "g1.keras"))
    for a, b in zip(model.generator.tone.get_weights(), coarse.generator.tone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)  # nothing of it trains; the average rounds
    assert "Tone" in output and np.abs(model.generator.tone.get_weights()[2]).max() > 0
    for size in ((33, 57), (32, 48), (90, 20)):
        heat = rng.integers(0, 256, (*size, 1)).astype("float32")
        assert model.generate({"source": heat}).shape == (*size, 3)

    output = script(
        "experiments/thermal_table.py", *(pairs / n for n in ("thermal", "visible", "table")), f"ours={run}"
    )
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in output.splitlines() if "|" in line}
    assert {"mean colour", "quadratic in (thermal, row)", "ours"} <= set(rows)
    psnr = [head.strip() for head in rows["picture"]].index("PSNR")
    linear, mean = (float(rows[name][psnr]) for name in ("quadratic in (thermal, row)", "mean colour"))
    assert linear > mean + 3  # as the data are
    assert (pairs / "table" / "index.html").exists() and (pairs / "table" / "sheet.png").exists()
    held = json.loads((run / "settings.json").read_text())["data"]["val_share"]
    names = [f"{number}.png" for number in range(6)]
    scored = {path.name.split("_")[0] for path in (pairs / "table").glob("*_0.png")}
    assert scored == {str(i) for i in hold_out(names, held)[1]}


def test_frames_of_another_camera_are_told(command, pairs, rng):
    """Of other values, and of colours; a model of whole eight bits, as a person would use it."""
    model = Pix2PixHD(ImageConditioning(1), GlobalGenerator(4, 1, 1))
    model.save(pairs / "model.keras")
    for folder, dtype in (("kelvin", "uint16"), ("colors", "uint8"), ("same", "uint8")):
        (pairs / folder).mkdir()
        channels = 3 if folder == "colors" else 1
        image = rng.integers(0, 255, (16, 24, channels)).astype(dtype) + (27000 if folder == "kelvin" else 0)
        write_deep(image.astype(dtype), pairs / folder / "a.png")

    def generate(folder):
        places = [f"--source_dir={pairs / folder}", f"--output_dir={pairs / f'out_{folder}'}"]
        return command("generate", f"--model={pairs / 'model.keras'}", "--dataset=folder", *places)

    code, output, _ = generate("kelvin")
    assert code == 0 and "100% of the values lie outside of the model's window, 0 to 255" in output
    code, output, _ = generate("same")
    assert code == 0 and "lie outside" not in output
    code, _, error = generate("colors")
    assert code == 2 and "reads a source of 1 channel(s)" in error and not (pairs / "out_colors").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.flags")), ids=lambda path: path.stem)
def test_flag_files_are_of_flags_that_exist(path):
    data, *_ = flags.parse(["train", f"--flagfile={path}"], train.GROUPS.values(), "usage", {"source_dir": "x"})
    assert data.dataset


@pytest.mark.parametrize(
    "given, said",
    [
        (["--generator=unet"], "--tone is for --generator=global"),
        (["--crop_height=16", "--crop_width=16"], "leave out --crop_height"),
        (["--zoom=1,1.3"], "and --zoom"),
        (["--notone", "--num_tones=2"], "--num_tones is for --tone"),
        (["--num_tones=9"], "--num_tones needs as many scenes"),
    ],
)
def test_tone_is_of_whole_pictures_and_for_the_global_generator(command, pairs, given, said):
    places = [f"--source_dir={pairs / 'thermal'}", f"--target_dir={pairs / 'visible'}", "--dataset=folder"]
    code, _, error = command("train", "--tone", *given, *places, f"--run_dir={pairs / 'run'}")
    assert code == 2 and said in error and not (pairs / "run").exists()
