"""Tone: statistics, cosines and standardisation against naive computations; what an adjusted image keeps and loses."""

import keras
import numpy as np
import pytest

from hdsynth_tf.networks.tone import RunningStandardization, ToneAdjustment, cosines, tone_statistics

pytestmark = pytest.mark.backend


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_statistics_of_a_picture_of_the_thumbnails_size(rng):
    x = rng.uniform(-1, 1, (2, 48, 72, 1)).astype("float32")
    across = np.pad(np.abs(np.diff(x, axis=2)), [(0, 0), (0, 0), (0, 1), (0, 0)])
    down = np.pad(np.abs(np.diff(x, axis=1)), [(0, 0), (0, 1), (0, 0), (0, 0)])
    centers = np.linspace(-15 / 16, 15 / 16, 16)
    expected = []
    for picture, a, d in zip(x, across, down):
        bands, a_bands, d_bands = (np.split(part, 8) for part in (picture, a, d))
        expected.append(
            [band.mean() for band in bands]
            + [band.std() for band in bands]
            + [band.mean() for band in a_bands]
            + [band.mean() for band in d_bands]
            + [np.maximum(1 - 8 * np.abs(picture - center), 0).mean() for center in centers]
        )
    np.testing.assert_allclose(numpy(tone_statistics(x)), expected, atol=1e-5)


def test_a_pictures_size_hardly_matters():
    def picture(height, width):
        down, across = ((np.arange(n) + 0.5) / n for n in (height, width))
        return (0.9 * np.sin(5 * down[:, None] + 1) * np.cos(9 * across))[None, ..., None].astype("float32")

    expected = numpy(tone_statistics(picture(48, 72)))
    for size in ((96, 144), (131, 200)):
        np.testing.assert_allclose(numpy(tone_statistics(picture(*size))), expected, atol=0.01)


@pytest.mark.parametrize("height", [5, 48, 101])
def test_cosines_are_orthogonal(height):
    waves = numpy(cosines(height, 4))
    np.testing.assert_allclose(waves.T @ waves / height, np.eye(4), atol=1e-5)
    assert (waves[:, 0] == 1).all() and waves[0, 1] > waves[-1, 1]


def test_running_standardization_learns_mean_and_variance(rng):
    layer = RunningStandardization()
    data = rng.normal(3, 2, (400, 1, 5)).astype("float32")
    for batch in data:
        layer(batch, training=True)
    np.testing.assert_allclose(numpy(layer.mean), data.mean((0, 1)), atol=1e-4)  # the mean of all so far
    np.testing.assert_allclose(numpy(layer.variance), data.var((0, 1)), rtol=0.2)
    before = numpy(layer.mean)
    standard = numpy(layer(data[:, 0], training=False))
    assert np.abs(standard.mean(0)).max() < 0.1 and np.abs(standard.std(0) - 1).max() < 0.15
    np.testing.assert_array_equal(numpy(layer.mean), before)


def filled_tone(rng):
    layer = ToneAdjustment(8)
    layer.build((None, None, None, 3), (None, None, None, 1))
    layer.set_weights([rng.normal(0, 0.2, w.shape).astype(w.dtype) if w.ndim else w for w in layer.get_weights()])
    layer.layers[0].variance.assign(np.ones(layer.layers[0].variance.shape))
    return layer


def test_an_images_own_light_does_not_count(rng):
    layer = filled_tone(rng)
    image = rng.uniform(-1, 1, (2, 20, 30, 3)).astype("float32")
    x = rng.uniform(-1, 1, (2, 20, 30, 1)).astype("float32")
    lighter = image + 0.7 + 0.2 * numpy(cosines(20, 4))[None, :, None, 1:2]
    np.testing.assert_allclose(numpy(layer(image, x)), numpy(layer(lighter, x)), atol=1e-5)
    assert np.abs(numpy(layer(image, x)) - numpy(layer(image, x[::-1]))).max() > 0.01


def test_nothing_but_cosines_changes(rng):
    layer = filled_tone(rng)
    image = rng.uniform(-1, 1, (1, 20, 30, 3)).astype("float32")
    x = rng.uniform(-1, 1, (1, 20, 30, 1)).astype("float32")
    added, waves = (numpy(layer(image, x)) - image)[0], numpy(cosines(20, 4))
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1], added.shape), atol=1e-5)
    np.testing.assert_allclose(waves @ (waves.T @ added[:, 0]) / 20, added[:, 0], atol=1e-5)
    assert np.abs(added).max() > 0.01


def test_new_layers_take_light_away_and_nothing_else(rng):
    layer = ToneAdjustment()
    image = rng.uniform(-1, 1, (1, 16, 24, 3)).astype("float32")
    made = numpy(layer(image, image))
    assert np.abs(made.mean((1, 2))).max() < 1e-5
    assert np.corrcoef(np.diff(made, axis=2).ravel(), np.diff(image, axis=2).ravel())[0, 1] > 0.99
