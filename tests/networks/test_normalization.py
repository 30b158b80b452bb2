"""Instance normalization in one operation each way, against NumPy in float64: values, gradients, when it is taken."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from hdsynth_tf.networks import normalization
from hdsynth_tf.networks.normalization import InstanceNormalization, standardize_at_once
from pipelines.portable import portable

EPSILON = 1e-5
HAS_BFLOAT16 = pytest.mark.skipif(
    not normalization.on_cpu(with_avx512=True), reason="TensorFlow has no bfloat16 batch normalization without AVX512"
)


def naive(x, upstream):
    """The result and the gradient of `sum(result * upstream)`, channel by channel."""
    y, to_x = np.zeros_like(x), np.zeros_like(x)
    for channel in np.ndindex(x.shape[0], x.shape[-1]):
        values, slopes = x[channel[0], ..., channel[1]], upstream[channel[0], ..., channel[1]]
        inverse = 1 / np.sqrt(values.var() + EPSILON)
        one = (values - values.mean()) * inverse
        y[channel[0], ..., channel[1]] = one
        to_x[channel[0], ..., channel[1]] = (slopes - slopes.mean() - one * (slopes * one).mean()) * inverse
    return y, to_x


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), pytest.param("bfloat16", 2e-2, marks=HAS_BFLOAT16)])
def test_values_and_gradients(rng, dtype, tolerance):
    x = tf.cast(rng.normal(2, 3, (1, 9, 14, 5)), dtype)
    upstream = tf.cast(rng.normal(0, 1, x.shape), dtype)

    @tf.function
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = standardize_at_once(x, EPSILON)
        return y, tape.gradient(y, x, upstream)

    for found, expected in zip(run(x), naive(*(tf.cast(t, "float64").numpy() for t in (x, upstream))), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(tf.cast(found, "float64"), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "batch, dtype, has_avx512, taken",
    [
        (1, "bfloat16", True, True),
        (2, "bfloat16", True, False),
        (None, "bfloat16", True, False),
        (1, "float32", True, False),
        (1, "bfloat16", False, False),
    ],
)
def test_when_it_is_taken(monkeypatch, batch, dtype, has_avx512, taken):
    monkeypatch.setattr(normalization, "on_cpu", lambda with_avx512: with_avx512 is has_avx512)
    x = keras.KerasTensor((batch, 8, 8, 4), dtype)
    assert normalization.is_one_narrow_picture(x) == taken
    with portable():
        assert not normalization.is_one_narrow_picture(x)


@HAS_BFLOAT16
def test_the_layer_gives_the_same_either_way(rng, monkeypatch):
    layer, x = InstanceNormalization(dtype="bfloat16"), tf.cast(rng.normal(2, 3, (1, 9, 14, 5)), "bfloat16")
    made = []
    for has_avx512 in (True, False):
        monkeypatch.setattr(normalization, "on_cpu", lambda with_avx512, has=has_avx512: with_avx512 is has)
        made.append(tf.cast(layer(x), "float32"))
    np.testing.assert_allclose(*made, atol=2e-2)
