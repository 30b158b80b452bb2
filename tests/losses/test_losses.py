"""Losses against arithmetic that a reader can redo, and against loops in NumPy."""

import keras
import numpy as np
import pytest
from descriptors import OfPairs, tiny_features

from hdsynth_tf.losses import (
    ADVERSARIAL_LOSSES,
    DecibelLoss,
    DistanceLoss,
    FeatureMatchingLoss,
    GradientLoss,
    HingeLoss,
    LeastSquaresLoss,
    LogisticLoss,
    PerceptualLoss,
    PyramidLoss,
)
from hdsynth_tf.losses.reconstruction import moved_alike

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def scores(*values):
    """One scale: scores of a batch of two, each value a patch of the first picture; the second has zeros."""
    return np.array([values, [0.0] * len(values)], "float32")[:, None, :, None]


def test_least_squares():
    real, fake = [scores(1.0, 3.0), scores(0.0)], [scores(0.5, 0.5), scores(2.0)]
    loss = LeastSquaresLoss()
    on_real, on_fake = loss.discriminator_terms(real, fake)
    np.testing.assert_allclose(numpy(on_real), [(0 + 4) / 2 + 1, 1 + 1])  # scales are added up, not averaged
    np.testing.assert_allclose(numpy(on_fake), [0.25 + 4, 0])
    np.testing.assert_allclose(numpy(loss.generator_term(fake)), [0.25 + 1, 1 + 1])


def test_hinge():
    on_real, on_fake = HingeLoss().discriminator_terms([scores(0.5, 2.0)], [scores(-3.0, 0.5)])
    np.testing.assert_allclose(numpy(on_real), [(0.5 + 0) / 2, 1])
    np.testing.assert_allclose(numpy(on_fake), [(0 + 1.5) / 2, 1])
    np.testing.assert_allclose(numpy(HingeLoss().generator_term([scores(-3.0, 0.5)])), [1.25, 0])


def test_logistic_is_binary_cross_entropy_on_logits(rng):
    real, fake = (
        rng.standard_normal((2, 4, 5, 1)).astype("float32"),
        rng.standard_normal((2, 4, 5, 1)).astype("float32"),
    )

    def cross_entropy(logits, target):
        p = 1 / (1 + np.exp(-logits.astype("float64")))
        return -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean((1, 2, 3))

    on_real, on_fake = LogisticLoss().discriminator_terms([real], [fake])
    np.testing.assert_allclose(numpy(on_real), cross_entropy(real, 1), rtol=1e-5)
    np.testing.assert_allclose(numpy(on_fake), cross_entropy(fake, 0), rtol=1e-5)
    np.testing.assert_allclose(numpy(LogisticLoss().generator_term([fake])), cross_entropy(fake, 1), rtol=1e-5)


def test_logistic_is_finite_for_huge_scores():
    on_real, on_fake = LogisticLoss().discriminator_terms([scores(-1e6)], [scores(1e6)])
    assert np.isfinite(numpy(on_real)).all() and np.isfinite(numpy(on_fake)).all()


