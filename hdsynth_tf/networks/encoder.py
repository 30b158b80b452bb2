"""The encoder E: what an object looks like, as a few numbers for each instance."""

import keras
from keras import ops

from hdsynth_tf.networks.generators import RELEASED_INITIALIZER, GlobalGenerator
from hdsynth_tf.networks.layers import PACKAGE
from hdsynth_tf.precision import wide


@keras.saving.register_keras_serializable(package=PACKAGE)
class InstanceAveragePooling(keras.layers.Layer):
    """Replaces every pixel by the mean over all pixels of its sample that have the same id.

    Sums are taken in float64: a road of a million pixels would lose four digits in float32. (On PyTorch Keras takes
    them in float32 all the same.)

    Call arguments:
        x: `(batch, height, width, channels)` float.
        instance_map: `(batch, height, width)` integers; any ids, each sample for itself.

    Returns:
        `(batch, height, width, channels)` float32. The gradient flows through the mean.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.4
    """

    def call(self, x, instance_map):
        shape, channels = ops.shape(x), x.shape[-1]
        ids, index = ops.unique(ops.reshape(instance_map, (-1,)), sorted=False, return_inverse=True)
        count = ops.shape(ids)[0]
        sample = ops.repeat(ops.arange(shape[0], dtype="int32"), shape[1] * shape[2])
        segment = ops.cast(index, "int32") + sample * count
        pixels = ops.cast(ops.reshape(x, (-1, channels)), "float64")
        total = ops.segment_sum(pixels, segment, shape[0] * count)
        size = ops.segment_sum(ops.ones_like(pixels[:, :1]), segment, shape[0] * count)
        mean = ops.cast(total / ops.maximum(size, 1), wide(x.dtype))
        return ops.reshape(ops.take(mean, segment, axis=0), shape)

    def compute_output_shape(self, x_shape, instance_map_shape=None):
        return tuple(x_shape)


@keras.saving.register_keras_serializable(package=PACKAGE)
class FeatureEncoder(keras.Model):
    """E of the paper: an image -> a few features for each pixel, then their mean over each instance.

    A `GlobalGenerator` without residual blocks, whose image is the features. Any height and width go in. The defaults
    are the released code's; they have 788,803 parameters.

    Args:
        feature_channels: Integer, features of an instance.
        num_filters: Integer, channels at full size; they double at each halving.
        num_downsamples: Integer, how often height and width are halved.
        upsampling, padding, kernel_initializer: See `GlobalGenerator`.

    Call arguments:
        image: `(batch, height, width, image_channels)` float32 in [-1, 1].
        instance_map: `(batch, height, width)` integers.

    Returns:
        Feature map `(batch, height, width, feature_channels)` float32 in (-1, 1), constant inside each instance.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.4
    """

    def __init__(
        self,
        feature_channels=3,
        num_filters=16,
        num_downsamples=4,
        upsampling="transposed",
        padding="zero",
        kernel_initializer=RELEASED_INITIALIZER,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.feature_channels = feature_channels
        self.num_filters = num_filters
        self.num_downsamples = num_downsamples
        self.upsampling = upsampling
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        self.network = GlobalGenerator(
            num_filters,
            num_downsamples,
            0,
            feature_channels,
            upsampling,
            padding,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="network",
        )
        self.pool = InstanceAveragePooling(dtype=wide(self.compute_dtype), name="pool")

    # === Build ===

    def build(self, image_shape, instance_map_shape=None):
        self.network.build(image_shape)

    def compute_output_shape(self, image_shape, instance_map_shape=None):
        return (*image_shape[:-1], self.feature_channels)

    # === Call ===

    def call(self, image, instance_map, rematerialize=False):
        return self.pool(self.network(image, rematerialize=rematerialize), instance_map)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "feature_channels": self.feature_channels,
            "num_filters": self.num_filters,
            "num_downsamples": self.num_downsamples,
            "upsampling": self.upsampling,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
