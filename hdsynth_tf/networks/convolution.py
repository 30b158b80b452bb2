"""Convolutions of every network here: Keras' own, or the same computed otherwise where that takes less time.

On CPUs without AVX512 TensorFlow's kernels reach a quarter of what the machine can do, in two cases: the forward pass
of one picture, whose 3D kernel is not slowed, and the gradient of the kernel, which is a few matrix products. Figures:
experiments/RESULTS.md, speed and memory.
"""

import functools

import keras
from keras import ops

from hdsynth_tf.machine import lacks_avx512

STRIP_FLOATS = 2**21  # of what the matrix products of one strip read


@functools.cache
def is_slow_cpu():
    """Whether the convolutions of this process are better computed by parts."""
    on_cpu = keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    return on_cpu and lacks_avx512()


def by_parts(x):
    """Whether a convolution of `x` is: bfloat16 and float64 have kernels of their own."""
    return keras.backend.standardize_dtype(x.dtype) == "float32" and is_slow_cpu()


class Conv2D(keras.layers.Conv2D):
    """Keras' layer, computed by `conv_by_parts` where that is faster.

    Attributes:
        adds_bias: Boolean, false where what follows would subtract the bias again.
    """

    adds_bias = True

    def call(self, inputs):
        compute = conv_by_parts if by_parts(inputs) else _keras_conv
        return _finish(self, compute(inputs, self.kernel, self.strides[0], self.padding))