def activations(rng, scales=2, layers=3):
    """`layers` activations and the scores for each scale, in a batch of three."""
    return [
        [rng.standard_normal((3, 8 // 2**k, 6, 2 + i)).astype("float32") for i in range(layers + 1)]
        for k in range(scales)
    ]


@pytest.mark.parametrize("layers", [3, 4, 5])  # num_layers 2, 3, 4 of the discriminator
def test_feature_matching_has_the_released_factors(rng, layers):
    real, fake = activations(rng, 2, layers), activations(rng, 2, layers)
    expected = np.zeros(3)
    for k in range(2):
        for i in range(layers):
            expected += 0.5 * 4 / layers * np.abs(real[k][i] - fake[k][i]).mean((1, 2, 3))
    np.testing.assert_allclose(numpy(FeatureMatchingLoss().call(real, fake)), expected, rtol=1e-5)


def test_relative_feature_matching_does_not_depend_on_magnitude(rng):
    real, fake = activations(rng), activations(rng)
    scaled = [[[10**i * a for i, a in enumerate(scale)] for scale in both] for both in (real, fake)]
    loss = FeatureMatchingLoss(relative=True)
    np.testing.assert_allclose(numpy(loss.call(*scaled)), numpy(loss.call(real, fake)), rtol=1e-4)
    expected = sum(
        0.5 * 4 / 3 * np.abs(a - b).mean((1, 2, 3)) / np.abs(a).mean((1, 2, 3))
        for r, f in zip(real, fake)
        for a, b in list(zip(r, f))[:-1]
    )
    np.testing.assert_allclose(numpy(loss.call(real, fake)), expected, rtol=1e-4)


def test_feature_matching_refuses_different_structures(rng):
    with pytest.raises(ValueError, match=r"Received: \[4, 4\] and \[4\]"):
        FeatureMatchingLoss().call(activations(rng), activations(rng)[:1])


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_pyramid(rng, levels):
    real, fake = (rng.uniform(-1, 1, (2, 16, 32, 3)).astype("float32") for _ in range(2))
    expected, a, b = np.zeros(2), real, fake
    for _ in range(levels):
        expected += np.abs(a - b).mean((1, 2, 3)) / levels
        a, b = (x.reshape(2, x.shape[1] // 2, 2, x.shape[2] // 2, 2, 3).mean((2, 4)) for x in (a, b))
    np.testing.assert_allclose(numpy(PyramidLoss(levels).call(real, fake)), expected, rtol=1e-5)


def test_decibels(rng):
    """Where the floor is small, the loss falls by as much as PSNR rises."""
    real, fake = (rng.uniform(-1, 1, (2, 16, 32, 3)).astype("float32") for _ in range(2))
    decibels = 10 * np.log10(4 / ((real - fake) ** 2).mean((1, 2, 3)))  # the peak is 2
    expected = np.log(4) - decibels * np.log(10) / 10
    np.testing.assert_allclose(numpy(DecibelLoss(floor=0.0).call(real, fake)), expected, rtol=1e-5)
    np.testing.assert_allclose(numpy(DecibelLoss(0.05).call(real, real)), np.log(0.05), rtol=1e-5)


def gradient_length(image):
    grey = image.mean(-1)
    down, across = grey[:, 1:, :-1] - grey[:, :-1, :-1], grey[:, :-1, 1:] - grey[:, :-1, :-1]
    return np.sqrt(down**2 + across**2 + 1e-6)


def test_gradient(rng):
    real, fake = (rng.uniform(-1, 1, (2, 17, 33, 3)).astype("float32") for _ in range(2))
    expected = [naive_disagreement(*pair) for pair in zip(gradient_length(real), gradient_length(fake))]
    np.testing.assert_allclose(numpy(GradientLoss(1, (1, 4)).call(real, fake)), expected, rtol=1e-3)

    large = [np.repeat(np.repeat(x, 2, 1), 2, 2) for x in (real, fake)]  # half of them is what they were
    first = numpy(GradientLoss(1, (1, 4)).call(*large))
    np.testing.assert_allclose(numpy(GradientLoss(2, (1, 4)).call(*large)), (first + expected) / 2, rtol=1e-3)


def naive_disagreement(real, fake):
    """Of maps of 16x32, with squares of 1 and 4."""
    total = np.log(fake.mean() / real.mean()) ** 2
    for a, b in ((real, fake), [x.reshape(4, 4, 8, 4).mean((1, 3)) for x in (real, fake)]):
        total += (1 - np.corrcoef(a.ravel(), b.ravel())[0, 1]) / 2
    return total


def test_gradient_of_pictures_smaller_than_a_square(rng):
    real, fake = (rng.uniform(-1, 1, (2, 9, 21, 3)).astype("float32") for _ in range(2))
    assert np.isfinite(numpy(GradientLoss(squares=(16,)).call(real, fake))).all()


def test_gradient_of_pictures_too_small_to_be_halved_so_often(rng):
    real = rng.uniform(-1, 1, (1, 7, 20, 3)).astype("float32")
    assert np.isfinite(numpy(GradientLoss(2).call(real, 0.5 * real))).all()
    assert np.isfinite(numpy(GradientLoss(3).call(real[:, [*range(7), 0]], 0 * real[:, [*range(7), 0]]))).all()
    with pytest.raises(ValueError, match=r"8 pixels .* 7 x 20"):
        GradientLoss(3).call(real, 0.5 * real)


def test_gradient_asks_for_no_sign_and_no_light(rng):
    real = rng.uniform(-0.5, 0.5, (2, 96, 128, 3)).astype("float32")
    assert numpy(GradientLoss().call(real, 0.4 - real)).max() < 1e-5
    assert numpy(GradientLoss().call(real, 0.5 * real)).max() == pytest.approx(np.log(2) ** 2, rel=0.02)
    assert numpy(GradientLoss().call(real, 0 * real)).min() > 1


def test_gradient_is_not_content_with_a_weave(rng):
    """As much gradient as there is, all of it from pixel to pixel: it is gone at half the size."""
    real = np.repeat(np.repeat(rng.uniform(-1, 1, (1, 16, 16, 3)), 4, 1), 4, 2).astype("float32")
    weave = 0.2 * (-1.0) ** np.add.outer(np.arange(64), np.arange(64))[None, ..., None] * np.ones((1, 64, 64, 3))
    one, three = (numpy(GradientLoss(levels).call(real, weave.astype("float32")))[0] for levels in (1, 3))
    assert three > one + 5


def test_pyramids_of_earlier_versions_are_read():
    old = {"registered_name": "hdsynth_tf>PyramidL1Loss", "class_name": "PyramidL1Loss", "module": "gone.losses"}
    loss = keras.saving.deserialize_keras_object({**old, "config": {"num_levels": 3, "name": "l1"}})
    assert isinstance(loss, PyramidLoss) and loss.num_levels == 3


def test_perceptual(rng):
    extractor = tiny_features()
    real, fake = (rng.uniform(-1, 1, (2, 9, 9, 3)).astype("float32") for _ in range(2))
    a, b = ([numpy(f) for f in extractor(x)] for x in (real, fake))
    plain = sum(w * np.abs(x - y).mean((1, 2, 3)) for w, x, y in zip((0.5, 2.0), a, b))
    np.testing.assert_allclose(
        numpy(PerceptualLoss(extractor, (0.5, 2.0), relative=False).call(real, fake)), plain, rtol=1e-4
    )
    with pytest.raises(ValueError, match="one weight for each of the 2 features"):
        PerceptualLoss(extractor).call(real, fake)


def test_images_are_moved_alike_by_what_the_real_ones_border_tells(rng):
    real, fake = (rng.integers(0, 256, (12, 9, 11, 3)).astype("float32") / 127.5 - 1 for _ in range(2))
    moved = [numpy(image) for image in moved_alike(real, fake, 4)]
    offsets = set()
    for a, b, *cut in zip(real, fake, *moved, strict=True):
        top = int(np.round((a[:, 0] + 1) * 127.5).sum()) % 4
        left = int(np.round((a[top : top + 6][0] + 1) * 127.5).sum()) % 4
        offsets |= {("top", top), ("left", left)}
        for image, expected in zip(cut, (a, b), strict=True):
            np.testing.assert_array_equal(image, expected[top : top + 6, left : left + 8])
    assert len(offsets) > 5
    assert moved_alike(real, fake, 1)[1] is fake
    alone = moved_alike(real[3:4], fake[3:4], 4)
    np.testing.assert_array_equal(numpy(alone[1])[0], moved[1][3])


def test_distance_is_the_networks_and_its_gradient_reaches_the_fake_image_alone(rng):
    network = tiny_features()
    real, fake = (rng.uniform(-1, 1, (2, 9, 9, 3)).astype("float32") for _ in range(2))
    a, b = (numpy(network(x)[-1]) for x in (real, fake))
    loss = DistanceLoss(OfPairs(network))
    np.testing.assert_allclose(numpy(loss.call(real, fake)), np.abs(a - b).mean((1, 2, 3)), rtol=1e-5)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        images = [tf.constant(real), tf.constant(fake)]
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(loss.call(*images))
        of_real, of_fake = tape.gradient(value, images)
        assert of_real is None and np.abs(of_fake).max() > 0


def test_losses_of_a_batch_are_those_of_its_pictures(rng):
    """What makes training the same however a batch is spread over devices."""
    real, fake = activations(rng), activations(rng)
    images = [rng.uniform(-1, 1, (3, 16, 16, 3)).astype("float32") for _ in range(2)]
    for relative in (False, True):
        loss = FeatureMatchingLoss(relative)
        alone = [numpy(loss.call(cut(real, i), cut(fake, i)))[0] for i in range(3)]
        np.testing.assert_allclose(numpy(loss.call(real, fake)), alone, rtol=1e-5)
    for loss in (PyramidLoss(2), PerceptualLoss(tiny_features(), (1, 1))):
        alone = [numpy(loss.call(*(image[i : i + 1] for image in images)))[0] for i in range(3)]
        np.testing.assert_allclose(numpy(loss.call(*images)), alone, rtol=1e-5)
    for loss in ADVERSARIAL_LOSSES.values():
        lists = [[scale[-1] for scale in both] for both in (real, fake)]
        whole = numpy(loss().discriminator_terms(*lists)[0])
        alone = [
            numpy(loss().discriminator_terms(*[[s[i : i + 1] for s in one] for one in lists])[0])[0] for i in range(3)
        ]
        np.testing.assert_allclose(whole, alone, rtol=1e-5)


def cut(scales, i):
    return [[a[i : i + 1] for a in scale] for scale in scales]


def test_losses_are_zero_at_their_optimum(rng):
    real = activations(rng)
    image = rng.uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    assert numpy(FeatureMatchingLoss().call(real, real)).max() == 0
    assert numpy(PyramidLoss(3).call(image, image)).max() == 0
    assert numpy(PerceptualLoss(tiny_features(), (1, 1)).call(image, image)).max() == 0


def test_no_gradient_flows_into_what_is_real(rng):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow's tape")
    import tensorflow as tf

    real, fake = (
        tf.constant(rng.standard_normal((1, 4, 4, 2)), tf.float32),
        tf.constant(rng.standard_normal((1, 4, 4, 2)), tf.float32),
    )
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = tf.reduce_sum(FeatureMatchingLoss(relative=True).call([[real, real]], [[fake, fake]]))
    into_real, into_fake = tape.gradient(loss, [real, fake])
    assert into_real is None and np.abs(into_fake).max() > 0
