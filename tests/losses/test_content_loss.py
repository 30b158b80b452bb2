"""The loss of cascaded refinement networks against loops in NumPy."""

import keras
import numpy as np
import pytest

from hdsynth_tf.losses.content import ContentLoss, scales_from
from hdsynth_tf.pretrained.vgg16 import SECOND_TAPS, VGG16Features

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
SCALES = (1.0, 2.0, 0.5)


@keras.saving.register_keras_serializable(package="tests")
class Pooled(keras.Model):
    """The picture, the same twice as large in value, and its means of 2x2 pixels."""

    def call(self, image):
        return [image, 2 * image, keras.ops.average_pool(image, 2, 2, "valid")]


def pooled(image):
    batch, height, width, channels = image.shape
    halves = image.reshape(batch, height // 2, 2, width // 2, 2, channels).mean((2, 4))
    return [image, 2 * image, halves]


def test_every_layer_is_divided_by_its_scale(rng):
    real, fake = rng.uniform(-1, 1, (2, 2, 4, 6, 3)).astype("float32")
    expected = sum(np.abs(a - b).mean((1, 2, 3)) / s for a, b, s in zip(pooled(real), pooled(fake), SCALES))
    np.testing.assert_allclose(numpy(ContentLoss(Pooled(), SCALES).call(real, fake)), expected, rtol=1e-5)
    distances = [float(numpy(d).mean()) for d in ContentLoss(Pooled(), SCALES).distances(real, fake)]
    assert scales_from(distances)[:2] == pytest.approx((1, 2))


def test_of_many_images_the_best_of_each_class_counts(rng):
    real = rng.uniform(-1, 1, (2, 4, 6, 3)).astype("float32")
    fakes = rng.uniform(-1, 1, (3, 2, 4, 6, 3)).astype("float32")
    labels = rng.integers(0, 3, (2, 4, 6))  # 2 is no class
    masks = np.eye(3, dtype="float32")[labels]
    costs = np.zeros((3, 2, 3))
    for number, fake in enumerate(fakes):
        for a, b, mask, scale in zip(pooled(real), pooled(fake), (masks, masks, pooled(masks)[2]), SCALES):
            costs[number] += (mask * np.abs(a - b).mean(-1, keepdims=True)).mean((1, 2)) / scale
    expected = 0.999 * costs.min(0).sum(-1) + 0.001 * costs.mean(0).sum(-1)
    together = np.concatenate(list(fakes), -1)
    loss = ContentLoss(Pooled(), SCALES, by_class=True)
    np.testing.assert_allclose(numpy(loss.call((real, masks[..., :2]), together)), expected, rtol=1e-5)
    alike = numpy(ContentLoss(Pooled(), SCALES).call(real, together))
    one = [numpy(ContentLoss(Pooled(), SCALES).call(real, fake)) for fake in fakes]
    np.testing.assert_allclose(alike, np.mean(one, 0), rtol=1e-5)


def test_of_one_image_classes_make_no_difference(rng):
    real, fake = rng.uniform(-1, 1, (2, 2, 4, 6, 3)).astype("float32")
    masks = np.eye(3, dtype="float32")[rng.integers(0, 3, (2, 4, 6))]
    plain = ContentLoss(Pooled(), SCALES).call(real, fake)
    by_class = ContentLoss(Pooled(), SCALES, by_class=True).call((real, masks), fake)
    np.testing.assert_allclose(numpy(plain), numpy(by_class), rtol=1e-5)


def test_another_number_of_scales_is_refused(rng):
    image = rng.uniform(-1, 1, (1, 4, 6, 3)).astype("float32")
    with pytest.raises(ValueError, match=r"3 features.*\(1\.0, 2\.0\)"):
        ContentLoss(Pooled(), (1.0, 2.0)).call(image, image)


def test_features_begin_with_the_networks_input_and_are_pooled_by_the_mean(rng):
    image = rng.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    chain = VGG16Features("random", SECOND_TAPS, average_pooling=True, with_input=True)
    first, *others = chain(image)
    np.testing.assert_allclose(numpy(first), numpy(chain.to_vgg_input(image)))
    assert [tuple(x.shape[1:3]) for x in others] == [(32, 32), (16, 16), (8, 8), (4, 4), (2, 2)]
    assert {type(layer).__name__ for part in chain.slices for layer in part.chain} == {"Conv2D", "AveragePooling2D"}
    assert chain.from_config(chain.get_config()).get_config() == chain.get_config()
