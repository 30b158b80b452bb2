"""What a pretrained network sees in an input image, for a generator that has too few pairs to learn what things are."""

import keras
from keras import ops

from hdsynth_tf.networks.layers import PACKAGE, ConvBlock, crop, fresh, repeat_pixels
from hdsynth_tf.networks.normalization import of_mean_square_1
from hdsynth_tf.networks.precision import widen

SUMMED_UP = 2  # of the coarsest features, for the whole input: they tell a night's street from a day's


@keras.saving.register_keras_serializable(package=PACKAGE)
class InputFeatures(keras.layers.Layer):
    """Features of a frozen network, in the sizes and widths of a generator's halving stages, to be added to theirs.

    A hundred pairs teach a generator what edges look like, and not which are of a tree and which of a wall: it then
    makes bright what the input has bright. A network that knows a million photographs tells the two apart in thermal
    images, too. What it finds is normalised, goes through a 1x1 convolution and an instance norm, and is made a part
    of what the stage itself finds. Features of smaller sizes than the last stage's are enlarged for it. Not in the
    paper.

    Args:
        feature_extractor: Frozen `keras.Model`, image -> list of features of `strides` 2, 4, 8, ... and `channels`,
            two lists; `pretrained.EfficientNetLite0Features`, say. Its weights are saved with the generator's.
        filters: Integers, channels of each halving stage.
        image_channels: Integer: so many first channels of the input are an image.
        strength: Float, standard deviation of what is added; a stage's own is about 1.
        kernel_initializer: A Keras initializer.

    Call arguments:
        x: `(batch, height, width, channels)` float; its first `image_channels` channels in [-1, 1].

    Returns:
        List of `(batch, height / 2, width / 2, filters[0])`, `(batch, height / 4, width / 4, filters[1])`, ..., in the
        compute dtype; as long as `filters`, or as the network's if that is shorter.

    Raises:
        ValueError: If the network's strides are others.
    """

    def __init__(
        self, feature_extractor, filters, image_channels=1, strength=1.0, kernel_initializer="he_normal", **kwargs
    ):
        super().__init__(**kwargs)
        strides = list(feature_extractor.strides)
        if strides != [2 ** (i + 1) for i in range(len(strides))]:
            raise ValueError(f"`feature_extractor` should have strides 2, 4, 8, ... Received: {strides}")
        self.feature_extractor = feature_extractor
        self.filters = list(filters)
        self.image_channels = image_channels
        self.strength = strength
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        # === Layers ===
        feature_extractor.trainable = False
        self.convs = [
            ConvBlock(
                self.filters[min(i, len(self.filters) - 1)], 1, activation=None,
                kernel_initializer=fresh(kernel_initializer), dtype=self.dtype_policy, name=f"conv_{i}",
            )
            for i in range(len(feature_extractor.strides))
        ]  # fmt: skip

    # === Build ===

    def build(self, x_shape):
        for conv, channels in zip(self.convs, self.feature_extractor.channels):
            conv.build((None, None, None, channels))

    def compute_output_shape(self, x_shape):
        batch, *sides, _ = x_shape
        count = min(len(self.filters), len(self.convs))
        return [
            (batch, *(side and -(-side // 2**i) for side in sides), width)
            for i, width in enumerate(self.filters[:count], 1)
        ]

    # === Call ===

    def call(self, x):
        return self.fit(self.see(x))

    def see(self, x):
        """What the network finds: list of its features."""
        image = x[..., : self.image_channels]
        if self.image_channels not in (1, 3):
            image = ops.mean(image, axis=-1, keepdims=True)
        return self.feature_extractor(widen(image))

    def fit(self, seen):
        """What was seen, as it is added: see the class."""
        seen = [self.strength * conv(of_mean_square_1(feature)) for conv, feature in zip(self.convs, seen)]
        *found, last = seen[: len(self.filters)]
        for i, feature in enumerate(seen[len(self.filters) :]):
            last = last + crop(repeat_pixels(feature, 2 ** (i + 1)), *ops.shape(last)[1:3])
        return [*found, last]

    def sum_up(self, seen):
        """The means over the image of the coarsest features: `(batch, num_means)`, float32."""
        return ops.concatenate([ops.mean(widen(feature), axis=(1, 2)) for feature in seen[-SUMMED_UP:]], axis=1)

    @property
    def num_means(self):
        """Integer: so many numbers `sum_up` gives for an image."""
        return sum(self.feature_extractor.channels[-SUMMED_UP:])

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "feature_extractor": keras.saving.serialize_keras_object(self.feature_extractor),
            "filters": self.filters,
            "image_channels": self.image_channels,
            "strength": self.strength,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config):
        extractor = keras.saving.deserialize_keras_object(config["feature_extractor"])
        return cls(**{**config, "feature_extractor": extractor})
