"""Random crops and flips, drawn once for a scene and done to all its maps alike. TensorFlow, for use in `tf.data`.

A scene is a dict of maps `(height, width, ...)` of one size, and of vectors that say something of the whole picture.
"""

import tensorflow as tf


def random_crop(sample, size, seed):
    """Cuts the same window out of every map. Maps smaller than the window are reflected at their lower and right edge.

    Args:
        sample: Dict of tensors, a scene.
        size: (height, width) of the window.
        seed: `(2,)` int64: the same seed cuts the same window.

    Returns:
        The dict cut down, and `rows` `(2,)` float32: where the window's top and bottom edges lie in the picture, 0 to
        1.
    """
    vectors = {key: value for key, value in sample.items() if not is_map(value)}
    sample = {key: _at_least(value, size) for key, value in sample.items() if is_map(value)}
    whole = tf.shape(next(iter(sample.values())))[:2]
    span = whole - size + 1
    corner = tf.random.stateless_uniform((2,), seed, 0, tf.int32.max, tf.int32) % span
    top, left = corner[0], corner[1]
    cut = {key: value[top : top + size[0], left : left + size[1]] for key, value in sample.items()}
    cut = {key: tf.ensure_shape(value, (*size, *value.shape[2:])) for key, value in cut.items()}
    edges = tf.cast(tf.stack([top, top + size[0]]), tf.float32) / tf.cast(whole[0], tf.float32)
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
