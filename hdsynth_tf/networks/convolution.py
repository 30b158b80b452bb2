"""Convolutions of every network here: Keras' own, or the same computed otherwise where that takes less time.

What is chosen is part of a graph; `pipelines.portable` makes graphs for other machines.

On CPUs TensorFlow's float32 kernels stay far below what the machine can do in two cases: the forward pass of one
picture, whose 3D kernel is not slowed (without AVX512 at any width, with it at that of deep layers); and, without
AVX512, the gradient of the kernel, which is a few matrix products. Figures: experiments/RESULTS.md, speed and memory.
"""

import functools
import math

import keras
from keras import ops

from hdsynth_tf.machine import has_avx512
from pipelines.portable import is_portable

THIN = 32  # channels: matrix products of fewer are slow themselves
DEEP = 256  # channels, from which on the 3D kernel is the faster one with AVX512
SMALL = 2e8  # multiplications: below, what is gained is less than what the graph of the parts costs
STRIP_FLOATS = 2**21  # of what the matrix products of one strip read


@functools.cache
def on_cpu(with_avx512):
    """Whether this process computes with TensorFlow on an x86 CPU that has AVX512, or that lacks it."""
    on_cpu = keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    return on_cpu and has_avx512() is with_avx512


def by_parts(x, kernel, stride):
    """Whether a convolution of `x` and its gradients are."""
    return on_cpu(with_avx512=False) and _is_large(x, kernel, stride, THIN)


def as_volume(x, kernel, stride):
    """Whether a convolution of `x` is that of a volume of depth 1, and its gradients are TensorFlow's."""
    return on_cpu(with_avx512=True) and _is_large(x, kernel, stride, DEEP)


def _is_large(x, kernel, stride, width):
    """Not bfloat16 and float64, which have kernels of their own, nor what is thinner than `width` or small."""
    if is_portable() or keras.backend.standardize_dtype(x.dtype) != "float32" or max(kernel.shape[2:]) < width:
        return False
    known = [length for length in x.shape[:3] if length is not None]
    return len(known) < 3 or math.prod(known) * math.prod(kernel.shape) >= SMALL * stride**2


