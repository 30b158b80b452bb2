"""Runs that earlier commits began go on where they stopped, and what they wrote makes the pictures that it made.

Each in `data/former`. `run` was begun before the house was rebuilt. Archives hold what two steps left, and a
picture that the commit's own code made of the inputs beside it.
"""

import shutil
import tarfile

import keras
import numpy as np
import pytest
from places import TESTS

import hdsynth_tf  # noqa: F401

FORMER = TESTS / "data" / "former"
FILTERED = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # Python 3.11.4 and later
FLAGS = [  # as it was begun, but for --max_steps=14
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=2", "--num_downsamples=2",
    "--num_residual_blocks=1", "--discriminator_filters=2", "--discriminator_layers=1", "--num_scales=1",
    "--num_enhancers=1", "--warm_start_epochs=1", "--enhancer_epochs=1", "--epochs=1", "--decay_epochs=1",
    "--steps_per_epoch=4", "--checkpoint_steps=2", "--num_samples=1", "--noexport", "--ema_momentum=0.9",
    "--keep_checkpoints=1", "--sample_epochs=9",
]  # fmt: skip
SMALL = [  # as the others were begun, but for --max_steps=2
    "--num_scenes=4", "--image_height=32", "--image_width=64", "--num_filters=2", "--num_downsamples=1",
    "--num_residual_blocks=1", "--discriminator_filters=2", "--discriminator_layers=1", "--epochs=2",
    "--decay_epochs=0", "--steps_per_epoch=2", "--num_samples=1", "--noexport", "--keep_checkpoints=1",
    "--sample_epochs=9", "--precision=float32",
]  # fmt: skip
OTHERS = {  # by the commits before those that last changed what a run folder holds -> flags
    # before 99527f2, since which normalization has a module of its own, as the config of each layer says
    "run_of_maps": ["--num_scales=1", "--discriminator_norm=instance", "--ema_momentum=0.9"],
    # before 08ac732: there was no --drive_frames
    "run_thermal": [
        "--toy_thermal", "--num_scales=1", "--time_limit=9", "--warm_start_epochs=1", "--ema_momentum=0.9",
    ],
    # before 37e4853: there was no --layout
    "run_unpaired": ["--toy_thermal", "--unpaired", "--pool_size=1", "--image_height=16", "--image_width=32"],
}  # fmt: skip


def former(name, place):
    """A copy of a run, which may be written to."""
    if name == "run":
        return shutil.copytree(FORMER / name, place)
    shutil.unpack_archive(FORMER / f"{name}.tar.xz", place, **FILTERED)
    return place


@pytest.mark.slow
def test_it_goes_on(command, tmp_path):
    run = former("run", tmp_path / "run")
    code, output, error = command("train", *FLAGS, "--max_steps=17", f"--run_dir={run}")
    assert code == 0, error
    assert "Going on from" in output and "step_00000014" in output
    assert "Stage: G2 warm start" in output and "Stage: G2 alone" in output and "Stage: G1," not in output
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step_00000017"]
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert model.level == 1 and all(np.isfinite(np.array(weight)).all() for weight in model.weights)


def test_other_settings_are_still_refused(command, tmp_path):
    run = former("run", tmp_path / "run")
    code, _, error = command("train", *FLAGS, "--num_filters=4", f"--run_dir={run}")
    assert code == 1 and "--num_filters was 2, is 4" in error


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_those_of_later_formats_go_on(command, tmp_path, name):
    run = former(name, tmp_path / "run")
    code, output, error = command("train", *SMALL, *OTHERS[name], "--max_steps=4", f"--run_dir={run}")
    assert code == 0, error
    assert "Going on from" in output and "step_00000002" in output
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step_00000004"]
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert all(np.isfinite(np.array(weight)).all() for weight in model.weights)


@pytest.mark.parametrize("name", OTHERS)
def test_their_models_make_the_pictures_that_they_made(command, tmp_path, name):
    run = former(name, tmp_path / "run")
    model = keras.saving.load_model(run / "model.keras")
    maker = model.direction("ab") if "unpaired" in name else model
    with np.load(run / "picture.npz", allow_pickle=False) as stored:
        inputs = {key: stored[key] for key in stored.files}
    picture = inputs.pop("picture")
    np.testing.assert_allclose(maker.generate(inputs, seed=3), picture, atol=1)
    code, _, error = command("generate", f"--model={run}", "--num_scenes=2", f"--output_dir={tmp_path / 'out'}")
    assert code == 0 and len(list((tmp_path / "out").glob("*.png"))) == 2, error
