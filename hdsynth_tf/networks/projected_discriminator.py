"""A discriminator that looks with a pretrained network: few pairs need not teach it what photographs consist of."""

import keras
from keras import ops

from hdsynth_tf.networks.convolution import Conv2D
from hdsynth_tf.networks.discriminators import Discriminator, real_and_fake
from hdsynth_tf.networks.layers import PACKAGE, ConvBlock, crop, fresh, repeat_pixels, shrink
from hdsynth_tf.networks.normalization import mean_of_sample, of_mean_square_1
from hdsynth_tf.networks.precision import widen

BRIGHTER, SATURATED, CONTRASTED = (-0.3, 0.3), (0.4, 1.6), (0.7, 1.3)  # of images in [-1, 1]
MOVED = 8  # by up to a part of the sides, one in so many
CUT_OUT = 5  # a rectangle of twice that part


def augmented(semantic_input, images, seed):
    """Semantic inputs and images, all changed alike for each sample, so that few of them are not known by heart.

    Images get lighter or darker, more or less colourful, more or less contrast; all are moved, zeros coming in, and a
    rectangle of them becomes 0. DiffAugment.

    Args:
        semantic_input: `(batch, height, width, channels)` float.
        images: List of `(batch, height, width, image_channels)` float in [-1, 1].
        seed: `keras.random.SeedGenerator`.

    Returns:
        The semantic input and the list of images, float32.

    Reference:
        - [Zhao et al., 2020](https://arxiv.org/abs/2006.10738)
    """
    maps = [widen(semantic_input), *recolored([widen(image) for image in images], seed)]
    semantic_input, *images = cut_out(moved(maps, seed), seed)
    return semantic_input, images


def recolored(images, seed):
    """Images of other brightness, colourfulness and contrast: the same change for a sample of each of them."""
    shape = (ops.shape(images[0])[0], 1, 1, 1)
    brighter, saturated, contrasted = (
        keras.random.uniform(shape, *limits, seed=seed) for limits in (BRIGHTER, SATURATED, CONTRASTED)
    )

    def change(image):
        lighter = image + brighter  # not `ops.add`, which takes it for a bias where as many samples as channels are
        image = around(ops.mean(lighter, axis=-1, keepdims=True), lighter, saturated)
        return around(mean_of_sample(image), image, contrasted)

    return [change(ops.convert_to_tensor(image)) for image in images]


def around(mean, image, factor):
    """An image whose differences from a mean are `factor` times what they were."""
    return (image - mean) * factor + mean


def moved(maps, seed):
    """Maps `(batch, height, width, channels)`, all moved alike, with zeros where nothing is."""
    height, width = ops.shape(maps[0])[1:3]
    most = height // MOVED, width // MOVED
    shares = ops.unstack(keras.random.uniform((2,), seed=seed))
    row, column = (
        ops.cast(ops.floor(share * ops.cast(2 * length + 1, "float32")), "int32") for share, length in zip(shares, most)
    )
    padded = [ops.pad(x, [[0, 0], [most[0]] * 2, [most[1]] * 2, [0, 0]]) for x in maps]
    return [ops.slice(x, (0, row, column, 0), (ops.shape(x)[0], height, width, x.shape[-1])) for x in padded]


def cut_out(maps, seed):
    """Maps with zeros in a rectangle, another one for each sample."""
    batch, height, width = ops.shape(maps[0])[:3]
    inside = 1.0
    for axis, length in ((1, height), (2, width)):
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        place = ops.reshape(ops.arange(length, dtype="float32"), shape)
        length = ops.cast(length, "float32")
        center = keras.random.uniform((batch, 1, 1, 1), seed=seed) * length
        inside = inside * ops.cast(ops.abs(place - center) < length / CUT_OUT, "float32")
    return [ops.multiply(x, 1 - inside) for x in maps]


