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
        `(batch, height, width)` int64.
    """

    def mix(x):  # of 32 bits; every product stays below 2**63
        x = ((x ^ (x // 65536)) * 0x45D9F3B) & 0xFFFFFFFF
        x = ((x ^ (x // 65536)) * 0x45D9F3B) & 0xFFFFFFFF
        return x ^ (x // 65536)

    seed = ops.reshape(ops.cast(seed, "int64"), (-1, 1, 1)) & 0xFFFFFFFF
    x = mix(seed + 0x9E3779B9)
    x = mix(x ^ (ops.cast(label_map, "int64") & 0xFFFFFFFF))
    return mix(x ^ (ops.cast(instance_map, "int64") & 0xFFFFFFFF)) & 0x7FFFFFFF


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

    def call(self, label_map, instance_map, seed):
        known = (label_map >= 0) & (label_map < self.num_classes)
        label = ops.where(known, label_map, 0)
        count = ops.cast(ops.take(self.counts, label, axis=0), "int64")
        choice = ops.cast(style_hash(instance_map, label_map, seed) % ops.maximum(count, 1), "int32")
        table = ops.reshape(self.styles, (-1, self.feature_channels))
        features = ops.take(table, label * self.num_styles + choice, axis=0)
        return ops.where((known & (count > 0))[..., None], features, 0.0)

    def compute_output_shape(self, label_map_shape, instance_map_shape=None, seed_shape=None):
        return (*label_map_shape, self.feature_channels)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "feature_channels": self.feature_channels,
            "num_styles": self.num_styles,
        }
