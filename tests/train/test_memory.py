"""How much memory a step takes, how much there is, and what is done when it is not enough."""

import pytest
from tiny import compiled, semantic_model

from hdsynth_tf.train.memory import PROCESS_BYTES, choose_rematerialization, free_main_memory, memory_estimate

TINY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=1",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1", "--dry_run",
]  # fmt: skip
GIB = 2**30


def test_the_estimate_grows_with_pixels_and_batch_and_is_less_rematerialized():
    model = compiled(semantic_model())
    for which in (0, 1):
        base = memory_estimate(model, 1, 64, 64)[which] - PROCESS_BYTES
        assert memory_estimate(model, 2, 64, 64)[which] - PROCESS_BYTES == pytest.approx(2 * base, rel=0.1)
        assert memory_estimate(model, 1, 128, 64)[which] - PROCESS_BYTES == pytest.approx(2 * base, rel=0.1)
    plain, rematerialized = memory_estimate(model, 1, 64, 64)
    assert rematerialized < plain


@pytest.mark.parametrize(
    "asked, can, free, choice, warned",
    [
        ("auto", True, 20, "false", False),
        ("auto", True, 8, "true", False),
        ("auto", True, 4, "true", True),
        ("auto", False, 8, "false", True),
        ("auto", True, None, "false", False),
        ("true", True, 20, "true", False),
        ("false", True, 8, "false", True),
    ],
)
def test_it_is_rematerialized_where_it_would_not_fit(asked, can, free, choice, warned):
    found, line = choose_rematerialization(asked, can, (10 * GIB, 6 * GIB), free and free * GIB)
    assert found == choice and ("WARNING" in line) == warned
    assert ("6.0 GiB" if choice == "true" else "10.0 GiB") in line
    assert ("--rematerialize" in line) == (asked == "false" and warned)


def test_free_memory_is_the_least_of_the_machines_and_of_the_containers(tmp_path):
    meminfo, limit, used = tmp_path / "meminfo", tmp_path / "max", tmp_path / "current"
    meminfo.write_text("MemTotal:  16000 kB\nMemAvailable:    9000 kB\n")
    assert free_main_memory(meminfo, []) == 9000 * 1024
    limit.write_text("max\n")
    used.write_text("2048\n")
    assert free_main_memory(meminfo, [(limit, used)]) == 9000 * 1024
    limit.write_text("8192\n")
    assert free_main_memory(meminfo, [(limit, used)]) == 8192 - 2048
    assert free_main_memory(tmp_path / "none", [(limit, used)]) is None


@pytest.mark.slow
def test_the_flag_needs_no_value(command, tmp_path):
    for flags in ([], ["--rematerialize"], ["--norematerialize"], ["--rematerialize=auto"]):
        code, output, error = command("train", *TINY, *flags, f"--run_dir={tmp_path / 'run'}")
        assert code == 0, error
        assert "GiB of memory on each device" in output
    code, _, error = command("train", *TINY, "--rematerialize=often", f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "auto" in error


@pytest.mark.slow
def test_what_was_settled_is_kept(command, tmp_path, monkeypatch):
    run, flags = tmp_path / "run", [flag for flag in TINY if flag != "--dry_run"]
    flags += ["--epochs=1", "--decay_epochs=0", "--steps_per_epoch=4", "--noexport", f"--run_dir={run}"]
    monkeypatch.setattr("hdsynth_tf.train.memory.free_memory", lambda: 1000)
    code, output, error = command("train", *flags, "--max_steps=2")
    assert code == 0 and "rematerialized" in output, error
    monkeypatch.setattr("hdsynth_tf.train.memory.free_memory", lambda: 100 * GIB)
    assert command("train", *flags)[0] == 0
    assert '"true"' in (run / "precision.json").read_text()
