"""Commands that are killed at their renames, or at any moment, end right. See `kills`, which runs on its own."""

import os
import subprocess
import sys

import pytest
from places import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills forked processes")


def kill(count, *more):
    arguments = [sys.executable, "tests/kills.py", f"--kills={count}", *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert f"{count} kills, 0 faults" in done.stdout


@pytest.mark.slow
def test_prepare_and_register_end_right_after_six_kills():
    kill(6, "--only=prepare,register")


@pytest.mark.long
def test_all_commands_that_write_end_right_after_200_kills():
    kill(200)
