"""The loss of a discriminator that knows the classes, against arithmetic and loops."""

import math

import keras
import naive
import numpy as np
import pytest

from hdsynth_tf.losses import SegmentationLoss
from hdsynth_tf.losses.segmentation import class_weights

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
NUM_CLASSES = 4


def scene(rng, batch=2, height=5, width=6, none_share=0.2):
    """Labels, NUM_CLASSES where there is none, and the same one-hot; class 3 is nowhere."""
    labels = rng.choice([0, 1, 2, NUM_CLASSES], (batch, height, width), p=[0.6, 0.15, 0.25 - none_share, none_share])
    return labels, naive.one_hot(labels, NUM_CLASSES).astype("float32")


def scores(rng, labels):
    return (3 * rng.standard_normal((*labels.shape, NUM_CLASSES + 1))).astype("float32")


def cross_entropy(logits, target):
    return -(logits[target] - math.log(sum(math.exp(logit) for logit in logits)))


def weights_by_loop(labels):
    found = [int((labels == label).sum()) for label in range(NUM_CLASSES)]
    there = sum(count > 0 for count in found)
    return [labels.size / (there * count) if count else 0.0 for count in found]


def balanced_by_loop(logits, labels):
    weights, total = weights_by_loop(labels), np.zeros(len(labels))
    for place in np.ndindex(labels.shape):
        if labels[place] < NUM_CLASSES:
            label = labels[place]
            total[place[0]] += weights[label] * cross_entropy(logits[place].astype("float64"), label + 1)
    return total / labels[0].size


def test_weights_against_a_loop(rng):
    labels, classes = scene(rng)
    np.testing.assert_allclose(numpy(class_weights(classes)), weights_by_loop(labels), rtol=1e-6)


def test_weights_of_pixels_have_the_mean_one(rng):
    labels, classes = scene(rng)
    weights = numpy(class_weights(classes))
    assert weights[3] == 0  # a class that is nowhere
    of_pixels = np.append(weights, 0)[labels]
    assert of_pixels.mean() == pytest.approx(1, rel=1e-6)
    assert (of_pixels[labels == NUM_CLASSES] == 0).all() and (of_pixels[labels < NUM_CLASSES] > 0).all()
    shares = [of_pixels[labels == label].sum() for label in range(3)]
    np.testing.assert_allclose(shares, labels.size / 3, rtol=1e-5)  # every class counts alike


def test_terms_against_loops(rng):
    labels, classes = scene(rng)
    real, fake, mix = (scores(rng, labels) for _ in range(3))
    mask = rng.integers(0, 2, (*labels.shape, 1)).astype("float32")
    on_real, on_fake, on_mix = SegmentationLoss().discriminator_terms([real], [fake], mix, classes, mask)
    np.testing.assert_allclose(numpy(on_real), balanced_by_loop(real, labels), rtol=1e-5)
    expected = np.zeros((2, len(labels)))
    for place in np.ndindex(labels.shape):
        expected[0, place[0]] += cross_entropy(fake[place].astype("float64"), 0)
        for channel in range(NUM_CLASSES + 1):
            source = real if mask[place][0] else fake
            expected[1, place[0]] += (mix[place][channel] - source[place][channel]) ** 2 / (NUM_CLASSES + 1)
    np.testing.assert_allclose(numpy(on_fake), expected[0] / labels[0].size, rtol=1e-5)
    np.testing.assert_allclose(numpy(on_mix), expected[1] / labels[0].size, rtol=1e-5)
    of_generator = SegmentationLoss().generator_term([fake], mix=mix, classes=classes, mask=mask)
    np.testing.assert_allclose(numpy(of_generator), balanced_by_loop(fake, labels), rtol=1e-5)


def test_fake_is_the_first_class_and_real_ones_follow():
    labels = np.array([[[0, 1], [2, 3]]])
    classes = naive.one_hot(labels, NUM_CLASSES).astype("float32")
    right = 50 * np.eye(NUM_CLASSES + 1, dtype="float32")[labels + 1]
    fake = 50 * np.eye(NUM_CLASSES + 1, dtype="float32")[np.zeros_like(labels)]
    loss, rest = SegmentationLoss(), (fake, classes, np.zeros((1, 2, 2, 1), "float32"))
    np.testing.assert_allclose(
        [numpy(term)[0] for term in loss.discriminator_terms([right], [fake], *rest)], 0, atol=1e-6
    )
    wrong = loss.discriminator_terms([fake], [right], *rest)
    np.testing.assert_allclose([numpy(term)[0] for term in wrong[:2]], 50, rtol=1e-5)
    assert numpy(loss.generator_term([right], classes=classes))[0] == pytest.approx(0, abs=1e-6)


def test_of_scores_of_zero_it_is_the_logarithm_of_the_classes(rng):
    labels, classes = scene(rng)
    zeros = np.zeros((*labels.shape, NUM_CLASSES + 1), "float32")
    mask = np.ones((*labels.shape, 1), "float32")
    on_real, on_fake, on_mix = SegmentationLoss().discriminator_terms([zeros], [zeros], zeros, classes, mask)
    assert numpy(on_real).mean() == pytest.approx(math.log(NUM_CLASSES + 1), rel=1e-5)
    np.testing.assert_allclose(numpy(on_fake), math.log(NUM_CLASSES + 1), rtol=1e-6)
    assert not numpy(on_mix).any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_mixture_of_one_image_costs_nothing(value, rng):
    labels, classes = scene(rng)
    real, fake = scores(rng, labels), scores(rng, labels)
    mask = np.full((*labels.shape, 1), value, "float32")
    terms = SegmentationLoss().discriminator_terms([real], [fake], real if value else fake, classes, mask)
    assert not numpy(terms[2]).any()


def test_pixels_of_no_class_alone_cost_nothing():
    zeros = np.zeros((1, 2, 2, NUM_CLASSES + 1), "float32")
    value = numpy(SegmentationLoss().generator_term([zeros], classes=zeros[..., 1:]))
    assert value.tolist() == [0]


def test_its_terms_have_names_and_weights():
    assert SegmentationLoss(5.0).discriminator_weights == {
        "discriminator_real": 1.0,
        "discriminator_fake": 1.0,
        "discriminator_mix": 5.0,
    }