class Conv2D(keras.layers.Conv2D):
    """Keras' layer, computed by `conv_by_parts` where that is faster.

    Attributes:
        adds_bias: Boolean, false where what follows would subtract the bias again.

    Call arguments:
        inputs: `(batch, height, width, channels)`, or a pair of such, whose channels follow each other. The batch of
            the second may be a multiple of the first one's, which then counts again and again, and is convolved once.
    """

    adds_bias = True

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = None  # which knows no pairs

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            return _finish(self, self._convolve(inputs, self.kernel))
        first, second = inputs
        channels = first.shape[-1]
        y = self._convolve(second, self.kernel[:, :, channels:])
        shared = self._convolve(first, self.kernel[:, :, :channels])
        split = (-1, *ops.shape(shared))
        return _finish(self, ops.reshape(ops.reshape(y, split) + shared, ops.shape(y)))

    def _convolve(self, x, kernel):
        return _conv(x, kernel, self.strides[0], self.padding, frozen=not self.trainable)


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras' layer without padding, computed by `conv_transpose_by_parts` where that is faster.

    Attributes:
        adds_bias: See `Conv2D`.
    """

    adds_bias = True

    def call(self, inputs):
        stride = self.strides[0]
        compute = conv_transpose_by_parts if by_parts(inputs, self.kernel, 1) else _keras_conv_transpose
        return _finish(self, compute(inputs, self.kernel, stride))


def _finish(layer, y):
    return layer.activation(y + layer.bias if layer.use_bias and layer.adds_bias else y)


def conv(x, kernel, stride=1):
    """Convolution without padding, of a kernel that is no layer's.

    Args:
        x: `(batch, height, width, channels)`.
        kernel: `(size, size, channels, filters)`, of the dtype of `x`.
        stride: Integer.

    Returns:
        `(batch, (height - size) // stride + 1, (width - size) // stride + 1, filters)`.
    """
    return _conv(x, kernel, stride, "valid")


def _conv(x, kernel, stride, padding, frozen=False):
    if by_parts(x, kernel, stride):
        return conv_by_parts(x, kernel, stride, padding, frozen)
    return (forward if as_volume(x, kernel, stride) else _keras_conv)(x, kernel, stride, padding)


def _keras_conv(x, kernel, stride, padding):
    return ops.conv(x, kernel, stride, padding, data_format="channels_last")


def _keras_conv_transpose(x, kernel, stride, padding="valid"):
    return ops.conv_transpose(x, kernel, stride, padding, data_format="channels_last")


# === By parts ===


def conv_by_parts(x, kernel, stride=1, padding="valid", frozen=False):
    """`ops.conv`, its gradients by `kernel_gradient`.

    Args:
        x, kernel: See `conv`.
        stride: Integer.
        padding: `"valid"`, or with stride 1 `"same"`.
        frozen: Boolean. If true there is no gradient of the kernel.
    """
    size, kernel = kernel.shape[0], _tensor(kernel)

    def to_x(x, kernel, y):
        return _fill(_keras_conv_transpose(y, kernel, stride, padding), *ops.shape(x)[1:3])

    def to_kernel(x, y):
        return kernel_gradient(x if padding == "valid" else _border(x, size), y, size, stride)

    @ops.custom_gradient
    def of_x(x):
        y = forward(x, kernel, stride, padding)
        shape = ops.shape(y)
        return y, lambda *upstream: to_x(x, kernel, ops.reshape(*upstream, shape))

    @ops.custom_gradient
    def of_both(x, kernel):
        y = forward(x, kernel, stride, padding)
        shape = ops.shape(y)  # where the batch is unknown, TensorFlow may forget all of it on the way back

        def gradient(*upstream):
            to_y = ops.reshape(*upstream, shape)
            return to_x(x, kernel, to_y), to_kernel(x, to_y)

        return y, gradient

    return of_x(x) if frozen else of_both(x, kernel)


def conv_transpose_by_parts(x, kernel, stride):
    """`ops.conv_transpose` without padding, its gradients by `kernel_gradient`."""

    @ops.custom_gradient
    def run(x, kernel):
        y = _keras_conv_transpose(x, kernel, stride)
        shape = ops.shape(y)

        def gradient(*upstream):
            to_y = ops.reshape(*upstream, shape)
            return forward(to_y, kernel, stride, "valid"), kernel_gradient(to_y, x, kernel.shape[0], stride)

        return y, gradient

    return run(x, _tensor(kernel))


def _tensor(kernel):
    """The value of a variable: gradients by hand are for tensors."""
    return ops.reshape(kernel, kernel.shape)


def forward(x, kernel, stride, padding):
    """The values of `conv_by_parts`; its gradients are TensorFlow's.

    For one picture TensorFlow fixes the layout of a 2D kernel, which leaves oneDNN a general matrix product; of a 3D
    one it does not. Axes are added by reshaping: the gradient of `x[:, None]` is a copy.
    """
    if x.shape[0] not in (1, None):
        return _keras_conv(x, kernel, stride, padding)
    x, kernel = ops.expand_dims(x, 1), ops.expand_dims(kernel, 0)
    return ops.squeeze(_keras_conv(x, kernel, (1, stride, stride), padding), 1)


def _border(x, size):
    """`x` with the zeros that `padding="same"` has around it."""
    around = [(size - 1) // 2, size // 2]
    return ops.pad(x, [[0, 0], around, around, [0, 0]])


def _fill(x, height, width):
    """`x` with that height and width: with zeros below and to the right, or less of it, which no kernel reaches."""
    x = x[:, :height, :width]
    missing = height - ops.shape(x)[1], width - ops.shape(x)[2]
    if all(isinstance(pixels, int) and pixels == 0 for pixels in missing):
        return x
    return ops.pad(x, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])


def kernel_gradient(x, gradient, size, stride):
    """Gradient of the sum over `conv(x, kernel) * gradient` with respect to the kernel.

    A matrix product for each row of the kernel: what its pixels read, side by side, times the gradient. Pixels are one
    long list, of which a strip is computed at a time.

    Args:
        x: `(batch, height, width, channels)`.
        gradient: `(batch, height', width', filters)`.
        size: Integer, rows and columns of the kernel.
        stride: Integer.

    Returns:
        `(size, size, channels, filters)`.
    """
    channels, filters = x.shape[-1], gradient.shape[-1]
    if stride == 1 and filters < channels:  # less to lay side by side: the same with x and gradient exchanged
        border = [size - 1, size - 1]
        turned = _kernel_gradient(ops.pad(gradient, [[0, 0], border, border, [0, 0]]), x, size, 1)
        return ops.transpose(ops.flip(turned, (0, 1)), (0, 1, 3, 2))
    return _kernel_gradient(x, gradient, size, stride)


def _kernel_gradient(x, gradient, size, stride):
    filters, channels = gradient.shape[-1], x.shape[-1] * stride
    steps = -(-size // stride)  # of the kernel's rows and columns, each `stride` pixels
    height, width = (length + steps - 1 for length in ops.shape(gradient)[1:3])
    # Zeros where the kernel would reach over a border: a shift by rows and columns then is one of the whole list.
    gradient = ops.reshape(_fill(gradient, height, width), (-1, filters))
    planes = [
        ops.reshape(plane, (-1, channels)) for plane in _planes(_fill(x, height * stride, width * stride), stride)
    ]
    border = (steps - 1) * width + steps - 1
    pixels = ops.shape(gradient)[0] - border
    strip = STRIP_FLOATS // (steps * channels) // 16 * 16 + 16  # aligned: slices are no copies

    def add_strip(first, *totals):
        count = ops.minimum(strip, pixels - first)
        below, products = ops.slice(gradient, (first, 0), (count, filters)), []
        for plane in planes:
            read = count + border - (steps - 1)
            shifted = [ops.slice(plane, (first + step, 0), (read, channels)) for step in range(steps)]
            beside = ops.concatenate(shifted, -1) if steps > 1 else shifted[0]
            rows = [ops.slice(beside, (step * width, 0), (count, steps * channels)) for step in range(steps)]
            products += [ops.matmul(ops.transpose(row), below) for row in rows]
        return first + strip, *(total + product for total, product in zip(totals, products))

    totals = [ops.zeros((steps * channels, filters), gradient.dtype)] * (steps * stride)
    _, *totals = ops.while_loop(lambda first, *_: first < pixels, add_strip, (0, *totals))
    kernel = ops.reshape(ops.stack(totals), (stride, steps, steps * stride, x.shape[-1], filters))
    kernel = ops.reshape(ops.transpose(kernel, (1, 0, 2, 3, 4)), (steps * stride, *kernel.shape[2:]))
    return kernel[:size, :size]


def _planes(x, stride):
    """The rows 0, stride, 2 stride, ...; the rows 1, stride + 1, ...: each with `stride` columns as channels of one."""
    if stride == 1:
        return [x]
    batch, height, width, channels = ops.shape(x)
    shape = (batch, height // stride, stride, width // stride, stride * channels)
    return ops.unstack(ops.reshape(x, shape), stride, axis=2)
