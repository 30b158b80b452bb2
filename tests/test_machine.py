"""TensorFlow is set up for the machine before it is imported, and what the user set stays."""

import os
import platform
import subprocess
import sys

import pytest
from places import ROOT

SET_UP = """
import runpy
runpy.run_path("hdsynth_tf/machine.py")["set_up"]()  # alone: it comes before everything else
"""
GREETED = f"""{SET_UP}
import sys
sys.path.insert(0, sys.argv[1])
runpy.run_path("hdsynth_tf/machine.py")["import_tensorflow"]()
print("after", file=sys.stderr)
"""
TENSORFLOW = """
import os, sys
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called\\nI0000 a note\\nE0000 broken\\n")
print("at once", file=sys.stderr)
"""
FAULTS = f"""{SET_UP}
import resource
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        b"x" * 2**26
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def run(script, *arguments, **environment):
    done = finished(script, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def finished(script, *arguments, **environment):
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "MALLOC", "GLIBC"))}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**own, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="for glibc's allocator")
def test_large_arrays_leave_their_memory_to_the_next_ones():
    assert int(run(FAULTS)) < 100
    assert int(run(FAULTS, MALLOC_ARENA_MAX="4")) > 10_000  # the user's allocator is not touched


def test_the_environment_of_the_user_wins():
    script = f"{SET_UP}\nimport os; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    assert run(script) == "1" and run(script, TF_ENABLE_ONEDNN_OPTS="0") == "0"


def test_importing_the_package_sets_up():
    source = (ROOT / "hdsynth_tf" / "__init__.py").read_text()
    assert source.index("machine.set_up()") < source.index("from hdsynth_tf import losses")


def test_a_greeting_is_kept_back_and_an_error_is_not(tmp_path):
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    assert finished(GREETED, str(tmp_path)).stderr.splitlines() == ["at once", "E0000 broken", "after"]
    asked_for = f"{GREETED}import tensorflow"
    assert "I0000 a note" in finished(asked_for, str(tmp_path), TF_CPP_MIN_LOG_LEVEL="0").stderr
    closed = finished(f"import os, sys; os.close(2); sys.stderr = None\n{GREETED}", str(tmp_path))
    assert closed.returncode == 0
