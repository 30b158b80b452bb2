"""--unpaired from the command line: trained, used in both directions, and what is wrong with folders told."""

import json
import random
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image
from places import ROOT

from hdsynth_tf.assemble import load_model
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model import CycleGAN, Pix2PixHD

SMALL = [
    "--unpaired", "--num_filters=4", "--num_residual_blocks=1", "--discriminator_filters=4",
    "--discriminator_layers=1", "--pool_size=3", "--epochs=1", "--decay_epochs=1", "--num_samples=1",
    "--precision=float32",
]  # fmt: skip
TOY = [*SMALL, "--toy_thermal", "--num_scenes=5", "--image_height=32", "--image_width=64"]


@pytest.fixture(scope="module")
def run(command, tmp_path_factory):
    """A small run on toy_street, and what it said."""
    folder = tmp_path_factory.mktemp("unpaired") / "run"
    code, output, error = command("train", *TOY, f"--run_dir={folder}")
    assert code == 0, error
    return folder, output


@pytest.mark.slow
def test_one_file_has_both_directions(run, command, tmp_path):
    folder, output = run
    assert "5 and 5 pictures" in output and "LPIPS" in output  # what is held out of toy_street pairs
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    assert isinstance(model, CycleGAN) and model.pool_size == 0
    assert len(list((folder / "samples").glob("*.png"))) == 2 and (folder / "best.keras").is_file()
    for direction, channels, mode in (("ab", 1, "RGB"), ("ba", 3, "I;16")):
        out = tmp_path / direction
        code, _, error = command(
            "generate", f"--model={folder}", f"--direction={direction}", f"--output_dir={out}", "--num_scenes=2"
        )
        assert code == 0, error
        pictures = sorted(out.glob("*.png"))
        assert len(pictures) == 2 and load_model(folder, direction).conditioning.channels_in == channels
        assert {Image.open(path).mode for path in pictures} == {mode}
        assert {Image.open(path).size for path in pictures} == {(64, 32)}
    code, _, error = command("generate", f"--model={folder}", "--direction=ba", f"--output_dir={tmp_path / 'ab'}")
    assert code == 1 and "--output_dir" in error
    code, _, error = command(
        "export", f"--model={folder}", "--direction=ba", f"--output_dir={tmp_path / 'served' / '1'}"
    )
    assert code == 0 and (tmp_path / "served" / "1" / "saved_model.pb").exists(), error


@pytest.mark.slow
def test_a_finished_run_can_be_evaluated_and_gone_on_from(run, command, tmp_path):
    folder, _ = run
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["unseen"] and scores["scenes"] == 5
    options = [f"--output_dir={tmp_path / 'evaluation'}", "--num_scenes=2", "--features=none"]
    code, output, error = command("evaluate", f"--method=cycle={folder}", *options)
    assert code == 0 and "cycle" in output, error
    more = ["--max_steps=1", "--noexport", f"--init_from={folder}", "--source_range=25807,30441"]
    code, _, error = command("train", *TOY, *more, f"--run_dir={tmp_path / 'next'}")
    windows = json.loads((folder / "windows.json").read_text())
    assert code == 0 or str(round(windows["source"][0])) in error, error


def test_a_model_of_one_direction_has_no_other(tmp_path):
    from tiny import image_model

    image_model().save(tmp_path / "m.keras")
    assert isinstance(load_model(tmp_path / "m.keras"), Pix2PixHD)
    with pytest.raises(SettingsError, match="--direction"):
        load_model(tmp_path / "m.keras", "ba")


# === What is told ===


@pytest.fixture
def folders(save, rng):
    """Folders of pictures of many sizes: a function of the number of each."""

    def write(a, b, same_names=False):
        for folder, count in (("a", a), ("b", b)):
            for i in range(count):
                name = f"{i}" if same_names else f"{folder}{i}"
                save(f"{folder}/{name}.png", rng.integers(0, 256, (30 + i, 40, 3)).astype("uint8"))
        root = save("root.png", np.zeros((2, 2), "uint8")).parent
        for folder in "ab":
            (root / folder).mkdir(exist_ok=True)
        return root

    return write


def dry_run(command, root, *more):
    places = [f"--source_dir={root / 'a'}", f"--target_dir={root / 'b'}", f"--run_dir={root / 'run'}"]
    return command("train", *SMALL, "--dataset=folder", "--dry_run", *places, *more)


CROP = ["--crop_height=24", "--crop_width=32"]


