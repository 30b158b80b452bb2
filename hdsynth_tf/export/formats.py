"""The formats of other programs: how each is written, and run."""

import dataclasses
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from hdsynth_tf.export.errors import ExportError
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.saving import ONNX_OPSET
from hdsynth_tf.surroundings import is_installed
from pipelines.portable import portable

LARGE = 1024  # numbers of a weight; fewer stay float32


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        suffix: String, of its file.
        writers: Modules that write it, beside TensorFlow and Keras.
        runtimes: Modules that run it; any of them does.
        weights: What weights can be stored as.
        write: Function of a `Served`, a path and one of `weights`.
        open: Function of a path: gives one from a dict of arrays to the picture.
    """

    suffix: str
    writers: tuple
    runtimes: tuple
    weights: tuple
    write: Callable
    open: Callable

    def check_installed(self):
        """Raises `ExportError` unless it can be written here."""
        missing = [name for name in self.writers if not is_installed(name)]
        if missing:
            raise ExportError(f"This format needs {' and '.join(missing)}: pip install -e .[export]")

    @property
    def runs_here(self):
        """Whether a runtime is installed."""
        return any(is_installed(name) for name in self.runtimes)


def convert(served, format, path, **options):
    """Writes by Keras' own exporter. `format`, `options`: its arguments."""
    with portable(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of tf2onnx on NumPy 2
        served.export(str(path), format=format, input_signature=[served.signature], verbose=False, **options)


# === ONNX ===


def write_onnx(served, path, weights):
    """Float16 and int8 weights are computed with in float32 and, of int8, whole numbers of 8 bits."""
    import onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # what it cannot convert is found below
    with replacing(path) as temporary:
        convert(served, "onnx", temporary, opset_version=ONNX_OPSET)
        content = onnx.load(str(temporary))
        unknown = sorted({node.op_type for node in content.graph.node if not onnx.defs.has(node.op_type, node.domain)})
        if unknown:
            raise ExportError(f"ONNX has no operations for {', '.join(unknown)}, which this model needs.")
        if weights == "float16":
            halve(content.graph)
            onnx.save(content, str(temporary))
        if weights == "int8":
            quantize_onnx(temporary)


def halve(graph):
    """Stores large weights in 16 bits, with a cast behind each."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size >= LARGE and np.abs(values).max() <= np.finfo("float16").max:
            name = weight.name
            weight.CopyFrom(numpy_helper.from_array(values.astype("float16"), f"{name}_half"))
            casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def quantize_onnx(path):
    """Stores weights in 8 bits, by ONNX Runtime's own tool."""
    if not is_installed("onnxruntime"):
        raise ExportError("int8 weights in ONNX need onnxruntime: pip install -e .[export]")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it advises on a step that graphs of fixed sizes do not need
    quantize_dynamic(str(path), str(path), weight_type=QuantType.QUInt8)


def open_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(["image"], inputs)[0]


# === LiteRT ===


def write_litert(served, path, weights):
    """Of LiteRT's own operations alone; float16 weights are computed with in float32, int8 ones as far as it can."""
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options = {} if weights == "float32" else {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if weights == "float16":
        target["supported_types"] = [tf.float16]
    with replacing(path) as temporary:
        try:
            convert(served, "litert", temporary, target_spec=target, **options)
        except Exception as error:
            unknown = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
            if not unknown:
                raise
            raise ExportError(f"LiteRT has no operations for {', '.join(unknown)}, which this model needs.") from error


def open_litert(path):
    if is_installed("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter
    else:
        Interpreter = tf.lite.Interpreter
    run = Interpreter(model_path=str(path)).get_signature_runner()
    return lambda inputs: run(**inputs)["image"]


# === OpenVINO ===


def write_openvino(served, path, weights):
    """Two files: `.xml` and `.bin`."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.xml"
        try:
            convert(served, "openvino", made)
        except Exception as error:
            unknown = sorted(set(re.findall(r"failed for: (\w+)", str(error))))
            if not unknown:
                raise
            raise ExportError(
                f"OpenVINO has no operations for {', '.join(unknown)}, which this model needs."
            ) from error
        if weights == "float16":
            content = openvino.Core().read_model(made)
            made = made.with_name("half.xml")
            openvino.save_model(content, made, compress_to_fp16=True)
        for suffix in (".bin", ".xml"):
            with replacing(path.with_suffix(suffix)) as temporary:
                shutil.copy(made.with_suffix(suffix), temporary)


def open_openvino(path):
    import openvino

    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: compiled(inputs)["image"]


# === SavedModel ===


def open_saved_model(path):
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    return lambda inputs: serve(**{name: tf.constant(array) for name, array in inputs.items()})["image"].numpy()


FORMATS = {
    "onnx": Format(
        ".onnx", ("onnx", "tf2onnx"), ("onnxruntime",), ("float32", "float16", "int8"), write_onnx, open_onnx
    ),
    "litert": Format(
        ".tflite", (), ("ai_edge_litert", "tensorflow"), ("float32", "float16", "int8"), write_litert, open_litert
    ),
    "openvino": Format(".xml", ("openvino",), ("openvino",), ("float32", "float16"), write_openvino, open_openvino),
}
