"""The discriminator that knows the classes: its size, its parts against loops, windows, masks, one kernel for all."""

import keras
import naive
import numpy as np
import pytest

from hdsynth_tf.networks import SegmentationDiscriminator, segmentation_discriminator
from hdsynth_tf.networks.layers import enlarged_conv, rematerialize_blocks
from hdsynth_tf.networks.segmentation_discriminator import (
    DoublingBlock,
    HalvingBlock,
    class_mask,
    halved_conv,
    random_window,
)

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def mean_of_four(x):
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).mean((2, 4))


def enlarge(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def conv(x, layer):
    kernel, bias = (numpy(weight).astype("float64") for weight in (layer.kernel, layer.bias))
    return naive.conv(naive.pad(x, kernel.shape[0] // 2, "zero"), kernel, bias)


def halving(x, block):
    """A block on the way down, in the order that the paper has it."""
    y = conv(leaky(x) if block.activates_input else x, block.first)
    y = conv(leaky(y), block.second)
    return mean_of_four(y + (x if block.shortcut is None else conv(x, block.shortcut)))


def doubling(x, block):
    """A block on the way up: everything after the enlargement."""
    x = enlarge(x)
    y = conv(leaky(conv(leaky(x), block.first)), block.second)
    return y + (x if block.shortcut is None else conv(x, block.shortcut))


def filled(network, rng):
    """The network with weights, biases too, that matter."""
    network.set_weights([0.3 * rng.standard_normal(weight.shape) for weight in network.weights])
    return network


def one_hot_scene(rng, batch=2, height=16, width=24, num_classes=3):
    """Classes of a scene, some pixels of none."""
    labels = rng.integers(0, num_classes + 1, (batch, height, width))
    return naive.one_hot(labels, num_classes).astype("float32")


def scene(rng, **size):
    classes = one_hot_scene(rng, **size)
    images = rng.uniform(-1, 1, (2, *classes.shape[:3], 3)).astype("float32")
    semantic_input = np.concatenate([classes, rng.uniform(-1, 1, (*classes.shape[:3], 2))], -1).astype("float32")
    return semantic_input, *images


# === Parts ===


def test_parameters_are_the_papers():
    network = SegmentationDiscriminator(35, kernel_initializer="zeros")
    network.build((None, None, None, 3))
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_variables) == 22_251_364


def test_widths_follow_the_number_of_filters_and_halvings():
    network = SegmentationDiscriminator(35, 16, 6)
    assert [block.filters for block in network.downs] == [32, 32, 64, 64, 128, 128]
    assert [block.filters for block in network.ups] == [128, 64, 64, 32, 32, 16]
    network = SegmentationDiscriminator(35, 64, 4)
    assert [block.filters for block in network.downs] == [128, 128, 256, 256]
    assert [block.filters for block in network.ups] == [256, 128, 128, 64]


def test_halved_convolution_is_a_convolution_and_a_mean(rng):
    x, kernel = rng.standard_normal((2, 8, 6, 3)).astype("float32"), rng.standard_normal((3, 3, 3, 4))
    bias = rng.standard_normal(4)
    expected = mean_of_four(naive.conv(naive.pad(x, 1, "zero"), kernel, bias))
    np.testing.assert_allclose(numpy(halved_conv(x, kernel, bias)), expected, atol=1e-5)


def test_enlarged_convolution_pads_with_zeros_too(rng):
    x, kernel = rng.standard_normal((2, 4, 6, 3)).astype("float32"), rng.standard_normal((3, 3, 3, 4))
    bias = rng.standard_normal(4).astype("float32")
    expected = naive.conv(naive.pad(enlarge(x), 1, "zero"), kernel, bias)
    np.testing.assert_allclose(numpy(enlarged_conv(x, kernel, bias, padding="zero")), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [3, 4])  # with a convolution in the shortcut, and without
def test_blocks_against_numpy(channels, rng):
    x = rng.standard_normal((1, 6, 8, channels)).astype("float32")
    for block, plainly in (
        (HalvingBlock(4), halving),
        (HalvingBlock(4, activates_input=False), halving),
        (DoublingBlock(4), doubling),
    ):
        block.build(x.shape)
        filled(block, rng)
        np.testing.assert_allclose(numpy(block(x)), plainly(x, block), atol=1e-4)


def test_network_against_numpy(rng):
    network = SegmentationDiscriminator(4, 2, 3)
    network.build((None, None, None, 3))
    filled(network, rng)
    x = rng.uniform(-1, 1, (1, 16, 24, 3)).astype("float32")
    down = []
    h = x
    for block in network.downs:
        h = halving(h, block)
        down.append(h)
    h = doubling(h, network.ups[0])
    h = doubling(np.concatenate([h, down[1]], -1), network.ups[1])
    h = doubling(np.concatenate([h, down[0]], -1), network.ups[2])
    (scale,) = network(x)
    for activation, expected in zip(scale, [*down, conv(h, network.head)], strict=True):
        np.testing.assert_allclose(numpy(activation), expected, rtol=1e-3, atol=1e-4)


def test_features_see_the_image_and_scores_have_its_size(rng):
    network = SegmentationDiscriminator(4, 2, 2)
    (scale,) = network(rng.uniform(-1, 1, (1, 13, 22, 3)).astype("float32"))
    assert [tuple(activation.shape) for activation in scale] == [(1, 8, 12, 4), (1, 4, 6, 4), (1, 13, 22, 5)]


# === Kernels ===


def norms(network):
    kernels = [numpy(spectral.layer.kernel) for block in (*network.downs, *network.ups) for spectral in block.spectral]
    return [np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) for kernel in kernels]


@pytest.mark.slow
def test_kernels_of_blocks_have_spectral_norm_one(rng):
    network = SegmentationDiscriminator(4, 4, 2)
    image = rng.uniform(-1, 1, (1, 8, 8, 3)).astype("float32")
    network(image)
    before = norms(network), numpy(network.head.kernel)
    for _ in range(60):
        network(image, training=True)
    np.testing.assert_allclose(norms(network), 1, rtol=0.02)
    assert not np.allclose(before[0], 1, rtol=0.02)
    np.testing.assert_array_equal(numpy(network.head.kernel), before[1])


def test_kernels_move_once_in_a_judgement(rng, monkeypatch):
    """Of an image that is its own mixture the scores are the same: all three were judged by the same kernels."""
    network = SegmentationDiscriminator(3, 4, 2)
    for value in (1.0, 0.0):
        ones = value * np.ones((2, 16, 24, 1), "float32")
        monkeypatch.setattr(segmentation_discriminator, "class_mask", lambda classes, seed, ones=ones: ones)
        told = network.judge(*scene(rng), training=True)
        scores = told["real" if value else "fake"][0][-1]
        np.testing.assert_allclose(numpy(told["mix"]), numpy(scores), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are taken by TensorFlow's tape")
def test_rematerialized_blocks_give_the_same_gradients(rng):
    import tensorflow as tf

    network = SegmentationDiscriminator(3, 4, 2)
    image = rng.uniform(-1, 1, (1, 16, 16, 3)).astype("float32")
    network(image)
    start, gradients = network.get_weights(), []
    for rematerialize in (False, True):
        network.set_weights(start)
        rematerialize_blocks(network, rematerialize)
        assert all(block.rematerialize == rematerialize for block in (*network.downs, *network.ups))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(image, training=True)[0][-1] ** 2)
        gradients.append(tape.gradient(loss, network.trainable_variables))
    for plain, again in zip(*gradients):
        np.testing.assert_allclose(again, plain, rtol=1e-4, atol=1e-7)


# === Windows and masks ===


def test_windows_of_several_maps_are_the_same_and_differ_from_draw_to_draw():
    seed = keras.random.SeedGenerator(0)
    places = np.stack(np.meshgrid(np.arange(20), np.arange(30), indexing="ij"), -1)[None].astype("float32")
    corners = set()
    for _ in range(60):
        a, b = (numpy(x) for x in random_window([places, np.tile(places, (2, 1, 1, 2))], (8, 25), seed))
        assert a.shape == (1, 8, 25, 2) and b.shape == (2, 8, 25, 4)
        row, column = a[0, 0, 0].astype(int)
        np.testing.assert_array_equal(a, places[:, row : row + 8, column : column + 25])
        np.testing.assert_array_equal(b[1, ..., 2:], a[0])
        corners.add((row, column))
    rows, columns = zip(*corners)
    assert set(columns) == set(range(6)) and {0, 12} <= set(rows) and max(rows) == 12


@pytest.mark.parametrize("window", [None, (20, 30), (64, 64)])
def test_small_pictures_are_judged_whole(window):
    x = np.zeros((1, 20, 30, 2), "float32")
    assert random_window([x], window, 0)[0] is x


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only its graphs have sizes that are not known")
def test_windows_of_pictures_whose_size_is_not_known():
    import tensorflow as tf

    cut = tf.function(
        lambda x: random_window([x], (8, 25), 0)[0], input_signature=[tf.TensorSpec((None, None, None, 2))]
    )
    assert cut(np.zeros((1, 20, 30, 2))).shape == (1, 8, 25, 2)
    assert cut(np.zeros((3, 6, 30, 2))).shape == (3, 6, 25, 2)


def test_masks_are_constant_in_a_class_and_take_both_values(rng):
    classes = one_hot_scene(rng)
    labels = np.where(classes.any(-1), classes.argmax(-1), 3)
    seed, coins = keras.random.SeedGenerator(0), []
    for _ in range(300):
        mask = numpy(class_mask(classes, seed))
        values = [set(mask[labels == label].ravel().tolist()) for label in range(4)]
        assert all(len(value) == 1 for value in values)
        coins.append([value.pop() for value in values])
    coins = np.array(coins)
    assert set(coins.ravel()) == {0, 1}
    np.testing.assert_allclose(coins.mean(0), 0.5, atol=0.12)  # four standard deviations
    np.testing.assert_allclose(np.corrcoef(coins.T), np.eye(4), atol=0.25)  # no class follows another


def test_mixture_takes_each_pixel_from_one_image(rng, monkeypatch):
    network, seen = SegmentationDiscriminator(3, 2, 2), []
    monkeypatch.setattr(
        SegmentationDiscriminator,
        "__call__",
        lambda self, images, training: seen.append(numpy(images)) or [[images, images]],
    )
    semantic_input, real, fake = scene(rng)
    told = network.judge(semantic_input, real, fake, training=True)
    a, b, mix = np.split(seen[0], 3)
    np.testing.assert_array_equal(a, real)
    np.testing.assert_array_equal(b, fake)
    mask = numpy(told["mask"])
    for place in np.ndindex(*mask.shape[:3]):
        np.testing.assert_array_equal(mix[place], real[place] if mask[place][0] else fake[place])


def test_outside_of_training_nothing_is_random(rng):
    network = SegmentationDiscriminator(3, 2, 2, window=(8, 8))
    batch = scene(rng)
    first, second = (network.judge(*batch) for _ in range(2))
    np.testing.assert_array_equal(numpy(first["mix"]), numpy(second["mix"]))
    assert tuple(first["mix"].shape) == (2, 8, 8, 4) and tuple(first["classes"].shape) == (2, 8, 8, 3)
    masks = [numpy(network.judge(*batch, training=True)["mask"]) for _ in range(8)]
    assert any(not np.array_equal(masks[0], mask) for mask in masks)


# === Coarse to fine ===


def test_grown_it_has_a_copy_of_its_values(rng):
    network = SegmentationDiscriminator(3, 2, 2, window=(16, 16))
    network(rng.uniform(-1, 1, (1, 8, 8, 3)).astype("float32"))
    grown = network.grown()
    assert grown.get_config() | {"name": ""} == network.get_config() | {"name": ""}
    for old, new in zip(network.weights, grown.weights, strict=True):
        assert old is not new
        np.testing.assert_array_equal(numpy(old), numpy(new))