def test_unequal_folders(command, folders):
    code, output, error = dry_run(command, folders(4, 11), *CROP)
    assert code == 0, error
    assert "CycleGAN" in output and "3 and 10 pictures" in output and "identity 5" in output
    assert "2 epochs of 10 steps" in output and "generator_ba" in output and "names are in both" not in output


def test_pairs_that_are_given_as_unpaired_are_told(command, folders):
    code, output, error = dry_run(command, folders(5, 6, same_names=True), *CROP)
    assert code == 0 and "names are in both folders" in output, error


@pytest.mark.parametrize(
    "counts, more, code, said",
    [
        ((1, 5), CROP, 1, "one picture only, a0"),
        ((5, 1), CROP, 1, "one picture only, b0"),
        ((2, 5), CROP, 1, "--val_share"),  # of which one is held out
        ((0, 5), CROP, 1, "holds no picture"),
        ((5, 0), CROP, 1, "holds no picture"),
        ((5, 5), [], 2, "--crop_height"),
        ((5, 5), [*CROP, "--label_dir=a", "--num_classes=3"], 2, "label maps"),
        ((5, 5), [*CROP, "--source_shift=1"], 2, "--source_shift"),
        ((5, 5), [*CROP, "--pixel_weight=10"], 2, "--pixel_weight"),
        ((5, 5), [*CROP, "--row_channel"], 2, "--row_channel"),
        ((5, 5), [*CROP, "--num_enhancers=1"], 2, "--num_enhancers"),
    ],
)
def test_what_cannot_be_is_told(command, folders, counts, more, code, said):
    root = folders(*counts)
    found, _, error = dry_run(command, root, *more)
    assert found == code and said in error and "Traceback" not in error
    assert not (root / "run").exists()


def test_label_maps_of_toy_street_are_refused(command, tmp_path):
    code, _, error = command("train", *SMALL, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "--toy_thermal" in error


@pytest.mark.slow
@pytest.mark.parametrize("size, blocks", [(32, 6), (256, 9)])
def test_the_paper_has_six_blocks_below_256_pixels(command, tmp_path, size, blocks):
    from hdsynth_tf.networks import GlobalGenerator

    options = [option for option in TOY if "residual" not in option and "image_" not in option]
    sizes = [f"--image_height={size}", f"--image_width={2 * size}"]
    code, output, error = command("train", *options, *sizes, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 0, error
    generator = GlobalGenerator(4, 2, blocks)
    generator.build((None, None, None, 1))
    (line,) = (line for line in output.splitlines() if "generator_ab" in line)
    assert f"{generator.count_params():,d}" in line


# === Killed ===

KILLED = [*TOY, "--checkpoint_steps=2", "--noexport", "--ema_momentum=0.9", "--epochs=2"]


def start(run_dir):
    arguments = [sys.executable, "-m", "hdsynth_tf.train", *KILLED, f"--run_dir={run_dir}"]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def newest(run_dir):
    """Variables of the newest checkpoint: networks, averages, pools and optimizers."""
    path = max((run_dir / "checkpoints").iterdir(), key=lambda path: path.name)
    with np.load(path / "variables.npz") as saved:
        return path.name, {name: saved[name] for name in saved.files}


@pytest.mark.slow
def test_killed_five_times_it_ends_the_same(tmp_path):
    """While it starts, trains, or saves; the pools are part of what is compared."""
    _, errors = (process := start(tmp_path / "whole")).communicate(timeout=600)
    assert process.returncode == 0, errors
    draw, seen = random.Random(0), set()

    def checkpoints():
        return {path.name for path in (tmp_path / "killed" / "checkpoints").glob("step_*")}

    for kill in range(5):
        process = start(tmp_path / "killed")
        if kill and not any(line.startswith("Stage: ") for line in process.stdout):
            break  # it had finished
        ends_at = time.monotonic() + 300
        while kill and process.poll() is None and not checkpoints() - seen and time.monotonic() < ends_at:
            time.sleep(0.05)
        time.sleep(draw.uniform(0, 3))
        process.kill()
        process.communicate()
        seen |= checkpoints()
    assert len(seen) > 1
    _, errors = (process := start(tmp_path / "killed")).communicate(timeout=600)
    assert process.returncode == 0, errors
    (name, whole), (other, killed) = newest(tmp_path / "whole"), newest(tmp_path / "killed")
    assert name == other == "step_00000015" and set(whole) == set(killed)
    assert all(np.array_equal(whole[key], killed[key]) for key in whole)
