"""Light and colour of the whole image, from what the whole input looks like: what instance normalisation forgets."""

import math

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE
from hdsynth_tf.networks.precision import wide, widen
from pipelines.resizing import resize

THUMBNAILS = (48, 72), (96, 144)  # heights and widths at which inputs are looked at, so that their own hardly matter
BANDS = 8  # from top to bottom: sky, horizon, road
BINS = 16
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
BRIGHTEST = 0.95  # of a row's mean, in [-1, 1]: white is infinitely far before `tanh`
NUM_COSINES = 4  # down a picture, that are decided
STATISTICS = BANDS * (4 + len(THUMBNAILS)) + BINS + len(QUANTILES)  # of each channel


def tone_statistics(x):
    """Global statistics of an input image.

    Of each channel, in a thumbnail of 48x72: for each of 8 bands from top to bottom the mean, the standard deviation
    and the mean differences across and down; a histogram with soft bins; quantiles. In thumbnails of 48x72 and 96x144:
    for each band how fine-grained it is, as the logarithm of the mean length of the Laplacian.

    Args:
        x: `(batch, height, width, channels)` float in [-1, 1], of any size.

    Returns:
        `(batch, channels * STATISTICS)`, float32.
    """
    thumbnails = [resize(x, size, "bilinear") for size in THUMBNAILS]
    small = thumbnails[0]
    across = ops.pad(ops.abs(small[:, :, 1:] - small[:, :, :-1]), [[0, 0], [0, 0], [0, 1], [0, 0]])
    down = ops.pad(ops.abs(small[:, 1:] - small[:, :-1]), [[0, 0], [0, 1], [0, 0], [0, 0]])
    parts = [_in_bands(small, ops.mean), _in_bands(small, ops.std), _in_bands(across, ops.mean)]
    parts += [_in_bands(down, ops.mean), _histogram(small)]
    parts += [ops.moveaxis(ops.quantile(small, QUANTILES, axis=(1, 2)), 0, 1)]
    parts += [ops.log(_in_bands(_laplacian(thumbnail), ops.mean) + 1e-3) for thumbnail in thumbnails]
    return ops.reshape(ops.concatenate(parts, 1), (-1, STATISTICS * x.shape[-1]))