class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Keras' layer without padding, computed by `conv_transpose_by_parts` where that is faster.

    Attributes:
        adds_bias: See `Conv2D`.
    """

    adds_bias = True

    def call(self, inputs):
        compute = conv_transpose_by_parts if by_parts(inputs) else _keras_conv_transpose
        return _finish(self, compute(inputs, self.kernel, self.strides[0]))


def _finish(layer, y):
    return layer.activation(y + layer.bias if layer.adds_bias else y)


def conv(x, kernel, stride=1):
    """Convolution without padding, of a kernel that is no layer's.

    Args:
        x: `(batch, height, width, channels)`.
        kernel: `(size, size, channels, filters)`, of the dtype of `x`.
        stride: Integer.

    Returns:
        `(batch, (height - size) // stride + 1, (width - size) // stride + 1, filters)`.
    """
    return (conv_by_parts if by_parts(x) else _keras_conv)(x, kernel, stride, "valid")


def _keras_conv(x, kernel, stride, padding):
    return ops.conv(x, kernel, stride, padding, data_format="channels_last")


def _keras_conv_transpose(x, kernel, stride, padding="valid"):
    return ops.conv_transpose(x, kernel, stride, padding, data_format="channels_last")


# === By parts ===


def conv_by_parts(x, kernel, stride=1, padding="valid"):
    """`ops.conv`, its gradients by `kernel_gradient`; `padding` is `"same"` only with stride 1."""

    @ops.custom_gradient
    def run(x, kernel):
        size = kernel.shape[0]

        def gradient(*upstream):
            (y,) = upstream
            to_x = _fill(_keras_conv_transpose(y, kernel, stride, padding), *ops.shape(x)[1:3])
            return to_x, kernel_gradient(x if padding == "valid" else _border(x, size), y, size, stride)

        return _forward(x, kernel, stride, padding), gradient

    return run(x, _tensor(kernel))


def conv_transpose_by_parts(x, kernel, stride):
    """`ops.conv_transpose` without padding, its gradients by `kernel_gradient`."""

    @ops.custom_gradient
    def run(x, kernel):
        def gradient(*upstream):
            (y,) = upstream
            return _forward(y, kernel, stride, "valid"), kernel_gradient(y, x, kernel.shape[0], stride)

        return _keras_conv_transpose(x, kernel, stride), gradient

    return run(x, _tensor(kernel))


def _tensor(kernel):
    """The value of a variable: gradients by hand are for tensors."""
    return ops.reshape(kernel, kernel.shape)


def _forward(x, kernel, stride, padding):
    """For one picture TensorFlow fixes the layout of a 2D kernel, which leaves oneDNN a general matrix product."""
    if x.shape[0] not in (1, None):
        return _keras_conv(x, kernel, stride, padding)
    return _keras_conv(x[:, None], kernel[None], (1, stride, stride), padding)[:, 0]


def _border(x, size):
    """`x` with the zeros that `padding="same"` has around it."""
    around = [(size - 1) // 2, size // 2]
    return ops.pad(x, [[0, 0], around, around, [0, 0]])


def _fill(x, height, width):
    """Zeros below and to the right of `(..., height, width, channels)`, where no step of the kernel reaches."""
    missing = height - ops.shape(x)[-3], width - ops.shape(x)[-2]
    if all(isinstance(pixels, int) and pixels == 0 for pixels in missing):
        return x
    around = [[0, 0]] * (len(x.shape) - 3)
    return ops.pad(x, [*around, [0, missing[0]], [0, missing[1]], [0, 0]])


def kernel_gradient(x, gradient, size, stride):
    """Gradient of the sum over `conv(x, kernel) * gradient` with respect to the kernel.

    A matrix product for each row of the kernel: what its pixels read, side by side, times the gradient. By strips of
    rows, so that little of it is in memory at a time.

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
    (batch, height, width), filters = ops.shape(gradient)[:3], gradient.shape[-1]
    (rows_of_x, columns_of_x), channels = ops.shape(x)[1:3], x.shape[-1]
    steps = -(-size // stride)  # of the kernel's rows and columns, each `stride` pixels
    columns = width + steps - 1
    strip = STRIP_FLOATS // (columns * steps * stride * channels)
    strip = min(max(strip, 1), height) if isinstance(strip, int) else ops.clip(strip, 1, height)
    strips = (height + strip - 1) // strip  # of one picture
    x = ops.reshape(x, (-1, columns_of_x, channels))  # pictures below each other: slices of rows are no copies
    gradient = ops.reshape(gradient, (-1, width, filters))

    def add_strip(number, *totals):
        picture, first = number // strips, number % strips * strip
        rows = ops.minimum(strip, height - first)
        read = ops.minimum((rows + steps - 1) * stride, rows_of_x - first * stride)
        above, after = picture * rows_of_x + first * stride, ops.minimum(columns * stride, columns_of_x)
        x_strip = ops.slice(x, (above, 0, 0), (read, after, channels))
        x_strip = _fill(x_strip, (rows + steps - 1) * stride, columns * stride)
        gradient_strip = ops.slice(gradient, (picture * height + first, 0, 0), (rows, width, filters))
        gradient_strip = ops.reshape(_fill(gradient_strip, rows, columns), (-1, filters))
        products = _products(x_strip, gradient_strip[: rows * columns - (steps - 1)], steps, stride)
        return number + 1, *(total + product for total, product in zip(totals, products))

    zeros = [ops.zeros((steps * stride * channels, filters), gradient.dtype)] * (steps * stride)
    _, *totals = ops.while_loop(lambda number, *_: number < batch * strips, add_strip, (0, *zeros))
    kernel = ops.reshape(ops.stack(totals), (steps * stride, steps * stride, channels, filters))
    return kernel[:size, :size]


def _products(x, gradient, steps, stride):
    """Yields the gradient of each row of the kernel, `(columns of the kernel * channels, filters)`.

    Args:
        x: `(height * stride, width * stride, channels)`.
        gradient: `(pixels, filters)`: rows as wide as `width`. Where the kernel would reach over the end of a row of
            `x` it is 0, so that a shift by columns may be one of the whole strip.
        steps, stride: Integers.
    """
    (height, width), channels = ops.shape(x)[:2], x.shape[-1] * stride
    height, width, pixels = height // stride, width // stride, ops.shape(gradient)[0]
    planes = [x] if stride == 1 else ops.unstack(ops.reshape(x, (height, stride, width, channels)), stride, axis=1)
    planes = [ops.reshape(plane, (-1, channels)) for plane in planes]
    shifts = [[plane[step : height * width - (steps - 1) + step] for step in range(steps)] for plane in planes]
    beside = [ops.concatenate(shifted, -1) if steps > 1 else shifted[0] for shifted in shifts]
    for step in range(steps):
        for plane in beside:
            yield ops.matmul(ops.transpose(plane[step * width : step * width + pixels]), gradient)
