"""The style bank: for each class a few styles, vectors of instance features, one of which each instance gets."""

import keras
import numpy as np
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE


def style_hash(instance_map, label_map, seed):
    """A number from 0 to 2**31 - 1 for each pixel that depends on (instance id, class, seed) alone, well mixed.

    Args:
        instance_map, label_map: `(batch, height, width)` integers.
        seed: `(batch,)` integers.

    Returns:
        `(batch, height, width)` int32.
    """

    def mix(x):  # of 32 bits, whose products wrap around: every backend and runtime has them, but not 64 bits
        for _ in range(2):
            x = _fold(x) * 0x45D9F3B
        return _fold(x)

    seed = ops.reshape(ops.cast(seed, "int32"), (-1, 1, 1))
    carries = (seed < 0) | (seed >= 0x61C88647)  # the sum with 0x9E3779B9 has a 33rd bit, which `mix` folds down
    x = mix((seed - 0x61C88647) ^ ops.where(carries, 0x10001, 0))
    x = mix(x ^ ops.cast(label_map, "int32"))
    x = mix(x ^ ops.cast(instance_map, "int32"))
    return _without_sign(x)


def _fold(x):
    """`x` with its upper 16 bits laid over the lower ones."""
    upper = ops.right_shift(_without_sign(x), 16)
    return x ^ ops.where(x < 0, upper + 0x8000, upper)


def _without_sign(x):
    """`x` without the highest of its 32 bits."""
    return ops.where(x < 0, x + 0x7FFFFFFF + 1, x)


def _remainder(x, divisor):
    """`x % divisor`, exact in runtimes that divide integers in float32, too. Neither is negative."""

    def small(x):  # of 24 bits, at most
        return x - x // divisor * divisor

    upper = ops.right_shift(x, 16)
    return small(small(upper) * small(65536) + small(x - upper * 65536))


def style_choices(seed, styles, batch):
    """Call arguments of the style bank from seeds, and dicts of instance id -> style.

    Args:
        seed: Integer, or one for each of `batch` pictures.
        styles: Dict, list of `batch` dicts, or `None`.
        batch: Integer.

    Returns:
        Dict of int32 arrays: `seed` `(batch,)`, `chosen_ids` and `chosen_styles` `(batch, count)`. Where a picture has
        fewer choices than another, style -1, none, is chosen for id 0 first.

    Raises:
        ValueError: If there are dicts for another number of pictures.
    """
    styles = [styles or {}] * batch if styles is None or isinstance(styles, dict) else list(styles)
    if len(styles) != batch:
        raise ValueError(f"`styles` should be a dict, or one for each of {batch} pictures. Received: {len(styles)}")
    count = max(map(len, styles))
    rows = [[(0, -1)] * (count - len(choices)) + list(choices.items()) for choices in styles]
    pairs = np.array(rows, "int32").reshape(batch, count, 2)
    seeds = np.broadcast_to(np.asarray(seed, "int32"), batch)
    return {"seed": seeds, "chosen_ids": pairs[..., 0], "chosen_styles": pairs[..., 1]}


def chosen_style(instance_map, chosen_ids, chosen_styles):
    """The style chosen for each pixel's instance, -1 where none is; of several for one instance the last.

    Works on the ids that occur, not on pixels times choices.

    Args:
        instance_map: `(batch, height, width)` integers.
        chosen_ids, chosen_styles: `(batch, count)` integers.

    Returns:
        `(batch, height, width)` int32.
    """
    shape, choices = ops.shape(instance_map), ops.shape(chosen_ids)[1]
    ids, index = ops.unique(ops.reshape(instance_map, (-1,)), sorted=False, return_inverse=True)
    hits = ops.cast(chosen_ids[:, None, :] == ids[None, :, None], "int32") * (ops.arange(choices, dtype="int32") + 1)
    last = ops.max(ops.pad(hits, [[0, 0], [0, 0], [1, 0]]), axis=2)  # 0: no choice; the pad is for none at all
    styles = ops.pad(ops.cast(chosen_styles, "int32"), [[0, 0], [1, 0]], constant_values=-1)
    of_ids = ops.take_along_axis(styles, last, axis=1)
    of_pixels = ops.take_along_axis(of_ids, ops.reshape(ops.cast(index, "int32"), (shape[0], -1)), axis=1)
    return ops.reshape(of_pixels, shape)


