"""Sources of another size than their targets, as two cameras make them: brought to the target's size."""

import numpy as np
import tensorflow as tf

TOLERANCE = 0.03  # by which ratios of height and width may differ


def fits(size, wanted):
    """Whether a picture of one size, (height, width), shows what one of another size does, but for its resolution."""
    return abs(size[0] * wanted[1] / (size[1] * wanted[0]) - 1) <= TOLERANCE


def fit(values, size):
    """An image (height, width, channels), resized to `size`, (height, width), as its own kind of number."""
    if values.shape[:2] == tuple(size):
        return values
    resized = tf.image.resize(values, size, antialias=True).numpy()  # bilinear, which adds no values of its own
    return (np.round(resized) if values.dtype.kind in "iu" else resized).astype(values.dtype)


def crop_that_fits(size, wanted):
    """(height, width) of the largest part of a picture of `size` that fits `wanted`."""
    height, width = size
    ratio = wanted[1] / wanted[0]
    return (height, round(height * ratio)) if width > height * ratio else (round(width / ratio), width)
