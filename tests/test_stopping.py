"""Ctrl-C and SIGTERM at any moment: one line, the exit code 130 or 143, and nothing goes on."""

import os
import signal
import subprocess
import sys
import time

import pytest
from places import ROOT

QUICKSTART = f"--flagfile={ROOT / 'experiments' / 'quickstart.flags'}"
SMALL = ["--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--discriminator_filters=4"]
GOES_ON = """
import contextlib, sys, time
sys.path.insert(0, "hdsynth_tf")  # without the package, which takes seconds
import stopping
stopping.at_once()
with stopping.in_order() if {in_order} else contextlib.nullcontext():
    for second in range(60):
        try:
            if second == 0:
                print("ready", flush=True)
            time.sleep(1)
        except BaseException:  # as some packages have it
            print("it goes on", flush=True)
"""
SAID = """
import contextlib, sys, time
sys.path.insert(0, "hdsynth_tf")
import stopping
with stopping.in_order(), stopping.saying(lambda number: f"Stopped by {number}. All is saved."):
    while True:
        with contextlib.suppress(BaseException):
            print("ready", flush=True)
            time.sleep(60)
"""
REPLACED = """
import os, signal
from hdsynth_tf.config import commands
def main(argv):
    try:
        if {told}:
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        raise RuntimeError("MISMATCH of original and normalized active exception types")
commands.run(main, "train")
"""
FINALIZED = """
import os, signal, sys, time
sys.path.insert(0, "hdsynth_tf")
import stopping
class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)  # here the signal's exception is raised, and cannot go on
with stopping.in_order():
    Thing()
    time.sleep(60)
"""


def start(*command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    streams = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, env=environment, **streams)


def told(process, number, seconds=30):
    """Sends a signal; gives exit code, output, and lines of our own that were printed as errors."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=seconds)
    assert "Traceback" not in errors, errors
    return process.returncode, output, [line for line in errors.splitlines() if line.startswith("Error:")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("in_order", [True, False], ids=["in a command", "while importing"])
def test_a_signal_that_is_swallowed_ends_the_process_all_the_same(in_order, number):
    process = start("-c", GOES_ON.format(in_order=in_order))
    assert process.stdout.readline() == "ready\n"
    begun = time.monotonic()
    code, output, lines = told(process, number)
    assert code == 128 + number and output.count("it goes on") == in_order and len(lines) == 1
    assert time.monotonic() - begun < 20  # 2 on a machine that is not busy; left alone it goes on for 60


@pytest.mark.parametrize("signalled", [True, False])
def test_an_exception_in_the_place_of_the_signals_own_ends_the_process_as_the_signal_does(signalled):
    """As pybind11 raises it where a signal comes while it raises another; with no signal it is what it was."""
    process = start("-c", REPLACED.format(told=signalled))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (128 + signal.SIGTERM if signalled else 1)
    assert ("Traceback" in errors) == (not signalled) and ("Error: Interrupted." in errors) == signalled


def test_a_process_that_is_ended_says_what_the_block_under_way_would_say():
    process = start("-c", SAID)
    assert process.stdout.readline() == "ready\n"
    code, _, lines = told(process, signal.SIGTERM)
    assert (code, lines) == (143, ["Error: Stopped by 15. All is saved."])


def test_a_signal_in_a_finalizer_prints_no_traceback():
    process = start("-c", FINALIZED)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (128 + signal.SIGTERM, "Error: Interrupted.")


@pytest.mark.parametrize("moments", [pytest.param(6, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_ends_whenever_it_is_told_to(tmp_path, number, moments, capsys):
    """From the first imports on; what swallowed a signal once was an import."""
    begun = time.monotonic()
    process = start("-m", "hdsynth_tf.train", QUICKSTART, *SMALL, f"--run_dir={tmp_path / 'whole'}", "--max_steps=4")
    process.communicate(timeout=500)
    whole = time.monotonic() - begun
    waits = []
    for moment in range(moments):
        process = start("-m", "hdsynth_tf.train", QUICKSTART, *SMALL, f"--run_dir={tmp_path / str(moment)}")
        time.sleep(0.3 + whole * moment / moments)  # before, Python itself is not ready
        told_at = time.monotonic()
        code, _, lines = told(process, number, seconds=60)
        assert code == 128 + number and len(lines) == 1, (moment, code, lines)
        waits.append(time.monotonic() - told_at)
    with capsys.disabled():
        print(f"\n{signal.Signals(number).name}, {moments} moments in {whole:.0f} s: ended within {max(waits):.1f} s")
