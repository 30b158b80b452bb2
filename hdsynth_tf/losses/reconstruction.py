"""Losses between the fake and the real image: in discriminator features, in VGG features, in pixels.

`call` gives `(batch,)` float32, see `adversarial`.
"""

import keras
from keras import ops

from hdsynth_tf.losses.adversarial import PACKAGE, per_sample_mean
from hdsynth_tf.networks.layers import crop, pad_to_multiple
from hdsynth_tf.networks.precision import widen

VGG_LAYER_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


def feature_distance(real, fake, relative):
    """Mean absolute difference of two activations for each sample, `(batch,)`; no gradient flows into `real`.

    With `relative`, divided by the sample's mean absolute value of `real`: layers of any magnitude count alike. The
    difference is taken in the activations' own dtype, where close numbers lose nothing; means are float32.
    """
    real, fake = ops.stop_gradient(ops.convert_to_tensor(real)), ops.convert_to_tensor(fake)
    distance = per_sample_mean(ops.abs(fake - real))
    return distance / (per_sample_mean(ops.abs(real)) + 1e-6) if relative else distance


def moved_alike(real, fake, shifts):
    """Cuts the same rows and columns off both images of each pair, at two sides `shifts - 1` in all.

    How many at the top and at the left is told by the colours along the real image's left and upper border: another
    shift for each picture and flip, the same in every run and however a batch is spread over devices.

    Args:
        real, fake: `(batch, height, width, channels)` in [-1, 1].
        shifts: Integer; 1 changes nothing.
    """
    if shifts == 1:
        return real, fake
    for axis in (1, 2):
        border = ops.take(real, 0, axis=3 - axis)  # of a column for the rows, of a row for the columns
        levels = ops.cast(ops.round((widen(border) + 1) * 127.5), "int32")  # exact in 8 bits, in any order of summing
        offset = ops.sum(levels, axis=(1, 2)) % shifts
        kept = ops.arange(ops.shape(real)[axis] - shifts + 1)
        index = ops.expand_dims(kept[None] + offset[:, None], (2, 3) if axis == 1 else (1, 3))
        real, fake = (ops.take_along_axis(image, index, axis=axis) for image in (real, fake))
    return real, fake


@keras.saving.register_keras_serializable(package=PACKAGE)
class FeatureMatchingLoss(keras.losses.Loss):
    """L1 distance between the discriminator's activations of the real and of the fake image.

    `sum_k 1/K sum_i 4/(T+1) mean|D_k^i(real) - D_k^i(fake)|` for scales `k = 1..K` and strided groups `i = 1..T`, and
    the one after them; the scores are left out. Equation 4 of the paper, with the released code's factors 1/K and
    4/(T+1).

    Args:
        relative: Boolean. If true, each activation's distance is divided by the real one's mean magnitude. For
            discriminators without instance norm, whose deeper features are smaller.

    Call arguments:
        y_true: Scales of activations of the real image, as `MultiScaleDiscriminator` returns them.
        y_pred: The same of the fake image.

    Raises:
        ValueError: If the two differ in the number of scales or of activations.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), equation 4
    """

    def __init__(self, relative=False, name="feature_matching", **kwargs):
        super().__init__(name=name, **kwargs)
        self.relative = relative

    def call(self, y_true, y_pred):
        if [len(scale) for scale in y_true] != [len(scale) for scale in y_pred]:
            raise ValueError(
                "Real and fake activations should have the same scales and layers. Received: "
                f"{[len(scale) for scale in y_true]} and {[len(scale) for scale in y_pred]} activations per scale"
            )
        total = 0.0
        for real, fake in zip(y_true, y_pred):
            layers = list(zip(real, fake))[:-1]
            distance = sum(feature_distance(a, b, self.relative) for a, b in layers)
            total = total + distance * 4.0 / len(layers) / len(y_true)
        return total

    def get_config(self):
        return {**super().get_config(), "relative": self.relative}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PerceptualLoss(keras.losses.Loss):
    """L1 distance between VGG19 features of the real and of the fake image, `sum_i w_i mean|F_i(real) - F_i(fake)|`.

    Args:
        feature_extractor: `keras.Model`, image `(batch, height, width, channels)` float32 in [-1, 1] -> list of
            features, such as `networks.VGG19Features()`.
        layer_weights: Floats, one for each feature; the defaults are the released code's for its five layers.
        relative: Boolean, see `feature_distance`. Keras' VGG19 has the weights of the first release, whose activations
            are two orders of magnitude above those of torchvision's that the released code uses; relative distances do
            not care, and keep the weight of 10 meaningful.
        shifts: Integer, see `DistanceLoss`.

    Raises:
        ValueError: If the number of weights is not the number of features.
    """

    def __init__(
        self,
        feature_extractor,
        layer_weights=VGG_LAYER_WEIGHTS,
        relative=True,
        shifts=1,
        name="perceptual",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.feature_extractor = feature_extractor
        self.layer_weights = tuple(layer_weights)
        self.relative = relative
        self.shifts = shifts

    def call(self, y_true, y_pred):
        real, fake = (self.feature_extractor(image) for image in moved_alike(y_true, y_pred, self.shifts))
        if len(self.layer_weights) != len(fake):
            raise ValueError(
                f"`layer_weights` should have one weight for each of the {len(fake)} features. "
                f"Received: layer_weights={self.layer_weights}"
            )
        return sum(w * feature_distance(a, b, self.relative) for w, a, b in zip(self.layer_weights, real, fake))

    def get_config(self):
        return {
            **super().get_config(),
            "feature_extractor": keras.saving.serialize_keras_object(self.feature_extractor),
            "layer_weights": self.layer_weights,
            "relative": self.relative,
            "shifts": self.shifts,
        }

    @classmethod
    def from_config(cls, config):
        config = {name: value for name, value in config.items() if name != "rematerialize"}  # of earlier versions
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})


