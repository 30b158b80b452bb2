"""Discriminators: does an image belong to its semantic input? All activations are returned, for feature matching."""

import keras
from keras import ops

from hdsynth_tf.networks.generators import RELEASED_INITIALIZER
from hdsynth_tf.networks.layers import PACKAGE, ConvBlock, HalveImage


class Discriminator(keras.Model):
    """Base class: what a model asks of its discriminator.

    Attributes:
        verdict: String, what it tells of images: `"scores"` or `"classes"`. Adversarial losses say which they read.
    """

    verdict = None

    def build_for(self, conditioning):
        """Makes the weights, unless they are there, for what a `pipelines.conditioning.Conditioning` makes.

        Raises:
            ValueError: If it cannot judge images of such inputs.
        """
        raise NotImplementedError

    def judge(self, semantic_input, real_image, fake_image, training=False):
        """What it makes of the real and of the fake image, from one forward pass over both.

        Args:
            semantic_input: `(batch, height, width, channels)` float, what the conditioning makes of the inputs.
            real_image, fake_image: `(batch, height, width, image_channels)` float32 in [-1, 1].
            training: Boolean.

        Returns:
            Dict: `real`, `fake` -> list of scales, each a list of activations of which the last are the scores; what
            else it tells goes by these names to the adversarial loss.
        """
        raise NotImplementedError

    def grown(self):
        """The next level's discriminator, built, for twice the height and width: a copy, unless a subclass has more."""
        grown = type(self).from_config(self.get_config())
        grown.build_from_config(self.get_build_config())
        grown.set_weights(self.get_weights())
        return grown


def real_and_fake(scales):
    """What was made of real and fake images together, apart: dict `real`, `fake`, as `Discriminator.judge` tells it.

    Args:
        scales: List of scales, each a list of activations `(2 * batch, ...)`, the real images' first.
    """
    halves = [[ops.split(activation, 2) for activation in scale] for scale in scales]
    return {
        "real": [[real for real, _ in scale] for scale in halves],
        "fake": [[fake for _, fake in scale] for scale in halves],
    }


