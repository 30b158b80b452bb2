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
    # Hinge costs cancel in the scores' bias: its gradient is rounding noise, of which Adam makes full steps.
    "--adversarial_loss=least_squares",
]  # fmt: skip


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_workers(run_dir, count=2):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    return [
        subprocess.Popen(
            [sys.executable, SESSION, f"{run_dir}_{i}.npz", *TINY, "--strategy=multi_worker", f"--run_dir={run_dir}"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": i}}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(count)
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


@pytest.mark.long
def test_two_workers_train_what_one_does(tmp_path):
    outputs = wait(start_workers(tmp_path / "two"))
    assert "Stage: G1" in outputs[0] and outputs[1] == ""  # the second neither writes nor talks
    with np.load(tmp_path / "two_0.npz") as first, np.load(tmp_path / "two_1.npz") as second:
        assert all(np.array_equal(first[name], second[name]) for name in first.files)
    done = subprocess.run(
        [sys.executable, "-m", "hdsynth_tf.train", *TINY, f"--run_dir={tmp_path / 'one'}"],
        cwd=ROOT, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = last_checkpoint(tmp_path / "one"), last_checkpoint(tmp_path / "two")
    assert one.keys() == two.keys()
    for name in (name for name in one if name.startswith("model/")):
        np.testing.assert_allclose(two[name], one[name], atol=1e-5, err_msg=name)

    processes = start_workers(tmp_path / "killed")
    while not list((tmp_path / "killed" / "checkpoints").glob("step_*")):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.1)
    for process in reversed(processes):  # a worker dies, and the job with it
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait(start_workers(tmp_path / "killed"))
    killed = last_checkpoint(tmp_path / "killed")
    assert all(np.array_equal(killed[name], two[name]) for name in two)
