"""Terms of a loss one after the other, so that no two keep their activations at the same time.

What a network makes of the fake image, VGG say, is kept until the way back has used it. The gradient of a term of the
images alone depends on nothing that comes later: it is computed along with the value, and it alone, an image, is kept.
"""

import keras

if keras.backend.backend() == "tensorflow":  # elsewhere models generate, and do not train
    import tensorflow as tf


def with_gradient(compute):
    """A function of a fake image, with its gradient computed at once.

    Args:
        compute: Function: `(batch, height, width, channels)` -> `(batch,)`, each of its own sample.

    Returns:
        Function of the same values and, but for rounding, the same gradient.
    """

    @tf.custom_gradient
    def run(fake_image):
        with tf.GradientTape() as tape:
            tape.watch(fake_image)
            values = compute(fake_image)
        gradient = tape.gradient(values, fake_image, unconnected_gradients="zero")
        (values,) = after([values], [gradient])

        def way_back(upstream, variables=()):  # those of networks in the term, which no loss here trains
            to_image = tf.cast(upstream[:, None, None, None], gradient.dtype) * gradient
            return (to_image, [None] * len(variables)) if variables else to_image

        return values, way_back

    return run


def after(tensors, others):
    """The same tensors, of which nothing is computed before the others are there."""
    with tf.control_dependencies(list(others)):
        return [tf.identity(tensor) for tensor in tensors]
