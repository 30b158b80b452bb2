"""Trained object detectors, wherever they come from, and the protocol by which they see pictures.

As with segmenters, what is found depends on the size that pictures are brought to and on how they are scaled: so both
are parts of the detector, and are printed with every table.
"""

import ast
from pathlib import Path

import numpy as np
import tensorflow as tf

from hdsynth_tf.evaluate.layouts import LayoutError, read_objects
from hdsynth_tf.evaluate.loading import converter_scaling, fixed_size, load_keras, load_served
from hdsynth_tf.evaluate.objects import CLASS, MOST, OVERLAP
from hdsynth_tf.evaluate.segmenters import numbers_in_words
from hdsynth_tf.surroundings import is_installed
from pipelines.conditioning import resize_image
from pipelines.errors import UserError, first_line
from pipelines.texts import read_text

GREY = 114  # of 255, around pictures of other proportions, as YOLO's networks are trained
TASKS = ("detect", "segment", "pose")  # of Ultralytics' networks, whose boxes are upright
ONNX_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


class DetectorError(UserError, RuntimeError):
    """A detector cannot be had, or is of no use here. Says why, and how to mend it."""


class Detector:
    """Finds the objects in pictures.

    Args:
        name: String.
        network: Function: float32 `(1, height, width, 3)` -> dict: name -> array, in one of the `layouts`.
        size: `(height, width)` that pictures are brought to, in their own proportions, or `None`: they stay as they
            are.
        multiple: Integer: without `size`, pictures are filled up to a multiple of it.
        scale, offset: Floats, or one for each channel: what is done to values of 0 to 255 first.
        min_score: Float, 0 to 1: objects of lower scores are left out.
        class_names: Dict: number of a class -> name; others go by their numbers.
        num_classes, box_format: See `layouts.read_objects`.
    """

    def __init__(
        self,
        name,
        network,
        size=None,
        multiple=1,
        scale=1.0,
        offset=0.0,
        min_score=0.5,
        class_names=None,
        num_classes=None,
        box_format="xyxy",
    ):
        self.name = name
        self.network = network
        self.size = size
        self.multiple = multiple
        self.scale = np.asarray(scale, "float32")
        self.offset = np.asarray(offset, "float32")
        self.min_score = min_score
        self.class_names = class_names or {}
        self.num_classes = num_classes
        self.box_format = box_format

    def objects(self, picture):
        """The objects in a picture: uint8 `(height, width, 3)` -> float64 `(objects, 6)`, see `objects`.

        Raises:
            DetectorError: If the network cannot read the picture, or its outputs cannot be understood.
        """
        framed, corner, inner = self._framed(picture)
        size = framed.shape[1:3]
        try:
            outputs = self.network(framed * self.scale + self.offset)
        except Exception as error:  # whatever networks of others, and their runtimes, run into
            reason = f"The detector {self.name} cannot read a picture of {size[1]}x{size[0]}: {first_line(error)}"
            raise DetectorError(reason) from error
        try:
            found = read_objects(outputs, size, self.min_score, self.num_classes, self.box_format)
        except LayoutError as error:
            raise DetectorError(f"The detector {self.name} is not understood. {error}") from error
        shown = np.array(picture.shape[1::-1], "float64")
        found[:, :4] = (found[:, :4] - np.tile(corner, 2)) * np.tile(shown / inner, 2)
        found[:, :4] = np.clip(found[:, :4], 0, np.tile(shown, 2))
        return found[(found[:, 2:4] > found[:, :2]).all(-1)][:MOST]

    def name_of(self, one):
        """The name of the class of an object `(6,)`."""
        number = int(one[CLASS])
        return self.class_names.get(number, str(number))

    def protocol(self):
        """Preprocessing protocol in words, and what counts as an object."""
        size = "as they are"
        if self.size:
            size = f"brought to {self.size[1]}x{self.size[0]} in their proportions (bicubic, antialiased; grey around)"
        elif self.multiple > 1:
            size = f"filled up with grey to multiples of {self.multiple}"
        low, high = numbers_in_words(self.offset), numbers_in_words(self.offset + 255 * self.scale)
        return (
            f"Pictures of 8 bits are {size}; 0 and 255 become {low} and {high}. Objects are those of a score of "
            f"{self.min_score:g} or more, {MOST} of a picture at most; of raw outputs, boxes of one class with an IoU "
            f"above {OVERLAP:g} are one object."
        )

    def _framed(self, picture):
        """A picture in the frame that the network reads: float32 `(1, height, width, 3)`, 0 to 255.

        Also where it lies there, x and y, and how wide and high it is.
        """
        height, width = picture.shape[:2]
        if self.size:
            scale = min(self.size[0] / height, self.size[1] / width)
            frame, inner = self.size, tuple(max(round(length * scale), 1) for length in (height, width))
        else:
            inner = (height, width)
            frame = tuple(-(-length // self.multiple) * self.multiple for length in inner)
        top, left = ((outer - length) // 2 for outer, length in zip(frame, inner))
        framed = np.full((1, *frame, 3), GREY, "float32")
        framed[:, top : top + inner[0], left : left + inner[1]] = resize_image(picture[None], inner)
        return framed, (left, top), inner[::-1]


# === Where they come from ===


def load_detector(place, min_score=0.5, value_range=None, names=""):
    """A detector from an ONNX file, a Keras file, or a SavedModel.

    Args:
        place: String: path of a `.onnx` or `.keras` file, or of a folder with a SavedModel.
        min_score: Float, 0 to 1: objects of lower scores are left out.
        value_range: `(low, high)`: what values of 0 and 255 become; `None`: as the detector says, or 0 and 1 for ONNX,
            0 and 255 for others and where it reads whole numbers.
        names: String: path of a text file with the names of its classes, the first line that of class 0; empty: as the
            detector says, or their numbers.

    Raises:
        DetectorError: If it cannot be had or used.
        DataError: If the file of names cannot be read.
    """
    path = Path(place)
    class_names = _names_in(names) if names else None
    if path.suffix == ".onnx" and path.is_file():
        return _from_onnx(path, min_score, value_range, class_names)
    if path.suffix == ".keras" and path.is_file():
        return _from_keras_file(path, min_score, value_range, class_names)
    if (path / "saved_model.pb").is_file():
        return _from_saved_model(path, min_score, value_range, class_names)
    raise DetectorError(
        f"--detector should be an .onnx or .keras file, or a folder with a SavedModel. Received: {place}, which is "
        + ("neither." if path.exists() else "not there.")
    )


def _from_onnx(path, min_score, value_range, class_names):
    session = _open_onnx(path)
    (spec,) = session.get_inputs()
    shape = [length if isinstance(length, int) else None for length in spec.shape]
    channels_last = shape[-1] == 3 and shape[-3] != 3
    dtype = ONNX_TYPES[spec.type]
    facts = session.get_modelmeta().custom_metadata_map
    if facts.get("task", TASKS[0]) not in TASKS:
        raise DetectorError(
            f"{path} is of the task {facts['task']}; a detector should be of {', '.join(TASKS)}: with upright boxes."
        )

    def network(image):
        image = image if channels_last else np.moveaxis(image, -1, 1)
        image = np.rint(image) if dtype == "uint8" else image
        image = image if len(shape) == 4 else image[0]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {spec.name: image.astype(dtype)})))

    own_names = _names_of(_literal(facts.get("names", "")))
    low, high = value_range or ((0, 255) if dtype == "uint8" else (0, 1))
    return Detector(
        path.name,
        network,
        fixed_size([1, *(shape[-3:-1] if channels_last else shape[-2:]), 3]) or _size_in(facts),
        _stride_in(facts),
        (high - low) / 255,
        low,
        min_score,
        class_names or own_names,
        len(own_names) or None,
    )


