"""The blocks that every network here is made of. All tensors are `(batch, height, width, channels)`."""

import itertools
import math

import keras
from keras import ops

from hdsynth_tf.networks.convolution import Conv2D, Conv2DTranspose, conv
from hdsynth_tf.networks.normalization import InstanceNormalization
from hdsynth_tf.networks.precision import wide

PACKAGE = "hdsynth_tf"  # of the registered classes; the names are part of saved files


def fresh(initializer):
    """A copy of a Keras initializer with a seed of its own: a shared one would give equal kernels equal numbers."""
    return keras.initializers.deserialize(keras.initializers.serialize(keras.initializers.get(initializer)))


def pad_to_multiple(x, multiple):
    """Reflects rows at the bottom and columns at the right until height and width are multiples of `multiple`.

    Args:
        x: `(batch, height, width, channels)`. Sizes may be unknown until the graph runs.
        multiple: Integer.

    Returns:
        `(batch, height', width', channels)`; `x` itself, not a copy, where nothing is missing.
    """
    for axis in (1, 2):
        known, size = x.shape[axis], ops.shape(x)[axis]
        if known is None:
            x = ops.cond(size % multiple == 0, lambda x=x: x, lambda x=x, axis=axis: _reflect_up(x, axis, multiple))
        elif known % multiple:
            x = _reflect_up(x, axis, multiple)
    return x


def shrink(x, scale):
    """Means of squares of `scale` pixels; those that are missing at the bottom and at the right are reflected."""
    return ops.average_pool(pad_to_multiple(x, scale), scale, scale, data_format="channels_last")


def repeat_pixels(x, scale):
    """Every pixel as a square of `scale` pixels: nearest-neighbour enlargement."""
    return ops.repeat(ops.repeat(x, scale, axis=1), scale, axis=2)


def crop(x, height, width, top=0, left=0):
    """`height` x `width` pixels, the upper left ones or from `top` and `left` on; `x` itself where that is all of it.

    By a slice, whose gradient is padding: that of indexing takes 20 to 60 times as long on a CPU.
    """
    if x.shape[1:3] == (height, width):
        return x
    return ops.slice(x, (0, top, left, 0), (ops.shape(x)[0], height, width, x.shape[-1]))


@keras.saving.register_keras_serializable(package=PACKAGE)
class DropFirst(keras.layers.Layer):
    """Leaves out the first row and the first column.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, height - 1, width - 1, channels)`.
    """

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        return crop(x, height - 1, width - 1, 1, 1)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height - 1, width and width - 1, channels)


def _reflect_up(x, axis, multiple):
    """`x` with one axis reflected, back and forth if it is shorter than what is missing."""
    size = ops.shape(x)[axis]
    places = ops.arange((size + multiple - 1) // multiple * multiple)
    bounce = places % ops.maximum(2 * (size - 1), 1)
    return ops.take(x, ops.minimum(bounce, 2 * (size - 1) - bounce), axis=axis)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Padding2D(keras.layers.Layer):
    """Pads height and width on both sides.

    Args:
        padding: Integer, pixels on each side.
        mode: `"reflect"` (the edge pixel is not repeated) or `"zero"`.

    Call arguments:
        x: `(batch, height, width, channels)`; with `"reflect"`, height and width must exceed `padding`.

    Returns:
        `(batch, height + 2 * padding, width + 2 * padding, channels)`.

    Raises:
        ValueError: If `mode` is neither of the two.
    """

    def __init__(self, padding, mode="reflect", **kwargs):
        super().__init__(**kwargs)
        if mode not in ("reflect", "zero"):
            raise ValueError(f'`mode` should be "reflect" or "zero". Received: mode={mode!r}')
        self.padding = padding
        self.mode = mode

    def call(self, x):
        if self.padding == 0:
            return x
        width = [[0, 0], [self.padding] * 2, [self.padding] * 2, [0, 0]]
        return ops.pad(x, width, mode="reflect" if self.mode == "reflect" else "constant")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        grow = 2 * self.padding
        return (batch, height and height + grow, width and width + grow, channels)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "mode": self.mode}


