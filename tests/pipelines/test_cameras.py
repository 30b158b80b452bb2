"""What other cameras would see: only sources change, by as much as asked, the same for the same seed."""

import functools

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from pipelines.cameras import random_blur, random_gain, random_noise, random_polarity, random_shift
from pipelines.dataset import make_eval, make_train
from pipelines.source import Source

CHANGES = (random_blur, 1.5), (random_shift, 2), (random_gain, 0.5), (random_noise, 0.3), (random_polarity, 0.5)


def scene(dtype="float32", height=24, width=40):
    rng = np.random.default_rng(0)
    source = rng.uniform(60, 200, (height, width, 2)) + np.array([0, 20])
    image = rng.integers(0, 256, (height, width, 3))
    return {"source": source.astype(dtype), "image": image.astype("uint8")}


def changed(change, strength, sample, count=60):
    """What becomes of the source for each of many seeds, inside tf.data as in training: `(count, ...)`."""
    sample = {key: tf.constant(value) for key, value in sample.items()}
    seeds = tf.data.Dataset.from_tensor_slices(tf.constant([[7, n] for n in range(count)], tf.int64))
    out = list(seeds.map(lambda seed: change(sample, seed, strength)))
    for each in out:
        assert set(each) == set(sample) and each["source"].dtype == sample["source"].dtype
        np.testing.assert_array_equal(each["image"], sample["image"])
    return np.stack([each["source"] for each in out])


@pytest.mark.parametrize("change, strength", CHANGES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_seed_decides_and_the_dtype_stays(change, strength, dtype):
    sample = scene(dtype)
    first, second = (changed(change, strength, sample, 12) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len({each.tobytes() for each in first}) > 1
    eager = change({key: tf.constant(value) for key, value in sample.items()}, tf.constant([7, 3], tf.int64), strength)
    np.testing.assert_allclose(eager["source"].numpy().astype(float), first[3].astype(float), rtol=1e-5, atol=1e-3)


def test_values_end_where_the_dtype_does():
    """An overflow would make the hottest thing the coldest."""
    sample = {"source": np.full((8, 8, 1), 250, "uint8"), "image": np.zeros((8, 8, 3), "uint8")}
    sample["source"][::2] = 5
    out = changed(random_gain, 2, sample).astype(int)
    assert (out[:, 1::2] >= out[:, ::2]).all() and out.max() == 255 and out.min() == 0


def test_shifts_reach_every_place():
    rows, columns = np.meshgrid(np.arange(16), np.arange(20), indexing="ij")
    source = np.stack([rows, columns], -1).astype("uint8")
    moved = changed(random_shift, 2, {"source": source, "image": source})
    difference = moved[:, 4:-4, 4:-4].astype(int) - source[4:-4, 4:-4]
    assert np.ptp(difference, axis=(1, 2)).max() == 0
    seen = {tuple(each) for each in difference[:, 0, 0]}
    assert len(seen) > 15 and {abs(x) for pair in seen for x in pair} == {0, 1, 2}


def test_blurs_are_gaussians_of_every_width():
    """Against SciPy's, whose width is found by search; a blur of nearly nothing leaves the picture as it is."""
    sample = scene()
    widths = []
    for blurred in changed(random_blur, 1.5, sample, 20):
        candidates = np.arange(0.02, 1.52, 0.02)
        naive = [
            scipy.ndimage.gaussian_filter(sample["source"], (s, s, 0), mode="mirror", radius=5) for s in candidates
        ]
        errors = [np.abs(blurred - each).max() for each in naive]
        widths.append(candidates[np.argmin(errors)])
        assert min(errors) < 3
    assert min(widths) < 0.5 and max(widths) > 1.2 and max(widths) <= 1.52


def test_gain_changes_level_and_contrast_of_each_channel():
    source = scene()["source"]
    contrasts, levels = [], []
    for out in changed(random_gain, 0.5, scene()):
        contrast = out.std((0, 1)) / source.std((0, 1))
        np.testing.assert_allclose(contrast[0], contrast[1], rtol=1e-3)
        np.testing.assert_allclose(
            (out - out.mean((0, 1))) / contrast, source - source.mean((0, 1)), rtol=1e-3, atol=1e-2
        )
        contrasts.append(np.log(contrast[0]))
        levels.append(((out - source).mean((0, 1)) / source.std((0, 1)))[0])
    for seen in (contrasts, levels):
        assert -0.5 <= min(seen) < -0.3 and 0.3 < max(seen) <= 0.5
    assert abs(np.corrcoef(contrasts, levels)[0, 1]) < 0.4


def test_noise_is_gaussian_and_no_more_than_asked():
    source = scene(height=64, width=64)["source"]
    strengths = []
    for out in changed(random_noise, 0.3, scene(height=64, width=64)):
        noise = (out - source) / source.std((0, 1))
        assert abs(noise.mean()) < 0.02 and abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.06
        strengths.append(noise.std())
    assert min(strengths) < 0.05 and 0.25 < max(strengths) < 0.31


@pytest.mark.parametrize(
    "dtype, window, total", [("uint8", None, 255), ("float32", (100, 180), 280), ("float32", None, None)]
)
def test_polarity_mirrors_a_share_of_pictures(dtype, window, total):
    sample = scene(dtype) | ({} if window is None else {"window": np.array(window, "float32")})
    source = sample["source"].astype(float)
    total = source.min() + source.max() if total is None else total
    out = changed(random_polarity, 0.25, sample, 200).astype(float)
    is_inverted = np.abs(out - (total - source)).max((1, 2, 3)) < 1e-3
    is_as_it_was = (out == source).all((1, 2, 3))
    assert (is_inverted ^ is_as_it_was).all() and 0.15 < is_inverted.mean() < 0.35


class Frames(Source):
    """Grey frames, all alike."""

    formats = {"source": ((1,), "uint8"), "image": ((3,), "uint8")}
    names = ["a", "b", "c"]

    def size(self, index):
        return 24, 32

    def load(self, index):
        return {"source": scene("uint8", 24, 32)["source"][..., :1], "image": scene("uint8", 24, 32)["image"]}


def test_streams_change_sources_one_after_the_other():
    """Each sample otherwise; a stream that starts later goes on where another stopped."""
    changes = tuple(functools.partial(change, strength=strength) for change, strength in CHANGES)
    stream = [inputs["source"].numpy() for inputs, _ in make_train(Frames(), 1, changes=changes).take(6)]
    later = [inputs["source"].numpy() for inputs, _ in make_train(Frames(), 1, changes=changes, start=4).take(2)]
    np.testing.assert_array_equal(stream[4:], later)
    assert len({each.tobytes() for each in stream}) == 6
    once = [inputs["source"].numpy() for inputs, _ in make_eval(Frames(), indices=[0, 0, 1], changes=changes, seed=1)]
    again = [inputs["source"].numpy() for inputs, _ in make_eval(Frames(), indices=[0, 0, 1], changes=changes, seed=1)]
    np.testing.assert_array_equal(once, again)
    assert len({each.tobytes() for each in once}) == 3
