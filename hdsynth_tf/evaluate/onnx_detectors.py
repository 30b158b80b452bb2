"""Detectors in ONNX files, and what the exporters of YOLO's networks write into these of themselves."""

import ast
import math

import numpy as np

from hdsynth_tf.evaluate.detectors import Detector, DetectorError, numbered
from hdsynth_tf.evaluate.loading import fixed_size
from hdsynth_tf.surroundings import is_installed
from pipelines.errors import first_line

TASKS = ("detect", "segment", "pose")  # of Ultralytics' networks, whose boxes are upright
RT_DETR = "RTDETRDecoder"  # Ultralytics' last layer whose tables of objects have centres and sides
TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


def from_onnx(path, min_score, value_range, class_names):
    """The detector of an ONNX file.

    Args:
        path: `Path`.
        min_score, value_range: See `detector_files.load_detector`.
        class_names: Dict: number -> name, or `None`: as the file says.
    """
    session = _open_onnx(path)
    (spec,) = session.get_inputs()
    shape = [length if isinstance(length, int) else None for length in spec.shape]
    channels_last = shape[-1] == 3 and shape[-3] != 3
    dtype = TYPES[spec.type]
    names = [output.name for output in session.get_outputs()]
    facts = session.get_modelmeta().custom_metadata_map
    if facts.get("task", TASKS[0]) not in TASKS:
        raise DetectorError(
            f"--detector should be of one of the tasks {', '.join(TASKS)}, whose boxes are upright. Received: {path}, "
            f"of the task {facts['task']}."
        )

    def network(image):
        image = image if channels_last else np.moveaxis(image, -1, 1)
        image = np.rint(image) if dtype == "uint8" else image
        image = image if len(shape) == 4 else image[0]
        return dict(zip(names, session.run(names, {spec.name: image.astype(dtype)})))

    own_names = numbered(_literal(facts.get("names", "")))
    layout = {"num_classes": len(own_names) or None, "num_keypoints": _keypoints_in(facts)}
    if facts.get("head") == RT_DETR:
        layout["box_format"] = "center_xywh"
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
        layout,
    )


def _open_onnx(path):
    """A session of onnxruntime whose only input is one picture."""
    if not is_installed("onnxruntime"):
        raise DetectorError(f"{path} is read by onnxruntime, which is not installed: pip install -e .[eval]")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised anyway
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes, which it does not document
        raise DetectorError(f"The detector {path} cannot be loaded: {first_line(error)}") from error
    inputs = session.get_inputs()
    shapes = ", ".join(f"{one.name} {one.shape} of {one.type}" for one in inputs)
    if len(inputs) != 1 or inputs[0].type not in TYPES or not _is_one_picture(inputs[0].shape):
        raise DetectorError(
            f"{path} should have one input, a picture (1, 3, height, width) or (1, height, width, 3), of float, "
            f"float16 or uint8; the 1 may be missing. Received: {shapes}. Export it anew, for a batch of 1."
        )
    return session


def _is_one_picture(shape):
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1 and isinstance(shape[0], int)):
        return False
    return any(not isinstance(shape[axis], int) or shape[axis] == 3 for axis in (-1, -3))


def _literal(text):
    """What a Python literal in the metadata says; `None` for any other text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _size_in(facts):
    """The (height, width) that Ultralytics' networks of any size were trained at, or `None`."""
    size = _literal(facts.get("imgsz", ""))
    is_size = isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and n > 0 for n in size)
    return tuple(size) if is_size else None


def _keypoints_in(facts):
    """How many numbers tell where the keypoints of each object are; 0 for those without."""
    shape = _literal(facts.get("kpt_shape", ""))
    return math.prod(shape) if isinstance(shape, list) and all(isinstance(n, int) for n in shape) else 0


def _stride_in(facts):
    """What the sides of pictures for YOLO's networks of any size should be multiples of."""
    stride = _literal(facts.get("stride", ""))
    return stride if isinstance(stride, int) and stride > 0 else 1
