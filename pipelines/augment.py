"""Random crops, zooms and flips, one draw for all maps of a scene. TensorFlow, for use in `tf.data`.

A scene is a dict of maps `(height, width, ...)` of one size, and of vectors that say something of the whole picture.
"""

import math

import tensorflow as tf

from pipelines.pixels import nearest

NO_ZOOM = (1.0, 1.0)


def random_crop(sample, size, seed, zoom=NO_ZOOM):
    """Cuts the same window out of every map. Maps smaller than the window are reflected at their lower and right edge.

    Args:
        sample: Dict of tensors, a scene.
        size: (height, width) of the window.
        seed: `(2,)` int64: the same seed cuts the same window.
        zoom: (low, high), limits of a random factor. A window that is so many times smaller is cut and enlarged.

    Returns:
        The dict cut down, and `rows` `(2,)` float32: where the window's top and bottom edges lie in the picture, 0 to
        1.
    """
    window = size if zoom == NO_ZOOM else _divided(size, _factor(zoom, seed))
    return _cut(sample, window, size, seed)


def random_part(sample, size, seed, zoom):
    """Cuts a part with the proportions of the picture out of every map and brings it to `size`. See `random_crop`."""
    whole = tf.shape(next(value for value in sample.values() if is_map(value)))[:2]
    return _cut(sample, _divided(whole, _factor(zoom, seed)), size, seed)


def _factor(zoom, seed):
    """A number between the limits; its logarithm is drawn evenly."""
    return tf.exp(tf.random.stateless_uniform((), seed + 2, *(math.log(limit) for limit in zoom)))


def _divided(size, factor):
    return tf.cast(tf.round(tf.cast(tf.convert_to_tensor(size), tf.float32) / factor), tf.int32)


def _cut(sample, window, size, seed):
    """A random window of all maps, at `size`."""
    vectors = {key: value for key, value in sample.items() if not is_map(value)}
    sample = {key: _at_least(value, window) for key, value in sample.items() if is_map(value)}
    whole = tf.shape(next(iter(sample.values())))[:2]
    span = whole - window + 1
    corner = tf.random.stateless_uniform((2,), seed, 0, tf.int32.max, tf.int32) % span
    top, left = corner[0], corner[1]
    cut = {key: value[top : top + window[0], left : left + window[1]] for key, value in sample.items()}
    if window is not size:
        cut = resize(cut, size)
    cut = {key: tf.ensure_shape(value, (*size, *value.shape[2:])) for key, value in cut.items()}
    edges = tf.cast(tf.stack([top, top + window[0]]), tf.float32) / tf.cast(whole[0], tf.float32)
    return {**vectors, **cut, "rows": edges}


def is_map(value):
    """Whether a tensor of a scene has height and width."""
    return value.shape.rank >= 2


def _at_least(x, size):
    """`x` itself, or reflected back and forth until it is `size` (height, width) large."""
    for axis in (0, 1):
        length = tf.shape(x)[axis]
        period = tf.maximum(2 * (length - 1), 1)
        bounce = tf.range(tf.maximum(length, size[axis])) % period
        x = tf.gather(x, tf.minimum(bounce, period - bounce), axis=axis)
    return x


def random_flip(sample, seed):
    """Mirrors every map left to right, or none: one throw for all."""
    mirror = tf.random.stateless_uniform((), seed + 1) < 0.5
    return {
        key: tf.where(mirror, tf.reverse(value, [1]), value) if is_map(value) else value
        for key, value in sample.items()
    }


def resize(sample, size):
    """All maps at `size`: ids by nearest neighbour, images and sources bicubic and antialiased, dtypes kept."""
    resized = {}
    for key, value in sample.items():
        if value.shape.rank < 2:
            resized[key] = value
        elif value.shape.rank == 2:
            for axis, length in enumerate(size):
                positions = nearest(tf.range(length), tf.shape(value)[axis], length)
                value = tf.gather(value, positions, axis=axis)
            resized[key] = value
        else:
            smooth = tf.image.resize(value, size, "bicubic", antialias=True)
            low, high = tf.reduce_min(value), tf.reduce_max(value)
            smooth = tf.clip_by_value(smooth, tf.cast(low, tf.float32), tf.cast(high, tf.float32))
            resized[key] = tf.cast(tf.round(smooth) if value.dtype.is_integer else smooth, value.dtype)
    return resized
