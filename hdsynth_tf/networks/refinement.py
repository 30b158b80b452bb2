"""Cascaded refinement: a picture grows from a few pixels, and at every size the label map is read again."""

import keras
from keras import ops

from hdsynth_tf.networks.convolution import Conv2D
from hdsynth_tf.networks.layers import PACKAGE, Block, crop, fresh, pad_to_multiple
from hdsynth_tf.networks.normalization import LayerNormalization
from hdsynth_tf.networks.precision import wide, widen

FILTERS_256P = (1024,) * 5 + (512,) * 2  # from 4x8 to 256x512
FILTERS_1024P = (*FILTERS_256P, 128, 32)


def halve(x):
    """Means of 2x2 pixels: `(batch, height, width, channels)` of even sizes -> half the height and width."""
    batch, height, width, channels = ops.shape(x)
    return ops.mean(ops.reshape(x, (batch, height // 2, 2, width // 2, 2, channels)), axis=(2, 4))


def enlarge(x):
    """Bilinear enlargement by 2 whose corner pixels stay in the corners (`align_corners`).

    Of `n` rows the new row `i` lies at `i (n - 1) / (2 n - 1)` of the old ones: an even row between an old one and the
    one before it, an odd row between that one and the next. So it is sums of slices, whose gradient is too.

    Args:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, 2 * height, 2 * width, channels)`, of the dtype of `x`.
    """
    for axis in (1, 2):
        x = _enlarge(x, axis)
    return x


def _enlarge(x, axis):
    count, dtype = ops.shape(x)[axis], wide(x.dtype)
    shape = (-1, 1, 1) if axis == 1 else (-1, 1)
    place = ops.reshape(ops.cast(ops.arange(count), dtype), shape)
    whole = ops.cast(2 * count - 1, dtype)
    from_before = ops.cast(place / whole, x.dtype)
    from_next = ops.cast((ops.cast(count - 1, dtype) - place) / whole, x.dtype)
    border = ops.pad(x, [[int(number == axis)] * 2 for number in range(4)])  # zeros, which have no weight
    before, following = (border[:, :-2], border[:, 2:]) if axis == 1 else (border[:, :, :-2], border[:, :, 2:])
    pair = [x + (before - x) * from_before, x + (following - x) * from_next]
    sizes = [*ops.shape(x)]
    sizes[axis] = 2 * count
    return ops.reshape(ops.stack(pair, axis=axis + 1), sizes)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RefinementModule(Block):
    """Two 3x3 convolutions without bias, each followed by layer normalisation and LeakyReLU of 0.2.

    Args:
        filters: Integer, output channels.
        kernel_initializer: A Keras initializer.

    Call arguments:
        x: `(batch, height, width, channels)`.

    Returns:
        `(batch, height, width, filters)`.
    """

    def __init__(self, filters, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.chain = [layer for i in range(2) for layer in self._stage(i)]

    def _stage(self, i):
        dtype = self.dtype_policy
        conv = Conv2D(
            self.filters, 3, padding="same", use_bias=False, kernel_initializer=fresh(self.kernel_initializer),
            dtype=dtype, name=f"conv_{i}",
        )  # fmt: skip
        norm = LayerNormalization(dtype=dtype, name=f"norm_{i}")
        return conv, norm, keras.layers.LeakyReLU(0.2, dtype=dtype, name=f"activation_{i}")

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class RefinementGenerator(keras.Model):
    """The cascaded refinement network (CRN) of Chen and Koltun, which the paper compares with.

    The first module reads the semantic input at the smallest size, each of the others what the one before made,
    enlarged to twice the height and width, and the semantic input at that size. It learns without a discriminator, see
    `losses.ContentLoss`. Any height and width go in and the same come out, as in `GlobalGenerator`.

    Args:
        filters: Integers, channels of each module, from the smallest size to the full one. The defaults are the
            authors' for 256x512 pixels: seven modules, from 4x8 on. `(1024,) * 5 + (512, 512, 128, 32)` is for
            1024x2048.
        output_channels: Integer, channels of an image.
        num_images: Integer, images that are made of one input, for a loss that asks only the best of them to be right.
        kernel_initializer: A Keras initializer.

    Call arguments:
        x: `(batch, height, width, channels)` float, the semantic input.
        choice: `(batch,)` integers, the number of the image wanted. Default: the first.
        training: Boolean.

    Returns:
        `(batch, height, width, output_channels)` float32 in [-1, 1]. In training all images,
        `(batch, height, width, num_images * output_channels)`, and what lies outside of [-1, 1] as it is: the last
        convolution is linear, and clipped afterwards.

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf.networks import RefinementGenerator
    >>> generator = RefinementGenerator(filters=(8, 8, 4))
    >>> tuple(generator(np.zeros((1, 30, 50, 36), "float32")).shape)
    (1, 30, 50, 3)

    Reference:
        - [Chen and Koltun, 2017](https://arxiv.org/abs/1707.09405), section 3
    """

    def __init__(
        self, filters=FILTERS_256P, output_channels=3, num_images=1, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.output_channels = output_channels
        self.num_images = num_images
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        common = dict(kernel_initializer=kernel_initializer, dtype=self.dtype_policy)
        self.refinements = [
            RefinementModule(width, name=f"refinement_{i}", **common) for i, width in enumerate(self.filters)
        ]
        self.head = Conv2D(
            num_images * output_channels, 1, kernel_initializer=fresh(kernel_initializer), dtype=self.dtype_policy,
            name="head",
        )  # fmt: skip

    # === Build ===

    def build(self, x_shape, choice_shape=None):
        channels = x_shape[-1]
        for module, before in zip(self.refinements, (0, *self.filters)):
            module.build((None, None, None, before + channels))
        self.head.build((None, None, None, self.filters[-1]))

    def compute_output_shape(self, x_shape, choice_shape=None):
        return (*x_shape[:-1], self.output_channels)

    # === Call ===

    def call(self, x, choice=None, training=False):
        height, width = ops.shape(x)[1:3]
        pyramid = [pad_to_multiple(x, 2 ** (len(self.filters) - 1))]
        while len(pyramid) < len(self.filters):
            pyramid.append(halve(pyramid[-1]))
        features = self.refinements[0](pyramid.pop())
        for module in self.refinements[1:]:
            features = module(ops.concatenate([enlarge(features), pyramid.pop()], axis=-1))
        images = crop(widen(self.head(features)), height, width)
        return images if training else ops.clip(self._chosen(images, choice), -1, 1)

    def _chosen(self, images, choice):
        if choice is None or self.num_images == 1:
            return images[..., : self.output_channels]
        apart = ops.reshape(images, (*ops.shape(images)[:3], self.num_images, self.output_channels))
        is_wanted = ops.arange(self.num_images) == ops.reshape(ops.cast(choice, "int32"), (-1, 1, 1, 1))
        return ops.sum(ops.where(is_wanted[..., None], apart, 0), axis=3)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_channels": self.output_channels,
            "num_images": self.num_images,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
