"""Coarse to fine: local enhancers around the global generator, each doubling the height and width of the picture."""

import itertools

import keras

from hdsynth_tf.networks.generators import RELEASED_INITIALIZER, FeatureGenerator, GlobalGenerator
from hdsynth_tf.networks.layers import PACKAGE, ConvBlock, HalveImage, ResidualBlock, UpsampleBlock


@keras.saving.register_keras_serializable(package=PACKAGE)
class LocalEnhancer(keras.Model):
    """G2, G3, ... of the paper without the last convolution: joins fine input and coarse features at half its size.

    One strided convolution, then the coarser network's features are added, then residual blocks and one upsampling. The
    defaults are the released code's.

    Args:
        num_filters: Integer, channels at full size; twice that must be the channels of the coarse features.
        num_residual_blocks: Integer, at half the size.
        upsampling, padding: See `GlobalGenerator`.
        skip_connections: Boolean. If true, what is seen at full size is added before the features leave.
        kernel_initializer: A Keras initializer.

    Call arguments:
        x: `(batch, height, width, channels)` float, the semantic input; even sizes.
        coarse_features: `(batch, height / 2, width / 2, 2 * num_filters)` float.

    Returns:
        Features `(batch, height, width, num_filters)`.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.2
    """

    def __init__(
        self,
        num_filters=32,
        num_residual_blocks=3,
        upsampling="transposed",
        padding="zero",
        skip_connections=False,
        kernel_initializer=RELEASED_INITIALIZER,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_filters = num_filters
        self.num_residual_blocks = num_residual_blocks
        self.upsampling = upsampling
        self.padding = padding
        self.skip_connections = skip_connections
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        common = dict(kernel_initializer=kernel_initializer, dtype=self.dtype_policy)
        inner = 2 * num_filters
        self.stem = ConvBlock(num_filters, 7, pad=3, name="stem", **common)
        self.down = ConvBlock(inner, 3, strides=2, pad=1, padding=padding, name="down", **common)
        self.residuals = [ResidualBlock(inner, name=f"residual_{i}", **common) for i in range(num_residual_blocks)]
        self.up = UpsampleBlock(num_filters, upsampling, name="up", **common)

    # === Build ===

    def build(self, x_shape, coarse_features_shape=None):
        shape = (None, None, None, x_shape[-1])
        for layer in (self.stem, self.down, *self.residuals, self.up):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def compute_output_shape(self, x_shape, coarse_features_shape=None):
        return (*x_shape[:-1], self.num_filters)

    # === Call ===

    def call(self, x, coarse_features):
        fine = self.stem(x)
        features = self.down(fine) + coarse_features
        for layer in (*self.residuals, self.up):
            features = layer(features)
        return features + fine if self.skip_connections else features

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "num_filters": self.num_filters,
            "num_residual_blocks": self.num_residual_blocks,
            "upsampling": self.upsampling,
            "padding": self.padding,
            "skip_connections": self.skip_connections,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class CoarseToFineGenerator(FeatureGenerator):
    """The global generator and its local enhancers, G = {G1, G2, ...}: semantic input -> image in [-1, 1].

    The input is halved once for each enhancer by `HalveImage`. The global generator works on the smallest version; each
    enhancer takes the next larger one and the features made so far. Sizes are handled as in `GlobalGenerator`. With 36
    input channels the released networks have 182,857,059 parameters with one enhancer of 32 filters, 182,947,699 with
    two, of 32 and 16.

    Args:
        global_generator: `GlobalGenerator` with `makes_image=False`.
        enhancers: List of `LocalEnhancer`, coarse to fine, of half the channels of what comes before.
        output_channels: Integer, channels of the image.
        tone_channels: Integer, see `GlobalGenerator`.
        kernel_initializer: A Keras initializer, of the last convolution.
        num_images: Integer, see `GlobalGenerator`.

    Call arguments:
        x: `(batch, height, width, channels)` float, the semantic input.
        choice, tone: See `GlobalGenerator`.

    Returns:
        `(batch, height, width, output_channels)` float32 in [-1, 1].

    Raises:
        ValueError: If the channels of the parts do not fit together, or the global generator makes images itself.

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf.networks import CoarseToFineGenerator, GlobalGenerator, LocalEnhancer
    >>> base = GlobalGenerator(num_filters=8, num_downsamples=2, num_residual_blocks=1, makes_image=False)
    >>> generator = CoarseToFineGenerator(base, [LocalEnhancer(num_filters=4, num_residual_blocks=1)])
    >>> tuple(generator(np.zeros((1, 30, 50, 36), "float32")).shape)
    (1, 30, 50, 3)

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.2
    """

    def __init__(
        self,
        global_generator,
        enhancers,
        output_channels=3,
        tone_channels=0,
        kernel_initializer=RELEASED_INITIALIZER,
        num_images=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        enhancers = list(enhancers)
        widths = [part.num_filters for part in (global_generator, *enhancers)]
        if not enhancers or any(coarse != 2 * fine for coarse, fine in itertools.pairwise(widths)):
            raise ValueError(
                "Each enhancer should have half the filters of what it builds on. Received: num_filters="
                f"{', '.join(map(str, widths))}"
            )
        if global_generator.makes_image:
            raise ValueError("`global_generator` should have `makes_image=False`: the last enhancer makes the image.")
        self.global_generator = global_generator
        self.enhancers = enhancers
        self.output_channels = output_channels
        self.tone_channels = tone_channels
        self.num_images = num_images
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        self.halve = HalveImage(dtype=self.dtype_policy, name="halve")
        self.make_image_layers(kernel_initializer)

    @property
    def num_filters(self):
        """Channels of the features at full size."""
        return self.enhancers[-1].num_filters

    @property
    def input_features(self):
        """The global generator's."""
        return self.global_generator.input_features

    @property
    def multiple(self):
        """Heights and widths are padded to a multiple of this."""
        return self.global_generator.multiple * 2 ** len(self.enhancers)

    @property
    def finest_variables(self):
        """The trainable variables that no coarser model has: of the last enhancer and of the image's convolution."""
        return self.enhancers[-1].trainable_variables + self.head.trainable_variables

    # === Build ===

    def build(self, x_shape, choice_shape=None, tone_shape=None):
        shape = (None, None, None, x_shape[-1])
        self.global_generator.build(shape)
        for enhancer in self.enhancers:
            enhancer.build(shape)
        self.build_image_layers()

    # === Call ===

    def coarsest(self, x):
        """The input at the size at which the global generator sees it."""
        return self.pyramid(x)[-1]

    def pyramid(self, x):
        """The input in all sizes, largest first."""
        sizes = [x]
        for _ in self.enhancers:
            sizes.append(self.halve(sizes[-1]))
        return sizes

    def features(self, x, tone=None, seen=None):
        """The finest feature map, `(batch, height, width, num_filters)`; sizes must be multiples of `multiple`."""
        pyramid = self.pyramid(x)
        features = self.global_generator.features(pyramid.pop(), tone, seen)
        for enhancer in self.enhancers:
            features = enhancer(pyramid.pop(), features)
        return features

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "global_generator": self.global_generator.get_config(),
            "enhancers": [enhancer.get_config() for enhancer in self.enhancers],
            "output_channels": self.output_channels,
            "tone_channels": self.tone_channels,
            "num_images": self.num_images,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config):
        base = GlobalGenerator.from_config(config["global_generator"])
        enhancers = [LocalEnhancer.from_config(enhancer) for enhancer in config["enhancers"]]
        return cls(**{**config, "global_generator": base, "enhancers": enhancers})


def grow(generator, num_residual_blocks=3):
    """The next level's generator, for twice the height and width: one more enhancer around all that is there.

    The last convolution of `generator` is left behind, since the new enhancer's features become the image. Its tone
    adjustment comes along.

    Args:
        generator: Built `GlobalGenerator` or `CoarseToFineGenerator` with an even number of filters.
        num_residual_blocks: Integer, of the new enhancer.

    Returns:
        `CoarseToFineGenerator`, built. What it has in common with `generator` has the same values.

    Raises:
        ValueError: If `generator` is of another kind, or its number of filters is odd.
    """
    if not isinstance(generator, (GlobalGenerator, CoarseToFineGenerator)):
        raise ValueError(f"Only global and coarse-to-fine generators grow. Received: {type(generator).__name__}")
    if generator.num_filters % 2:
        raise ValueError(
            f"An enhancer has half the filters of what it builds on: they should be even. Received: "
            f"num_filters={generator.num_filters}"
        )
    is_global = isinstance(generator, GlobalGenerator)
    base = generator if is_global else generator.global_generator
    common = dict(upsampling=base.upsampling, padding=base.padding, skip_connections=base.skip_connections)
    common |= dict(kernel_initializer=base.kernel_initializer, dtype=base.dtype_policy)
    finest = LocalEnhancer(generator.num_filters // 2, num_residual_blocks, **common)
    old = [] if is_global else generator.enhancers
    copies = [LocalEnhancer.from_config(enhancer.get_config()) for enhancer in old]
    new_base = GlobalGenerator.from_config({**base.get_config(), "makes_image": False})
    grown = CoarseToFineGenerator(
        new_base,
        [*copies, finest],
        base.output_channels,
        generator.tone_channels,
        base.kernel_initializer,
        generator.num_images,
        dtype=base.dtype_policy,
    )
    grown.build((None, None, None, base.stem.conv.kernel.shape[2]))
    for source, copy in zip([*base.coarse_parts, *old], [*new_base.coarse_parts, *copies]):
        copy.set_weights(source.get_weights())
    if generator.tone is not None:
        grown.tone.set_weights(generator.tone.get_weights())
    return grown
