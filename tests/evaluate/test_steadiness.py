"""Flicker, pumping and warping error of videos whose answers are known."""

import itertools
import json
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from hdsynth_tf.evaluate import measurement
from hdsynth_tf.evaluate.steadiness import NoFlowError, Steadiness, flicker, hidden, sequences_of, warping
from pipelines.toy_street import ToyStreet


def measured(inputs, outputs):
    """Of all frames of a video: the means of flicker and warping, the deviation of pumping."""
    frames = list(zip(inputs, outputs))
    found = [Steadiness().of(*pair) for pair in itertools.pairwise(frames)]
    flickers, pumpings, warpings = ([one[name] for one in found] for name in ("flicker", "pumping", "warping"))
    return np.mean(flickers), np.std(pumpings), np.mean(warpings)


@pytest.fixture
def scene(rng):
    """A picture of blots, larger than what a camera sees of it."""

    values = gaussian_filter(rng.normal(size=(100, 200, 3)), (3, 3, 0))
    return np.clip(128 + 60 * values / values.std(), 0, 255).astype("uint8")


def test_a_video_that_stands_still_is_steady(scene):
    pytest.importorskip("cv2")
    flickers, pumping, warpings = measured([scene[..., :1]] * 4, [scene] * 4)
    assert (flickers, pumping) == (0, 0) and warpings < 1e-9


def test_changing_brightness_is_flicker_and_pumping(scene):
    pytest.importorskip("cv2")
    base = np.clip(scene, 10, 240)
    frames = [base + 5 if i % 2 else base - 5 for i in range(9)]
    flickers, pumping, warpings = measured([scene[..., :1]] * 9, frames)
    assert flickers == pytest.approx(10) and pumping == pytest.approx(10)
    assert warpings == pytest.approx((10 / 255) ** 2, rel=1e-3)


def test_a_camera_that_moves_is_no_error_of_warping(scene):
    pytest.importorskip("cv2")
    frames = [scene[:, 3 * i : 3 * i + 120] for i in range(5)]
    _, _, moved = measured([frame[..., :1] for frame in frames], frames)
    frozen = np.mean((frames[1] / 255.0 - frames[0] / 255.0) ** 2)
    assert moved < 0.05 * frozen


def test_only_what_stands_still_counts_as_flicker(rng):
    before, now = np.zeros((20, 30)), np.zeros((20, 30))
    now[:, :5] = 50
    pictures = np.zeros((20, 30, 3)), np.full((20, 30, 3), 2.0)
    pictures[1][:, :5] = 200
    assert flicker(before, now, *pictures) == 2


def test_warping_follows_the_flow_and_leaves_out_what_is_hidden(rng):
    before = rng.random((30, 40, 3)).astype("float32")
    now = np.roll(before, (0, 4), (0, 1))

    def flow(first, second):
        direction = 4 if first.sum() < second.sum() else -4
        return np.stack([np.full((30, 40), direction, "float32"), np.zeros((30, 40), "float32")], -1)

    dark, light = np.zeros((30, 40)), np.ones((30, 40))
    assert warping(flow, dark, light, before, now) < 1e-10
    ahead = flow(dark, light)
    assert hidden(ahead, ahead).all()  # the way back does not lead home
    assert hidden(ahead, -ahead).mean() == pytest.approx(4 / 40)


def test_without_opencv_the_extra_is_named(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(NoFlowError, match=r"\[video\]"):
        Steadiness()


def test_frames_are_of_the_video_that_their_names_tell():
    assert sequences_of(["a/1", "a/2", "b/c/1", "3"]) == ["a", "a", "b/c", ""]
    assert sequences_of(["x01_1", "x01_2", "x02_1"], r"^x(\d+)") == ["01", "01", "02"]


def test_evaluate_measures_videos(command, tmp_path, monkeypatch):
    """Two drives, each frame beside the one before it, also where what is kept of them together begins."""
    pytest.importorskip("cv2")
    monkeypatch.setattr(measurement, "PART", 4)
    source = ToyStreet(2, 48, 96, "val", thermal=True, drive_frames=6)
    for index, name in enumerate(source.names):
        picture = source.load(index)["image"]
        for method, changed in (("same", picture), ("flickers", np.clip(picture, 8, 247) + 8 * (index % 2))):
            path = tmp_path / method / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(changed.astype("uint8")).save(path)
    data = ["--dataset=toy_street", "--toy_thermal", "--num_scenes=2", "--drive_frames=6", "--image_height=48"]
    methods = [f"--method={name}={tmp_path / name}" for name in ("same", "flickers")]
    out = tmp_path / "out"
    code, output, error = command(
        "evaluate", *methods, *data, "--image_width=96", "--features=none", "--video", f"--output_dir={out}"
    )
    assert code == 0, error
    found = json.loads((out / "table.json").read_text())["methods"]
    real, same, flickers = found["real images (oracle)"], found["same"], found["flickers"]
    frames = [(scene["source"], scene["image"]) for scene in map(source.load, range(12))]
    expected = [Steadiness().of(*frames[i - 1 : i + 1]) for i in range(1, 12) if i != 6]
    for name in ("flicker", "warping"):
        assert real[name]["value"] == pytest.approx(np.mean([one[name] for one in expected]))
        assert (
            same[name]["value"] == pytest.approx(real[name]["value"]) and flickers[name]["value"] > same[name]["value"]
        )
    assert real["pumping"]["value"] == pytest.approx(np.std([one["pumping"] for one in expected]))
    assert flickers["flicker"]["value"] > 6 and flickers["pumping"]["value"] == pytest.approx(8, abs=1)
    assert "2 videos" in output