def freeze_cancelled_bias(conv):
    """Leaves the bias of a convolution out, for convolutions in front of instance normalisation.

    The normalisation subtracts it again, so that its gradient is nothing but rounding noise, which Adam would blow up
    to steps of full length. It stays a weight because released models have it.
    """
    conv.bias.trainable = False
    conv.adds_bias = False


def random_bias(conv, input_channels):
    """Initial biases of the released code, PyTorch's default: uniform, up to 1 / sqrt(fan-in of the kernel).

    Of a transposed convolution PyTorch counts the outputs.
    """
    channels = conv.filters if isinstance(conv, keras.layers.Conv2DTranspose) else input_channels
    limit = (channels * math.prod(conv.kernel_size)) ** -0.5
    return keras.initializers.RandomUniform(-limit, limit)


class Chain(keras.layers.Layer):
    """Layers that run one after the other.

    Args:
        chain: List of layers.
    """

    def __init__(self, chain=(), **kwargs):
        super().__init__(**kwargs)
        self.chain = list(chain)

    def build(self, input_shape):
        for layer in self.chain:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape):
        for layer in self.chain:
            input_shape = layer.compute_output_shape(input_shape)
        return tuple(input_shape)

    def call(self, x):
        for layer in self.chain:
            x = layer(x)
        return x


class Block(Chain):
    """A chain that can be rematerialized: the base of the blocks below, which fill `chain` when they are made.

    Attributes:
        rematerialize: Boolean. If true, only what goes into the block is kept for the backward pass, which computes the
            rest a second time. Set by `rematerialize_blocks`, and no part of the config.
    """

    rematerialize = False

    def build(self, input_shape):
        conv = getattr(self, "conv", None)
        if conv is not None:
            conv.bias_initializer = random_bias(conv, input_shape[-1])
        super().build(input_shape)
        if conv is not None and self.norm == "instance":
            freeze_cancelled_bias(conv)

    def call(self, x):
        return keras.remat(self.forward)(x) if self.rematerialize else self.forward(x)

    def forward(self, x):
        """Output of the block, without rematerialization."""
        return super().call(x)


def rematerialize_blocks(network, rematerialize):
    """Says of the outermost blocks of a network whether they are rematerialized; see `Block`."""
    for layer in network._flatten_layers(recursive=False, include_self=False):
        if isinstance(layer, Block):
            layer.rematerialize = rematerialize
        else:
            rematerialize_blocks(layer, rematerialize)


class SpectralNormalization(keras.layers.SpectralNormalization):
    """A convolution with its kernel brought to spectral norm 1 at each training call; Miyato et al., 2018.

    Keras' wrapper assigns the normalized kernel to the stored one. Under a mixed policy that would round the stored
    kernel at every call, and small steps would be lost: here it computes in float32, the convolution in its own dtype.

    Args:
        conv: `Conv2D`.
    """

    def __init__(self, conv):
        super().__init__(conv, dtype=wide(conv.compute_dtype), autocast=False, name="spectral")

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = None  # which knows no pairs, see `Conv2D`

    def call(self, inputs, training=False):
        if training:
            super().call(ops.zeros((1, *self.layer.kernel.shape[:3]), self.layer.compute_dtype), training=True)
        return self.layer(inputs)

    def normalize_kernel(self):
        """A training call of which only the kernel matters."""
        self(ops.zeros((1, *self.layer.kernel.shape[:3]), self.layer.compute_dtype), training=True)


