"""The blocks against loops in NumPy."""

import keras
import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdsynth_tf.networks.layers import (
    Chain,
    ConvBlock,
    DropFirst,
    HalveImage,
    Padding2D,
    ResidualBlock,
    UpsampleBlock,
    enlarged_conv,
    pad_to_multiple,
    rematerialize_blocks,
)

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize("mode", ["reflect", "zero"])
def test_padding(rng, mode):
    x = rng.standard_normal((2, 5, 6, 3)).astype("float32")
    np.testing.assert_array_equal(numpy(Padding2D(2, mode)(x)), naive.pad(x, 2, mode))


def test_the_first_row_and_column_are_dropped(rng):
    x = rng.standard_normal((2, 5, 6, 3)).astype("float32")
    np.testing.assert_array_equal(numpy(DropFirst()(x)), x[:, 1:, 1:])


def test_padding_refuses_other_modes():
    with pytest.raises(ValueError, match="Received: mode='mirror'"):
        Padding2D(1, "mirror")


@pytest.mark.parametrize("mode", ["reflect", "zero"])
@pytest.mark.parametrize("stride", [1, 2])
def test_conv_block(rng, mode, stride):
    block = ConvBlock(4, 3, stride, pad=1, padding=mode, kernel_initializer="he_normal")
    x = rng.standard_normal((2, 7, 6, 3)).astype("float32")
    y = numpy(block(x))
    kernel, bias = map(numpy, block.conv.weights)
    expected = np.maximum(naive.instance_norm(naive.conv(naive.pad(x, 1, mode), kernel, bias, stride)), 0)
    np.testing.assert_allclose(y, expected, atol=2e-5)


def test_conv_block_without_norm(rng):
    block = ConvBlock(4, 4, 2, pad=2, padding="zero", norm=None, activation="leaky_relu")
    x = rng.standard_normal((1, 6, 9, 3)).astype("float32")
    y = numpy(block(x))
    kernel, bias = map(numpy, block.conv.weights)
    np.testing.assert_allclose(y, leaky(naive.conv(naive.pad(x, 2, "zero"), kernel, bias, 2)), atol=1e-5)


def test_conv_block_with_spectral_norm_divides_by_the_largest_singular_value(rng):
    block = ConvBlock(6, 3, norm="spectral", activation=None, kernel_initializer="he_normal")
    x = rng.standard_normal((1, 5, 5, 4)).astype("float32")
    for _ in range(60):  # one power iteration each
        block(x, training=True)
    kernel = numpy(block.conv.kernel).reshape(-1, 6)
    assert np.linalg.svd(kernel, compute_uv=False)[0] == pytest.approx(1, abs=1e-3)
    before = numpy(block.conv.kernel)
    block(x, training=False)
    np.testing.assert_array_equal(before, numpy(block.conv.kernel))


def test_residual_block(rng):
    block = ResidualBlock(3)
    x = rng.standard_normal((1, 5, 4, 3)).astype("float32")
    y = numpy(block(x))
    (k0, b0), (k1, b1) = (map(numpy, conv.conv.weights) for conv in block.chain)
    h = np.maximum(naive.instance_norm(naive.conv(naive.pad(x, 1, "reflect"), k0, b0)), 0)
    expected = x + naive.instance_norm(naive.conv(naive.pad(h, 1, "reflect"), k1, b1))
    np.testing.assert_allclose(y, expected, atol=2e-5)


def test_upsample_block_transposed(rng):
    block = UpsampleBlock(3, "transposed")
    x = rng.standard_normal((2, 3, 4, 5)).astype("float32")
    y = numpy(block(x))
    kernel, bias = map(numpy, block.conv.weights)
    expected = np.maximum(naive.instance_norm(naive.transposed_conv(x, kernel, bias)), 0)
    np.testing.assert_allclose(y, expected, atol=2e-5)


def test_upsample_block_nearest(rng):
    block = UpsampleBlock(3, "nearest")
    x = rng.standard_normal((2, 3, 4, 5)).astype("float32")
    y = numpy(block(x))
    kernel, bias = map(numpy, block.conv.weights)
    enlarged = x.repeat(2, 1).repeat(2, 2)
    expected = np.maximum(naive.instance_norm(naive.conv(naive.pad(enlarged, 1, "reflect"), kernel, bias)), 0)
    np.testing.assert_allclose(y, expected, atol=2e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.integers(1, 3))
