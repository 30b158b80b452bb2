"""A training tells how long it takes, and keeps to a limit by shorter epochs."""

import json
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from hdsynth_tf.assemble.stages import Stage
from hdsynth_tf.train.pace import FIRST_STEPS, Pace, duration

STAGES = [Stage("G1 warm start", 0, 16, adversarial=False), Stage("G1", 0, 5, 7), Stage("G2 alone", 1, 3)]
TINY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=2", "--seed=3",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1", "--noexport",
    "--warm_start_epochs=2", "--epochs=1", "--decay_epochs=1", "--steps_per_epoch=12", "--num_samples=1",
]  # fmt: skip


def level(size, batch_size=2, steps=50):
    return SimpleNamespace(size=size, steps_per_epoch=steps, training=SimpleNamespace(batch_size=batch_size))


@pytest.fixture
def pace(tmp_path):
    levels = [level((128, 256)), level((256, 512), 1)]
    return lambda minutes: Pace(STAGES, levels, tmp_path / "steps.json", minutes)


def settled_seconds(pace, stage_seconds):
    for stage, seconds in zip(STAGES, stage_seconds):
        pace.settle(stage, seconds)
    return sum(s * stage.epochs * pace.steps_per_epoch(stage) for stage, s in zip(STAGES, stage_seconds))


def test_a_fast_machine_does_all_steps(pace):
    fast = pace(4)
    settled_seconds(fast, (0.01, 0.013, 0.02))
    assert [fast.steps_per_epoch(stage) for stage in STAGES] == [50, 50, 50]
    assert [fast.speed(stage) for stage in STAGES] == [1, 1, 1]


@pytest.mark.parametrize("slow", [0.3, 0.45, 0.6])
def test_a_slow_machine_keeps_to_the_limit_and_uses_it(pace, slow):
    limited = pace(4)
    seconds = settled_seconds(limited, (slow, 1.3 * slow, 1.3 * 2 * slow))
    epochs = sum(stage.epochs for stage in STAGES)
    assert 240 - epochs * 2.6 * slow < seconds <= 240  # an epoch loses less than one step
    assert all(not limited.is_open(stage) for stage in STAGES)


def test_epochs_are_never_shorter_than_what_is_timed(pace):
    limited = pace(0.001)
    settled_seconds(limited, (9, 9, 9))
    assert [limited.steps_per_epoch(stage) for stage in STAGES] == [FIRST_STEPS] * 3


def test_a_limit_that_cannot_be_kept_is_said(pace):
    line = pace(1).settle(STAGES[0], 9)
    assert f"{FIRST_STEPS} steps instead of 50 ({duration(9 * FIRST_STEPS * STAGES[0].epochs)}), the fewest" in line
    assert f"too short for {STAGES[0].epochs} epochs" in line
    assert "to keep to --time_limit=9" in pace(9).settle(STAGES[0], 0.5)


def test_what_was_settled_is_kept(pace):
    first = pace(1)
    first.settle(STAGES[0], 1.0)
    again = pace(10)
    assert again.steps_per_epoch(STAGES[0]) == first.steps_per_epoch(STAGES[0]) < 50
    assert not again.is_open(STAGES[0]) and again.is_open(STAGES[1])


def test_without_a_limit_nothing_is_open_and_the_whole_is_told(pace):
    free = pace(0)
    assert not any(free.is_open(stage) for stage in STAGES)
    pixels = 128 * 256
    costs = [16 * 50 * 2 * pixels, 1.3 * 12 * 50 * 2 * pixels, 1.3 * 3 * 50 * 4 * pixels]
    whole = 0.1 * 800 * sum(costs) / costs[0]
    assert duration(80) in free.forecast(STAGES[0], 0.1) and duration(whole) in free.forecast(STAGES[0], 0.1)


@pytest.mark.parametrize("seconds, text", [(45.2, "45 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_said_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def weights(run):
    return [np.array(weight) for weight in keras.saving.load_model(run / "model.keras", compile=False).weights]


@pytest.mark.slow
def test_a_limited_run_is_shorter_says_so_and_goes_on_as_if_never_interrupted(command, tmp_path):
    runs, limit = [tmp_path / name for name in ("whole", "parts")], "--time_limit=0.0001"
    code, output, _ = command("train", *TINY, limit, f"--run_dir={runs[0]}")
    assert code == 0 and len(re.findall(r"10 steps instead of 12", output)) == 2
    assert json.loads((runs[0] / "steps.json").read_text()) == {"G1 warm start": 10, "G1": 10}
    assert max(path.name for path in (runs[0] / "checkpoints").iterdir()) == "step_00000040"
    for steps in (13, 22, 0):  # in an epoch, and in the first steps of the second stage
        assert command("train", *TINY, limit, f"--max_steps={steps}", f"--run_dir={runs[1]}")[0] == 0
    assert all(np.array_equal(a, b) for a, b in zip(*map(weights, runs), strict=True))


@pytest.mark.slow
def test_a_run_without_a_limit_tells_its_time(command, tmp_path):
    code, output, _ = command("train", *TINY, f"--run_dir={tmp_path / 'run'}")
    assert code == 0 and re.search(
        r"s a step on this machine: G1 warm start takes about .*with what comes after", output
    )
    assert not (tmp_path / "run" / "steps.json").exists()


def test_several_machines_are_refused_a_limit(command, tmp_path):
    code, _, error = command("train", *TINY, "--time_limit=1", "--strategy=multi_worker", f"--run_dir={tmp_path / 'r'}")
    assert code == 2 and "--time_limit" in error
