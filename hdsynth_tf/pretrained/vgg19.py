"""VGG19 features for the perceptual loss. Nothing is loaded or downloaded before `VGG19Features` is made."""

from pathlib import Path

import keras
from keras import ops

from hdsynth_tf.files.torch_files import WeightsFileError, read_tensors, require_torch
from hdsynth_tf.networks.convolution import Conv2D
from hdsynth_tf.networks.layers import Block
from hdsynth_tf.networks.precision import wide
from pipelines.errors import UserError

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))  # relu1_1 .. relu5_1, the released code's five layers
TORCHVISION_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28)  # up to the last tap
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
KERAS_MEANS_BGR = (103.939, 116.779, 123.68)  # of ImageNet in 0..255, what Keras' weights were trained with
TORCHVISION_MEANS, TORCHVISION_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in 0..1


class WeightsError(UserError, ValueError):
    """The weights of a fixed network cannot be had. Says why, and names the ways out."""


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class ToVGGInput(keras.layers.Layer):
    """Image in [-1, 1], of one or three channels -> what VGG19 gets to see.

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
        if image.shape[-1] == 1:
            image = ops.repeat(image, 3, axis=-1)
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


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class VGG19Features(keras.Model):
    """VGG19 up to relu5_1, frozen: what the perceptual loss compares.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"imagenet"` or `"torchvision"`: those of Keras or of PyTorch's torchvision, downloaded once; the path
            of a file of either: Keras' `notop` layout, or `.pth`; or `"random"`.
        raw_input: Boolean. If true the network gets the image as it is, in [-1, 1], as in the released code.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels, 16 pixels a side or more.

    Returns:
        List of five features in the compute dtype.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights="imagenet", raw_input=False, **kwargs):
        super().__init__(**kwargs)
        self.weights_from = weights
        self.raw_input = raw_input

        # === Layers ===
        scaling = "raw" if raw_input else "torchvision" if is_torchvision(weights) else "keras"
        self.to_vgg_input = ToVGGInput(scaling, dtype=wide(self.compute_dtype), name="to_vgg_input")
        self.slices = [self._block(layers, i) for i, layers in enumerate(_slices(_load_vgg19(weights)))]
        self.trainable = False
        self.built = True

    def _block(self, layers, i):
        """The layers up to a tap: rematerialized, nothing is kept between two features."""
        block = Block([self._copy(layer) for layer in layers], dtype=self.dtype_policy, name=f"slice_{i}")
        block.built = True
        return block

    def _copy(self, layer):
        kind = Conv2D if isinstance(layer, keras.layers.Conv2D) else type(layer)
        copy = kind.from_config({**layer.get_config(), "dtype": self.dtype_policy})
        if layer.weights:
            copy.build(layer.get_build_config()["input_shape"])
            copy.set_weights(layer.get_weights())
        return copy

    def call(self, image):
        x, features = self.to_vgg_input(image), []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_from, "raw_input": self.raw_input}


def is_torchvision(weights):
    """Whether weights, named as `VGG19Features` takes them, are torchvision's."""
    return str(weights) == "torchvision" or str(weights).endswith(".pth")


def _load_vgg19(weights):
    try:
        vgg = keras.applications.VGG19(
            include_top=False, weights="imagenet" if weights == "imagenet" else None, input_shape=(None, None, 3)
        )
        if is_torchvision(weights):
            _load_torchvision(vgg, weights)
        elif weights not in ("imagenet", "random"):
            vgg.load_weights(Path(weights))
    except Exception as error:
        raise WeightsError(
            f"VGG19 weights for the perceptual loss could not be loaded ({weights}: {str(error).splitlines()[0]}). "
            "Ways out: on a machine with network, let one run download "
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 (--perceptual_weights=imagenet) or vgg19-dcbb9e9d.pth "
            "(torchvision), copy that file here and give --perceptual_weights=FILE; or train without: "
            "--perceptual_weights=none."
        ) from error
    return vgg


def _load_torchvision(vgg, weights):
    """Gives Keras' VGG19 the weights of torchvision's, as far as they are used: the same network with other names."""
    if weights == "torchvision":
        require_torch()  # before the download
        weights = keras.utils.get_file(TORCHVISION_URL.rsplit("/", 1)[-1], TORCHVISION_URL)
    tensors = read_tensors(weights)
    convolutions = [layer for layer in vgg.layers if isinstance(layer, keras.layers.Conv2D)]
    for number, layer in zip(TORCHVISION_CONVOLUTIONS, convolutions):
        names = f"features.{number}.weight", f"features.{number}.bias"
        missing = [name for name in names if name not in tensors]
        if missing:
            raise WeightsFileError(f"it is no VGG19 of torchvision: {missing[0]} is missing")
        kernel, bias = (tensors[name] for name in names)
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])


def _slices(vgg):
    """VGG19's layers in five lists, each up to a tap."""
    layers = vgg.layers[1:]
    ends = [next(i for i, layer in enumerate(layers) if layer.name == tap) + 1 for tap in TAPS]
    return [layers[start:end] for start, end in zip([0, *ends], ends)]
