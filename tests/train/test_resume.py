"""A training that is stopped, killed or starved ends where one that was left alone does."""

import random
import signal
import subprocess
import sys
import time
from inspect import signature
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from places import ROOT

from hdsynth_tf.train.callbacks import Interrupted
from hdsynth_tf.train.checkpoints import Position
from hdsynth_tf.train.stages import StagedTraining

TINY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=2",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1",
    "--num_enhancers=1", "--warm_start_epochs=1", "--enhancer_epochs=1", "--epochs=1", "--decay_epochs=1",
    "--steps_per_epoch=5", "--checkpoint_steps=2", "--num_samples=1", "--noexport", "--ema_momentum=0.9",
    "--precision=float32",  # two processes may measure bfloat16's speed differently
]  # fmt: skip
STEPS = 5 * (1 + 2) + 5 * (1 + 1 + 2)


def start(run_dir, *more):
    arguments = [sys.executable, "-m", "hdsynth_tf.train", *TINY, *more, f"--run_dir={run_dir}"]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_stage(process):
    """Reads the output until training begins; false if it ended before."""
    return any(line.startswith("Stage: ") for line in process.stdout)


def finish(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def weights(run_dir):
    return [np.array(weight) for weight in keras.saving.load_model(run_dir / "model.keras", compile=False).weights]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("resume") / "undisturbed"
    finish(start(run_dir))
    return weights(run_dir)


def assert_same_end(run_dir, undisturbed):
    assert all(np.array_equal(a, b) for a, b in zip(weights(run_dir), undisturbed, strict=True))
    newest = max(path.name for path in (run_dir / "checkpoints").iterdir())
    assert newest == f"step_{STEPS:08d}"


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 3])
def test_told_to_stop_it_saves_and_goes_on(tmp_path, undisturbed, stage):
    """When a stage has been announced, before or in its first step."""
    run_dir = tmp_path / "run"
    process = start(run_dir)
    assert all(wait_for_stage(process) for _ in range(stage))
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped by SIGTERM after" in errors and "Traceback" not in errors
    output = finish(start(run_dir))
    assert "Going on from" in output or stage == 1  # where perhaps no step was made
    assert_same_end(run_dir, undisturbed)
    log = (run_dir / "logs" / "g1.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["epoch", "1", "2"]
    assert "nothing left to do" in finish(start(run_dir))


def test_an_exception_in_the_place_of_a_stop_between_steps_is_a_stop(monkeypatch):
    """As pybind11 puts one; then too the person is told that all is saved."""
    monkeypatch.setattr("hdsynth_tf.stopping._State.told", signal.SIGTERM)  # a real signal would end the tests
    stages = StagedTraining(**dict.fromkeys(signature(StagedTraining).parameters))
    stages.stages, stages.checkpoints = [None], SimpleNamespace(newest=lambda: (None, Position()))

    def prepare(index, model):
        raise RuntimeError("MISMATCH of original and normalized active exception types")

    monkeypatch.setattr(stages, "_prepare", prepare)
    with pytest.raises(Interrupted, match=r"Stopped by SIGTERM after 0 steps\. All is saved") as raised:
        stages.run()
    assert raised.value.exit_code == 128 + signal.SIGTERM


@pytest.mark.slow
def test_more_steps_can_be_asked_for(tmp_path, undisturbed):
    run_dir = tmp_path / "run"
    finish(start(run_dir, "--max_steps=13"))
    assert (run_dir / "model.keras").is_file()
    finish(start(run_dir))
    assert_same_end(run_dir, undisturbed)


@pytest.mark.long
def test_killed_twenty_times_it_ends_the_same(tmp_path, undisturbed):
    """At any moment: while it starts, in a step, while it saves (which is most of the time here), between stages."""
    run_dir, draw, seen = tmp_path / "run", random.Random(0), set()
    for kill in range(20):
        process = start(run_dir, "--checkpoint_steps=1")
        if kill % 5:
            assert wait_for_stage(process), "it finished before the last kill: wait less"
        time.sleep(draw.uniform(0, 3))
        process.kill()
        process.communicate()
        seen |= {path.name for path in (run_dir / "checkpoints").glob("*")}
    assert len({name for name in seen if name.startswith("step_")}) > 5
    finish(start(run_dir, "--checkpoint_steps=1"))
    assert_same_end(run_dir, undisturbed)
