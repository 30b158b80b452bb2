"""Antialiased resizing: by TensorFlow, or by two matrices that give the same on any backend and in any runtime."""

import functools

import keras
import numpy as np
from keras import ops

from pipelines.portable import is_portable

KERNELS = {  # of a distance in pixels -> weight
    "bilinear": lambda d: np.maximum(1 - d, 0),
    "bicubic": lambda d: np.where(
        d < 1, (1.5 * d - 2.5) * d**2 + 1, np.where(d < 2, ((2.5 - 0.5 * d) * d - 4) * d + 2, 0)
    ),
}


def resize(x, size, interpolation):
    """Resizes pictures, antialiased where they get smaller.

    Args:
        x: `(batch, height, width, channels)` float32.
        size: `(height, width)`, integers, or on TensorFlow scalar tensors.
        interpolation: `"bilinear"` or `"bicubic"`, Keys' cubic with a = -0.5.

    Returns:
        `(batch, *size, channels)` float32.
    """
    known = all(isinstance(length, int) for length in (*x.shape[1:3], *size))
    on_tensorflow = keras.backend.backend() == "tensorflow"  # others have other cubics and other borders
    if on_tensorflow and not (known and is_portable()):
        import tensorflow as tf  # `ops.image.resize` takes no tensors for sizes

        return tf.image.resize(x, size, interpolation, antialias=True)
    (height, width), (batch, _, columns, channels) = size, ops.shape(x)
    down = ops.convert_to_tensor(resize_matrix(x.shape[1], height, interpolation), x.dtype)
    across = ops.convert_to_tensor(resize_matrix(x.shape[2], width, interpolation), x.dtype)
    x = ops.matmul(down, ops.reshape(x, (batch, -1, columns * channels)))
    return ops.matmul(across, ops.reshape(x, (batch, height, columns, channels)))


@functools.lru_cache(maxsize=16)
def resize_matrix(length, target, interpolation):
    """Float64 `(target, length)`: what each new pixel takes of the old ones; rows sum up to 1."""
    scale = max(length / target, 1.0)  # when it gets smaller the kernel gets as much wider
    centers = (np.arange(target) + 0.5) * length / target - 0.5
    weights = KERNELS[interpolation](np.abs(centers[:, None] - np.arange(length)) / scale)
    return weights / weights.sum(axis=1, keepdims=True)
