"""The encoder, its pooling over instances and the style bank, against loops; models that have them."""

import keras
import naive
import numpy as np
import pytest

from hdsynth_tf.networks import FeatureEncoder, InstanceAveragePooling, StyleBank
from hdsynth_tf.networks.styles import style_choices, style_hash

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
LARGE_IDS = np.array([7, 33001, 32767, -5, 2**31 - 1], "int32")


@pytest.mark.parametrize("ids", [LARGE_IDS, LARGE_IDS[:1], 33000 + np.array([-40, 0, 1, 2, 150])])
def test_pooling_is_the_mean_of_each_instance_of_each_sample(rng, ids):
    """Ids that lie close together are counted, others are looked up."""
    x = rng.standard_normal((3, 12, 17, 4)).astype("float32")
    ids = ids.astype("int32")[rng.integers(0, len(ids), (3, 12, 17))]
    np.testing.assert_allclose(numpy(InstanceAveragePooling()(x, ids)), naive.instance_means(x, ids), atol=1e-6)


def test_a_large_instance_loses_no_digits(rng):
    x = (0.9 + 0.1 * rng.standard_normal((1, 1024, 1024, 1))).astype("float32")
    pooled = numpy(InstanceAveragePooling()(x, np.zeros((1, 1024, 1024), "int32")))
    assert abs(pooled[0, 0, 0, 0] - x.mean(dtype="float64")) < 1e-6


def test_the_gradient_of_pooling_spreads_evenly(rng):
    """Against numeric differentiation of a sum of squares, weighted so that pixels of an instance differ."""
    x = rng.standard_normal((2, 3, 4, 2)).astype("float32")
    ids = LARGE_IDS[rng.integers(0, 3, (2, 3, 4))]
    weight = rng.standard_normal(x.shape).astype("float32")

    def loss(x):
        return (weight * naive.instance_means(x, ids) ** 2).sum(dtype="float64")

    expected = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = 1e-4
        expected[index] = (loss(x.astype("float64") + step) - loss(x.astype("float64") - step)) / 2e-4
    np.testing.assert_allclose(gradient(x, ids, weight), expected, atol=1e-4)


def gradient(x, ids, weight):
    """Of the weighted sum of squares, by the backend."""
    pool = InstanceAveragePooling()
    if keras.backend.backend() == "torch":
        x = keras.ops.convert_to_tensor(x).requires_grad_()
        keras.ops.sum(keras.ops.convert_to_tensor(weight) * pool(x, ids) ** 2).backward()
        return x.grad.numpy()
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(weight * pool(x, ids) ** 2)
    return tape.gradient(total, x).numpy()


def test_parameters_of_the_released_encoder():
    encoder = FeatureEncoder()
    encoder.build((None, None, None, 3))
    assert encoder.count_params() == 788_803


def test_features_are_constant_inside_an_instance(rng):
    encoder = FeatureEncoder(3, 4, 2, kernel_initializer="he_normal")
    ids = LARGE_IDS[rng.integers(0, 4, (2, 21, 30))]
    features = numpy(encoder(rng.uniform(-1, 1, (2, 21, 30, 3)).astype("float32"), ids))
    assert features.shape == (2, 21, 30, 3) and np.abs(features).max() < 1
    np.testing.assert_allclose(features, naive.instance_means(features, ids), atol=1e-6)


def naive_hash(instance, label, seed):
    def mix(x):
        for _ in range(2):
            x = ((x ^ (x >> 16)) * 0x45D9F3B) % 2**32
        return x ^ (x >> 16)

    return mix(mix(mix(seed % 2**32 + 0x9E3779B9) ^ label % 2**32) ^ instance % 2**32) % 2**31


