"""VGG19 features for the perceptual loss. Nothing is loaded or downloaded before `vgg19_features` is called."""

from pathlib import Path

import keras

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


def vgg19_features(weights="imagenet", channels=3):
    """VGG19 up to relu5_1, frozen.

    Args:
        weights: `"imagenet"` (downloaded by Keras once), the path of a weights file in Keras' `notop` layout, or
            `"random"`.
        channels: Integer, 1 or 3, of the image.

    Returns:
        `keras.Model`: image `(batch, height, width, channels)` float32 in [-1, 1], 16 pixels a side or more -> list of
        five features, float32.

    Raises:
        WeightsError: If the weights cannot be had.
    """
    wanted = weights if weights == "imagenet" else None
    try:
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
    taps = keras.Model(vgg.input, [vgg.get_layer(name).output for name in TAPS], name="vgg19_taps")
    image = keras.Input((None, None, channels), name="image")
    extractor = keras.Model(image, taps(ToVGGInput(name="to_vgg_input")(image)), name="vgg19_features")
    extractor.trainable = False
    return extractor
