"""Styles of whole pictures, of models that read images: from pairs in files to several photographs of one input."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from tiny import image_batch, picture_style_model

from hdsynth_tf.assemble.models import build_model
from hdsynth_tf.config.groups import DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.styles.clustering import Instances, encode_instances, nearest_instance
from hdsynth_tf.train import tone_fitting
from pipelines.folder import Folder
from pipelines.reading.depth import write_deep

SMALL = [
    "--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--discriminator_filters=4",
    "--discriminator_layers=1", "--num_scales=1", "--steps_per_epoch=2", "--warm_start_epochs=1", "--epochs=1",
    "--decay_epochs=0", "--precision=float32", "--val_share=0.25", "--image_height=32", "--image_width=48",
    "--feature_channels=2", "--encoder_filters=4", "--encoder_downsamples=2",
]  # fmt: skip
STYLES = {0: [[0.9, -0.9], [-0.9, 0.9], [0.1, 0.2]]}


@pytest.fixture
def pairs(tmp_path, rng):
    """Eight pairs of two sizes; half of the photographs are of night, which the other camera does not tell."""
    for number in range(8):
        height, width = (32, 48) if number % 2 else (35, 47)
        heat = np.asarray(Image.fromarray(rng.integers(0, 256, (4, 6), "uint8")).resize((width, height)))
        photo = np.stack([heat, heat // 2, heat], -1) // (1 + number // 4 * 3)
        for folder, image in (("thermal", heat[..., None]), ("visible", photo)):
            (tmp_path / folder).mkdir(exist_ok=True)
            write_deep(image, tmp_path / folder / f"{number}.png")
    return tmp_path


def places(pairs):
    return ["--dataset=folder", f"--source_dir={pairs / 'thermal'}", f"--target_dir={pairs / 'visible'}"]


def test_the_features_found_are_means_over_whole_pictures(pairs, tmp_path):
    model = picture_style_model()
    source = Folder(source_dir=pairs / "thermal", image_dir=pairs / "visible")
    found = encode_instances(model, source, tmp_path / "instances")
    np.testing.assert_array_equal(found.scene, np.arange(8))
    assert (found.instance == 0).all() and (found.label == 0).all() and (found.area == 1).all()
    for index, features in enumerate(found.features):
        real = source.load(index)["image"][None] / np.float32(127.5) - 1
        wanted = keras.ops.convert_to_numpy(model.encoder.network(real)).mean(axis=(0, 1, 2))
        np.testing.assert_allclose(features, wanted, atol=1e-5)


def test_the_real_one_that_is_nearest_to_a_style():
    """A small one only where there are no others."""
    label, area = np.array([0, 0, 1, 1, 1]), np.array([0.001, 0.002, 0.001, 0.5, 0.3], "float32")
    features = np.array([[0, 0], [1, 1], [1, 1], [0, 0], [2, 2]], "float32")
    instances = Instances(np.arange(5), np.arange(5), label, area, features)
    assert nearest_instance(instances, 0, np.array([0.9, 0.9])) == 1
    assert nearest_instance(instances, 1, np.array([1.1, 1.1])) == 4


@pytest.mark.parametrize("generator", ["global", "unet", "crn"])
@pytest.mark.parametrize("tone", [False, True])
def test_what_the_settings_build(pairs, generator, tone):
    """The encoder sees how light a picture is; the tone, and the discriminator, see no features."""
    if tone and generator != "global":
        pytest.skip("--tone is for --generator=global")
    source = Folder(source_dir=pairs / "thermal", image_dir=pairs / "visible")
    networks = NetworkSettings(
        generator=generator, num_filters=4, num_downsamples=2, num_residual_blocks=1, refinement_filters=(4, 4),
        tone=tone, feature_channels=3, encoder_filters=4, encoder_downsamples=1,
    )  # fmt: skip
    data = DataSettings(dataset="folder", source_dir="thermal", source_range=(0, 255), target_range=(0, 255))
    model = build_model(data, networks, LossSettings(), TrainingSettings(precision="float32"), source)
    assert model.encoder.norm is None and model.style_bank.in_turn
    if generator == "global":
        assert model.generator.style_channels == 3 and model.generator.tone_channels == int(tone)
    dark, light = (
        keras.ops.convert_to_numpy(model.encoder(np.full((1, 16, 16, 3), value, "float32"), np.zeros((1, 16, 16), int)))
        for value in (-0.5, 0.5)
    )
    assert np.abs(dark - light).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--tone", "--num_enhancers=1", "--enhancer_epochs=1"]], ids=["plain", "tone"])
def test_several_photographs_of_one_input(command, pairs, monkeypatch, options):
    monkeypatch.setattr(tone_fitting, "STEPS", 50)
    run = pairs / "run"
    code, _, error = command("train", *SMALL, *options, *places(pairs), f"--run_dir={run}")
    assert code == 0, error
    assert (run / "samples.png").exists() and (run / "scores.json").exists()
    code, output, error = command("styles", f"--model={run}", "--num_styles=3")
    assert code == 0 and "picture" in output and "3 styles of 6 of 6 instances" in output, error
    assert sum(json.loads((run / "styles" / "styles.json").read_text())["picture"]) == 6
    assert np.asarray(Image.open(run / "styles" / "sheet.png")).std() > 10
    model = keras.saving.load_model(run / "model.keras")
    assert len(model.style_bank.as_dict()[0]) == 3 and model.level == len(options) // 3
    assert (run / "serving" / "1" / "saved_model.pb").exists()

    model = model.with_styles(STYLES, 3)  # farther apart than two steps make them
    model.generator.modulation.linear.kernel.assign(10 * model.generator.modulation.linear.kernel)
    model.finished().with_parts(discriminator=None).save(pairs / "m.keras")
    model = keras.saving.load_model(pairs / "m.keras")
    asked = [f"--model={pairs / 'm.keras'}", "--dataset=folder", f"--source_dir={pairs / 'thermal'}"]
    code, output, error = command("generate", *asked, "--styles=3", "--seed=1", f"--output_dir={pairs / 'three'}")
    assert code == 0 and "24 pictures made" in output and "has no styles" not in output, error
    made = [np.asarray(Image.open(pairs / "three" / f"2_{seed}.png")) for seed in (1, 2, 3)]
    assert len({picture.tobytes() for picture in made}) == 3 and made[0].shape == (35, 47, 3)
    heat = np.asarray(Image.open(pairs / "thermal" / "2.png"))[..., None]
    np.testing.assert_array_equal(made[2], model.generate({"source": heat}, styles={0: 0}))

    photo = pairs / "visible" / "7.png"  # of another size
    alike = ["generate", *asked, f"--style_from={photo}", f"--output_dir={pairs / 'alike'}"]
    assert command(*alike)[0] == 0
    resized = np.asarray(Image.open(photo).resize((47, 35)))
    picture = np.asarray(Image.open(pairs / "alike" / "2.png"))
    np.testing.assert_array_equal(picture, model.generate({"source": heat}, style_image=resized))

    asked = [f"--method=ours={pairs / 'm.keras'}", "--features=none", "--styles=3"]
    code, _, error = command("evaluate", *asked, *places(pairs), f"--output_dir={pairs / 'scores'}")
    assert code == 0, error
    scores = json.loads((pairs / "scores" / "table.json").read_text())["methods"]["ours"]
    assert scores["diversity"]["value"] > 0


def test_what_does_not_go_with_styles_of_pictures(command, pairs, tmp_path):
    """Each is told before any work is done."""
    picture_style_model().with_styles(STYLES).save(pairs / "m.keras")
    code, _, error = command("edit", f"--model={pairs / 'm.keras'}")
    assert code == 2 and "The editor is for models that read label maps" in error
    code, _, error = command("styles", f"--model={pairs / 'm.keras'}", "--dataset=toy_street")
    assert code == 2 and "The model reads source" in error
    code, _, error = command("convert", f"--model={pairs / 'm.keras'}", f"--to_torch={tmp_path / 'torch'}")
    assert code == 1 and "an encoder of whole pictures" in error
    unpaired = ["--unpaired", "--feature_channels=3", f"--run_dir={pairs / 'run'}"]
    code, _, error = command("train", *unpaired, *places(pairs))
    assert code == 2 and "--feature_channels is no part" in error

    deep = picture_style_model(image_dtype="uint16", image_range=(0, 65535))
    deep.save(pairs / "deep.keras")
    photo = f"--style_from={pairs / 'visible' / '1.png'}"
    asked = [f"--model={pairs / 'deep.keras'}", "--dataset=folder", f"--source_dir={pairs / 'thermal'}", photo]
    code, _, error = command("generate", *asked, f"--output_dir={pairs / 'out'}")
    assert code == 2 and "knows images of 3 channel(s) as uint16" in error
    inputs, image = image_batch(1)
    assert deep.generate(inputs, style_image=image.astype("uint16") * 257).dtype == np.uint16