@keras.saving.register_keras_serializable(package=PACKAGE)
class ProjectedDiscriminator(Discriminator):
    """Patch scores from the features of a frozen network, at each of its scales; Projected GAN, told the input.

    The features are mixed by random convolutions that never train: over their channels, then, from the coarsest to the
    finest, over scales. So no single feature is what the generator has to please. At every scale a small network with
    spectral norms reads them, and the semantic input at that size. In training, images and inputs are augmented.

    Unlike the paper: it reads the semantic input, its scores are of patches at all scales, and the features of each
    image are brought to mean square 1 instead of a batch norm.

    Args:
        feature_extractor: Frozen `keras.Model`, image -> list of features of `strides` 4, 8, 16, ... and `channels`,
            two lists; `pretrained.EfficientNetLite0Features`, say. Its weights are saved with the discriminator's.
        num_filters: Integer, channels at every scale.
        kernel_initializer: A Keras initializer.

    Call arguments:
        semantic_input: `(batch, height, width, channels)` float.
        image: `(images * batch, height, width, image_channels)` float in [-1, 1]: one for each semantic input, then the
            next one for each.
        training: Boolean.

    Returns:
        List of scales, finest first; each a list of the feature and of the scores, one channel.

    Reference:
        - [Sauer et al., 2021](https://arxiv.org/abs/2111.01007)
    """

    verdict = "scores"

    def __init__(self, feature_extractor, num_filters=64, kernel_initializer="he_normal", **kwargs):
        super().__init__(**kwargs)
        self.feature_extractor = feature_extractor
        self.num_filters = num_filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        feature_extractor.trainable = False
        count = len(feature_extractor.strides)
        self.mix_channels = [self._mixing(1, f"mix_channels_{i}") for i in range(count)]
        self.mix_scales = [self._mixing(3, f"mix_scales_{i}") for i in range(count)]
        self.heads = [self._head(min(2, count - 1 - i), i) for i in range(count)]
        self.seed_generator = keras.random.SeedGenerator()

    def _mixing(self, size, name):
        common = dict(padding="same", use_bias=False, trainable=False, dtype=self.dtype_policy, name=name)
        return Conv2D(self.num_filters, size, kernel_initializer=self._fresh(), **common)

    def _head(self, num_strided, i):
        """List of layers: strided ones as far as the scale is fine, one that is not, the scores."""
        groups = [(self.num_filters, 3, 2, 1, "leaky_relu")] * num_strided
        groups += [(self.num_filters, 3, 1, 1, "leaky_relu"), (1, 1, 1, 0, None)]
        return [
            ConvBlock(
                filters, size, strides, pad, "zero", "spectral", activation, self._fresh(), dtype=self.dtype_policy,
                name=f"head_{i}_{number}",
            )
            for number, (filters, size, strides, pad, activation) in enumerate(groups)
        ]  # fmt: skip

    def _fresh(self):
        return fresh(self.kernel_initializer)

    def build_for(self, conditioning):
        if not self.built:
            self.build(*((None, None, None, count) for count in (conditioning.channels, conditioning.image_channels)))

    # === Build ===

    def build(self, semantic_input_shape, image_shape):
        free = (None, None, None)
        for i, channels in enumerate(self.feature_extractor.channels):
            self.mix_channels[i].build((*free, channels))
            self.mix_scales[i].build((*free, self.num_filters))
            shape = (*free, self.num_filters + semantic_input_shape[-1])
            for group in self.heads[i]:
                group.build(shape)
                shape = group.compute_output_shape(shape)

    def compute_output_shape(self, semantic_input_shape, image_shape):
        batch, *sides, _ = image_shape
        scales = []
        for stride, channels, head in zip(self.feature_extractor.strides, self.feature_extractor.channels, self.heads):
            shape = feature = (batch, *(side and -(-side // stride) for side in sides), channels)
            for group in head:
                shape = group.compute_output_shape(shape)
            scales.append([feature, shape])
        return scales

    # === Call ===

    def call(self, semantic_input, image, training=False):
        features = self.feature_extractor(image)
        scales = []
        for i, x in enumerate(self.mixed(features)):
            seen = shrink(semantic_input, self.feature_extractor.strides[i])
            x = [ops.cast(seen, x.dtype), x]  # convolved apart: the first once for all images
            for group in self.heads[i]:
                x = group(x, training=training)
            scales.append([features[i], x])
        return scales

    def mixed(self, features):
        """Features of all scales, mixed at random: list of `(batch, height_i, width_i, num_filters)`."""
        mixed, coarser = [], None
        for feature, over_channels, over_scales in reversed(list(zip(features, self.mix_channels, self.mix_scales))):
            x = over_channels(of_mean_square_1(feature))
            if coarser is not None:
                x = (x + crop(repeat_pixels(coarser, 2), *ops.shape(x)[1:3])) / 2**0.5
            coarser = over_scales(x)
            mixed.insert(0, coarser)
        return mixed

    def judge(self, semantic_input, real_image, fake_image, training=False):
        images = [real_image, fake_image]
        if training:
            semantic_input, images = augmented(semantic_input, images, self.seed_generator)
        both = self(semantic_input, ops.concatenate(images, axis=0), training=training)
        return real_and_fake(both)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "feature_extractor": keras.saving.serialize_keras_object(self.feature_extractor),
            "num_filters": self.num_filters,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config):
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})
