"""Light and colour of the whole image, from what the whole input looks like: what instance normalisation forgets."""

import math

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE
from hdsynth_tf.precision import wide, widen

THUMBNAIL = (48, 72)  # height, width at which inputs are looked at, so that the size of a picture does not matter
STATISTIC_BANDS = 8  # horizontal bands: sky, horizon, road
HISTOGRAM_BINS = 16


def tone_statistics(x):
    """What an input looks like as a whole: for each of 8 horizontal bands and each channel the mean, the standard
    deviation and the mean differences across and down; for each channel a histogram with soft bins.

    Args:
        x: `(batch, height, width, channels)` float in [-1, 1], of any size.

    Returns:
        `(batch, channels * (8 * 4 + 16))`, float32.
    """
    x = ops.image.resize(x, THUMBNAIL, "bilinear", antialias=True, data_format="channels_last")
    across = ops.pad(ops.abs(x[:, :, 1:] - x[:, :, :-1]), [[0, 0], [0, 0], [0, 1], [0, 0]])
    down = ops.pad(ops.abs(x[:, 1:] - x[:, :-1]), [[0, 0], [0, 1], [0, 0], [0, 0]])
    centers = (2 * ops.arange(HISTOGRAM_BINS, dtype=x.dtype) + 1) / HISTOGRAM_BINS - 1
    bins = ops.relu(1 - ops.abs(x[..., None] - centers) * (HISTOGRAM_BINS / 2))
    found = [_in_bands(x, ops.mean), _in_bands(x, ops.std), _in_bands(across, ops.mean), _in_bands(down, ops.mean)]
    return ops.concatenate([ops.reshape(part, (ops.shape(x)[0], -1)) for part in (*found, ops.mean(bins, (1, 2)))], 1)


def _in_bands(x, reduce):
    """A statistic of each band: `(batch, bands, channels)`."""
    height, width = THUMBNAIL
    x = ops.reshape(x, (-1, STATISTIC_BANDS, height // STATISTIC_BANDS, width, x.shape[-1]))
    return reduce(x, axis=(2, 3))


def cosines(height, count, dtype="float32"):
    """The first cosines down a picture: constant, half a period, a whole one, ...; mean squares are 1.

    Returns:
        `(height, count)`; the columns are orthogonal to each other (discrete cosine transform, DCT-II).
    """
    rows = (ops.cast(ops.arange(height), dtype) + 0.5) / ops.cast(height, dtype)
    waves = ops.cos(math.pi * rows[:, None] * ops.arange(count, dtype=dtype))
    return waves * ops.convert_to_tensor([1.0] + [math.sqrt(2)] * (count - 1), dtype)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RunningStandardization(keras.layers.Layer):
    """Brings each feature to mean 0 and variance 1 over the training data, batches of one included.

    Mean and variance are running averages, in training too, unlike batch normalisation's. At first they are
    the averages of all batches so far.

    Args:
        momentum: Float below 1.

    Call arguments:
        x: `(batch, features)`.
        training: Boolean, whether the averages follow.

    Returns:
        The same shape, clipped to [-4, 4].
    """

    def __init__(self, momentum=0.999, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        def average(name, shape, initializer):
            return self.add_weight(
                name=name, shape=shape, initializer=initializer, trainable=False, dtype="float32", autocast=False,
                aggregation="mean",
            )  # fmt: skip

        self.mean = average("mean", input_shape[-1:], "zeros")
        self.variance = average("variance", input_shape[-1:], "ones")
        self.step = average("step", (), "zeros")

    def call(self, x, training=False):
        x = widen(x)
        if training:
            new = ops.maximum(1 - self.momentum, 1 / (1 + self.step))
            known = ops.stop_gradient(x)
            spread = ops.mean(ops.square(known - self.mean), axis=0)
            self.variance.assign(self.variance + new * (spread - self.variance))
            self.mean.assign(self.mean + new * (ops.mean(known, axis=0) - self.mean))
            self.step.assign(self.step + 1)
        return ops.clip((x - self.mean) * ops.rsqrt(self.variance + 1e-4), -4, 4)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ToneAdjustment(keras.layers.Layer):
    """Lightens, darkens and tints an image as a whole.

    A generator with instance normalisation hardly knows whether its input was dark or bright, and yet that is most of
    what tells day from night in a thermal image. A small dense network reads it from `tone_statistics`, and gives for
    each channel the first cosines of the picture from top to bottom: its mean, sky against road, ... What of these the
    image itself has is taken away, so that nothing else decides them. Dropout keeps the dense network from knowing a
    hundred pictures by heart. Not in the paper.

    Args:
        hidden_units: Integer, width of the dense network.
        dropout: Float, share of its hidden units dropped while training; of the statistics 0.6 times that.
        num_cosines: Integer, how many are decided.
        seed: Integer or `None`, of the dropout.

    Call arguments:
        image: `(batch, height, width, channels)`, before `tanh`.
        x: `(batch, height', width', input_channels)` float, what the image is made of.
        training: Boolean.

    Returns:
        `image`'s shape, float32.
    """

    def __init__(self, hidden_units=128, dropout=0.5, num_cosines=4, seed=None, **kwargs):
        super().__init__(**{**kwargs, "autocast": False})
        self.hidden_units = hidden_units
        self.dropout = dropout
        self.num_cosines = num_cosines
        self.seed = seed

    # === Build ===

    def build(self, image_shape, x_shape):
        self.channels = image_shape[-1]
        features = x_shape[-1] * (STATISTIC_BANDS * 4 + HISTOGRAM_BINS)
        dtype = wide(self.compute_dtype)
        self.layers = [
            RunningStandardization(dtype=dtype, name="standardize"),
            keras.layers.Dropout(0.6 * self.dropout, seed=self.seed, dtype=dtype, name="drop_statistics"),
            keras.layers.Dense(self.hidden_units, activation="relu", dtype=dtype, name="hidden"),
            keras.layers.Dropout(self.dropout, seed=self.seed, dtype=dtype, name="drop_hidden"),
            keras.layers.Dense(self.num_cosines * self.channels, kernel_initializer="zeros", dtype=dtype, name="tone"),
        ]
        shape = (None, features)
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, image_shape, x_shape=None):
        return tuple(image_shape)

    # === Call ===

    def call(self, image, x, training=False):
        tone = tone_statistics(widen(x))
        for layer in self.layers:
            options = {} if isinstance(layer, keras.layers.Dense) else {"training": training}
            tone = layer(tone, **options)
        wanted = ops.reshape(tone, (-1, self.num_cosines, self.channels))
        image = widen(image)
        waves = cosines(ops.shape(image)[1], self.num_cosines, image.dtype)
        own = ops.matmul(ops.transpose(waves), ops.mean(image, axis=2)) / ops.cast(ops.shape(image)[1], image.dtype)
        return image + ops.matmul(waves, wanted - own)[:, :, None, :]

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "dropout": self.dropout,
            "num_cosines": self.num_cosines,
            "seed": self.seed,
        }
