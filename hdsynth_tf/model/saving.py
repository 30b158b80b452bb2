"""Models in files: whole or not at all, and only with weights that are numbers."""

import keras
import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.inputs import input_arrays
from pipelines.paths import as_path
from pipelines.portable import portable

ONNX_OPSET = 18  # the first with bitwise operations, which styles are drawn by


class Saving:
    """The part of a model that is written and read. A subclass has `served()`, the model whose pictures are served, and
    `parts`, the names of its arguments that are objects of Keras."""

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.parts}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        return cls(**{k: keras.saving.deserialize_keras_object(v) if k in cls.parts else v for k, v in config.items()})

    def save(self, filepath, overwrite=True, **kwargs):
        """Writes the model: a Keras file if `filepath` ends in `.keras`, else a SavedModel folder for TF Serving.

        Either takes the place of what was there only when it is complete. `keras.saving.load_model` reads the Keras
        file, after `import hdsynth_tf`.

        Args:
            filepath: Path. Without a suffix, such as `serving/city/1`, it is a folder; see `serving.save_servable`.
            overwrite: Boolean; if false, an existing file or folder is an error.

        Raises:
            FileExistsError: If `filepath` exists and `overwrite` is false.
            ValueError: If the suffix is neither `.keras` nor none, or a weight is not finite. Nothing is written then.
        """
        path = as_path(filepath)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")
        if path.suffix not in (".keras", ""):
            raise ValueError(
                f"A model is saved as a file NAME.keras, or as a folder NAME/VERSION. Received: {filepath}"
            )
        broken = first_not_finite(self.weights)
        if broken:
            raise ValueError(f"{broken} holds values that are not finite: {path} was not written.")
        if path.suffix == "":
            from hdsynth_tf.model.serving import save_servable  # needs TensorFlow, which models on their own do not

            save_servable(self.served(), path)
            return
        with replacing(path) as temporary:
            super().save(temporary, **kwargs)

    @portable()
    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Keras' own: what `call` gives, images in [-1, 1]; in graphs that run elsewhere.

        Other formats than a SavedModel compute in float32, whatever the model was trained in. For finished pictures see
        `save`, which TF Serving takes, and `python -m hdsynth_tf.export`, which also looks at what it wrote.

        Args:
            filepath: Path; of ONNX, LiteRT and OpenVINO it ends in `.onnx`, `.tflite`, `.xml`.
            format: `"tf_saved_model"`, `"onnx"`, `"litert"` or `"openvino"`.
            verbose: Boolean, whether to say what was written.
            input_signature: List of one dict of `tf.TensorSpec`s. Defaults to what the conditioning reads: of free
                sizes or, for other formats than a SavedModel, one picture of the working size.
            kwargs: See `keras.Model.export`.

        Raises:
            ValueError: If another format than a SavedModel is to be written, and there is no working size.
        """
        if input_signature is None:
            input_signature = [self._export_signature(format)]
        if format != "tf_saved_model" and any(layer.compute_dtype != "float32" for layer in self._flatten_layers()):
            self.in_float32().export(filepath, format, verbose, input_signature, **kwargs)
            return
        if format == "onnx":
            kwargs.setdefault("opset_version", ONNX_OPSET)
        super().export(filepath, format=format, verbose=verbose, input_signature=input_signature, **kwargs)

    def _export_signature(self, format):
        size = None if format == "tf_saved_model" else self.conditioning.image_size
        if format != "tf_saved_model" and size is None:
            raise ValueError(
                f"{format} is for pictures of one size, which this model has not: export `model.at_size((height, "
                "width))`, or give `input_signature`."
            )
        arrays = input_arrays(self.served(), size=size)
        return {name: keras.InputSpec(dtype, shape=shape, name=name) for name, (shape, dtype) in arrays.items()}


def first_not_finite(variables):
    """The path of the first of some variables that holds NaN or infinity; `None` if all numbers are finite."""
    for variable in variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            return variable.path
    return None
