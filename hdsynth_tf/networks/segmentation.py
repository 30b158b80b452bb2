"""A small segmenter: image -> classes. What generated pictures are scored by where no trained segmenter is at hand."""

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE, Chain, crop, pad_to_multiple
from hdsynth_tf.networks.precision import widen


def double_conv(filters, dtype, name):
    """Twice: 3x3 convolution, batch normalisation, ReLU."""
    layers = []
    for _ in range(2):
        layers += [
            keras.layers.Conv2D(
                filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", dtype=dtype
            ),
            keras.layers.BatchNormalization(momentum=0.95, dtype=dtype),
            keras.layers.ReLU(dtype=dtype),
        ]
    return Chain(layers, dtype=dtype, name=name)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SegmentationUNet(keras.Model):
    """A compact U-Net. Its file says what its classes are called and at which size it works.

    Args:
        num_classes: Integer.
        num_filters: Integer, channels at full size; they double with each halving up to 8 times that.
        num_downsamples: Integer, how often height and width are halved.
        class_names: List of strings, one for each class, or `None`.
        image_size: `(height, width)` of the pictures it was trained on, or `None` if they are of many sizes. Any size
            goes in.

    Call arguments:
        image: `(batch, height, width, 3)` float in [-1, 1].
        training: Boolean.

    Returns:
        Scores before the softmax, `(batch, height, width, num_classes)` float32.

    Reference:
        - [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597)
    """

    value_range = (-1, 1)  # of the pictures it reads

    def __init__(self, num_classes, num_filters=16, num_downsamples=4, class_names=None, image_size=None, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.num_filters = num_filters
        self.num_downsamples = num_downsamples
        self.class_names = None if class_names is None else tuple(class_names)
        self.image_size = None if image_size is None else tuple(image_size)

        # === Layers ===
        dtype = self.dtype_policy
        widths = [num_filters * min(2**level, 8) for level in range(num_downsamples + 1)]
        self.downs = [double_conv(width, dtype, f"down_{level}") for level, width in enumerate(widths)]
        self.ups = [double_conv(widths[level], dtype, f"up_{level}") for level in reversed(range(num_downsamples))]
        self.halve = keras.layers.MaxPooling2D(dtype=dtype, name="halve")
        self.enlarge = keras.layers.UpSampling2D(2, interpolation="nearest", dtype=dtype, name="enlarge")
        self.head = keras.layers.Conv2D(num_classes, 1, dtype=dtype, name="head")

    # === Build ===

    def build(self, input_shape):
        free = (None, None, None)
        channels, widths = input_shape[-1], []
        for down in self.downs:
            down.build((*free, channels))
            channels = down.compute_output_shape((*free, channels))[-1]
            widths.append(channels)
        for up, skip in zip(self.ups, reversed(widths[:-1])):
            up.build((*free, channels + skip))
            channels = skip
        self.head.build((*free, channels))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_classes)

    # === Call ===

    def features(self, image):
        """The last feature map before the scores, `(batch, height, width, num_filters)`."""
        return self.feature_maps(image)[-1]

    def feature_maps(self, image):
        """List of the feature maps of each size on the way down, then what `features` gives."""
        height, width = ops.shape(image)[1:3]
        x, maps = pad_to_multiple(ops.cast(image, self.compute_dtype), 2**self.num_downsamples), []
        for down in self.downs:
            x = down(self.halve(x) if maps else x)
            maps.append(x)
        for up, skip in zip(self.ups, reversed(maps[:-1])):
            x = up(ops.concatenate([self.enlarge(x), skip], -1))
        return [*maps, crop(x, height, width)]

    def call(self, image, training=False):
        return widen(self.head(self.features(image)))

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "num_filters": self.num_filters,
            "num_downsamples": self.num_downsamples,
            "class_names": self.class_names,
            "image_size": self.image_size,
        }