@keras.saving.register_keras_serializable(package=PACKAGE)
class ConvBlock(Block):
    """Padding, convolution, normalisation, activation.

    Args:
        filters: Integer, output channels.
        kernel_size: Integer.
        strides: Integer.
        pad: Integer, pixels of padding on every side; the convolution itself pads nothing.
        padding: `"reflect"` or `"zero"`.
        norm: `"instance"`, `"spectral"` (of the kernel) or `None`.
        activation: A Keras activation, or `None`.
        kernel_initializer: A Keras initializer.

    Raises:
        ValueError: If `norm` or `padding` is none of these.
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        pad=0,
        padding="reflect",
        norm="instance",
        activation="relu",
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if norm not in ("instance", "spectral", None):
            raise ValueError(f'`norm` should be "instance", "spectral" or None. Received: norm={norm!r}')
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.pad = pad
        self.padding = padding
        self.norm = norm
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        dtype = self.dtype_policy
        self.conv = Conv2D(
            filters, kernel_size, strides, kernel_initializer=fresh(kernel_initializer), dtype=dtype, name="conv"
        )
        conv = SpectralNormalization(self.conv) if norm == "spectral" else self.conv
        self.chain = [Padding2D(pad, padding, dtype=dtype, name="pad"), conv]
        if norm == "instance":
            self.chain.append(InstanceNormalization(dtype=dtype, name="norm"))
        self.chain.append(keras.layers.Activation(self.activation, dtype=dtype, name="activation"))

    def forward(self, x):
        pad, *others = self.chain
        x = [pad(part) for part in x] if isinstance(x, (list, tuple)) else pad(x)  # a pair: see `Conv2D`
        for layer in others:
            x = layer(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "pad": self.pad,
            "padding": self.padding,
            "norm": self.norm,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class ResidualBlock(Block):
    """Two reflect-padded 3x3 convolutions around which the input is added; no activation after the sum.

    Args:
        filters: Integer, channels of input and output.
        norm: `"instance"` or `None`.
        kernel_initializer: A Keras initializer.
    """

    def __init__(self, filters, norm="instance", kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.norm = norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        common = dict(pad=1, norm=norm, kernel_initializer=kernel_initializer, dtype=self.dtype_policy)
        self.chain = [
            ConvBlock(filters, 3, name="conv_0", **common),
            ConvBlock(filters, 3, activation=None, name="conv_1", **common),
        ]

    def forward(self, x):
        return x + super().forward(x)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "norm": self.norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


FOLD = [  # what a row of the enlarged picture, even or odd, takes of two rows of the small one by the kernel's three
    [[1, 0, 0], [0, 1, 1]],
    [[1, 1, 0], [0, 0, 1]],
]


def enlarged_conv(x, kernel, bias, padding="reflect"):
    """Nearest-neighbour enlargement by 2, then a padded 3x3 convolution, without the enlarged picture.

    Four pixels that came of one are convolved with 2x2 pixels of the small picture, by kernels that are sums of the
    given one's: 2.25 times fewer multiplications, the same up to rounding. A reflected border of the enlarged picture
    is a repeated one of the small picture.

    Args:
        x: `(batch, height, width, channels)`.
        kernel: `(3, 3, channels, filters)`.
        bias: `(filters,)`.
        padding: `"reflect"` or `"zero"`.

    Returns:
        `(batch, 2 * height, 2 * width, filters)`, of the dtype of `x`.
    """
    channels, filters = kernel.shape[2:]
    fold, kernel = ops.convert_to_tensor(FOLD, x.dtype), ops.cast(kernel, x.dtype)
    folded = ops.reshape(ops.einsum("pak,qbl,klcf->abcpqf", fold, fold, kernel), (2, 2, channels, 4 * filters))
    mode = "symmetric" if padding == "reflect" else "constant"
    padded = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode=mode)
    y = conv(padded, folded)
    rows, columns = ops.shape(x)[1:3]
    parts = [
        crop(part, rows, columns, row, column)
        for part, (row, column) in zip(ops.split(y, 4, axis=-1), itertools.product((0, 1), (0, 1)))
    ]
    enlarged = ops.depth_to_space(ops.concatenate(parts, axis=-1), 2, data_format="channels_last")
    return enlarged + ops.cast(bias, x.dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class UpsampleBlock(Block):
    """Upsamples height and width by 2, then normalisation and ReLU.

    Args:
        filters: Integer, output channels.
        upsampling: `"transposed"`: the released code's transposed 3x3 convolution, stride 2 (Keras computes one row and
            one column more than PyTorch's padding 1, output padding 1: the first of each is dropped). `"nearest"`:
            nearest-neighbour enlargement, then a reflect-padded 3x3 convolution, which leaves no checkerboard.
        norm: `"instance"` or `None`.
        kernel_initializer: A Keras initializer.

    Raises:
        ValueError: If `upsampling` is neither of the two.
    """

    def __init__(
        self, filters, upsampling="transposed", norm="instance", kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        if upsampling not in ("transposed", "nearest"):
            raise ValueError(f'`upsampling` should be "transposed" or "nearest". Received: upsampling={upsampling!r}')
        self.filters = filters
        self.upsampling = upsampling
        self.norm = norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        dtype = self.dtype_policy
        if upsampling == "transposed":
            self.conv = Conv2DTranspose(
                filters, 3, 2, kernel_initializer=fresh(kernel_initializer), dtype=dtype, name="conv"
            )
            self.chain = [self.conv, DropFirst(dtype=dtype, name="drop_first")]
        else:
            self.conv = Conv2D(filters, 3, kernel_initializer=fresh(kernel_initializer), dtype=dtype, name="conv")
            enlarge = keras.layers.UpSampling2D(2, interpolation="nearest", dtype=dtype, name="enlarge")
            self.chain = [enlarge, Padding2D(1, dtype=dtype, name="pad"), self.conv]
        if norm == "instance":
            self.chain.append(InstanceNormalization(dtype=dtype, name="norm"))
        self.chain.append(keras.layers.ReLU(dtype=dtype, name="activation"))

    def forward(self, x):
        if self.upsampling == "transposed":
            return super().forward(x)
        x = enlarged_conv(x, self.conv.kernel, self.conv.bias)  # what the first three layers compute, in less time
        for layer in self.chain[3:]:
            x = layer(x)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "upsampling": self.upsampling,
            "norm": self.norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def _pad_axis(x, axis, before, after):
    """Zeros before and after along one axis."""
    if isinstance(after, int) and before == after == 0:
        return x
    return ops.pad(x, [[before, after] if number == axis else [0, 0] for number in range(4)])


@keras.saving.register_keras_serializable(package=PACKAGE)
class HalveImage(keras.layers.Layer):
    """Half the height and width by 3x3 averages, stride 2; the border averages only the pixels inside the picture.

    The image pyramid of the discriminators and of the coarse-to-fine generator (released code: `AvgPool2d(3, stride=2,
    padding=1, count_include_pad=False)`).

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, ceil(height / 2), ceil(width / 2), channels)`.
    """

    def call(self, x):
        for axis in (1, 2):
            x = self._halve(x, axis)
        return x

    def _halve(self, x, axis):
        """Along one axis, in sums of whole slices: pooling of odd numbers of channels is slow on CPUs."""
        size = ops.shape(x)[axis]
        even = _pad_axis(x, axis, 0, size % 2)
        shape = list(ops.shape(even))
        first, second = ops.unstack(ops.reshape(even, (*shape[:axis], -1, 2, *shape[axis + 1 :])), 2, axis + 1)
        kept = [length - (number == axis) for number, length in enumerate(ops.shape(second))]
        before = _pad_axis(ops.slice(second, (0, 0, 0, 0), kept), axis, 1, 0)  # the second of the pair before
        places = ops.arange((size + 1) // 2) * 2
        inside = 1 + ops.cast(places > 0, x.dtype) + ops.cast(places + 1 < size, x.dtype)
        return (first + second + before) / ops.reshape(inside, (-1, 1, 1) if axis == 1 else (-1, 1))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and (height + 1) // 2, width and (width + 1) // 2, channels)
