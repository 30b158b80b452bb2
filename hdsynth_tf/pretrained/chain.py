"""What the networks without branches share: frozen layers in a chain, whose outputs here and there are features."""

import keras
from keras import ops

from hdsynth_tf.networks.convolution import Conv2D
from hdsynth_tf.networks.layers import Block
from hdsynth_tf.networks.precision import wide

KERAS_MEANS_BGR = (103.939, 116.779, 123.68)  # of ImageNet in 0..255, what Keras' weights were trained with
TORCHVISION_MEANS, TORCHVISION_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in 0..1


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class ToVGGInput(keras.layers.Layer):
    """Image in [-1, 1], of one or three channels -> what VGG19, VGG16 and AlexNet get to see.

    Args:
        scaling: `"keras"`: BGR, 0..255 less the means; `"torchvision"`: RGB, means 0 and deviations 1; `"raw"`: the
            image as it is, as the released code does with torchvision's weights.

    Raises:
        ValueError: If `scaling` is none of these.
    """

    def __init__(self, scaling="keras", **kwargs):
        super().__init__(**kwargs)
        if scaling not in ("keras", "torchvision", "raw"):
            raise ValueError(f'`scaling` should be "keras", "torchvision" or "raw". Received: scaling={scaling!r}')
        self.scaling = scaling

    def call(self, image):
        image = to_color(image)
        if self.scaling == "keras":
            return (ops.flip(image, axis=-1) + 1) * 127.5 - ops.convert_to_tensor(KERAS_MEANS_BGR, image.dtype)
        if self.scaling == "torchvision":
            means = ops.convert_to_tensor(TORCHVISION_MEANS, image.dtype)
            return ((image + 1) / 2 - means) / ops.convert_to_tensor(TORCHVISION_DEVIATIONS, image.dtype)
        return image

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)

    def get_config(self):
        return {**super().get_config(), "scaling": self.scaling}


def to_color(image):
    """An image of one channel as one of three, all alike."""
    return ops.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image


class FeatureChain(keras.Model):
    """A frozen chain of layers, cut into slices that end in features; nothing is computed beyond the last of them.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        layers: List of built Keras layers, whose configs and weights are copied.
        taps: Names of those layers whose outputs are features, in their order.
        weights: String or path, where the weights come from.
        raw_input: Boolean. If true the network gets the image as it is, in [-1, 1].
        scaling: Otherwise, see `ToVGGInput`.
        average_pooling: Boolean. If true, what the network pools by the maximum is pooled by the mean.
        with_input: Boolean. If true, the first of the features is the image as the network gets it.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels.

    Returns:
        List of the features in the compute dtype.

    Raises:
        ValueError: If `taps` are no names of layers in their order.
    """

    def __init__(
        self,
        layers,
        taps,
        weights,
        raw_input=False,
        scaling="torchvision",
        average_pooling=False,
        with_input=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.taps = tuple(taps)
        self.weights_from = weights
        self.raw_input = raw_input
        self.average_pooling = average_pooling
        self.with_input = with_input
        scaling = "raw" if raw_input else scaling
        self.to_vgg_input = ToVGGInput(scaling, dtype=wide(self.compute_dtype), name="to_vgg_input")
        self.slices = [self._block(part, i) for i, part in enumerate(_slices(layers, taps))]
        self.trainable = False
        self.built = True

    def _block(self, layers, i):
        block = Block([self._copy(layer) for layer in layers], dtype=self.dtype_policy, name=f"slice_{i}")
        block.built = True
        return block

    def _copy(self, layer):
        kind = type(layer)
        if isinstance(layer, keras.layers.Conv2D):
            kind = Conv2D
        elif self.average_pooling and isinstance(layer, keras.layers.MaxPooling2D):
            kind = keras.layers.AveragePooling2D
        copy = kind.from_config({**layer.get_config(), "dtype": self.dtype_policy})
        if layer.weights:
            copy.build(layer.get_build_config()["input_shape"])
            copy.set_weights(layer.get_weights())
        return copy

    @property
    def num_features(self):
        """Integer, length of the list."""
        return len(self.taps) + self.with_input

    def call(self, image):
        x = self.to_vgg_input(image)
        features = [x] if self.with_input else []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features

    def get_config(self):
        return {
            **super().get_config(),
            "weights": self.weights_from,
            "raw_input": self.raw_input,
            "average_pooling": self.average_pooling,
            "with_input": self.with_input,
        }


def _slices(layers, taps):
    """The layers in lists, each up to a tap."""
    names = [layer.name for layer in layers]
    ends = [names.index(tap) + 1 if tap in names else 0 for tap in taps]
    if not taps or [0, *ends] != sorted({0, *ends}):
        raise ValueError(f"`taps` should be some of {names}, in that order. Received: taps={tuple(taps)}")
    return [layers[start:end] for start, end in zip([0, *ends], ends)]


def convolution(kernel, bias, name, **options):
    """A built Keras convolution with a ReLU.

    Args:
        kernel: `(rows, columns, channels, filters)`.
        bias: `(filters,)`.
        name: String.
        options: More of `keras.layers.Conv2D`'s arguments.
    """
    rows, columns, channels, filters = kernel.shape
    layer = keras.layers.Conv2D(
        filters, (rows, columns), activation="relu", kernel_initializer="zeros", name=name, dtype="float32", **options
    )
    layer.build((None, None, None, channels))
    layer.set_weights([kernel, bias])
    return layer
