"""Trained segmenters, wherever they come from, and the protocol by which they see pictures.

Scores depend on the protocol as much as on the pictures: on the size pictures are brought to, on how they are resampled
and scaled. So it is a part of the segmenter here, and is printed with every table.
"""

import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from hdsynth_tf.evaluate.loading import converter_scaling, fixed_size, load_keras, load_served
from pipelines.conditioning import resize_image
from pipelines.errors import UserError, first_line

OVERLAP = 0.25  # of neighbouring windows, at least


class SegmenterError(UserError, RuntimeError):
    """A segmenter cannot be had, or is of no use here. Says why, and how to mend it."""


class Segmenter:
    """Finds the classes of the pixels of pictures.

    Args:
        name: String.
        network: Function: float32 `(1, height, width, 3)` -> scores `(1, height', width', classes)`, before or after a
            softmax.
        size: `(height, width)` that pictures are brought to, or `None`: they stay as they are.
        window: `(height, width)` if the network reads one size only, or `None`. Pictures are then read in windows that
            overlap, whose scores are averaged; without `size` they are brought to the smallest size of their own
            proportions that the window fits into.
        scale, offset: Floats, or one for each channel: what is done to values of 0 to 255 first.
        class_names: Names of its classes, or `None`.
        features: Function: float32 picture as for `network` -> feature map `(1, height', width', channels)`; or `None`.
    """

    def __init__(self, name, network, size=None, window=None, scale=1.0, offset=0.0, class_names=None, features=None):
        self.name = name
        self.network = tf.function(network, reduce_retracing=True)
        self.size = size
        self.window = window
        self.scale = np.asarray(scale, "float32")
        self.offset = np.asarray(offset, "float32")
        self.class_names = class_names
        self.feature_map = features and tf.function(features, reduce_retracing=True)

    def label_map(self, picture):
        """The class of each pixel: uint8 `(height, width, 3)` -> int32 `(height, width)`."""
        scores = self._scores(self._prepared(picture))
        scores = tf.image.resize(scores, picture.shape[:2], "bilinear")  # of scores: classes have no middle
        return tf.argmax(scores[0], -1, tf.int32).numpy()

    def features(self, picture):
        """Means over the picture of the last feature map before the scores: uint8 picture -> float32 `(channels,)`."""
        return tf.reduce_mean(self.feature_map(self._prepared(picture)), (0, 1, 2)).numpy()

    def num_classes(self, picture):
        """Number of classes of its output, from a forward pass of a picture."""
        return int(self._scores(self._prepared(picture)).shape[-1])

    def protocol(self):
        """Preprocessing protocol in words."""
        size = (
            "as they are" if self.size is None else f"brought to {self.size[1]}x{self.size[0]} (bicubic, antialiased)"
        )
        if self.window:
            height, width = self.window
            fitted = "brought to the smallest size that fits, in their proportions (bicubic, antialiased)"
            size = (
                f"{size if self.size else fitted} and read in windows of {width}x{height} that overlap by {OVERLAP:.0%}"
            )
        low, high = (self.offset, self.offset + 255 * self.scale)
        return (
            f"Pictures of 8 bits are {size}; 0 and 255 become {numbers_in_words(low)} and {numbers_in_words(high)}. "
            "Scores are resized to the label map's size (bilinear), then the class with the highest is taken."
        )

    def _prepared(self, picture):
        """A picture as the network reads it."""
        size = self.size or _covering(picture.shape[:2], self.window) or picture.shape[:2]
        return resize_image(picture[None], size) * self.scale + self.offset

    def _scores(self, image):
        if self.window is None:
            return self.network(image)
        height, width = image.shape[1:3]
        total, count = 0.0, 0.0
        for top in _starts(height, self.window[0]):
            for left in _starts(width, self.window[1]):
                rows, columns = slice(top, top + self.window[0]), slice(left, left + self.window[1])
                scores = tf.image.resize(self.network(image[:, rows, columns]), self.window, "bilinear")
                around = [[0, 0], [top, height - rows.stop], [left, width - columns.stop], [0, 0]]
                total, count = total + tf.pad(scores, around), count + tf.pad(tf.ones_like(scores[..., :1]), around)
        return total / count


