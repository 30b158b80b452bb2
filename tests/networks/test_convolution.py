"""Convolutions by parts against loops in NumPy, in float64: values, and gradients with respect to input and kernel."""

import keras
import naive
import numpy as np
import pytest
import tensorflow as tf

from hdsynth_tf import machine
from hdsynth_tf.networks import convolution
from hdsynth_tf.networks.layers import ConvBlock
from pipelines.portable import portable

EXACT = dict(rtol=1e-10, atol=1e-10)
CASES = [  # size, stride, channels, filters
    (1, 1, 3, 2),
    (2, 1, 2, 5),
    (3, 1, 3, 4),
    (3, 1, 4, 3),
    (7, 1, 2, 1),
    (3, 2, 3, 4),
    (4, 2, 4, 3),
]


@pytest.fixture
def strips(monkeypatch):
    """Many of them, though the pictures are small."""
    monkeypatch.setattr(convolution, "STRIP_FLOATS", 1)


def naive_gradients(x, kernel, upstream, stride):
    """Of `sum(conv(x, kernel) * upstream)`: each product once more, by what it is multiplied with."""
    to_x, to_kernel, size = np.zeros_like(x), np.zeros_like(kernel), kernel.shape[0]
    for i in range(upstream.shape[1]):
        for j in range(upstream.shape[2]):
            place = np.s_[:, i * stride : i * stride + size, j * stride : j * stride + size]
            to_x[place] += np.einsum("abcf,nf->nabc", kernel, upstream[:, i, j])
            to_kernel += np.einsum("nabc,nf->abcf", x[place], upstream[:, i, j])
    return to_x, to_kernel


def with_gradients(function, upstream, *tensors):
    tensors = [tf.constant(tensor) for tensor in tensors]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        y = function(*tensors)
        total = tf.reduce_sum(y * upstream)
    return [y.numpy(), *(gradient.numpy() for gradient in tape.gradient(total, tensors))]


@pytest.mark.parametrize("size, stride, channels, filters", CASES)
@pytest.mark.parametrize("batch, known, strip", [(1, True, 2**21), (2, False, 1)])
@pytest.mark.parametrize("compute", [convolution.conv_by_parts, convolution.forward])
def test_values_and_gradients(rng, monkeypatch, size, stride, channels, filters, batch, known, strip, compute):
    monkeypatch.setattr(convolution, "STRIP_FLOATS", strip)
    x, kernel = rng.standard_normal((batch, 12, 9, channels)), rng.standard_normal((size, size, channels, filters))
    expected = naive.conv(x, kernel, np.zeros(filters), stride)
    upstream = rng.standard_normal(expected.shape)
    shape = (batch, 12, 9, channels) if known else (None, None, None, channels)

    @tf.function(input_signature=[tf.TensorSpec(shape, "float64"), tf.TensorSpec(kernel.shape, "float64")])
    def conv(x, kernel):
        return compute(x, kernel, stride, "valid")

    found = with_gradients(conv, upstream, x, kernel)
    for a, b in zip(found, [expected, *naive_gradients(x, kernel, upstream, stride)], strict=True):
        np.testing.assert_allclose(a, b, **EXACT)


def test_padding_to_the_same_size(rng, strips):
    x, kernel = rng.standard_normal((1, 6, 7, 2)), rng.standard_normal((3, 3, 2, 4))
    padded, upstream = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), rng.standard_normal((1, 6, 7, 4))
    to_padded, to_kernel = naive_gradients(padded, kernel, upstream, 1)
    expected = naive.conv(padded, kernel, np.zeros(4)), to_padded[:, 1:-1, 1:-1], to_kernel
    found = with_gradients(lambda x, k: convolution.conv_by_parts(x, k, padding="same"), upstream, x, kernel)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **EXACT)


