"""Features of pictures by which FID and KID compare them: those of the original InceptionV3, or of Keras'."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from hdsynth_tf.pretrained.inception import SIZE, FIDInception
from hdsynth_tf.pretrained.packages import PACKAGE, WeightsError
from pipelines.conditioning import resize_image
from pipelines.errors import UserError, first_line

FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


class FeaturesError(UserError, RuntimeError):
    """The network whose features are asked for cannot be had. Says why, and how to mend it."""


class OriginalFeatures:
    """Pictures -> the 2,048 features that FID and KID are defined by, resized as clean-fid does.

    Args:
        weights: See `FIDInception`.

    Raises:
        FeaturesError: If the weights cannot be had.
    """

    name = "the original InceptionV3 (2015-12-05), pictures resized as clean-fid does (Pillow's bicubic, antialiased)"

    def __init__(self, weights=PACKAGE):
        try:
            self.network = FIDInception(weights)
        except WeightsError as error:
            raise FeaturesError(
                f"{error} Or --features=FILE.pt reads it from there; --features=imagenet takes Keras' InceptionV3, "
                "whose FID is another one; --features=segmenter the segmenter's own features; --features=none leaves "
                "FID and KID out."
            ) from error

    def __call__(self, picture):
        """uint8 `(height, width, 3)` -> float32 `(2048,)`."""
        return np.asarray(self.network.predict_on_batch(clean_resize(picture)[None] / 127.5 - 1)[0][0])


def clean_resize(picture, size=SIZE):
    """uint8 `(height, width, channels)` -> float32 of `size`, in 0 to 255 and a little beyond: nothing is rounded.

    Reference:
        - [Parmar et al., 2022](https://arxiv.org/abs/2104.11222)
    """
    channels = [Image.fromarray(channel.astype("float32")) for channel in np.moveaxis(picture, -1, 0)]
    return np.stack([np.asarray(channel.resize(size[::-1], Image.BICUBIC)) for channel in channels], -1)


class InceptionFeatures:
    """Pictures -> the 2,048 features of Keras' InceptionV3, means over the picture.

    The original FID uses an older InceptionV3 of TensorFlow's with other weights: distances are to be compared with
    others of this network only.

    Args:
        weights: `"imagenet"`: downloaded once; the path of a file of Keras' `notop` weights; or `None`: random.

    Raises:
        FeaturesError: If the weights cannot be had.
    """

    def __init__(self, weights="imagenet"):
        try:
            self.network = keras.applications.InceptionV3(
                include_top=False, weights="imagenet" if weights == "imagenet" else None, input_shape=(*SIZE, 3),
                pooling="avg",
            )  # fmt: skip
            if weights not in ("imagenet", None):
                self.network.load_weights(Path(weights))
        except Exception as error:
            raise FeaturesError(
                f"InceptionV3's weights for FID and KID could not be loaded ({weights}: {first_line(error)}). Ways "
                f"out: on a machine with network, let one run download {FILE}, copy it here and give --features=FILE; "
                "--features=segmenter takes the segmenter's own features, --features=none leaves FID and KID out."
            ) from error
        self.name = "InceptionV3 of Keras" + ("" if weights == "imagenet" else f" with the weights {weights}")

    def __call__(self, picture):
        """uint8 `(height, width, 3)` -> float32 `(2048,)`."""
        image = resize_image(picture[None], SIZE) / 127.5 - 1
        return np.asarray(self.network.predict_on_batch(image)[0])