def numbers_in_words(values):
    """One number, or one for each channel, in words."""
    return ", ".join(f"{value:.4g}" for value in np.atleast_1d(values))


def _covering(size, window):
    """The smallest size of the proportions of `size` that a window fits into; `None` if there is no window."""
    if window is None:
        return None
    scale = max(part / length for part, length in zip(window, size))
    return tuple(max(round(length * scale), part) for part, length in zip(window, size))


def _starts(length, part):
    """Where windows of `part` begin, so that they cover `length` and overlap."""
    count = 1 + math.ceil((length - part) / (part * (1 - OVERLAP)))
    return [round(start) for start in np.linspace(0, length - part, count)]


# === Where they come from ===


def load_segmenter(place, size=None, value_range=None):
    """A segmenter from a Keras file, a SavedModel, or a preset of keras-hub.

    Args:
        place: String: path of a `.keras` file, of a folder with a SavedModel, of a folder with a preset; or the name of
            a preset, such as `segformer_b5_cityscapes_1024`.
        size: `(height, width)` that pictures are brought to, or `None`: as the segmenter says, or as they are.
        value_range: `(low, high)`: what values of 0 and 255 become; `None`: as the segmenter says, or 0 and 255.

    Raises:
        SegmenterError: If it cannot be had or used.
    """
    path = Path(place)
    if path.suffix == ".keras":
        return _from_keras_file(path, size, value_range)
    if (path / "saved_model.pb").is_file():
        return _from_saved_model(path, size, value_range)
    return _from_preset(place, size, value_range)


def _from_keras_file(path, size, value_range):
    model = load_keras(path, "segmenter", SegmenterError)
    window = fixed_size(getattr(model, "input_shape", None))
    size = size or (None if window else getattr(model, "image_size", None))
    low, high = value_range or getattr(model, "value_range", (0, 255))
    return Segmenter(
        path.name,
        lambda image: model(image, training=False),
        size,
        _checked_window(path, size, window),
        (high - low) / 255,
        low,
        getattr(model, "class_names", None),
        getattr(model, "features", None),
    )


def _from_saved_model(path, size, value_range):
    serve, spec = load_served(path, "segmenter", SegmenterError, num_outputs=1)
    low, high = value_range or (0, 255)

    def network(image):
        (scores,) = serve(image).values()
        return tf.cast(scores, tf.float32)

    window = _checked_window(path, size, fixed_size(spec.shape))
    return Segmenter(path.name, network, size, window, (high - low) / 255, low)


def _from_preset(name, size, value_range):
    try:
        import keras_hub
    except ImportError as error:
        raise SegmenterError(
            f"{name} is no .keras file and no SavedModel, and presets need keras-hub: pip install -e .[eval]"
        ) from error
    try:
        model = keras_hub.models.ImageSegmenter.from_preset(str(name))
    except Exception as error:
        raise SegmenterError(
            f"The segmenter {name} could not be loaded: {first_line(error)}\nIf it is a preset of keras-hub, its "
            "weights are downloaded once from Kaggle or Hugging Face: let a machine with network do so, save it there "
            "with ImageSegmenter.from_preset(NAME).save_to_preset(FOLDER), copy the folder here and give "
            "--segmenter=FOLDER. Or train a small one: python -m hdsynth_tf.train_segmenter --help"
        ) from error
    scale, offset = converter_scaling(model)
    if value_range:
        scale, offset = (value_range[1] - value_range[0]) / 255, value_range[0]
    window = fixed_size(getattr(model, "input_shape", None))
    return Segmenter(
        str(name),
        lambda image: model(image, training=False),
        size,
        _checked_window(name, size, window),
        1.0 if scale is None else scale,
        0.0 if offset is None else offset,
    )


def _checked_window(name, size, window):
    """`window`, if pictures of `size` are not smaller."""
    if size and window and (size[0] < window[0] or size[1] < window[1]):
        raise SegmenterError(
            f"{name} reads pictures of {window[1]}x{window[0]}: --segmenter_width and --segmenter_height should not be "
            f"smaller. Received: {size[1]}x{size[0]}"
        )
    return window
