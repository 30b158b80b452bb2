"""A segmenter that `hdsynth_tf.train_segmenter` trained on the run's own labels, as features of a perceptual loss."""

import keras

from hdsynth_tf.networks.segmentation import SegmentationUNet
from hdsynth_tf.pretrained.chain import to_color
from hdsynth_tf.pretrained.packages import WeightsError
from pipelines.paths import as_path


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class SegmenterFeatures(keras.Model):
    """A `SegmentationUNet`, frozen: its feature map of each size on the way down, and the last before the scores.

    Its weights are not saved with it: they are loaded again from where they came.

    Args:
        weights: Path of the file that `hdsynth_tf.train_segmenter` wrote.

    Call arguments:
        image: `(batch, height, width, channels)` float32 in [-1, 1], 1 or 3 channels.

    Returns:
        List of `(batch, height / 2^i, width / 2^i, channels_i)` in the compute dtype, sizes rounded up; the last is of
        full size.

    Raises:
        WeightsError: If the file is no such segmenter.
    """

    def __init__(self, weights, **kwargs):
        super().__init__(**kwargs)
        self.weights_from = weights
        trained = _load(as_path(weights))
        if not isinstance(trained, SegmentationUNet):
            found = "no file" if trained is None else f"a {type(trained).__name__}"
            raise WeightsError(
                f"{weights} is {found}, and should be a segmenter: python -m hdsynth_tf.train_segmenter --output=FILE "
                "trains one on the run's own labels; then --perceptual_weights=FILE."
            )
        self.segmenter = SegmentationUNet.from_config({**trained.get_config(), "dtype": self.dtype_policy})
        self.segmenter.build((None, None, None, 3))
        self.segmenter.set_weights(trained.get_weights())
        self.trainable = False
        self.built = True

    @property
    def num_features(self):
        """Integer, length of the list."""
        return self.segmenter.num_downsamples + 2

    def call(self, image):
        return self.segmenter.feature_maps(to_color(image))

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_from}


def _load(path):
    from hdsynth_tf.files.model_file import load_model  # needs TensorFlow, which networks do without

    return load_model(path) if path.is_file() else None
