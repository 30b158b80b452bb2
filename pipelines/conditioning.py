"""The device half of the pipelines: compact maps -> what the networks read. Keras layers, part of every saved model.

They run inside the compiled step, on every replica, and inside the served model, so that training, notebook and server
cannot disagree. Inputs are dicts of whole pictures or of crops; a crop says where it was cut from by the key `rows`,
and what values the whole picture had by `window`.
"""

import keras
from keras import ops

from pipelines.pixels import changes, nearest
from pipelines.resizing import resize

PACKAGE = "pipelines"  # of the registered classes; the names are part of saved files
NO_CLASS = -1
SAMPLED_PIXELS = 65536  # of a picture, at most, that its percentiles are taken from


def resize_nearest(x, size):
    """Resizes `(batch, height, width)` of any dtype to `size` (height, width) by nearest neighbour, centres aligned.

    Ids stay exact: nothing is computed with them. Equals Pillow's NEAREST where no centre falls between two pixels.
    """
    for axis, target in zip((1, 2), size):
        if x.shape[axis] == target:
            continue
        source = ops.shape(x)[axis]
        x = ops.take(x, nearest(ops.arange(target, dtype="int32"), source, target), axis=axis)
    return x


def resize_image(x, size):
    """Resizes `(batch, height, width, channels)` to `size` (height, width); bicubic, antialiased when it gets smaller.

    Returns:
        float32, clipped to the range of values of `x`, so that a sharp edge does not overshoot.
    """
    x = ops.cast(x, "float32")
    if tuple(x.shape[1:3]) == tuple(size):
        return x
    low, high = ops.min(x, axis=(1, 2, 3), keepdims=True), ops.max(x, axis=(1, 2, 3), keepdims=True)
    return ops.clip(resize(x, tuple(size), "bicubic"), low, high)


def one_hot(label_map, num_classes, dtype="float32"):
    """`(batch, height, width)` integers -> `(batch, height, width, num_classes)` of `dtype`; other ids give zeros."""
    return ops.cast(label_map[..., None] == ops.arange(num_classes, dtype=label_map.dtype), dtype)


def boundary_map(instance_map):
    """Marks the pixels whose id differs from that of the neighbour on the left, right, above or below.

    Both sides of a boundary are marked; the edge of the picture is none.

    Args:
        instance_map: `(batch, height, width)` integers.

    Returns:
        `(batch, height, width, 1)` float32, 0 or 1.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585), section 3.3
    """
    across, down = (ops.cast(change, "float32") for change in changes(instance_map))
    across = ops.maximum(ops.pad(across, [[0, 0], [0, 0], [0, 1]]), ops.pad(across, [[0, 0], [0, 0], [1, 0]]))
    down = ops.maximum(ops.pad(down, [[0, 0], [0, 1], [0, 0]]), ops.pad(down, [[0, 0], [1, 0], [0, 0]]))
    return ops.maximum(across, down)[..., None]