def _open_onnx(path):
    """A session of onnxruntime whose only input is one picture."""
    if not is_installed("onnxruntime"):
        raise DetectorError(f"{path} is read by onnxruntime, which is not installed: pip install -e .[eval]")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; they are raised, too
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, which it does not document
        raise DetectorError(f"The detector {path} cannot be loaded: {first_line(error)}") from error
    inputs = session.get_inputs()
    shapes = ", ".join(f"{one.name} {one.shape} of {one.type}" for one in inputs)
    if len(inputs) != 1 or inputs[0].type not in ONNX_TYPES or not _is_one_picture(inputs[0].shape):
        raise DetectorError(
            f"{path} should have one input, a picture (1, 3, height, width) or (1, height, width, 3), of float, "
            f"float16 or uint8; the 1 may be missing. Received: {shapes}. Export it anew, for a batch of 1."
        )
    return session


def _is_one_picture(shape):
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1 and isinstance(shape[0], int)):
        return False
    return any(not isinstance(shape[axis], int) or shape[axis] == 3 for axis in (-1, -3))


def _from_keras_file(path, min_score, value_range, class_names):
    model = load_keras(path, "detector", DetectorError)
    decode = getattr(model, "decode_predictions", None)  # what models of keras-hub do in `predict` alone

    @tf.function(reduce_retracing=True)
    def network(image):
        outputs = model(image, training=False)
        return decode(outputs, image) if decode else outputs

    scale, offset = converter_scaling(model)
    if value_range or scale is None:
        low, high = value_range or getattr(model, "value_range", (0, 255))
        scale, offset = (high - low) / 255, low
    return Detector(
        path.name,
        lambda image: _as_dict(network(image)),
        fixed_size(getattr(model, "input_shape", None)),
        scale=scale,
        offset=0.0 if offset is None else offset,
        min_score=min_score,
        class_names=class_names or _names_of(getattr(model, "class_names", None)),
        box_format=getattr(model, "bounding_box_format", "xyxy"),
    )


def _from_saved_model(path, min_score, value_range, class_names):
    serve, spec = load_served(path, "detector", DetectorError)
    low, high = value_range or (0, 255)
    return Detector(
        path.name,
        lambda image: _as_dict(serve(image)),
        fixed_size(spec.shape),
        scale=(high - low) / 255,
        offset=low,
        min_score=min_score,
        class_names=class_names,
    )


def _as_dict(outputs):
    """Tensors in a dict, a list, or alone -> dict: name -> array."""
    if not isinstance(outputs, dict):
        outputs = dict(enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]))
    return {str(name): np.asarray(tensor) for name, tensor in outputs.items()}


# === What they say of themselves ===


def _literal(text):
    """What a Python literal in the metadata says; `None` for any other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _names_of(names):
    """Names in a dict, or in a list, from class 0 on -> dict: number -> name; empty if there are none."""
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, (list, tuple)) else ()
    return {int(number): str(name) for number, name in pairs if str(number).isdecimal()}


def _size_in(facts):
    """The (height, width) that Ultralytics' networks of any size were trained at, or `None`."""
    size = _literal(facts.get("imgsz", ""))
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    return tuple(size) if is_size else None


def _stride_in(facts):
    """What the sides of pictures for YOLO's networks of any size should be multiples of."""
    stride = _literal(facts.get("stride", ""))
    return stride if isinstance(stride, int) and stride > 0 else 1


def _names_in(place):
    names = read_text(place, "list of class names").splitlines()
    return {number: name.strip() for number, name in enumerate(names) if name.strip()}
