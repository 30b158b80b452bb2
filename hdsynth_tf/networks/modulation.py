"""A style of the whole picture: what scales and shifts the features that the image is made of."""

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE, fresh
from hdsynth_tf.networks.precision import widen


@keras.saving.register_keras_serializable(package=PACKAGE)
class StyleModulation(keras.layers.Layer):
    """Scales and shifts every channel by what a style says: `x * (1 + scale) + shift`, both linear in the style.

    Behind the last instance norm, which would take away whatever is the same everywhere.

    Args:
        kernel_initializer: A Keras initializer.

    Call arguments:
        x: `(batch, height, width, channels)` float.
        feature_map: `(batch, height', width', feature_channels)` float, the same everywhere in a picture; else its mean
            counts.

    Returns:
        As `x`.

    Reference:
        - [Perez et al., 2018](https://arxiv.org/abs/1709.07871)
    """

    def __init__(self, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, x_shape, feature_map_shape):
        self.linear = keras.layers.Dense(
            2 * x_shape[-1], kernel_initializer=fresh(self.kernel_initializer), dtype=self.dtype_policy, name="linear"
        )
        self.linear.build((None, feature_map_shape[-1]))

    def compute_output_shape(self, x_shape, feature_map_shape=None):
        return tuple(x_shape)

    def call(self, x, feature_map):
        style = ops.mean(widen(feature_map), axis=(1, 2))
        scale, shift = ops.split(self.linear(style)[:, None, None, :], 2, axis=-1)
        return x * (1 + scale) + shift

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
