"""Cascaded refinement: sizes, counts, the parts that no other network has."""

import keras
import numpy as np
import pytest

from hdsynth_tf.networks import RefinementGenerator
from hdsynth_tf.networks.layers import rematerialize_blocks
from hdsynth_tf.networks.normalization import LayerNormalization
from hdsynth_tf.networks.refinement import FILTERS_256P, FILTERS_1024P, enlarge, halve

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def count(filters, channels=20):
    network = RefinementGenerator(filters, kernel_initializer="zeros")
    network.build((None, None, None, channels))
    return network.count_params()


def test_parameter_counts_of_the_authors_networks():
    """Of 19 classes and none, as the authors define them; two convolutions, two scales and two offsets a module."""
    assert count(FILTERS_256P) == 97_863_171
    assert count(FILTERS_1024P) == 98_674_531
    assert len(FILTERS_256P) == 7 and len(FILTERS_1024P) == 9  # from 4x8 up


@pytest.mark.parametrize("height, width", [(1, 1), (2, 5), (7, 4)])
def test_enlargement_keeps_the_corners_and_is_straight_between(rng, height, width):
    x = rng.standard_normal((2, height, width, 3)).astype("float32")
    rows = np.interp(np.linspace(0, height - 1, 2 * height), np.arange(height), np.arange(height))
    columns = np.linspace(0, width - 1, 2 * width)
    lower = np.minimum(rows.astype(int) + 1, height - 1)
    share = (rows - rows.astype(int))[None, :, None, None]
    tall = x[:, rows.astype(int)] * (1 - share) + x[:, lower] * share
    left, right = columns.astype(int), np.minimum(columns.astype(int) + 1, width - 1)
    share = (columns - left)[None, None, :, None]
    expected = tall[:, :, left] * (1 - share) + tall[:, :, right] * share
    np.testing.assert_allclose(numpy(enlarge(keras.ops.convert_to_tensor(x))), expected, atol=1e-5)


def test_the_label_map_is_averaged_by_area():
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(numpy(halve(keras.ops.convert_to_tensor(x)))[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]])


def test_layer_normalization_is_of_the_whole_sample_with_a_scale_for_each_channel(rng):
    x = (5 + 3 * rng.standard_normal((2, 6, 8, 4))).astype("float32")
    layer = LayerNormalization()
    layer.build(x.shape)
    layer.set_weights([np.arange(4), np.array([0, 0, 0, 7])])
    standard = (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(numpy(layer(x)), standard * np.arange(4) + [0, 0, 0, 7], atol=1e-4)


def test_the_label_map_reaches_every_module(rng):
    """A pixel of the input changes features at the smallest size and at the full one."""
    network = RefinementGenerator((4, 4, 4))
    x = rng.uniform(0, 1, (1, 8, 16, 5)).astype("float32")
    seen = []
    network(x)
    for module in network.refinements:
        forward = module.forward
        module.forward = lambda y, forward=forward: (seen.append(tuple(y.shape)), forward(y))[1]
    network(x)
    assert seen == [(1, 2, 4, 5), (1, 4, 8, 9), (1, 8, 16, 9)]


def test_of_many_images_one_is_chosen_for_each_sample(rng):
    network = RefinementGenerator((6, 4), num_images=3)
    x = rng.uniform(0, 1, (2, 6, 7, 5)).astype("float32")
    every = numpy(network(x, training=True))
    assert every.shape == (2, 6, 7, 9)
    chosen = numpy(network(x, choice=np.array([2, 1])))
    for sample, number in enumerate((2, 1)):
        expected = np.clip(every[sample, ..., 3 * number : 3 * number + 3], -1, 1)
        np.testing.assert_allclose(chosen[sample], expected, atol=1e-6)
    np.testing.assert_allclose(numpy(network(x)), np.clip(every[..., :3], -1, 1), atol=1e-6)


def test_the_image_is_linear_in_training_and_clipped_afterwards(rng):
    network = RefinementGenerator((4, 4))
    x = rng.uniform(0, 1, (1, 8, 8, 3)).astype("float32")
    network(x)
    network.head.bias.assign([2.0, -3.0, 0.0])
    assert np.abs(numpy(network(x, training=True))).max() > 1.5
    assert np.abs(numpy(network(x))).max() == 1


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are taken by TensorFlow's tape")
def test_rematerialized_modules_give_the_same_gradients(rng):
    import tensorflow as tf

    network, gradients = RefinementGenerator((6, 4)), []
    x = rng.uniform(0, 1, (1, 8, 8, 3)).astype("float32")
    network(x)
    for rematerialize in (False, True):
        rematerialize_blocks(network, rematerialize)
        assert all(module.rematerialize == rematerialize for module in network.refinements)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network(x, training=True) ** 2)
        gradients.append(tape.gradient(loss, network.trainable_variables))
    for plain, again in zip(*gradients, strict=True):
        np.testing.assert_allclose(again, plain, rtol=1e-4, atol=1e-7)
