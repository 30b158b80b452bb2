"""Normalization by the statistics of the picture itself. All tensors are `(batch, height, width, channels)`."""

import keras
from keras import ops

from hdsynth_tf.networks.convolution import on_cpu
from hdsynth_tf.networks.precision import widen
from pipelines.portable import is_portable


def mean_of_picture(x):
    """Mean over height and width, which are kept. First over rows: one sum over a million pixels loses four digits."""
    return ops.mean(ops.mean(x, axis=2, keepdims=True), axis=1, keepdims=True)


def mean_of_sample(x):
    """Mean over height, width and channels, which are kept."""
    return ops.mean(mean_of_picture(x), axis=3, keepdims=True)


def of_mean_square_1(x):
    """`x` of every sample divided by the root of its mean square, in its own dtype."""
    square = mean_of_sample(ops.square(widen(x)))
    return x * ops.cast(ops.rsqrt(square + 1e-6), x.dtype)


def standardize(x, epsilon, mean):
    """`x` less its `mean`, divided by its deviation from it; for the way back only that result is kept."""

    @ops.custom_gradient
    def run(x):
        centered = widen(x)
        centered = centered - mean(centered)
        inverse = ops.rsqrt(mean(ops.square(centered)) + epsilon)
        y = ops.cast(centered * inverse, x.dtype)

        def gradient(*upstream):
            wide_gradient, wide_y = widen(upstream[0]), widen(y)
            slope = mean(wide_gradient * wide_y)
            to_x = (wide_gradient - mean(wide_gradient) - wide_y * slope) * inverse
            return ops.cast(to_x, x.dtype)

        return y, gradient

    return run(x)


def is_one_narrow_picture(x):
    """Whether `x` is one picture in bfloat16 on a CPU: of it `standardize_at_once` takes a quarter of the time.

    In float32 its sums over a million pixels would lose four digits, which in bfloat16 nobody sees. Without AVX512
    TensorFlow has no such operation in bfloat16.
    """
    if is_portable() or x.shape[0] != 1 or keras.backend.standardize_dtype(x.dtype) != "bfloat16":
        return False
    return on_cpu(with_avx512=True)


def standardize_at_once(x, epsilon):
    """`standardize` by `mean_of_picture`, of one picture, by TensorFlow's batch normalization: an operation each way.

    On the way back it is told that what it normalized was the result, whose mean is 0 and whose variance is 1, so that
    `x` is not kept.
    """
    import tensorflow as tf  # which networks on their own do without

    channels, options = x.shape[-1], {"epsilon": epsilon, "is_training": True}
    zero, one = tf.zeros(channels), tf.ones(channels)

    @tf.custom_gradient
    def run(x):
        y, _, _, _, variance, _ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=one, offset=zero, mean=[], variance=[], **options
        )
        inverse = tf.math.rsqrt(variance + epsilon)

        def gradient(upstream):
            return tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=upstream, x=y, scale=inverse, reserve_space_1=zero, reserve_space_2=one - epsilon,
                reserve_space_3=[], **options,
            ).x_backprop  # fmt: skip

        return y, gradient

    return run(x)


class _Normalization(keras.layers.Layer):
    def __init__(self, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class InstanceNormalization(_Normalization):
    """Brings every channel of every sample to mean 0 and variance 1, as in the released code: no scale, no offset.

    Statistics are float32 under any policy. Keras' `GroupNormalization(groups=-1)` is the same but for its sums: at
    1024x512 a released generator's image is off by 1e-3 with it.

    Args:
        epsilon: Float, added to the variance.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        The same shape, in the compute dtype.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(epsilon, **kwargs)

    def call(self, x):
        if is_one_narrow_picture(x):
            return standardize_at_once(x, self.epsilon)
        return standardize(x, self.epsilon, mean_of_picture)


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class LayerNormalization(_Normalization):
    """Brings every sample, all channels together, to mean 0 and variance 1; then a scale and an offset a channel.

    Statistics are float32 under any policy. Keras' layer of this name normalises each pixel by itself, or has a scale
    for each pixel.

    Args:
        epsilon: Float, added to the variance.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        The same shape, in the compute dtype.

    Reference:
        - [Ba et al., 2016](https://arxiv.org/abs/1607.06450)
    """

    def __init__(self, epsilon=1e-12, **kwargs):
        super().__init__(epsilon, **kwargs)

    def build(self, input_shape):
        self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, x):
        return standardize(x, self.epsilon, mean_of_sample) * self.gamma + self.beta
