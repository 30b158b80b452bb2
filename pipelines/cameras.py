"""Random changes of sources: what another camera, or the same one on another day, would have made of the scene.

Each takes a scene, a dict of maps `(height, width, ...)`, and changes its `source` alone. The same `seed`, `(2,)`
int64, changes it in the same way. Values keep their dtype. TensorFlow, for use in `tf.data`.
"""

import math

import tensorflow as tf


def random_shift(sample, seed, strength):
    """Moves the source against everything else, up to `strength` pixels in each direction; what comes in is reflected.

    A network that never sees the two lie exactly on each other does not trust its input to the pixel.
    """
    shift = tf.random.stateless_uniform((2,), seed + 3, -strength, strength + 1, tf.int32)
    size = tf.shape(sample["source"])[:2]
    padded = _reflected(sample["source"], strength, strength)
    moved = tf.slice(padded, [strength + shift[0], strength + shift[1], 0], [size[0], size[1], -1])
    return _with_source(sample, moved)


def random_blur(sample, seed, strength):
    """Blurs the source by a Gaussian whose standard deviation is up to `strength` pixels: another lens."""
    radius = blur_radius(strength)
    deviation = tf.maximum(_uniform(seed + 4, 0, strength), 1e-3)
    weights = tf.exp(-0.5 * tf.square(tf.range(-radius, radius + 1, dtype=tf.float32) / deviation))
    weights /= tf.reduce_sum(weights)
    height, width = tf.unstack(tf.shape(sample["source"])[:2])
    x = tf.cast(sample["source"], tf.float32)
    rows = _reflected(x, radius, 0)
    x = sum(weights[i] * rows[i : i + height] for i in range(2 * radius + 1))
    columns = _reflected(x, 0, radius)
    return _with_source(sample, sum(weights[i] * columns[:, i : i + width] for i in range(2 * radius + 1)))


def blur_radius(strength):
    """Pixels on each side that `random_blur` looks at."""
    return math.ceil(3 * strength)


def random_gain(sample, seed, strength):
    """Multiplies the source's contrast by a factor between `exp(-strength)` and `exp(strength)`, and moves its level.

    The level moves by up to `strength` times its standard deviation: cameras find their own, and change it as they go.
    """
    x = tf.cast(sample["source"], tf.float32)
    mean, deviation = _mean_and_deviation(x)
    contrast = tf.exp(_uniform(seed + 5, -strength, strength))
    level = _uniform(seed + 6, -strength, strength) * deviation
    return _with_source(sample, mean + contrast * (x - mean) + level)


def random_noise(sample, seed, strength):
    """Adds Gaussian noise of up to `strength` times the source's standard deviation: another sensor."""
    x = tf.cast(sample["source"], tf.float32)
    _, deviation = _mean_and_deviation(x)
    noise = tf.random.stateless_normal(tf.shape(x), seed + 7)
    return _with_source(sample, x + _uniform(seed + 8, 0, strength) * deviation * noise)


def random_polarity(sample, seed, strength):
    """Shows a share `strength` of the sources inverted: hot things black, as cameras can be set.

    Values are mirrored within the picture's `window` if it has one, within 0 to 255 if they are of 8 bits, else within
    the source's own extremes.
    """
    x = sample["source"]
    if "window" in sample:
        total = tf.reduce_sum(sample["window"])
    elif x.dtype == tf.uint8:
        total = 255.0
    else:
        total = tf.cast(tf.reduce_min(x), tf.float32) + tf.cast(tf.reduce_max(x), tf.float32)
    is_inverted = _uniform(seed + 9, 0, 1) < strength
    return _with_source(sample, tf.where(is_inverted, total - tf.cast(x, tf.float32), tf.cast(x, tf.float32)))


def _uniform(seed, low, high):
    return tf.random.stateless_uniform((), seed, low, high, tf.float32)


def _mean_and_deviation(x):
    """Of each channel, `(channels,)`."""
    mean, variance = tf.nn.moments(x, axes=(0, 1))
    return mean, tf.sqrt(variance)


def _reflected(x, rows, columns):
    return tf.pad(x, [[rows, rows], [columns, columns], [0, 0]], "REFLECT")


def _with_source(sample, x):
    """The sample with another source, in the dtype and shape of the one it had."""
    old = sample["source"]
    if x.dtype != old.dtype and old.dtype.is_integer:
        x = tf.clip_by_value(tf.round(x), old.dtype.min, old.dtype.max)
    return {**sample, "source": tf.ensure_shape(tf.cast(x, old.dtype), old.shape)}
