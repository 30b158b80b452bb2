"""The benchmarks run; what they measure is read by people."""

import os
import subprocess
import sys

import browser
import numpy as np
import pytest
from places import ROOT, loaded

PLACE = ROOT / "experiments" / "benchmarks"
ROWS = {
    "accelerator.py": ["--side", "matrix"],
    "bench.py": ["--only=loader", "--output=/dev/null"],
    "operations.py": ["our_pooling", "32", "64", "5"],
    "tiles.py": ["40"],
    "toy_street.py": [],
    "clustering.py": ["70"],
    "pooling.py": ["64", "128"],
    "rigs.py": ["--rigs=1"],
    "editor.py": ["64", "--filters=8"],
    "sides.py": ["our_step", "64", "64", "float32", "1", "4"],
}


PARTS = {"sides.py", "floor.py"}  # of bench.py: no programs for people


def skip_what_is_missing(name):
    if name == "editor.py" and browser.missing():
        pytest.skip(browser.missing())
    if name == "accelerator.py":
        pytest.importorskip("torch", reason="its reference is PyTorch")


def test_each_is_tried_here():
    assert {path.name for path in PLACE.glob("*.py")} == set(ROWS) | {"floor.py"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS))
def test_benchmark_runs(name):
    skip_what_is_missing(name)
    done = subprocess.run(
        [sys.executable, f"experiments/benchmarks/{name}", *ROWS[name]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="run\n" * 3,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 1


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"toy_street.py", "pooling.py"} - PARTS))
def test_what_takes_long_says_how_it_is_used(name, monkeypatch, capsys):
    skip_what_is_missing(name)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stop:
        loaded(PLACE / name).main()
    assert stop.value.code == 0 and f"benchmarks/{name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, arguments, smaller",
    [
        ("pooling.py", ["32", "64"], {"COUNTS": (10, 100), "ROUNDS": 2}),
        ("toy_street.py", [], {"SIZES": ((32, 64), (64, 128)), "SCENES": 2}),
    ],
)
def test_what_is_quick_runs(name, arguments, smaller, monkeypatch, capsys):
    module = loaded(PLACE / name)
    for constant, value in smaller.items():
        monkeypatch.setattr(module, constant, value)
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    module.main()
    assert "64x32" in capsys.readouterr().out


@pytest.mark.slow
def test_the_floor_runs(monkeypatch):
    monkeypatch.syspath_prepend(str(PLACE))
    sides = loaded(PLACE / "sides.py")
    run = sides.our_floor(64, 64, "float32", 1, 4)
    assert np.isfinite(run())


@pytest.mark.parametrize(
    "event, kind",
    [
        ("generator/down_0/conv/convolution:_MklNativeConv2D", "convolution, forward"),
        ("gradient_tape/down_0/conv/Conv2DBackpropFilter_1:_MklNativeConv2DBackpropFilter",
         "convolution, gradient of the kernel"),
        ("gradient_tape/down_0/conv/Conv2DBackpropInput_1:Conv2DBackpropInput", "convolution, gradient of the input"),
        ("generator/up_0/conv/conv_transpose:_MklNativeConv2DBackpropInput", "convolution, forward"),
        ("gradient_tape/up_0/conv/conv_transpose/Conv2D_1:_MklNativeConv2D", "convolution, gradient of the input"),
        ("generator/residual_0/conv/convolution:Conv3D", "convolution, forward"),
        ("generator/norm/Mean:Mean", "Mean"),
        ("ExecutorState::Process", None),
        ("EagerLocalExecute: __inference_step_12", None),
    ],
)  # fmt: skip
def test_operations_of_a_profile_are_told_apart(event, kind):
    assert loaded(PLACE / "operations.py").kind_of(event) == kind


def test_rows_are_chosen_by_name():
    bench = loaded(PLACE / "bench.py")
    names = [row[0] for row in bench.ROWS]
    assert len(set(names)) == len(names)
    rows, start_up = bench.chosen("inference_float32")
    assert [row[0] for row in rows] == ["inference_float32", "tuned_inference_float32"] and start_up is None
    assert bench.chosen("start")[1] == "start_up"
