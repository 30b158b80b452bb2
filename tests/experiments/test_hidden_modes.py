"""The whole route to styles on toy_street, whose hidden looks are known: train, styles, measure."""

import os
import subprocess
import sys

import pytest
from places import ROOT


@pytest.mark.long
def test_styles_are_the_hidden_modes(command, tmp_path):
    """A quarter of the recipe is enough to tell road from road and most houses from others."""
    run = tmp_path / "run"
    short = ["--warm_start_epochs=14", "--epochs=0", "--decay_epochs=0", "--num_scenes=300", "--sample_epochs=14"]
    code, _, error = command("train", "--flagfile=experiments/toy_street_styles.flags", *short, f"--run_dir={run}")
    assert code == 0, error
    assert command("styles", f"--model={run}")[0] == 0
    done = subprocess.run(
        [sys.executable, "experiments/hidden_modes.py", str(run), "--scenes=6"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("road", "building"))]
    purities, effects = rows[:2], rows[2:]
    print(done.stdout)
    assert all(float(purity) >= 0.8 for *_, purity, _, _ in purities)  # 0.9 and more after the whole recipe
    for *_, hit, way, inside, outside in effects:
        assert float(hit) > 0.9 and float(way) > 0.5 and float(inside) > 4 * float(outside)
    assert "10 different pictures of 10 seeds" in done.stdout and (run / "styles" / "looks.png").exists()