@keras.saving.register_keras_serializable(package=PACKAGE)
class PatchDiscriminator(keras.Model):
    """PatchGAN: a score for every patch of the image; with three layers a patch is 70 pixels wide.

    `num_layers` strided groups, one group of stride 1, one convolution to scores; 4x4 kernels, padding of 2 zeros on
    every side (so that a strided group makes `height // 2 + 1` of `height`) or of 1, LeakyReLU 0.2.

    Args:
        num_filters: Integer, channels of the first group; they double up to 512.
        num_layers: Integer, strided groups.
        norm: `"instance"` (released code: not in the first group), `"spectral"` (every kernel, no instance norm:
            features keep brightness and contrast, and the discriminator stays smooth) or `None`.
        kernel_initializer: A Keras initializer.
        pad: Integer, zeros on every side: 2 in the released code, 1 in pix2pix's and CycleGAN's.

    Call arguments:
        x: `(batch, height, width, channels)` float, semantic input and image concatenated, or the pair of them: several
            images for each semantic input may follow each other, see `Conv2D`.

    Returns:
        List of `num_layers + 2` activations `(batch, height_i, width_i, channels_i)`; the last are the scores, one
        channel.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.2; [Isola et al.,
        2017](https://arxiv.org/abs/1611.07004)
    """

    def __init__(
        self, num_filters=64, num_layers=3, norm="instance", kernel_initializer=RELEASED_INITIALIZER, pad=2, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_layers = num_layers
        self.norm = norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.pad = pad

        # === Layers ===
        everywhere = "spectral" if norm == "spectral" else None
        groups = [(num_filters, 2, everywhere)]
        groups += [(min(num_filters * 2**i, 512), 2, norm) for i in range(1, num_layers)]
        groups += [(min(num_filters * 2**num_layers, 512), 1, norm)]
        common = dict(
            kernel_size=4, pad=pad, padding="zero", kernel_initializer=kernel_initializer, dtype=self.dtype_policy
        )
        self.groups = [
            ConvBlock(filters, strides=strides, norm=norm, activation="leaky_relu", name=f"group_{i}", **common)
            for i, (filters, strides, norm) in enumerate(groups)
        ]
        self.groups.append(ConvBlock(1, norm=everywhere, activation=None, name="scores", **common))

    # === Build ===

    def build(self, input_shape):
        shape = (None, None, None, input_shape[-1])
        for group in self.groups:
            group.build(shape)
            shape = group.compute_output_shape(shape)

    def compute_output_shape(self, input_shape):
        shapes = []
        for group in self.groups:
            input_shape = group.compute_output_shape(input_shape)
            shapes.append(input_shape)
        return shapes

    # === Call ===

    def call(self, x):
        activations = []
        for group in self.groups:
            x = group(x)
            activations.append(x)
        return activations

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_layers": self.num_layers,
            "norm": self.norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "pad": self.pad,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultiScaleDiscriminator(Discriminator):
    """D1, D2, ...: equal `PatchDiscriminator`s with weights of their own, on the image and on its halved versions.

    With 39 input channels, two scales have 5,603,202 parameters and three 8,404,803.

    Args:
        num_scales: Integer, number of discriminators.
        num_filters, num_layers, norm, kernel_initializer, pad: Of each `PatchDiscriminator`.

    Call arguments:
        semantic_input: `(batch, height, width, channels)` float.
        image: `(images * batch, height, width, image_channels)` float in [-1, 1]: one for each semantic input, then the
            next one for each.

    Returns:
        List of scales, finest first; each a list of activations of every image, see `PatchDiscriminator`.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.2, equation 3
    """

    verdict = "scores"

    def __init__(
        self,
        num_scales=2,
        num_filters=64,
        num_layers=3,
        norm="instance",
        kernel_initializer=RELEASED_INITIALIZER,
        pad=2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_scales = num_scales
        self.num_filters = num_filters
        self.num_layers = num_layers
        self.norm = norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.pad = pad

        # === Layers ===
        self.halve = HalveImage(dtype=self.dtype_policy, name="halve")
        self.discriminators = [
            PatchDiscriminator(
                num_filters, num_layers, norm, kernel_initializer, pad, dtype=self.dtype_policy, name=f"scale_{i}"
            )
            for i in range(num_scales)
        ]

    def build_for(self, conditioning):
        if not self.built:
            self.build(*((None, None, None, count) for count in (conditioning.channels, conditioning.image_channels)))

    def grown(self):
        """The next level's discriminators, for twice the height and width: these, and a new one at the finest scale.

        Returns:
            `MultiScaleDiscriminator`, built. Each old scale has its weights, one place down the list: what judged a
            size goes on judging that size.
        """
        grown = MultiScaleDiscriminator.from_config({**self.get_config(), "num_scales": self.num_scales + 1})
        grown.build_from_config(self.get_build_config())
        for old, new in zip(self.discriminators, grown.discriminators[1:]):
            new.set_weights(old.get_weights())
        return grown

    # === Build ===

    def build(self, semantic_input_shape, image_shape):
        for discriminator in self.discriminators:
            discriminator.build((None, None, None, semantic_input_shape[-1] + image_shape[-1]))

    def compute_output_shape(self, semantic_input_shape, image_shape):
        shape = (*image_shape[:-1], semantic_input_shape[-1] + image_shape[-1])
        shapes = []
        for discriminator in self.discriminators:
            shapes.append(discriminator.compute_output_shape(shape))
            shape = self.halve.compute_output_shape(shape)
        return shapes

    # === Call ===

    def call(self, semantic_input, image):
        pair = [semantic_input, ops.cast(image, semantic_input.dtype)]  # convolved apart: the first once for all images
        scales = [self.discriminators[0](pair)]
        for discriminator in self.discriminators[1:]:
            pair = [self.halve(part) for part in pair]
            scales.append(discriminator(pair))
        return scales

    def judge(self, semantic_input, real_image, fake_image, training=False):
        both = self(semantic_input, ops.concatenate([real_image, fake_image], axis=0), training=training)
        return real_and_fake(both)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_scales": self.num_scales,
            "num_filters": self.num_filters,
            "num_layers": self.num_layers,
            "norm": self.norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "pad": self.pad,
        }
