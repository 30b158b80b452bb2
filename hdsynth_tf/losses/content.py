"""The loss of cascaded refinement networks: pictures compared by themselves and by VGG features, layer by layer."""

import keras
from keras import ops

from hdsynth_tf.losses.adversarial import PACKAGE
from hdsynth_tf.networks.precision import widen

FIRST_SCALES = (1.0, 1.0, 1.0, 1.0, 1.0, 0.1)  # the authors' before they measured any, of the picture and five layers
SCALES_256P = (1.0, 1.6, 2.3, 1.8, 2.8, 0.08)  # theirs after 100 epochs at 256x512
SCALES_512P = (1.0, 2.6, 4.8, 3.7, 5.6, 0.15)  # theirs at 512x1024 and 1024x2048
SMALLEST_SCALE = 1e-3  # of those that are measured
SHARE_OF_ALL = 0.001  # of the mean over all images, beside that of the best: none is left without a gradient


@keras.saving.register_keras_serializable(package=PACKAGE)
class ContentLoss(keras.losses.Loss):
    """Distance of pictures and of their VGG features, `sum_l mean|F_l(real) - F_l(fake)| / s_l`, F_0 the picture.

    The scales `s_l` make every layer count alike. They are the distances to be expected of each layer, relative to the
    picture's: the authors measured them after 100 epochs, see `scales_from`.

    There may be several fake images of one input, one behind the other in the channels. Then they count alike; or, with
    `by_class`, only the best of them for each class of the label map: the others are free to look otherwise.

    Args:
        feature_extractor: `keras.Model`, image `(batch, height, width, channels)` float32 in [-1, 1] -> list of
            features: the picture, features of its size, and others, each of half the size of those before, such as
            `VGG19Features(taps=SECOND_TAPS, average_pooling=True, with_input=True)`.
        scales: Floats, one for each feature. Defaults to the authors' for 256x512 pixels and Keras' weights of VGG19.
        by_class: Boolean, see above. Pixels of no class count as a class of their own.

    Call arguments:
        y_true: Real images `(batch, height, width, channels)`; with `by_class` a pair of them and the one-hot label
            map `(batch, height, width, classes)`.
        y_pred: Fake images `(batch, height, width, count * channels)`.

    Raises:
        ValueError: If the number of scales is not the number of features.

    Reference:
        - [Chen and Koltun, 2017](https://arxiv.org/abs/1707.09405), equations 1 and 4
    """

    def __init__(self, feature_extractor, scales=SCALES_256P, by_class=False, name="content", **kwargs):
        super().__init__(name=name, **kwargs)
        self.feature_extractor = feature_extractor
        self.scales = tuple(scales)
        self.by_class = by_class

    def call(self, y_true, y_pred):
        real, classes = y_true if self.by_class else (y_true, None)
        differences = self._differences(real, y_pred)
        if len(self.scales) != len(differences):
            raise ValueError(
                f"`scales` should have one number for each of the {len(differences)} features. "
                f"Received: scales={self.scales}"
            )
        scaled = [difference / scale for difference, scale in zip(differences, self.scales)]
        return _best_of_each_class(scaled, classes) if self.by_class else sum(map(_mean, scaled))

    def distances(self, real, fake):
        """Mean distance of each layer, not scaled: list of `(batch,)`. `real`, `fake`: images, see above."""
        return [_mean(difference) for difference in self._differences(real, fake)]

    def _differences(self, real, fake):
        """Of each layer `(batch, count, height, width)` float32: means over the channels."""
        real, fake = ops.stop_gradient(ops.convert_to_tensor(real)), ops.convert_to_tensor(fake)
        batch, height, width, channels = ops.shape(real)
        count = fake.shape[-1] // real.shape[-1]
        apart = ops.transpose(ops.reshape(fake, (batch, height, width, count, channels)), (0, 3, 1, 2, 4))
        pairs = zip(
            self.feature_extractor(real),
            self.feature_extractor(ops.reshape(apart, (batch * count, height, width, channels))),
        )
        return [_difference(a, ops.reshape(b, (batch, count, *ops.shape(b)[1:]))) for a, b in pairs]

    def get_config(self):
        return {
            **super().get_config(),
            "feature_extractor": keras.saving.serialize_keras_object(self.feature_extractor),
            "scales": self.scales,
            "by_class": self.by_class,
        }

    @classmethod
    def from_config(cls, config):
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})


def scales_from(distances):
    """Scales with which every layer counts as much as the first. `distances`: the mean distance of each layer.

    A layer in which there is next to no difference gets the smallest scale, and no endless weight.
    """
    return tuple(max(float(distance / distances[0]), SMALLEST_SCALE) for distance in distances)


def _difference(real, fake):
    """Taken in the features' own dtype, where close numbers lose nothing; means are float32."""
    return ops.mean(widen(ops.abs(fake - real[:, None])), axis=-1)


def _mean(differences):
    return ops.mean(differences, axis=(1, 2, 3))


def _best_of_each_class(differences, classes):
    """The sum over classes of what the best image for each costs there, `(batch,)`.

    Args:
        differences: Of each layer `(batch, count, height, width)`.
        classes: One-hot `(batch, height, width, classes)`.
    """
    masks = widen(classes)
    masks = ops.concatenate([masks, 1 - ops.sum(masks, axis=-1, keepdims=True)], axis=-1)
    costs = 0.0  # (batch, count, classes)
    for layer, difference in enumerate(differences):
        if layer > 1:
            masks = ops.average_pool(masks, 2, 2, "valid")
        pixels = ops.cast(ops.shape(difference)[2] * ops.shape(difference)[3], difference.dtype)
        costs = costs + ops.einsum("nihw,nhwc->nic", difference, masks) / pixels
    best, mean = ops.sum(ops.min(costs, axis=1), axis=-1), ops.sum(ops.mean(costs, axis=1), axis=-1)
    return (1 - SHARE_OF_ALL) * best + SHARE_OF_ALL * mean
