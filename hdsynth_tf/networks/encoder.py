"""The encoder E: what an object looks like, as a few numbers for each instance."""

import keras
from keras import ops

from hdsynth_tf.networks.generators import RELEASED_INITIALIZER, GlobalGenerator
from hdsynth_tf.networks.layers import PACKAGE, repeat_pixels, shrink
from hdsynth_tf.networks.precision import wide

BLOCKS = 64  # parts of a picture whose sums are taken one by one


@keras.saving.register_keras_serializable(package=PACKAGE)
class InstanceAveragePooling(keras.layers.Layer):
    """Replaces every pixel by the mean over all pixels of its sample that have the same id.

    A linear map that is its own transpose: the gradient is the mean of the gradient over each instance. A sum over a
    million pixels of a road would lose four digits in float32: blocks of rows are summed first. Sums are weighted
    counts, which take less than half the time of sums over segments and, in float32, stay on a GPU.

    Call arguments:
        x: `(batch, height, width, channels)` float.
        instance_map: `(batch, height, width)` integers; any ids, each sample for itself.

    Returns:
        `(batch, height, width, channels)` float32.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.4
    """

    def call(self, x, instance_map):
        segment, count = _segments(instance_map)
        batch, height, width = ops.shape(instance_map)
        rows = batch * height
        blocks = ops.minimum(BLOCKS, ops.maximum(rows * width // count, 1))  # no table is larger than the picture
        block = ops.arange(rows, dtype="int32") // ((rows + blocks - 1) // blocks)
        place = ops.reshape(ops.reshape(segment, (rows, width)) + count * block[:, None], (-1,))

        def total(values=None):
            """For each segment, the sum of the values of its pixels `(pixels,)`, or how many it has."""
            table = ops.bincount(place, values, minlength=blocks * count)
            return ops.sum(ops.reshape(ops.cast(table, wide(x.dtype)), (blocks, count)), axis=0)

        size = ops.maximum(total(), 1)  # not every segment has pixels

        def means(x):
            table = [total(ops.reshape(channel, (-1,))) / size for channel in ops.unstack(x, axis=-1)]
            return ops.reshape(ops.take(ops.stack(table, axis=-1), segment, axis=0), ops.shape(x))

        @ops.custom_gradient
        def pool(x):
            return means(x), lambda *arguments, upstream=None: means(arguments[0] if upstream is None else upstream)

        return pool(ops.cast(x, wide(x.dtype)))

    def compute_output_shape(self, x_shape, instance_map_shape=None):
        return tuple(x_shape)


def _segments(instance_map):
    """A number for each pixel `(pixels,)`, the same where sample and id are the same; and how many there may be.

    Ids count from the lowest, unless they lie so far apart that this would need more numbers than there are pixels:
    then they are looked up, which takes longer.
    """
    shape, ids = ops.shape(instance_map), ops.reshape(instance_map, (-1,))
    pixels = shape[1] * shape[2]
    lowest = ops.min(ids)
    span = ops.cast(ops.max(ids), "int64") - ops.cast(lowest, "int64") + 1

    def look_up():
        different, index = ops.unique(ids, sorted=False, return_inverse=True)
        return ops.cast(index, "int32"), ops.cast(ops.shape(different)[0], "int32")

    index, count = ops.cond(
        span <= ops.cast(pixels, "int64"), lambda: (ops.cast(ids - lowest, "int32"), ops.cast(span, "int32")), look_up
    )
    sample = ops.repeat(ops.arange(shape[0], dtype="int32"), pixels)
    return index + sample * count, shape[0] * count


@keras.saving.register_keras_serializable(package=PACKAGE)
class FeatureEncoder(keras.Model):
    """E of the paper: an image -> a few features for each pixel, then their mean over each instance.

    A `GlobalGenerator` without residual blocks, whose image is the features. Any height and width go in. The defaults
    are the released code's; they have 788,803 parameters.

    Args:
        feature_channels: Integer, features of an instance.
        num_filters: Integer, channels at full size; they double at each halving.
        num_downsamples: Integer, how often height and width are halved.
        num_halvings: Integer, how often the image is halved before the network sees it. Features are then enlarged
            again and pooled at full size. A network that was trained on smaller pictures keeps their scale so.
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
        num_halvings=0,
        upsampling="transposed",
        padding="zero",
        kernel_initializer=RELEASED_INITIALIZER,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.feature_channels = feature_channels
        self.num_filters = num_filters
        self.num_downsamples = num_downsamples
        self.num_halvings = num_halvings
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

    # === Coarse to fine ===

    def grown(self):
        """The next level's encoder, for images of twice the height and width: the same network sees them halved.

        So what is known of its features, such as the styles found in them, stays true.
        """
        grown = FeatureEncoder.from_config({**self.get_config(), "num_halvings": self.num_halvings + 1})
        grown.build((None, None, None, self.network.stem.conv.kernel.shape[-2]))
        grown.set_weights(self.get_weights())
        return grown

    # === Build ===

    def build(self, image_shape, instance_map_shape=None):
        self.network.build(image_shape)

    def compute_output_shape(self, image_shape, instance_map_shape=None):
        return (*image_shape[:-1], self.feature_channels)

    # === Call ===

    def call(self, image, instance_map):
        height, width = ops.shape(image)[1:3]
        scale = 2**self.num_halvings
        if scale > 1:
            image = shrink(image, scale)
        features = self.network(image)
        if scale > 1:
            features = repeat_pixels(features, scale)[:, :height, :width]
        return self.pool(features, instance_map)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "feature_channels": self.feature_channels,
            "num_filters": self.num_filters,
            "num_downsamples": self.num_downsamples,
            "num_halvings": self.num_halvings,
            "upsampling": self.upsampling,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
