"""Generators: semantic input -> image in [-1, 1]. The paper's global generator, and the U-Net it improves on."""

import itertools

import keras
from keras import ops

from hdsynth_tf.networks.input_features import InputFeatures
from hdsynth_tf.networks.layers import (
    PACKAGE,
    Chain,
    ConvBlock,
    ResidualBlock,
    UpsampleBlock,
    crop,
    fresh,
    pad_to_multiple,
)
from hdsynth_tf.networks.normalization import InstanceNormalization
from hdsynth_tf.networks.precision import widen
from hdsynth_tf.networks.tone import STATISTICS, ToneAdjustment, ToneModulation, tone_statistics

RELEASED_INITIALIZER = {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.02}}


class FeatureGenerator(keras.Model):
    """Base class: a generator whose image is the last convolution, `head`, of its `features`.

    Any height and width go in and the same come out. A subclass has `features(x, tone, seen)`, `coarsest(x)`,
    `multiple`, `input_features`, `head`, `tone`, `tone_channels`, `num_images` and `output_channels`.
    """

    def compute_output_shape(self, x_shape, choice_shape=None, tone_shape=None):
        return (*x_shape[:-1], self.output_channels)

    def make_image_layers(self, kernel_initializer):
        """Makes what turns the features into the image: the last convolution, and the tone where it is asked for."""
        self.head = ConvBlock(
            self.output_channels, 7, pad=3, norm=None, activation=None, kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy, name="head",
        )  # fmt: skip
        if self.num_images > 1 and not self.tone_channels:
            raise ValueError(
                "`num_images` above 1 needs `tone_channels`: the images of one input differ in their tone. Received: "
                f"num_images={self.num_images}, tone_channels={self.tone_channels}"
            )
        self.tone = None
        if self.tone_channels:
            self.tone = ToneAdjustment(num_images=self.num_images, dtype=self.dtype_policy, name="tone")

    def build_image_layers(self):
        """Builds them."""
        self.head.build((None, None, None, self.num_filters))
        if self.tone is not None:
            numbers = self.tone_channels * STATISTICS
            numbers += 0 if self.input_features is None else self.input_features.num_means
            self.tone.build((None, None, None, self.output_channels), (None, numbers))

    def call(self, x, choice=None, tone=None):
        height, width = ops.shape(x)[1:3]
        padded = pad_to_multiple(x, self.multiple)
        seen = self.see(padded)
        if tone is None and self.tone is not None:
            tone = self.tone.read(self.statistics(x, seen), choice)
        features = self.features(padded, tone, seen)
        image = crop(widen(self.head(features)), height, width)
        return ops.tanh(image if tone is None else self.tone.adjust(image, tone))

    def see(self, x):
        """What a pretrained network finds in the input, whose sizes are multiples of `multiple`; `None` without one."""
        return None if self.input_features is None else self.input_features.see(self.coarsest(x))

    def statistics(self, x, seen=None):
        """What the tone is read from: statistics of the input, and means of what a pretrained network sees in it.

        Args:
            x: `(batch, height, width, channels)` float, the semantic input.
            seen: What `see` finds in it, or `None`: it is looked for.

        Returns:
            `(batch, numbers)`, float32.
        """
        statistics = tone_statistics(widen(x[..., : self.tone_channels]))
        if self.input_features is None:
            return statistics
        seen = self.see(pad_to_multiple(x, self.multiple)) if seen is None else seen
        return ops.concatenate([statistics, self.input_features.sum_up(seen)], axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalGenerator(FeatureGenerator):
    """G1 of the paper: strided convolutions, residual blocks, upsampling; sees the whole picture at once.

    Any height and width go in and the same come out: the input is reflected up to a multiple of `2 ** num_downsamples`
    and the image is cropped back. The defaults are the released code's; with 36 input channels they have 182,546,755
    parameters.

    Args:
        num_filters: Integer, channels at full size; they double at each halving.
        num_downsamples: Integer, how often height and width are halved.
        num_residual_blocks: Integer, at the lowest resolution.
        output_channels: Integer, channels of the image.
        upsampling: `"transposed"` (released code) or `"nearest"` (no checkerboard), see `UpsampleBlock`.
        padding: `"zero"` (released code) or `"reflect"`, of the strided convolutions. Zeros tell the network where the
            border is, and are the start of its bright spots.
        skip_connections: Boolean. If true, what the halving stages see is added to what the doubling stages make at the
            same size, so that thin objects need not pass the lowest resolution. It adds no weights.
        tone_channels: Integer. If above 0, light and colour of the whole image are adjusted by `ToneAdjustment`, which
            looks at so many of the input's first channels, and at what `input_features` see.
        tone_numbers: Integer. If above 0, what leaves the residual blocks and each doubling is scaled and shifted by
            the tone, which is so many numbers (`ToneModulation`).
        makes_image: Boolean. If false there is no last convolution, and `features` alone is of use: the coarse part of
            a `CoarseToFineGenerator`.
        kernel_initializer: A Keras initializer. Defaults to the released code's normal of standard deviation 0.02.
        norm: `"instance"` or `None`.
        num_images: Integer, images of one input, each of another tone; see `ToneAdjustment`. Above 1 it needs
            `tone_channels`, or there is a `ValueError`.
        input_features: `InputFeatures` of the halving stages' widths, which are added to what these find, or `None`.

    Call arguments:
        x: `(batch, height, width, channels)` float, the semantic input.
        choice: `(batch,)` integers below `num_images`: which is wanted; `None`: the first.
        tone: `(batch, tone_numbers)` float32, the tone that the image shall have; `None`: it is read from the input.

    Returns:
        `(batch, height, width, output_channels)` float32 in [-1, 1].

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf.networks import GlobalGenerator
    >>> generator = GlobalGenerator(num_filters=4, num_downsamples=2, num_residual_blocks=1)
    >>> tuple(generator(np.zeros((1, 30, 50, 36), "float32")).shape)
    (1, 30, 50, 3)

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.2
    """

    def __init__(
        self,
        num_filters=64,
        num_downsamples=4,
        num_residual_blocks=9,
        output_channels=3,
        upsampling="transposed",
        padding="zero",
        skip_connections=False,
        tone_channels=0,
        makes_image=True,
        kernel_initializer=RELEASED_INITIALIZER,
        norm="instance",
        tone_numbers=0,
        num_images=1,
        input_features=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_downsamples = num_downsamples
        self.num_residual_blocks = num_residual_blocks
        self.output_channels = output_channels
        self.upsampling = upsampling
        self.padding = padding
        self.skip_connections = skip_connections
        self.tone_channels = tone_channels
        self.tone_numbers = tone_numbers
        self.num_images = num_images
        self.input_features = input_features
        self.makes_image = makes_image
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.norm = norm

        # === Layers ===
        common = dict(norm=norm, kernel_initializer=kernel_initializer, dtype=self.dtype_policy)
        widths = [num_filters * 2**i for i in range(num_downsamples + 1)]
        self.stem = ConvBlock(num_filters, 7, pad=3, name="stem", **common)
        self.downs = [
            ConvBlock(width, 3, strides=2, pad=1, padding=padding, name=f"down_{i}", **common)
            for i, width in enumerate(widths[1:])
        ]
        self.residuals = [ResidualBlock(widths[-1], name=f"residual_{i}", **common) for i in range(num_residual_blocks)]
        self.ups = [
            UpsampleBlock(width, upsampling, name=f"up_{i}", **common) for i, width in enumerate(reversed(widths[:-1]))
        ]
        self.modulations = [
            ToneModulation(dtype=self.dtype_policy, name=f"modulation_{i}")
            for i in range(num_downsamples + 1 if tone_numbers else 0)
        ]
        self.head = self.tone = None
        if makes_image:
            self.make_image_layers(kernel_initializer)

    @property
    def trunk(self):
        """All layers but the last convolution, in order."""
        return [self.stem, *self.downs, *self.residuals, *self.ups]

    @property
    def coarse_parts(self):
        """All that a `CoarseToFineGenerator` builds on: layers that make the features."""
        seen = [] if self.input_features is None else [self.input_features]
        return [*self.trunk, *self.modulations, *seen]

    @property
    def multiple(self):
        """Heights and widths are padded to a multiple of this."""
        return 2**self.num_downsamples

    # === Build ===

    def build(self, x_shape, choice_shape=None, tone_shape=None):
        shape = (None, None, None, x_shape[-1])
        for layer in self.trunk:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if self.input_features is not None:
            self.input_features.build((None, None, None, x_shape[-1]))
        for i, modulation in enumerate(reversed(self.modulations)):
            modulation.build((None, None, None, self.num_filters * 2**i), (None, self.tone_numbers))
        if self.makes_image:
            self.build_image_layers()

    # === Call ===

    def coarsest(self, x):
        """The input at the size at which its features are found."""
        return x

    def features(self, x, tone=None, seen=None):
        """The last feature map before the image, which an enhancer builds on: `(batch, height, width, num_filters)`.

        Height and width of `x` must be multiples of `multiple`. `tone`: see `ToneAdjustment.read`. `seen`: what `see`
        finds in `x`, or `None`: it is looked for.
        """
        seen = self.see(x) if seen is None else seen
        added = [] if seen is None else self.input_features.fit(seen)
        x = self.stem(x)
        skips = []
        for down, features in itertools.zip_longest(self.downs, added):
            skips.append(x)
            x = down(x)
            x = x if features is None else x + features
        for residual in self.residuals:
            x = residual(x)
        x = self._toned(x, tone, 0)
        for i, up in enumerate(self.ups):
            x = up(x)
            skip = skips.pop()
            x = self._toned(x + skip if self.skip_connections else x, tone, i + 1)
        return x

    def _toned(self, x, tone, stage):
        return self.modulations[stage](x, tone) if self.modulations else x

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_downsamples": self.num_downsamples,
            "num_residual_blocks": self.num_residual_blocks,
            "output_channels": self.output_channels,
            "upsampling": self.upsampling,
            "padding": self.padding,
            "skip_connections": self.skip_connections,
            "tone_channels": self.tone_channels,
            "tone_numbers": self.tone_numbers,
            "makes_image": self.makes_image,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "norm": self.norm,
            "num_images": self.num_images,
            "input_features": None if self.input_features is None else self.input_features.get_config(),
        }

    @classmethod
    def from_config(cls, config):
        features = config.get("input_features")
        return cls(**{**config, "input_features": None if features is None else InputFeatures.from_config(features)})


@keras.saving.register_keras_serializable(package=PACKAGE)
class UNetGenerator(keras.Model):
    """The generator of pix2pix, the baseline of the paper: halve down to a few pixels, double back up, copy across.

    Strided 4x4 convolutions and transposed 4x4 convolutions, whose inputs are concatenated with the feature map of the
    same size on the way down. pix2pix trains with batches of one, where its batch normalisation is instance
    normalisation, which is what stands here. Sizes are handled as in `GlobalGenerator`.

    Args:
        num_filters: Integer, channels after the first halving; they double up to 8 times that.
        num_downsamples: Integer, how often height and width are halved: 8 for 256 pixels.
        output_channels: Integer, channels of the image.
        dropout: Float, share of features dropped in the first three doubling stages while training.
        kernel_initializer: A Keras initializer.
        seed: Integer or `None`, of the dropout.
        norm: `"instance"` or `None`.

    Call arguments:
        x: `(batch, height, width, channels)` float, the semantic input.

    Returns:
        `(batch, height, width, output_channels)` float32 in [-1, 1].

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf.networks import UNetGenerator
    >>> generator = UNetGenerator(num_filters=4, num_downsamples=3)
    >>> tuple(generator(np.zeros((1, 30, 50, 36), "float32")).shape)
    (1, 30, 50, 3)

    Reference:
        - [Isola et al., 2017](https://arxiv.org/abs/1611.07004), section 6.1.1
    """

    def __init__(
        self,
        num_filters=64,
        num_downsamples=8,
        output_channels=3,
        dropout=0.5,
        kernel_initializer=RELEASED_INITIALIZER,
        seed=None,
        norm="instance",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_downsamples = num_downsamples
        self.output_channels = output_channels
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.norm = norm

        # === Layers ===
        widths = [min(num_filters * 2**i, num_filters * 8) for i in range(num_downsamples)]
        self.downs = [self._down(width, i) for i, width in enumerate(widths)]
        self.ups = [self._up(width, i) for i, width in enumerate(reversed(widths[:-1]))]
        self.head = self._transposed(output_channels, "head")

    def _down(self, width, i):
        """One halving. Neither the first nor the last, which may be one pixel large, is normalised."""
        inner = 0 < i < self.num_downsamples - 1
        return ConvBlock(
            width, 4, strides=2, pad=1, padding="zero", norm=self.norm if inner else None, activation=None,
            kernel_initializer=self.kernel_initializer, dtype=self.dtype_policy, name=f"down_{i}",
        )  # fmt: skip

    def _up(self, width, i):
        layers = [keras.layers.ReLU(dtype=self.dtype_policy, name="activation"), self._transposed(width, "conv")]
        if self.norm is not None:
            layers.append(InstanceNormalization(dtype=self.dtype_policy, name="norm"))
        if i < 3 and self.dropout:
            layers.append(keras.layers.Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy, name="dropout"))
        return Chain(layers, dtype=self.dtype_policy, name=f"up_{i}")

    def _transposed(self, width, name):
        return keras.layers.Conv2DTranspose(
            width, 4, 2, "same", kernel_initializer=fresh(self.kernel_initializer), dtype=self.dtype_policy, name=name
        )

    # === Build ===

    def build(self, input_shape):
        shape = (None, None, None, input_shape[-1])
        skips = []
        for down in self.downs:
            down.build(shape)
            shape = down.compute_output_shape(shape)
            skips.append(shape[-1])
        channels = skips.pop()
        for up in self.ups:
            up.build((None, None, None, channels))
            channels = up.compute_output_shape((None, None, None, channels))[-1] + skips.pop()
        self.head.build((None, None, None, channels))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_channels)

    # === Call ===

    def call(self, x):
        height, width = ops.shape(x)[1:3]
        x = pad_to_multiple(x, 2**self.num_downsamples)
        skips = []
        for down in self.downs:
            x = down(ops.leaky_relu(x, 0.2) if skips else x)
            skips.append(x)
        x = skips.pop()
        for up in self.ups:
            x = ops.concatenate([up(x), skips.pop()], axis=-1)
        image = ops.tanh(widen(self.head(ops.relu(x))))
        return crop(image, height, width)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_downsamples": self.num_downsamples,
            "output_channels": self.output_channels,
            "dropout": self.dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "seed": self.seed,
            "norm": self.norm,
        }
