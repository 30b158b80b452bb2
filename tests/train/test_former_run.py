"""A run that was begun before the house was rebuilt goes on where it stopped."""

import shutil

import keras
import numpy as np
import pytest
from places import TESTS

import hdsynth_tf  # noqa: F401

FLAGS = [  # as it was begun, but for --max_steps=14
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=2", "--num_downsamples=2",
    "--num_residual_blocks=1", "--discriminator_filters=2", "--discriminator_layers=1", "--num_scales=1",
    "--num_enhancers=1", "--warm_start_epochs=1", "--enhancer_epochs=1", "--epochs=1", "--decay_epochs=1",
    "--steps_per_epoch=4", "--checkpoint_steps=2", "--num_samples=1", "--noexport", "--ema_momentum=0.9",
    "--keep_checkpoints=1", "--sample_epochs=9",
]  # fmt: skip


@pytest.mark.slow
def test_it_goes_on(command, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(TESTS / "data" / "former" / "run", run)
    code, output, error = command("train", *FLAGS, "--max_steps=17", f"--run_dir={run}")
    assert code == 0, error
    assert "Going on from" in output and "step_00000014" in output
    assert "Stage: G2 warm start" in output and "Stage: G2 alone" in output and "Stage: G1," not in output
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step_00000017"]
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert model.level == 1 and all(np.isfinite(np.array(weight)).all() for weight in model.weights)


def test_other_settings_are_still_refused(command, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(TESTS / "data" / "former" / "run", run)
    code, _, error = command("train", *FLAGS, "--num_filters=4", f"--run_dir={run}")
    assert code == 1 and "--num_filters was 2, is 4" in error
