"""Several machines, played by several processes on this one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

SESSION = str(Path(__file__).with_name("worker_session.py"))
TINY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=2",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1",
    "--warm_start_epochs=1", "--epochs=1", "--decay_epochs=0", "--steps_per_epoch=4", "--checkpoint_steps=2",
    "--num_samples=1", "--noexport", "--ema_momentum=0.9", "--batch_size=4",
]  # fmt: skip
# In float32 hinge costs are steep where a score is 1 or -1, and cancel in the scores' bias: rounding would decide.
LEAST_SQUARES = "--adversarial_loss=least_squares"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(run_dir, dtype, *flags, count=1):
    """`count` processes that train together, or the one; each writes its own weights beside the run folder."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    flags, environment = [*TINY, *flags, f"--run_dir={run_dir}"], {**os.environ, "PYTHONPATH": str(ROOT)}
    tasks = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(count)]
    if count > 1:
        flags.append("--strategy=multi_worker")
    return [
        subprocess.Popen(
            [sys.executable, SESSION, f"{run_dir}_{i}.npz", dtype, *flags],
            cwd=ROOT,
            env={**environment, "TF_CONFIG": json.dumps(task)} if count > 1 else environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i, task in enumerate(tasks)
    ]


def wait(processes):
    outputs = [process.communicate(timeout=280) for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        assert process.returncode == 0, errors[-3000:]
    return [output for output, _ in outputs]


def last_checkpoint(run_dir):
    path = max((run_dir / "checkpoints").glob("step_*")) / "variables.npz"
    with np.load(path, allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def check_equal(one, two, atol):
    assert one.keys() == two.keys()
    for name in (name for name in one if name.startswith("model/")):
        np.testing.assert_allclose(two[name], one[name], atol=atol, rtol=0, err_msg=name)


@pytest.mark.long
def test_two_workers_train_what_one_does(tmp_path):
    outputs = wait(start(tmp_path / "two", "float32", LEAST_SQUARES, count=2))
    assert "Stage: G1" in outputs[0] and outputs[1] == ""  # the second neither writes nor talks
    with np.load(tmp_path / "two_0.npz") as first, np.load(tmp_path / "two_1.npz") as second:
        assert all(np.array_equal(first[name], second[name]) for name in first.files)
    wait(start(tmp_path / "one", "float32", LEAST_SQUARES))
    two = last_checkpoint(tmp_path / "two")
    check_equal(last_checkpoint(tmp_path / "one"), two, atol=1e-6)

    processes = start(tmp_path / "killed", "float32", LEAST_SQUARES, count=2)
    while not list((tmp_path / "killed" / "checkpoints").glob("step_*")):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.1)
    for process in reversed(processes):  # a worker dies, and the job with it
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait(start(tmp_path / "killed", "float32", LEAST_SQUARES, count=2))
    killed = last_checkpoint(tmp_path / "killed")
    assert all(np.array_equal(killed[name], two[name]) for name in two)


@pytest.mark.long
def test_nothing_but_rounding_is_between_one_worker_and_two(tmp_path):
    """As the command trains, hinge and Adam's own epsilon, which in float32 make steps of rounding."""
    flags = ["--image_height=64", "--image_width=128", "--batch_size=2", "--steps_per_epoch=6"]
    wait(start(tmp_path / "one", "float64", *flags))
    wait(start(tmp_path / "two", "float64", *flags, count=2))
    one = last_checkpoint(tmp_path / "one")
    assert one["model/0000"].dtype == "float64"
    check_equal(one, last_checkpoint(tmp_path / "two"), atol=1e-10)