def test_a_convolution_of_the_enlarged_picture_without_enlarging_it(height, width, channels, filters):
    """In float64, where nothing is rounded away: the layers one after the other give the same."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, height, width, channels))
    kernel, bias = rng.standard_normal((3, 3, channels, filters)), rng.standard_normal(filters)
    enlarged = naive.pad(x.repeat(2, 1).repeat(2, 2), 1, "reflect")
    y = enlarged_conv(keras.ops.convert_to_tensor(x), kernel, bias)
    np.testing.assert_allclose(numpy(y), naive.conv(enlarged, kernel, bias), atol=1e-10)


def test_upsample_block_equals_its_layers(rng):
    block, x = UpsampleBlock(3, "nearest"), rng.standard_normal((2, 6, 5, 4)).astype("float32")
    y, expected = block(x), x
    for layer in block.chain:
        expected = layer(expected)
    np.testing.assert_allclose(numpy(y), numpy(expected), atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9))
def test_halve_image(height, width):
    x = np.random.default_rng(0).standard_normal((2, height, width, 2)).astype("float32")
    np.testing.assert_allclose(numpy(HalveImage()(x)), naive.halve(x), atol=1e-6)


def test_halve_image_keeps_a_constant():
    np.testing.assert_allclose(numpy(HalveImage()(np.full((1, 7, 10, 1), 0.3, "float32"))), 0.3, rtol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 4, 16]))
def test_pad_to_multiple_reflects_and_crops_back(height, width, multiple):
    x = np.arange(height * width, dtype="float32").reshape(1, height, width, 1)
    y = numpy(pad_to_multiple(keras.ops.convert_to_tensor(x), multiple))
    assert y.shape[1] % multiple == 0 and y.shape[2] % multiple == 0
    assert y.shape[1] - height < multiple and y.shape[2] - width < multiple
    np.testing.assert_array_equal(y[:, :height, :width], x)
    if height > 1 and width > 1:
        missing = [(0, y.shape[1] - height), (0, y.shape[2] - width)]
        np.testing.assert_array_equal(y[0, :, :, 0], np.pad(x[0, :, :, 0], missing, mode="reflect"))


def test_pad_to_multiple_copies_nothing_where_nothing_is_missing():
    """Sizes that are known only when the graph runs: rows are gathered inside of a branch, or not at all."""
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a graph of TensorFlow's")
    pad = tf.function(lambda x: pad_to_multiple(x, 4), input_signature=[tf.TensorSpec((None, None, None, 2))])
    operations = {operation.type for operation in pad.get_concrete_function().graph.get_operations()}
    assert not operations & {"GatherV2", "GatherNd", "MirrorPad"}
    for height, width in ((8, 12), (7, 12), (8, 9), (1, 3)):
        x = np.arange(2 * height * width, dtype="float32").reshape(1, height, width, 2)
        np.testing.assert_array_equal(pad(x), pad_to_multiple(keras.ops.convert_to_tensor(x), 4))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_spectral_norm_keeps_the_stored_kernel_in_float32(rng, precision):
    """Rounded to the narrow type, a kernel would forget all steps that are smaller than its digits."""
    block = ConvBlock(8, 4, norm="spectral", dtype=precision)
    x = rng.standard_normal((1, 8, 8, 3)).astype("float32")
    block(x, training=True)
    kernel = numpy(block.conv.kernel)
    narrow = keras.ops.cast(keras.ops.cast(kernel, block.compute_dtype), "float32")
    assert (kernel != numpy(narrow)).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_small_steps_go_as_far_in_mixed_precision(rng, precision):
    x = rng.standard_normal((1, 8, 8, 3)).astype("float32")
    ends = []
    for dtype in ("float32", precision):
        block = ConvBlock(8, 4, norm="spectral", dtype=dtype)
        block.build(x.shape)
        start = np.random.default_rng(1).standard_normal(block.conv.kernel.shape).astype("float32")
        block.conv.kernel.assign(start)
        for weight in block.weights:
            if "vector_u" in weight.path:
                weight.assign(np.full(weight.shape, 0.1, "float32"))
        for _ in range(20):  # power iterations until the norm is 1
            block(x, training=True)
        before = numpy(block.conv.kernel)
        step = 4e-6 * np.sign(np.random.default_rng(2).standard_normal(start.shape)).astype("float32")
        for _ in range(100):
            block.conv.kernel.assign_add(step)
            block(x, training=True)
        ends.append(np.abs(numpy(block.conv.kernel) - before).mean())
    assert ends[1] == pytest.approx(ends[0], rel=0.02) and ends[0] > 1e-4


@pytest.mark.parametrize("create", [lambda: ResidualBlock(4), lambda: ConvBlock(4, 3, pad=1, norm="spectral")])
def test_rematerialized_blocks_compute_the_same(rng, create):
    block, x = create(), rng.standard_normal((1, 6, 5, 4)).astype("float32")
    expected = numpy(block(x))
    chain = Chain([block])
    chain.built = True
    rematerialize_blocks(chain, True)
    assert block.rematerialize and not any(getattr(layer, "rematerialize", False) for layer in block.chain)
    np.testing.assert_array_equal(numpy(block(x)), expected)
    rematerialize_blocks(chain, False)
    assert not block.rematerialize