def test_a_frozen_kernel_has_no_gradient(rng):
    x, kernel = tf.constant(rng.standard_normal((1, 5, 5, 2))), tf.Variable(rng.standard_normal((3, 3, 2, 4)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        frozen = tf.reduce_sum(convolution.conv_by_parts(x, kernel, frozen=True) ** 2)
        trained = tf.reduce_sum(convolution.conv_by_parts(x, kernel) ** 2)
    assert tape.gradient(frozen, kernel) is None and tape.gradient(trained, kernel) is not None
    np.testing.assert_allclose(tape.gradient(frozen, x), tape.gradient(trained, x), **EXACT)


@pytest.mark.parametrize("size, stride", [(3, 2), (4, 2), (3, 1)])
@pytest.mark.parametrize("batch", [1, 2])
def test_conv_transpose_by_parts(rng, strips, size, stride, batch):
    """It is the other's gradient, and so its own gradients are what the other computes."""
    x, kernel = rng.standard_normal((batch, 4, 5, 3)), rng.standard_normal((size, size, 2, 3))
    shape = (batch, 3 * stride + size, 4 * stride + size, 2)
    expected, _ = naive_gradients(np.zeros(shape), kernel, x, stride)
    upstream = rng.standard_normal(shape)
    to_x = naive.conv(upstream, kernel, np.zeros(3), stride)
    _, to_kernel = naive_gradients(upstream, kernel, x, stride)
    found = with_gradients(lambda x, k: convolution.conv_transpose_by_parts(x, k, stride), upstream, x, kernel)
    for a, b in zip(found, (expected, to_x, to_kernel), strict=True):
        np.testing.assert_allclose(a, b, **EXACT)


@pytest.mark.parametrize("compute", [convolution.conv_by_parts, convolution.conv_transpose_by_parts])
def test_gradients_whose_shape_is_unknown(rng, compute):
    """On its way back through a batch of any size, TensorFlow forgets it."""

    def gradients(x, kernel, shape=None):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel))
            y = compute(x, kernel, 1)
            y = y if shape is None else tf.raw_ops.PlaceholderWithDefault(input=y, shape=shape)
            total = tf.reduce_sum(y**2)
        return tape.gradient(total, (x, kernel))

    x, kernel = tf.constant(rng.standard_normal((2, 6, 7, 3))), tf.constant(rng.standard_normal((3, 3, 3, 3)))
    signature = [tf.TensorSpec((None, *x.shape[1:]), "float64"), tf.TensorSpec(kernel.shape, "float64")]
    unknown = tf.function(lambda *tensors: gradients(*tensors, tf.TensorShape(None)), input_signature=signature)
    for a, b in zip(unknown(x, kernel), gradients(x, kernel), strict=True):
        np.testing.assert_allclose(a, b, **EXACT)


@pytest.mark.parametrize("way", ["by_parts", "as_volume", "plain"])
@pytest.mark.parametrize("kind", ["Conv2D", "Conv2DTranspose"])
def test_layers_equal_those_of_keras(rng, monkeypatch, way, kind):
    for name in ("by_parts", "as_volume"):
        monkeypatch.setattr(convolution, name, lambda *_, name=name: name == way)
    ours, theirs = getattr(convolution, kind)(4, 3, 2), getattr(keras.layers, kind)(4, 3, 2)
    x = rng.standard_normal((1, 9, 8, 3)).astype("float32")
    for layer in (ours, theirs):
        layer.build(x.shape)
    ours.bias.assign([1.0, 2.0, 3.0, 4.0])
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


@pytest.mark.parametrize("norm", ["spectral", None])
def test_a_pair_is_convolved_as_if_it_were_concatenated(rng, norm):
    block = ConvBlock(4, 3, pad=1, padding="zero", norm=norm, activation="leaky_relu")
    first, second = (
        rng.standard_normal((batch, 6, 5, channels)).astype("float32") for batch, channels in ((2, 3), (4, 2))
    )
    together = np.concatenate([np.concatenate([first, first]), second], -1)
    np.testing.assert_allclose(block(together), block([first, second]), atol=1e-6)


@pytest.mark.parametrize(
    "dtype, shape, kernel, stride, expected",
    [
        ("float32", (1, 256, 256, 64), (3, 3, 64, 64), 1, True),
        ("float32", (None, None, None, 64), (3, 3, 64, 64), 1, True),
        ("float32", (1, 64, 64, 64), (3, 3, 64, 64), 1, False),
        ("float32", (1, 128, 128, 64), (3, 3, 64, 64), 2, False),
        ("float32", (1, 2048, 2048, 16), (3, 3, 16, 16), 1, False),
        ("bfloat16", (1, 256, 256, 64), (3, 3, 64, 64), 1, False),
    ],
)
def test_small_and_thin_ones_stay_as_they_are(monkeypatch, dtype, shape, kernel, stride, expected):
    monkeypatch.setattr(convolution, "DEEP", convolution.THIN)
    x, kernel = keras.KerasTensor(shape, dtype), keras.KerasTensor(kernel, dtype)
    for has_avx512, chosen, other in [
        (False, convolution.by_parts, convolution.as_volume),
        (True, convolution.as_volume, convolution.by_parts),
    ]:
        monkeypatch.setattr(convolution, "on_cpu", lambda with_avx512, has=has_avx512: with_avx512 is has)
        assert chosen(x, kernel, stride) == expected and not other(x, kernel, stride)
        with portable():
            assert not chosen(x, kernel, stride)
    monkeypatch.setattr(convolution, "on_cpu", lambda with_avx512: False)  # as on a GPU
    assert not convolution.by_parts(x, kernel, stride) and not convolution.as_volume(x, kernel, stride)


@pytest.mark.parametrize("found, expected", [("avx2 avx512f", True), ("avx2 fma", False)])
def test_the_cpus_flags_are_read(monkeypatch, tmp_path, found, expected):
    place = tmp_path / "cpuinfo"
    place.write_text(f"model name\t: A CPU\nflags\t\t: {found}\n")
    monkeypatch.setattr(machine, "CPUINFO", place)
    assert machine.has_avx512() is expected
    place.write_text("Features\t: asimd\n")  # of ARM
    assert machine.has_avx512() is None
