"""Tone: statistics and cosines against naive computations; what an adjusted image keeps and loses."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from hdsynth_tf.networks import GlobalGenerator
from hdsynth_tf.networks.tone import STATISTICS, ToneAdjustment, ToneModulation, cosines, tone_statistics

pytestmark = pytest.mark.backend


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_statistics_of_a_picture_of_a_thumbnails_size(rng):
    """In a picture of 48x72; one of 96x144 for how fine-grained the second thumbnail is."""
    x = rng.uniform(-1, 1, (2, 48, 72, 1)).astype("float32")
    found = numpy(tone_statistics(x))
    assert found.shape == (2, STATISTICS)
    for picture, statistics in zip(x[..., 0], found):
        np.testing.assert_allclose(statistics[:65], naive_statistics(picture), atol=1e-5)

    large = rng.uniform(-1, 1, (1, 96, 144, 1)).astype("float32")
    np.testing.assert_allclose(numpy(tone_statistics(large))[0, 65:], naive_grain(large[0, ..., 0]), atol=1e-5)


def naive_statistics(picture):
    across = np.pad(np.abs(np.diff(picture, axis=1)), [(0, 0), (0, 1)])
    down = np.pad(np.abs(np.diff(picture, axis=0)), [(0, 1), (0, 0)])
    means, deviations = ([f(band) for band in np.split(picture, 8)] for f in (np.mean, np.std))
    differences = [band.mean() for part in (across, down) for band in np.split(part, 8)]
    centers = np.linspace(-15 / 16, 15 / 16, 16)
    histogram = [np.maximum(1 - 8 * np.abs(picture - center), 0).mean() for center in centers]
    quantiles = np.percentile(picture, [1, 5, 10, 25, 50, 75, 90, 95, 99])
    return [*means, *deviations, *differences, *histogram, *quantiles, *naive_grain(picture)]


def naive_grain(picture):
    laplacian = np.abs(ndimage.convolve(picture, [[0, -1, 0], [-1, 4, -1], [0, -1, 0]], mode="nearest"))
    return [np.log(band.mean() + 1e-3) for band in np.split(laplacian, 8)]


def test_channels_do_not_mix(rng):
    x = rng.uniform(-1, 1, (2, 30, 40, 3)).astype("float32")
    apart = np.stack([numpy(tone_statistics(x[..., c : c + 1])) for c in range(3)], -1)
    np.testing.assert_allclose(numpy(tone_statistics(x)), apart.reshape(2, -1), atol=1e-5)


def test_a_pictures_size_hardly_matters():
    def picture(height, width):
        down, across = ((np.arange(n) + 0.5) / n for n in (height, width))
        return (0.9 * np.sin(5 * down[:, None] + 1) * np.cos(9 * across))[None, ..., None].astype("float32")

    small, expected = (numpy(tone_statistics(picture(*size))) for size in ((48, 72), (96, 144)))
    np.testing.assert_allclose(small[:, :57], expected[:, :57], atol=0.01)
    for size in ((192, 288), (131, 200)):
        found = numpy(tone_statistics(picture(*size)))
        np.testing.assert_allclose(found[:, :57], small[:, :57], atol=0.01)
        np.testing.assert_allclose(found[:, 57:], expected[:, 57:], atol=0.5)  # logarithms, of next to nothing


@pytest.mark.parametrize("height", [5, 48, 101])
def test_cosines_are_orthogonal(height):
    waves = numpy(cosines(height, 4))
    np.testing.assert_allclose(waves.T @ waves / height, np.eye(4), atol=1e-5)
    assert (waves[:, 0] == 1).all() and waves[0, 1] > waves[-1, 1]


def filled_tone(rng):
    layer = ToneAdjustment(8)
    layer.build((None, None, None, 3), (None, 5))
    layer.set_weights([rng.normal(0, 0.2, w.shape).astype(w.dtype) for w in layer.get_weights()])
    layer.spread.assign(np.ones(layer.spread.shape))
    return layer


def test_an_images_own_light_does_not_count(rng):
    layer = filled_tone(rng)
    image = rng.uniform(-1, 1, (2, 20, 30, 3)).astype("float32")
    x = rng.uniform(-1, 1, (2, 5)).astype("float32")
    lighter = image + 0.7 + 0.2 * numpy(cosines(20, 4))[None, :, None, 1:2]
    np.testing.assert_allclose(numpy(layer(image, x)), numpy(layer(lighter, x)), atol=1e-5)
    assert np.abs(numpy(layer(image, x)) - numpy(layer(image, x[::-1]))).max() > 0.01


def test_nothing_but_cosines_changes(rng):
    layer = filled_tone(rng)
    image = rng.uniform(-1, 1, (1, 20, 30, 3)).astype("float32")
    x = rng.uniform(-1, 1, (1, 5)).astype("float32")
    added, waves = (numpy(layer(image, x)) - image)[0], numpy(cosines(20, 4))
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1], added.shape), atol=1e-5)
    np.testing.assert_allclose(waves @ (waves.T @ added[:, 0]) / 20, added[:, 0], atol=1e-5)
    assert np.abs(added).max() > 0.01


def test_new_layers_take_light_away_and_nothing_else(rng):
    layer = ToneAdjustment()
    image = rng.uniform(-1, 1, (1, 16, 24, 3)).astype("float32")
    made = numpy(layer(image, np.ones((1, 5), "float32")))
    assert np.abs(made.mean((1, 2))).max() < 1e-5
    assert np.corrcoef(np.diff(made, axis=2).ravel(), np.diff(image, axis=2).ravel())[0, 1] > 0.99


def test_the_tone_of_a_picture(rng):
    """Pictures of nothing but a tone have that tone; of white ones it is as much as counts."""
    layer = filled_tone(rng)
    tone = rng.uniform(-0.3, 0.3, (2, 12)).astype("float32")
    flat = np.tanh(numpy(layer.adjust(np.zeros((2, 20, 30, 3), "float32"), tone)))
    np.testing.assert_allclose(numpy(layer.of(flat)), tone, atol=1e-5)
    white = numpy(layer.of(np.ones((1, 20, 30, 3), "float32")))
    np.testing.assert_allclose(white, [[np.arctanh(0.95)] * 3 + [0] * 9], atol=1e-4)


def test_other_tones_of_one_input(rng):
    layer = ToneAdjustment(8, num_images=3)
    layer.build((None, None, None, 3), (None, 5))
    weights = [rng.normal(0, 0.2, w.shape).astype(w.dtype) for w in layer.get_weights()]
    layer.set_weights(weights)
    layer.others.assign(weights[-1] * [[0], [1], [1]])
    x = rng.uniform(-1, 1, (3, 5)).astype("float32")
    expected, chosen = numpy(layer.read(x)), numpy(layer.read(x, np.array([2, 0, 1])))
    np.testing.assert_allclose(chosen, [weights[-1][2], expected[1], weights[-1][1]], atol=1e-5)


def test_images_of_one_input_need_a_tone():
    with pytest.raises(ValueError, match=r"`num_images` above 1 needs `tone_channels`.*num_images=3"):
        GlobalGenerator(4, 1, 1, num_images=3)


def test_nothing_trains():
    layer = ToneAdjustment()
    layer.build((None, None, None, 3), (None, 2))
    assert not layer.trainable_variables and len(layer.weights) == 6


def test_modulation_scales_and_shifts_by_the_tone(rng):
    layer = ToneModulation()
    x, tone = (rng.standard_normal(shape).astype("float32") for shape in ((2, 3, 4, 5), (2, 12)))
    np.testing.assert_array_equal(numpy(layer(x, 0 * tone)), x)  # no tone, no change at first
    kernel, bias = (rng.standard_normal(w.shape).astype("float32") for w in layer.get_weights())
    layer.set_weights([kernel, bias])
    scale, shift = np.split(tone @ kernel + bias, 2, axis=1)
    naive = [[[x[b, i, j] * (1 + scale[b]) + shift[b] for j in range(4)] for i in range(3)] for b in range(2)]
    np.testing.assert_allclose(numpy(layer(x, tone)), naive, atol=1e-5)


def test_a_generator_that_is_told_the_tone_makes_a_night_of_what_looks_like_a_day(rng):
    generator = GlobalGenerator(4, 2, 1, padding="reflect", tone_channels=1, tone_numbers=12)
    x = rng.uniform(-0.2, 0.2, (1, 16, 24, 1)).astype("float32")
    generator.build(x.shape)
    day, night = np.ones((1, 12), "float32"), -np.ones((1, 12), "float32")
    light, dark = (numpy(generator.features(shifted, day)) for shifted in (x + 0.5, x - 0.5))
    np.testing.assert_allclose(light, dark, atol=1e-2)  # instance norm forgets
    for layer in generator.modulations:
        layer.set_weights([rng.normal(0, 0.5, w.shape).astype(w.dtype) for w in layer.get_weights()])
    of_day, of_night = (numpy(generator.features(x, tone)) for tone in (day, night))
    changes = [np.diff(features, axis=2) for features in (of_day, of_night)]
    assert np.abs(changes[0] - changes[1]).max() > 0.1  # not another light only
