"""VGG19 features for the perceptual loss. Nothing is loaded or downloaded before `VGG19Features` is made."""

import functools
from pathlib import Path

import keras

from hdsynth_tf.networks.layers import run

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))  # relu1_1 .. relu5_1, the released code's five layers
CHANNEL_MEANS_BGR = (103.939, 116.779, 123.68)  # of ImageNet, what these weights were trained with


class WeightsError(ValueError):
    """The weights of a fixed network cannot be had. Says why, and names the ways out."""


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class ToVGGInput(keras.layers.Layer):
    """Image in [-1, 1], of one or three channels -> what Keras' VGG19 was trained on: BGR, 0..255 less the means."""

    def call(self, image):
        if image.shape[-1] == 1:
            image = keras.ops.repeat(image, 3, axis=-1)
        return (keras.ops.flip(image, axis=-1) + 1) * 127.5 - keras.ops.convert_to_tensor(
            CHANNEL_MEANS_BGR, image.dtype
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class VGG19Features(keras.Model):
    """VGG19 up to relu5_1, frozen: what the perceptual loss compares.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"imagenet"` (downloaded by Keras once), the path of a weights file in Keras' `notop` layout, or
            `"random"`.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels, 16 pixels a side or more.
        rematerialize: Boolean. If true, between two features nothing is kept for the backward pass.

    Returns:
        List of five features in the compute dtype.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights="imagenet", **kwargs):
        super().__init__(**kwargs)
        self.weights_from = weights

        # === Layers ===
        self.to_vgg_input = ToVGGInput(dtype="float32", name="to_vgg_input")
        self.slices = [[self._copy(layer) for layer in layers] for layers in _slices(_load_vgg19(weights))]
        self.trainable = False
        self.built = True

    def _copy(self, layer):
        copy = type(layer).from_config({**layer.get_config(), "dtype": self.dtype_policy})
        if layer.weights:
            copy.build(layer.get_build_config()["input_shape"])
            copy.set_weights(layer.get_weights())
        return copy

    def call(self, image, rematerialize=False):
        x, features = self.to_vgg_input(image), []
        for layers in self.slices:
            through = functools.partial(run, layers)
            x = (keras.remat(through) if rematerialize else through)(x)
            features.append(x)
        return features

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_from}


def _load_vgg19(weights):
    try:
        wanted = weights if weights == "imagenet" else None
        vgg = keras.applications.VGG19(include_top=False, weights=wanted, input_shape=(None, None, 3))
        if weights not in ("imagenet", "random"):
            vgg.load_weights(Path(weights))
    except Exception as error:
        raise WeightsError(
            f"VGG19 weights for the perceptual loss could not be loaded ({weights}: {str(error).splitlines()[0]}). "
            "Ways out: on a machine with network, let Keras download "
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 by one run, copy that file here and give "
            "--perceptual_weights=FILE; or train without: --perceptual_weights=none."
        ) from error
    return vgg


def _slices(vgg):
    """VGG19's layers in five lists, each up to a tap."""
    layers = vgg.layers[1:]
    ends = [next(i for i, layer in enumerate(layers) if layer.name == tap) + 1 for tap in TAPS]
    return [layers[start:end] for start, end in zip([0, *ends], ends)]
