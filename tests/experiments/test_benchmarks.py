"""The benchmarks run; what they measure is read by people."""

import os
import subprocess
import sys

import browser
import pytest
from places import ROOT

ROWS = {
    "training_step.py": ["32", "64", "4", "1"],
    "full_resolution.py": ["--help"],
    "toy_street.py": [],
    "clustering.py": ["70"],
    "pooling.py": ["64", "128"],
    "editor.py": ["64", "--filters=8"],
    "against_pytorch.py": ["64", "64", "4"],
}


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "experiments" / "benchmarks").glob("*.py")))
def test_benchmark_runs(name):
    if name == "against_pytorch.py":
        pytest.importorskip("torch")
    if name == "editor.py" and browser.missing():
        pytest.skip(browser.missing())
    done = subprocess.run(
        [sys.executable, f"experiments/benchmarks/{name}", *ROWS[name]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 5
