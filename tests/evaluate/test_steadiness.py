"""Flicker, pumping and warping error of videos whose answers are known."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hdsynth_tf.evaluate.steadiness import NoFlowError, flicker, hidden, steadiness, warping


@pytest.fixture
def scene(rng):
    """A picture of blots, larger than what a camera sees of it."""

    values = gaussian_filter(rng.normal(size=(100, 200, 3)), (3, 3, 0))
    return np.clip(128 + 60 * values / values.std(), 0, 255).astype("uint8")


def test_a_video_that_stands_still_is_steady(scene):
    pytest.importorskip("cv2")
    found = steadiness([scene[..., :1]] * 4, [scene] * 4)
    assert (found.flicker, found.pumping) == (0, 0) and found.warping < 1e-9


def test_changing_brightness_is_flicker_and_pumping(scene):
    pytest.importorskip("cv2")
    base = np.clip(scene, 10, 240)
    frames = [base + 5 if i % 2 else base - 5 for i in range(9)]
    found = steadiness([scene[..., :1]] * 9, frames)
    assert found.flicker == pytest.approx(10) and found.pumping == pytest.approx(10)
    assert found.warping == pytest.approx((10 / 255) ** 2, rel=1e-3)


def test_a_camera_that_moves_is_no_error_of_warping(scene):
    pytest.importorskip("cv2")
    frames = [scene[:, 3 * i : 3 * i + 120] for i in range(5)]
    moved = steadiness([frame[..., :1] for frame in frames], frames)
    frozen = np.mean((frames[1] / 255.0 - frames[0] / 255.0) ** 2)
    assert moved.warping < 0.05 * frozen


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
        steadiness([scene] * 2, [scene] * 2)