def _in_bands(x, reduce):
    """A statistic of each band: `(batch, bands, channels)`."""
    height, width, channels = x.shape[1:]
    return reduce(ops.reshape(x, (-1, BANDS, height // BANDS, width, channels)), axis=(2, 3))


def _histogram(x):
    """How much of a picture is near each of some values, `(batch, bins, channels)`: triangles that overlap by half."""
    centers = (2 * ops.arange(BINS, dtype=x.dtype) + 1) / BINS - 1
    return ops.mean(ops.relu(1 - ops.abs(x[:, :, :, None] - centers[:, None]) * (BINS / 2)), axis=(1, 2))


def _laplacian(x):
    """How far each pixel is from its four neighbours' mean, times 4; borders are repeated outwards."""
    around = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    beside = around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:]
    return ops.abs(4 * x - beside)


def cosines(height, count, dtype="float32"):
    """The first cosines down a picture: constant, half a period, a whole one, ...; mean squares are 1.

    Returns:
        `(height, count)`; the columns are orthogonal to each other (discrete cosine transform, DCT-II).
    """
    rows = (ops.cast(ops.arange(height), dtype) + 0.5) / ops.cast(height, dtype)
    waves = ops.cos(math.pi * rows[:, None] * ops.arange(count, dtype=dtype))
    return waves * ops.convert_to_tensor([1.0] + [math.sqrt(2)] * (count - 1), dtype)


def in_cosines(rows, count):
    """Means of rows in cosines.

    Args:
        rows: `(batch, height, channels)` float.
        count: Integer.

    Returns:
        How much of each there is, `(batch, count, channels)`; and the cosines, `(height, count)`.
    """
    waves = cosines(ops.shape(rows)[1], count, rows.dtype)
    return ops.matmul(ops.transpose(waves), rows) / ops.cast(ops.shape(rows)[1], rows.dtype), waves


def tone_of(rows, count):
    """The tone of pictures in [-1, 1] whose rows have these means: `(batch, count * channels)`, before `tanh`."""
    own, _ = in_cosines(ops.arctanh(ops.clip(rows, -BRIGHTEST, BRIGHTEST)), count)
    return ops.reshape(own, (-1, count * rows.shape[-1]))


@keras.saving.register_keras_serializable(package=PACKAGE)
class ToneAdjustment(keras.layers.Layer):
    """Lightens, darkens and tints an image as a whole.

    A generator with instance normalisation hardly knows whether its input was dark or bright, and yet that is most of
    what tells day from night in a thermal image. A small dense network reads it from statistics of the whole input, and
    gives for each channel the first cosines of the picture from top to bottom: its mean, sky against road, ... What of
    these the image itself has is taken away, so that nothing else decides them.

    Nothing here trains with the generator, which would soon know the light of every training picture by heart:
    `train.tone_fitting.fit_tone` finds the weights before. Until then all pictures are middle grey. Not in the
    paper.

    Args:
        hidden_units: Integer, width of the dense network.
        num_cosines: Integer, how many are decided.
        num_images: Integer, tones of one input. The first is what is to be expected; the others are those of other
            photographs, whatever the input.

    Call arguments:
        image: `(batch, height, width, channels)`, before `tanh`.
        statistics: `(batch, numbers)` float, what is known of the input as a whole: `tone_statistics`, say.
        choice: `(batch,)` integers below `num_images`, the tones wanted; `None`: the first.

    Returns:
        `image`'s shape, float32.
    """

    def __init__(self, hidden_units=128, num_cosines=NUM_COSINES, num_images=1, **kwargs):
        super().__init__(**{**kwargs, "autocast": False, "trainable": False})
        self.hidden_units = hidden_units
        self.num_cosines = num_cosines
        self.num_images = num_images

    # === Build ===

    def build(self, image_shape, statistics_shape):
        self.channels = image_shape[-1]
        features = statistics_shape[-1]
        self.center = self._weight("center", (features,))
        self.spread = self._weight("spread", (features,), "ones")
        self.hidden_kernel = self._weight("hidden_kernel", (features, self.hidden_units))
        self.hidden_bias = self._weight("hidden_bias", (self.hidden_units,))
        self.tone_kernel = self._weight("tone_kernel", (self.hidden_units, self.num_cosines * self.channels))
        self.tone_bias = self._weight("tone_bias", (self.num_cosines * self.channels,))
        if self.num_images > 1:
            self.others = self._weight("others", (self.num_images, self.num_cosines * self.channels))  # the first: 0

    def _weight(self, name, shape, initializer="zeros"):
        dtype = wide(self.compute_dtype)
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=False, dtype=dtype, autocast=False
        )

    def compute_output_shape(self, image_shape, statistics_shape=None, choice_shape=None):
        return tuple(image_shape)

    # === Call ===

    def call(self, image, statistics, choice=None):
        return self.adjust(image, self.read(statistics, choice))

    def read(self, statistics, choice=None):
        """The tone that the image of such an input shall have: `(batch, num_cosines * channels)`, float32."""
        standard = standardize(widen(statistics), self.center, self.spread)
        hidden = ops.relu(ops.matmul(standard, self.hidden_kernel) + self.hidden_bias)
        expected = ops.matmul(hidden, self.tone_kernel) + self.tone_bias
        if choice is None or self.num_images == 1:
            return expected
        is_expected = ops.cast(ops.equal(choice, 0), expected.dtype)[:, None]
        return expected * is_expected + ops.take(self.others, choice, axis=0)

    def adjust(self, image, tone):
        """`image` with a tone that was read."""
        image, tone = widen(image), ops.reshape(widen(tone), (-1, self.num_cosines, self.channels))
        own, waves = in_cosines(ops.mean(image, axis=2), self.num_cosines)
        return image + ops.matmul(waves, tone - own)[:, :, None, :]

    def of(self, image):
        """The tone that an image `(batch, height, width, channels)` in [-1, 1] has, as `read` gives it."""
        return tone_of(ops.mean(widen(image), axis=2), self.num_cosines)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "num_cosines": self.num_cosines,
            "num_images": self.num_images,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class ToneModulation(keras.layers.Layer):
    """Scales and shifts every channel of a feature map by the tone, `x * (1 + scale) + shift`, both linear in it.

    What instance norm leaves of a day and of a night looks alike. So told, a generator can make trees darker than the
    sky by day, and lighter by night. Not in the paper.

    Call arguments:
        x: `(batch, height, width, channels)`, behind the norms, which would take away what is the same everywhere.
        tone: `(batch, numbers)`, see `ToneAdjustment.read`.

    Returns:
        As `x`.

    Reference:
        - [Perez et al., 2018](https://arxiv.org/abs/1709.07871)
    """

    def build(self, x_shape, tone_shape):
        start = keras.initializers.RandomNormal(0.0, 0.05)
        dtype = wide(self.compute_dtype)
        self.linear = keras.layers.Dense(2 * x_shape[-1], kernel_initializer=start, dtype=dtype, name="linear")
        self.linear.build(tone_shape)

    def compute_output_shape(self, x_shape, tone_shape=None):
        return tuple(x_shape)

    def call(self, x, tone):
        both = ops.cast(self.linear(tone)[:, None, None, :], x.dtype)
        scale, shift = ops.split(both, 2, axis=-1)
        return x * (1 + scale) + shift


def told(generator, image):
    """What a generator is told of an image beside its input: the tone, where it takes one. Arguments of its call.

    In training, the real image's: of what the input leaves open it would otherwise paint the mean.
    """
    tone = getattr(generator, "tone", None)
    return {} if tone is None else {"tone": tone.of(image)}


def standardize(statistics, center, spread):
    """Brings each statistic to mean 0 and deviation 1 over the training scenes; far ones are clipped at 4."""
    return ops.clip((statistics - center) / spread, -4, 4)