@keras.saving.register_keras_serializable(package=PACKAGE)
class StyleBank(keras.layers.Layer):
    """Styles of each class; gives every instance the one that its id, its class and a seed name.

    Which style an instance gets does not depend on the rest of the picture. Classes without styles get zeros.

    Args:
        num_classes: Integer.
        feature_channels: Integer, length of a style.
        num_styles: Integer, styles a class can have.

    Call arguments:
        label_map, instance_map: `(batch, height, width)` integers.
        seed: `(batch,)` integers.
        chosen_ids, chosen_styles: `(batch, count)` integers, or `None`: instances that get a certain style of their
            class, counted from 0, whatever the seed. A style that a class has not is counted on from the start.

    Returns:
        Feature map `(batch, height, width, feature_channels)` float32.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.4
    """

    def __init__(self, num_classes, feature_channels=3, num_styles=10, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.feature_channels = feature_channels
        self.num_styles = num_styles

        # === Build === At once, like the model that it is part of.
        self.styles = self.add_weight(
            shape=(num_classes, num_styles, feature_channels),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            name="styles",
        )
        self.counts = self.add_weight(
            shape=(num_classes,), initializer="zeros", dtype="int32", trainable=False, name="counts"
        )
        self.built = True

    def fill(self, styles):
        """Takes the styles of each class in the place of those that were there.

        Args:
            styles: Dict: class -> `(count, feature_channels)` floats, 1 to `num_styles` of them. Classes that are not
                named have none.

        Raises:
            ValueError: If a class or a shape does not fit.
        """
        table = np.zeros(self.styles.shape, "float32")
        counts = np.zeros(self.num_classes, "int32")
        for label, vectors in styles.items():
            vectors = np.asarray(vectors, "float32")
            fits = vectors.ndim == 2 and 0 < len(vectors) <= self.num_styles
            if not (0 <= label < self.num_classes and fits and vectors.shape[1] == self.feature_channels):
                raise ValueError(
                    f"Styles should be (1 to {self.num_styles}, {self.feature_channels}) for classes 0 to "
                    f"{self.num_classes - 1}. Received: {vectors.shape} for class {label}"
                )
            table[label, : len(vectors)] = vectors
            counts[label] = len(vectors)
        self.styles.assign(table)
        self.counts.assign(counts)

    def as_dict(self):
        """The styles as `fill` takes them."""
        table, counts = ops.convert_to_numpy(self.styles), ops.convert_to_numpy(self.counts)
        return {label: table[label, :count] for label, count in enumerate(counts.tolist()) if count}

    def choose(self, label_map, instance_map, seed, chosen_ids=None, chosen_styles=None):
        """Index of the style of each pixel's instance; see the call arguments.

        Returns:
            `(batch, height, width)` int32, -1 where the class has no styles.
        """
        known = (label_map >= 0) & (label_map < self.num_classes)
        count = ops.cast(ops.take(self.counts, ops.where(known, label_map, 0), axis=0), "int32")
        choice = style_hash(instance_map, label_map, seed)
        if chosen_ids is not None:
            chosen = chosen_style(instance_map, chosen_ids, chosen_styles)
            choice = ops.where(chosen >= 0, chosen, choice)
        return ops.where(known & (count > 0), _remainder(choice, ops.maximum(count, 1)), -1)

    def call(self, label_map, instance_map, seed, chosen_ids=None, chosen_styles=None):
        choice = self.choose(label_map, instance_map, seed, chosen_ids, chosen_styles)
        place = ops.where(choice >= 0, label_map * self.num_styles + choice, 0)
        table = ops.reshape(self.styles, (-1, self.feature_channels))
        return ops.where((choice >= 0)[..., None], ops.take(table, place, axis=0), 0.0)

    def compute_output_shape(self, label_map_shape, *other_shapes):
        return (*label_map_shape, self.feature_channels)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "feature_channels": self.feature_channels,
            "num_styles": self.num_styles,
        }