def test_a_style_is_a_function_of_instance_class_and_seed(rng):
    ids, labels = LARGE_IDS[rng.integers(0, 5, (2, 6, 7))], rng.integers(-1, 5, (2, 6, 7)).astype("int32")
    seeds = np.array([3, 2**31 - 1], "int32")
    styles = {0: rng.standard_normal((1, 2)), 2: rng.standard_normal((3, 2)), 3: rng.standard_normal((7, 2))}
    bank = StyleBank(4, 2, 7)
    bank.fill(styles)
    features = numpy(bank(labels, ids, seeds))
    for index in np.ndindex(ids.shape):
        label, own = int(labels[index]), styles.get(int(labels[index]))
        expected = 0 if own is None else own[naive_hash(int(ids[index]), label, int(seeds[index[0]])) % len(own)]
        np.testing.assert_allclose(features[index], expected, atol=1e-6)


def test_chosen_styles_win_over_the_seed(rng):
    ids, labels = LARGE_IDS[rng.integers(0, 5, (2, 6, 7))], rng.integers(0, 3, (2, 6, 7)).astype("int32")
    styles = {0: rng.standard_normal((2, 2)), 1: rng.standard_normal((3, 2))}
    bank = StyleBank(3, 2, 3)
    bank.fill(styles)
    choices = style_choices([4, 5], [{33001: 1, -5: 2}, {7: 0}], 2)
    assert choices["chosen_ids"].tolist() == [[33001, -5], [0, 7]]
    by_seed = numpy(bank(labels, ids, choices["seed"]))
    features = numpy(bank(labels, ids, **choices))
    for index in np.ndindex(ids.shape):
        label, choice = int(labels[index]), ({33001: 1, -5: 2}, {7: 0})[index[0]].get(int(ids[index]))
        expected = by_seed[index] if choice is None or label == 2 else styles[label][choice % len(styles[label])]
        np.testing.assert_allclose(features[index], expected, atol=1e-6)
    np.testing.assert_array_equal(numpy(bank(labels, ids, **style_choices([4, 5], None, 2))), by_seed)


def test_styles_are_drawn_evenly_and_seeds_differ():
    ids = np.arange(50_000, dtype="int32").reshape(1, 250, 200)
    labels = np.zeros_like(ids)
    first, second = (numpy(style_hash(ids, labels, np.array([seed]))) % 10 for seed in (1, 2))
    assert np.abs(np.bincount(first.ravel()) / 5000 - 1).max() < 0.05
    assert abs((first == second).mean() - 0.1) < 0.01


def test_the_bank_gives_back_what_it_was_filled_with():
    styles = {1: [[0.5, 0.25]], 3: [[1.0, 2.0], [3.0, 4.0]]}
    bank = StyleBank(4, 2, 3)
    bank.fill({0: [[9.0, 9.0]]})
    bank.fill(styles)
    assert {label: vectors.tolist() for label, vectors in bank.as_dict().items()} == styles


@pytest.mark.parametrize("styles", [{4: [[0, 0]]}, {0: [[0, 0, 0]]}, {0: [[0, 0]] * 4}, {0: np.zeros((0, 2))}])
def test_the_bank_refuses_what_does_not_fit(styles):
    with pytest.raises(ValueError, match=r"1 to 3, 2\) for classes 0 to 3"):
        StyleBank(4, 2, 3).fill(styles)


@pytest.mark.parametrize("size", [(24, 32), (21, 30)])
def test_a_grown_encoder_sees_what_it_saw(rng, size):
    """Features of an image at twice the size are those of the image, on a finer grid."""
    encoder = FeatureEncoder(3, 4, 2, kernel_initializer="he_normal")
    encoder.build((None, None, None, 3))
    image = rng.uniform(-1, 1, (2, *size, 3)).astype("float32")
    ids = LARGE_IDS[rng.integers(0, 4, (2, *size))]
    grown, twice = encoder.grown(), [x.repeat(2, axis=1).repeat(2, axis=2) for x in (image, ids)]
    expected = numpy(encoder(image, ids)).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(numpy(grown(*twice)), expected, atol=1e-5)
    cut = [x[:, :-1, :-3] for x in twice]  # no multiple of two
    assert grown(*cut).shape == (2, 2 * size[0] - 1, 2 * size[1] - 3, 3)
    again = grown.grown()
    assert again.num_halvings == 2 and again.get_config()["num_halvings"] == 2
