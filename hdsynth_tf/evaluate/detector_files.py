"""Detectors from the files that others trained and exported: ONNX, Keras, SavedModel."""

from pathlib import Path

import tensorflow as tf

from hdsynth_tf.evaluate.detectors import Detector, DetectorError, numbered
from hdsynth_tf.evaluate.loading import converter_scaling, fixed_size, load_keras, load_served
from hdsynth_tf.evaluate.onnx_detectors import from_onnx
from pipelines.texts import read_text

ULTRALYTICS = "metadata.yaml"  # what it writes beside a SavedModel


def load_detector(place, min_score=0.5, value_range=None, names=""):
    """A detector from an ONNX file, a Keras file, or a SavedModel.

    Args:
        place: String: path of a `.onnx` or `.keras` file, or of a folder with a SavedModel.
        min_score: Float, 0 to 1: objects of lower scores are left out.
        value_range: `(low, high)`: what values of 0 and 255 become; `None`: as the detector says, or 0 and 1 for ONNX
            and for Ultralytics' SavedModels, 0 and 255 for others and where it reads whole numbers.
        names: String: path of a text file with the names of its classes, the first line that of class 0; empty: as the
            detector says, or their numbers.

    Raises:
        DetectorError: If it cannot be had or used.
        DataError: If the file of names cannot be read.
    """
    path = Path(place)
    class_names = _names_in(names) if names else None
    if path.suffix == ".onnx" and path.is_file():
        return from_onnx(path, min_score, value_range, class_names)
    if path.suffix == ".keras" and path.is_file():
        return _from_keras_file(path, min_score, value_range, class_names)
    if (path / "saved_model.pb").is_file():
        return _from_saved_model(path, min_score, value_range, class_names)
    found = "none of them: export it as ONNX." if path.exists() else "not there."
    raise DetectorError(
        f"--detector should be an .onnx or .keras file, or a folder with a SavedModel. Received: {place}, "
        f"which is {found}"
    )


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
        network,
        fixed_size(getattr(model, "input_shape", None)),
        scale=scale,
        offset=0.0 if offset is None else offset,
        min_score=min_score,
        class_names=class_names or numbered(getattr(model, "class_names", None)),
        layout={"box_format": getattr(model, "bounding_box_format", "xyxy")},
    )


def _from_saved_model(path, min_score, value_range, class_names):
    serve, spec = load_served(path, "detector", DetectorError)
    low, high = value_range or ((0, 1) if (path / ULTRALYTICS).is_file() else (0, 255))
    return Detector(
        path.name,
        serve,
        fixed_size(spec.shape),
        scale=(high - low) / 255,
        offset=low,
        min_score=min_score,
        class_names=class_names,
    )


def _names_in(place):
    names = read_text(place, "list of class names").splitlines()
    return {number: name.strip() for number, name in enumerate(names) if name.strip()}