def percentile_window(image, percentiles):
    """The values between which most of a picture's lie.

    Of pictures with more than 65,536 pixels some rows and columns are left out, so that large ones take no longer.

    Args:
        image: `(batch, height, width, channels)`.
        percentiles: `(low, high)`, 0 to 100.

    Returns:
        `(batch, 2)` float32: that many percent of the values are below each.
    """
    batch, height, width, channels = ops.shape(image)
    pixels = ops.cast(height * width, "float32")
    stride = ops.cast(ops.ceil(ops.sqrt(pixels / SAMPLED_PIXELS)), "int32")  # of rows and of columns
    for axis, length in ((1, height), (2, width)):
        image = ops.take(image, ops.arange(0, (length + stride - 1) // stride) * stride, axis=axis)
    height, width = ops.shape(image)[1:3]
    count = height * width * channels
    values = ops.sort(ops.reshape(ops.cast(image, "float32"), (batch, count)), axis=1)
    values = ops.reshape(values, (batch, count))  # TensorFlow's sort forgets that these are two axes
    place = ops.convert_to_tensor([percentile / 100 for percentile in percentiles]) * ops.cast(count - 1, "float32")
    below = ops.floor(place)  # between two values the window lies on the line that joins them
    low, high = (ops.take(values, ops.cast(index, "int32"), axis=1) for index in (below, ops.ceil(place)))
    return low + (high - low) * (place - below)


def row_coordinate(like, rows=None):
    """Vertical coordinate of each pixel: -1 at the top, 1 at the bottom.

    Args:
        like: `(batch, height, width, channels)`, gives the sizes.
        rows: `(batch, 2)` float32 for crops: where their first and last row's edges lie in the whole picture, 0 to 1.

    Returns:
        `(batch, height, width, 1)` float32.
    """
    height = ops.shape(like)[1]
    centers = (ops.cast(ops.arange(height), "float32") + 0.5) / ops.cast(height, "float32")
    centers = ops.reshape(centers, (1, -1, 1, 1))
    if rows is not None:
        rows = ops.convert_to_tensor(rows)
        first, last = rows[:, :1, None, None], rows[:, 1:, None, None]
        centers = first + centers * (last - first)
    return (2 * centers - 1) * ops.ones_like(like[..., :1], dtype="float32")


class Conditioning(keras.layers.Layer):
    """Base class: brings whole pictures to the model's working size and makes the networks' input of them.

    Args:
        image_size: `(height, width)` at which the networks work, or `None`: pictures stay as large as they come.
        row_channel: Boolean. Adds `row_coordinate` as the last channel. Without it, and with reflected borders, a
            network cannot know what is up.
        image_channels: Integer, of the image to make.
        image_dtype: `"uint8"`, `"uint16"` or `"float32"`, of the image to make.
        image_range: `(low, high)`: its values that are -1 and 1 for the networks.
    """

    input_formats = {}  # name of each array that is read -> (shape after batch, height and width; dtype)

    def __init__(
        self,
        image_size=None,
        row_channel=False,
        image_channels=3,
        image_dtype="uint8",
        image_range=(0, 255),
        **kwargs,
    ):
        super().__init__(**{**kwargs, "autocast": False})  # counts and windows in bfloat16 would all be alike
        _check_range("image_range", image_range)
        self.image_size = None if image_size is None else tuple(image_size)
        self.row_channel = row_channel
        self.image_channels = image_channels
        self.image_dtype = image_dtype
        self.image_range = tuple(image_range)

    @property
    def wide_dtype(self):
        """What images and sources are computed in: float32, or float64 for float64."""
        return keras.backend.result_type(self.compute_dtype, "float32")

    def resize(self, inputs, size):
        """Whole pictures of `inputs` resized to `size` (height, width)."""
        raise NotImplementedError

    def encode(self, inputs):
        """`inputs` -> `(batch, height, width, channels)` in the compute dtype, without the row channel."""
        raise NotImplementedError

    def at_working_size(self, inputs):
        """`inputs` as the networks see them: whole pictures resized to `image_size`, crops as they are."""
        is_crop = "rows" in inputs
        return self.resize(inputs, self.image_size) if self.image_size and not is_crop else inputs

    def call(self, inputs):
        inputs = self.at_working_size(inputs)
        x = self.encode(inputs)
        if self.row_channel:
            x = ops.concatenate([x, ops.cast(row_coordinate(x, inputs.get("rows")), x.dtype)], axis=-1)
        return x

    def target(self, inputs, image):
        """The real image at the working size.

        Args:
            inputs: The dict that `image` came with.
            image: `(batch, height, width, image_channels)` of `image_dtype`.

        Returns:
            `(batch, height', width', image_channels)` float32 in [-1, 1]; what lies outside of the range is clipped.
        """
        is_crop = "rows" in inputs
        low, high = self.image_range
        image = ops.cast(image, self.wide_dtype)
        image = ops.clip((image - low) * (2 / (high - low)) - 1, -1, 1)
        if not self.image_size or is_crop:
            return image
        return ops.cast(resize_image(image, self.image_size), self.wide_dtype)  # resizing knows no float64

    def values(self, image):
        """The way back: a network's image, float32 in [-1, 1] -> `image_dtype`, in its range."""
        low, high = self.image_range
        values = low + (ops.clip(image, -1, 1) + 1) * ((high - low) / 2)
        return values if self.image_dtype == "float32" else ops.cast(ops.round(values), self.image_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "row_channel": self.row_channel,
            "image_channels": self.image_channels,
            "image_dtype": self.image_dtype,
            "image_range": self.image_range,
        }


def _check_range(name, window):
    """Raises `ValueError` unless `window` is (low, high), low < high."""
    if len(window) != 2 or not window[0] < window[1]:
        raise ValueError(f"`{name}` should be (low, high), low < high. Received: {name}={window}")


@keras.saving.register_keras_serializable(package=PACKAGE)
class SemanticConditioning(Conditioning):
    """Label maps, with or without instance maps: one channel for each class, then the boundary map, then the row.

    Args:
        num_classes: Integer; label ids are 0 .. `num_classes` - 1.
        boundary: Boolean, whether there are instance maps, whose boundaries are a channel.
        dont_care: Integers: label ids that mean "no class". They get zeros in every class channel.
        class_names: Strings, one for each class, or `None`.
        class_colors: RGB triples 0..255, one for each class, or `None`: how label maps are shown to people.
        image_size, row_channel, image_channels, image_dtype, image_range: See `Conditioning`.

    Call arguments:
        inputs: Dict with `label_map` `(batch, height, width)` int32, `instance_map` the same if `boundary`, and for
            crops `rows` `(batch, 2)` float32.

    Returns:
        `(batch, height', width', num_classes + boundary + row_channel)` in the layer's compute dtype.

    Raises:
        ValueError: If a class table has another length than `num_classes`.

    Example:

    >>> import numpy as np
    >>> from pipelines.conditioning import SemanticConditioning
    >>> conditioning = SemanticConditioning(num_classes=3, dont_care=(255,))
    >>> label_map = np.array([[[0, 0, 2], [1, 1, 255]]], "int32")
    >>> x = conditioning({"label_map": label_map, "instance_map": label_map})
    >>> tuple(x.shape)
    (1, 2, 3, 4)
    >>> np.asarray(x)[0, 0, 2].astype(int).tolist()  # class 2, beside a boundary
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        num_classes,
        boundary=True,
        dont_care=(),
        class_names=None,
        class_colors=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, table in (("class_names", class_names), ("class_colors", class_colors)):
            if table is not None and len(table) != num_classes:
                raise ValueError(f"`{name}` should have {num_classes} entries. Received: {len(table)}")
        self.num_classes = num_classes
        self.boundary = boundary
        self.dont_care = tuple(dont_care)
        self.class_names = None if class_names is None else tuple(class_names)
        self.class_colors = None if class_colors is None else tuple(tuple(color) for color in class_colors)

    @property
    def input_formats(self):
        names = ("label_map", "instance_map") if self.boundary else ("label_map",)
        return dict.fromkeys(names, ((), "int32"))

    @property
    def channels(self):
        return self.num_classes + int(self.boundary) + int(self.row_channel)

    def resize(self, inputs, size):
        return {**inputs, **{name: resize_nearest(inputs[name], size) for name in self.input_formats}}

    def encode(self, inputs):
        label_map = ops.cast(inputs["label_map"], "int32")
        for label in self.dont_care:
            if 0 <= label < self.num_classes:
                label_map = ops.where(label_map == label, NO_CLASS, label_map)
        x = one_hot(label_map, self.num_classes, self.compute_dtype)
        if self.boundary:
            x = ops.concatenate([x, ops.cast(boundary_map(inputs["instance_map"]), x.dtype)], axis=-1)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width = input_shape["label_map"]
        return (batch, *(self.image_size or (height, width)), self.channels)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "boundary": self.boundary,
            "dont_care": self.dont_care,
            "class_names": self.class_names,
            "class_colors": self.class_colors,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class ImageConditioning(Conditioning):
    """Any image as input: thermal, near infrared, colour. Its window of values is saved with the model.

    Args:
        channels_in: Integer, channels of the source.
        value_range: `(low, high)`: source values (counts, kelvin, 0..255) that become -1 and 1; what lies outside is
            clipped.
        percentiles: `(low, high)`, 0 to 100, or `None`: instead of `value_range`, the window of each picture is what
            `percentile_window` finds. Its absolute temperatures are lost; a camera's drift and gain are, too.
        image_size, row_channel, image_channels, image_dtype, image_range: See `Conditioning`.

    Call arguments:
        inputs: Dict with `source` `(batch, height, width, channels_in)`, uint8, uint16 or float32. For crops also
            `rows` and, with `percentiles`, `window` `(batch, 2)` float32, that of the whole picture.

    Returns:
        `(batch, height', width', channels_in + row_channel)` in the layer's compute dtype.

    Raises:
        ValueError: If `low` is not below `high`.
    """

    def __init__(self, channels_in=3, value_range=(0, 255), percentiles=None, **kwargs):
        super().__init__(**kwargs)
        _check_range("value_range", value_range)
        if percentiles is not None:
            _check_range("percentiles", percentiles)
        self.channels_in = channels_in
        self.value_range = tuple(value_range)
        self.percentiles = None if percentiles is None else tuple(percentiles)

    @property
    def input_formats(self):
        return {"source": ((self.channels_in,), "float32")}

    @property
    def channels(self):
        return self.channels_in + int(self.row_channel)

    def resize(self, inputs, size):
        inputs = {**inputs, "window": self._window(inputs)}  # of the picture as it came
        return {**inputs, "source": resize_image(inputs["source"], size)}

    def _window(self, inputs):
        """`(batch or 1, 2)` float32: the values that become -1 and 1."""
        if self.percentiles is None:
            return ops.convert_to_tensor([self.value_range], "float32")
        return inputs["window"] if "window" in inputs else percentile_window(inputs["source"], self.percentiles)

    def encode(self, inputs):
        window = ops.cast(self._window(inputs), self.wide_dtype)[:, None, None, :]
        low, high = window[..., :1], window[..., 1:]
        x = (ops.cast(inputs["source"], self.wide_dtype) - low) / ops.maximum(high - low, 1e-6)
        return ops.cast(ops.clip(2 * x - 1, -1, 1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape["source"]
        return (batch, *(self.image_size or (height, width)), self.channels)

    def get_config(self):
        return {
            **super().get_config(),
            "channels_in": self.channels_in,
            "value_range": self.value_range,
            "percentiles": self.percentiles,
        }
