"""Features of pictures by which FID and KID compare them: those of InceptionV3."""

from pathlib import Path

import keras
import numpy as np

from pipelines.conditioning import resize_image
from pipelines.errors import UserError, first_line

SIZE = (299, 299)
FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


class FeaturesError(UserError, RuntimeError):
    """The network whose features are asked for cannot be had. Says why, and how to mend it."""


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
