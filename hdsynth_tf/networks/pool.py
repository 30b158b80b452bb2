"""A pool of earlier fakes: a discriminator that sees these, too, does not forget what it knew of them."""

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE
from hdsynth_tf.networks.precision import wide


@keras.saving.register_keras_serializable(package=PACKAGE)
class ImagePool(keras.layers.Layer):
    """Takes images and gives back as many: each as it is or, once it is full, in half of the cases an earlier one.

    An earlier image that is given back leaves the pool, and the new one takes its place. Which, is a function of the
    seed and of how many images were seen, which is saved: a training that goes on draws as if it had never stopped.

    Args:
        capacity: Integer, images kept. 0: every image comes back as it is.
        seed: Integer.

    Call arguments:
        images: `(batch, height, width, channels)` float, of the size that the pool was built for. Sample by sample, as
            if each came in a batch of its own.

    Returns:
        The same shape and dtype; no gradient flows through it.

    Raises:
        ValueError: If the images are of another size.

    Reference:
        - [Shrivastava et al., 2017](https://arxiv.org/abs/1612.07828), section 2.3; [Zhu et al.,
        2017](https://arxiv.org/abs/1703.10593), section 4
    """

    def __init__(self, capacity=50, seed=0, **kwargs):
        super().__init__(**{**kwargs, "autocast": False})
        self.capacity = capacity
        self.seed = seed

    def build(self, input_shape):
        if not self.capacity:
            return
        shared = dict(initializer="zeros", trainable=False, autocast=False, aggregation="only_first_replica")
        self.images = self.add_weight(
            shape=(self.capacity, *input_shape[1:]), dtype=wide(self.compute_dtype), name="images", **shared
        )
        self.seen = self.add_weight(shape=(), dtype="int32", name="seen", **shared)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def call(self, images):
        images = ops.stop_gradient(images)
        if not self.capacity:
            return images
        size, own = tuple(images.shape[1:]), tuple(self.images.shape[1:])
        if any(length not in (None, expected) for length, expected in zip(size, own)):
            raise ValueError(f"A pool of {own} takes images of that height, width and channels. Received: {size}")
        count, seen = ops.shape(images)[0], ops.convert_to_tensor(self.seen)

        def take(i, state):
            kept, given = state
            slot, is_new, is_swapped = self._draw(seen + i)
            image, old = images[i], kept[slot]
            kept = ops.scatter_update(kept, ops.reshape(slot, (1, 1)), ops.where(is_new | is_swapped, image, old)[None])
            given = ops.scatter_update(given, ops.reshape(i, (1, 1)), ops.where(is_swapped, old, image)[None])
            return kept, given

        start = ops.convert_to_tensor(self.images), ops.cast(images, self.images.dtype)
        kept, given = ops.fori_loop(0, count, take, start)
        self.images.assign(kept)
        self.seen.assign(seen + count)
        return ops.cast(given, images.dtype)

    def _draw(self, n):
        """For the n-th image, from 0: its place in the pool, whether that is empty, and whether they are exchanged."""
        seed = ops.convert_to_tensor(self.seed & 0xFFFFFFFF, "int64")
        draw = mix(mix(seed + 0x9E3779B9) ^ ops.cast(n, "int64"))
        is_new = n < self.capacity
        slot = ops.where(is_new, n, ops.cast(draw // 2 % self.capacity, n.dtype))
        return slot, is_new, ops.logical_not(is_new) & (draw % 2 == 1)

    def get_config(self):
        return {**super().get_config(), "capacity": self.capacity, "seed": self.seed}


def mix(x):
    """A whole number from 0 to 2**32 - 1 for each such number, int64: neighbours get numbers far from each other."""
    x = ((x ^ (x // 65536)) * 0x45D9F3B) & 0xFFFFFFFF  # every product stays below 2**63
    x = ((x ^ (x // 65536)) * 0x45D9F3B) & 0xFFFFFFFF
    return x ^ (x // 65536)
