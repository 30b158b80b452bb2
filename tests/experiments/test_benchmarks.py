"""The benchmarks run; what they measure is read by people."""

import importlib.util
import os
import subprocess
import sys

import browser
import pytest
from places import ROOT

PLACE = ROOT / "experiments" / "benchmarks"
ROWS = {
    "bench.py": ["--only=loader", "--output=/dev/null"],
    "toy_street.py": [],
    "clustering.py": ["70"],
    "pooling.py": ["64", "128"],
    "editor.py": ["64", "--filters=8"],
    "sides.py": ["our_step", "64", "64", "float32", "1", "4"],
    "floor.py": [],
}


def skip_what_is_missing(name):
    if name == "against_pytorch.py":
        pytest.importorskip("torch")
    if name == "editor.py" and browser.missing():
        pytest.skip(browser.missing())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in PLACE.glob("*.py")))
def test_benchmark_runs(name):
    skip_what_is_missing(name)
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


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name.removesuffix('.py')}", PLACE / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted({path.name for path in PLACE.glob("*.py")} - {"toy_street.py", "pooling.py"}))
def test_what_takes_long_says_how_it_is_used(name, monkeypatch, capsys):
    skip_what_is_missing(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stop:
        loaded(name).main()
    assert stop.value.code == 0 and f"benchmarks/{name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, arguments, smaller",
    [
        ("pooling.py", ["32", "64"], {"COUNTS": (10, 100), "ROUNDS": 2}),
        ("toy_street.py", [], {"SIZES": ((32, 64), (64, 128)), "SCENES": 2}),
    ],
)
def test_what_is_quick_runs(name, arguments, smaller, monkeypatch, capsys):
    module = loaded(name)
    for constant, value in smaller.items():
        monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    module.main()
    assert "64x32" in capsys.readouterr().out
