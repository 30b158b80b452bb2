"""VGG19 features for the perceptual loss. Nothing is loaded or downloaded before `VGG19Features` is made."""

from pathlib import Path

import keras

from hdsynth_tf.files.torch_files import WeightsFileError, read_tensors, require_torch
from hdsynth_tf.pretrained.chain import FeatureChain
from hdsynth_tf.pretrained.packages import WeightsError

TAPS = tuple(f"block{i}_conv1" for i in range(1, 6))  # relu1_1 .. relu5_1, the released code's five layers
SECOND_TAPS = tuple(f"block{i}_conv2" for i in range(1, 6))  # relu1_2 .. relu5_2, those of cascaded refinement
TORCHVISION_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30)  # up to the last tap
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class VGG19Features(FeatureChain):
    """VGG19 up to its last tap, relu5_1 by default, frozen: what the perceptual loss compares.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"imagenet"` or `"torchvision"`: those of Keras or of PyTorch's torchvision, downloaded once; the path
            of a file of either: Keras' `notop` layout, or `.pth`; or `"random"`.
        raw_input: Boolean. If true the network gets the image as it is, in [-1, 1], as in the released code.
        taps: Names of features, `"block1_conv1"` to `"block5_conv2"`, in their order. Default: the first of each block.
        average_pooling, with_input: See `FeatureChain`.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels, 16 pixels a side or more.

    Returns:
        List of the features of the taps in the compute dtype.

    Raises:
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights="imagenet", raw_input=False, taps=TAPS, **kwargs):
        scaling = "torchvision" if is_torchvision(weights) else "keras"
        super().__init__(_load_vgg19(weights, taps).layers[1:], taps, weights, raw_input, scaling, **kwargs)

    def get_config(self):
        return {**super().get_config(), "taps": self.taps}


def is_torchvision(weights):
    """Whether weights, named as `VGG19Features` takes them, are torchvision's."""
    return str(weights) == "torchvision" or str(weights).endswith(".pth")


def _load_vgg19(weights, taps):
    try:
        vgg = keras.applications.VGG19(
            include_top=False, weights="imagenet" if weights == "imagenet" else None, input_shape=(None, None, 3)
        )
        if is_torchvision(weights):
            _load_torchvision(vgg, weights, taps)
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


def _load_torchvision(vgg, weights, taps):
    """Gives Keras' VGG19 the weights of torchvision's, as far as they are used: the same network with other names."""
    if weights == "torchvision":
        require_torch()  # before the download
        weights = keras.utils.get_file(TORCHVISION_URL.rsplit("/", 1)[-1], TORCHVISION_URL)
    tensors = read_tensors(weights)
    names = [layer.name for layer in vgg.layers]
    used = vgg.layers[: max((names.index(tap) for tap in taps if tap in names), default=0) + 1]
    convolutions = [layer for layer in used if isinstance(layer, keras.layers.Conv2D)]
    for number, layer in zip(TORCHVISION_CONVOLUTIONS, convolutions):
        names = f"features.{number}.weight", f"features.{number}.bias"
        missing = [name for name in names if name not in tensors]
        if missing:
            raise WeightsFileError(f"it is no VGG19 of torchvision: {missing[0]} is missing")
        kernel, bias = (tensors[name] for name in names)
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
