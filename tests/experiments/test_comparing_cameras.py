"""What other cameras would see of the pairs held out, and which runs are asked about each."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from places import loaded

from hdsynth_tf.config import flags
from hdsynth_tf.train import __main__ as train


@pytest.fixture(scope="module")
def cameras():
    return loaded("experiments/cameras.py")


@pytest.fixture
def pairs(tmp_path, rng):
    for side, shape in (("thermal", (12, 16)), ("visible", (12, 16, 3))):
        (tmp_path / side).mkdir()
        for number in range(32):
            Image.fromarray(rng.integers(60, 200, shape, "uint8")).save(tmp_path / side / f"{number:02}.png")
    return tmp_path


def test_each_camera_is_shown_to_its_run_and_to_those_that_know_it_not(cameras, pairs, monkeypatch, capsys):
    """Trainings and evaluations are stood in for: the flags, the folders and the table are looked at."""
    calls = []

    def run(command, *flags, log=None):
        calls.append((command, flags))
        given = dict(flag.removeprefix("--").partition("=")[::2] for flag in flags if not flag.startswith("--method"))
        if command == "train":
            place, scores = pairs / "out" / given["run_dir"], {}
            name = "scores.json"
        else:
            names = [flag.split("=")[1] for flag in flags if flag.startswith("--method")] + ["input"]
            place, name = pairs / "out" / given["output_dir"], "table.json"
            methods = {each: {key: {"value": 0.5} for key in cameras.COLUMNS} for each in names}
            scores = {"methods": methods | {"real images (oracle)": {}}}
        place.mkdir(parents=True)
        (place / name).write_text(json.dumps(scores))

    monkeypatch.setattr(sys.modules["commands"], "run", run)
    arguments = [str(pairs / name) for name in ("thermal", "visible", "out")]
    monkeypatch.setattr("sys.argv", ["cameras.py", *arguments])
    cameras.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(cameras.CHANGES) + 1 + 5 * 4  # the head; all runs and the input; three and the input
    assert lines[2] == "| as they are | plain | 500 | 0.500 | 0.50 |"
    trained = [given for command, given in calls if command == "train"]
    assert len(trained) == len(cameras.CHANGES) == 7
    cameras.main()
    assert len(calls) == 7 + 6  # started again, nothing is made twice

    for own, given in zip(cameras.CHANGES.values(), trained):
        assert all(flag in given for flag in own)
        settings, *_ = flags.parse(["train", *given], train.GROUPS.values(), "usage")
        assert settings.data_dir == str(pairs / "out" / "pairs")
    held = sorted((pairs / "out" / "pairs" / "val_A").iterdir())
    plain, inverted = (
        [np.asarray(Image.open(pairs / "out" / f"camera_{number}" / "val_A" / f"{path.stem}.png")) for path in held]
        for number in (0, 5)
    )
    assert len(held) == 8 and all((a == 255 - b).all() for a, b in zip(plain, inverted))
    assert all((a == np.asarray(Image.open(path))).all() for a, path in zip(plain, held))


def test_what_cameras_make_of_a_frame(cameras, rng):
    frame = rng.integers(60, 200, (40, 60), "uint8")
    seen = {own: change(frame) for own, change in cameras.CAMERAS.values()}
    assert all(each.dtype == "uint8" and each.shape == frame.shape for each in seen.values())
    assert (seen["shift"][:, 2:] == frame[:, :-2]).all()
    assert seen["blur"].std() < 0.5 * frame.std() and abs(seen["blur"].mean() - frame.mean()) < 2
    assert seen["gain"].std() == pytest.approx(0.6 * frame.std(), rel=0.02) and seen["gain"].mean() < frame.mean()
    noise = seen["noise"].astype(float) - frame
    assert noise.std() == pytest.approx(0.3 * frame.std(), rel=0.1) and abs(noise.mean()) < 1