@keras.saving.register_keras_serializable(package=PACKAGE)
class DistanceLoss(keras.losses.Loss):
    """A distance of two images that a frozen network tells, such as LPIPS, as a loss.

    Args:
        distance: `keras.Model`, of two images `(batch, height, width, channels)` float32 in [-1, 1] -> `(batch,)`, such
            as `pretrained.LPIPS("vgg")`.
        shifts: Integer. Both images are moved by 0 to `shifts - 1` pixels, see `moved_alike`. A network whose first
            convolution has a stride of 4, as AlexNet's, leaves a weave of that period without.

    Reference:
        - [Zhang et al., 2018](https://arxiv.org/abs/1801.03924)
    """

    def __init__(self, distance, shifts=1, name="distance", **kwargs):
        super().__init__(name=name, **kwargs)
        self.distance = distance
        self.shifts = shifts

    def call(self, y_true, y_pred):
        return self.distance(*moved_alike(ops.stop_gradient(ops.convert_to_tensor(y_true)), y_pred, self.shifts))

    def get_config(self):
        distance = keras.saving.serialize_keras_object(self.distance)
        return {**super().get_config(), "distance": distance, "shifts": self.shifts}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "distance": keras.saving.deserialize_keras_object(config["distance"])})


@keras.saving.register_keras_serializable(package=PACKAGE)
class PyramidLoss(keras.losses.Loss):
    """Mean absolute difference of two images, averaged over a pyramid of sizes: 1, 1/2, 1/4, ...

    The coarse levels carry colour and light, and do not mind a shift of a pixel. One level is the L1 loss of pix2pix.
    Not in the paper: its released code has no loss in pixels, and without VGG weights nothing else holds the colours.

    Args:
        num_levels: Integer, sizes compared; each is half the one before.

    Call arguments:
        y_true, y_pred: Images `(batch, height, width, channels)` in [-1, 1]; at least `2 ** (num_levels - 1)` pixels a
            side.
    """

    def __init__(self, num_levels=1, name="pyramid", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_levels = num_levels

    def call(self, y_true, y_pred):
        difference, total = widen(y_pred) - widen(y_true), 0.0
        for level in range(self.num_levels):
            if level:
                difference = ops.average_pool(difference, 2, 2, "valid")  # linear: the difference of the halved images
            total = total + per_sample_mean(ops.abs(difference))
        return total / self.num_levels

    def get_config(self):
        return {**super().get_config(), "num_levels": self.num_levels}


keras.saving.get_custom_objects()[f"{PACKAGE}>PyramidL1Loss"] = PyramidLoss  # its name in models of earlier versions


@keras.saving.register_keras_serializable(package=PACKAGE)
class DecibelLoss(keras.losses.Loss):
    """Logarithm of the mean squared difference of two images: what decibels (PSNR) count, of each image.

    For inputs that leave open how light the image is: a thermal image may be of day or of night. An absolute or squared
    difference then makes a network answer grey, the mean of both, or makes the few images that it gets quite wrong
    decide what it learns. A logarithm is content to get most images right.

    Args:
        floor: Float, added to the mean square: images that are nearer than that do not count more and more. 0.05 is
            19 dB.

    Call arguments:
        y_true, y_pred: Images `(batch, height, width, channels)` in [-1, 1].
    """

    def __init__(self, floor=0.05, name="decibel", **kwargs):
        super().__init__(name=name, **kwargs)
        self.floor = floor

    def call(self, y_true, y_pred):
        return ops.log(per_sample_mean(ops.square(widen(y_pred) - widen(y_true))) + self.floor)

    def get_config(self):
        return {**super().get_config(), "floor": self.floor}


@keras.saving.register_keras_serializable(package=PACKAGE)
class GradientLoss(keras.losses.Loss):
    """Agreement of the gradient magnitudes of two grey images: correlation locally, and mean magnitude.

    `sum_s (1 - corr(P_s|grad fake|, P_s|grad real|)) / S + log(mean|grad fake| / mean|grad real|)^2`, averaged over a
    pyramid of sizes: 1, 1/2, ... `corr` is Pearson's correlation over the pixels of an image, `P_s` the mean over
    squares of `s` pixels. It does not ask in which direction or with which sign an image changes, so that it does not
    blur where the input leaves that open: leaves get as much texture as leaves have, sky as little as sky. A squared
    difference of lengths would be smallest for too short ones; one size alone is satisfied by a fine weave.

    Args:
        num_levels: Integer, sizes compared; each is half the one before.
        squares: Integers, sides of the squares in pixels of each size.

    Call arguments:
        y_true, y_pred: Images `(batch, height, width, channels)` in [-1, 1]; at least `2 ** num_levels` pixels a side.
            What is left over of a square at the lower and right edge is filled by reflection.

    Raises:
        ValueError: If the images are smaller.
    """

    def __init__(self, num_levels=3, squares=(1, 4, 16), name="gradient", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_levels = num_levels
        self.squares = tuple(squares)

    @property
    def smallest_side(self):
        """Pixels a side that images need: two are left at the last of the sizes."""
        return 2**self.num_levels

    def call(self, y_true, y_pred):
        sides = [length for length in y_pred.shape[1:3] if length is not None]
        if sides and min(sides) < self.smallest_side:
            raise ValueError(
                f"The gradient loss at {self.num_levels} sizes needs images of {self.smallest_side} pixels a side or "
                f"more. Received: {' x '.join(map(str, sides))} pixels"
            )
        real, fake = (ops.mean(widen(image), axis=-1, keepdims=True) for image in (y_true, y_pred))
        total = 0.0
        for level in range(self.num_levels):
            if level:
                real, fake = (ops.average_pool(image, 2, 2, "valid") for image in (real, fake))
            total = total + self._disagreement(_gradient_length(real), _gradient_length(fake))
        return total / self.num_levels

    def _disagreement(self, real, fake):
        """The term of two maps of gradient lengths."""
        ratio = ops.log((per_sample_mean(fake) + 1e-4) / (per_sample_mean(real) + 1e-4))
        total = ops.square(ratio)
        for square in self.squares:
            a, b = (ops.average_pool(pad_to_multiple(x, square), square, square, "valid") for x in (real, fake))
            total = total + (1 - _correlation(a, b)) / len(self.squares)
        return total

    def get_config(self):
        return {**super().get_config(), "num_levels": self.num_levels, "squares": self.squares}


def _correlation(a, b):
    """Pearson's correlation over the pixels of each sample, `(batch,)`; 0 where one of them is constant."""
    a, b = (x - ops.mean(x, axis=(1, 2, 3), keepdims=True) for x in (a, b))
    return per_sample_mean(a * b) * ops.rsqrt(ops.maximum(per_sample_mean(a * a) * per_sample_mean(b * b), 1e-12))


def _gradient_length(grey):
    """`(batch, height, width, 1)` -> `(batch, height - 1, width - 1, 1)`."""
    height, width = (length - 1 for length in ops.shape(grey)[1:3])
    here, below, beside = (crop(grey, height, width, top, left) for top, left in ((0, 0), (1, 0), (0, 1)))
    return ops.sqrt(ops.square(below - here) + ops.square(beside - here) + 1e-6)  # the root has no slope at 0
