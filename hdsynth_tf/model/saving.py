"""Models in files: whole or not at all, and only with weights that are numbers."""

import keras
import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.serving import input_signature as signature_of
from hdsynth_tf.model.serving import save_servable
from hdsynth_tf.networks.convolution import portable
from pipelines.paths import as_path


class Saving:
    """The part of a model that writes it. A subclass has `served()`: the model whose pictures are served."""

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
            save_servable(self.served(), path)
            return
        with replacing(path) as temporary:
            super().save(temporary, **kwargs)

    @portable()
    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Keras' own, of `call`, in graphs of plain convolutions. For TF Serving, `save` is the way.

        Args:
            filepath: Path; of `litert` a file NAME.tflite.
            format: String, as Keras has them: `"tf_saved_model"`, `"onnx"`, `"litert"` ... Some need further packages.
            verbose: Boolean or `None`.
            input_signature: List of one dict of `keras.InputSpec`, or `None`: batch, height and width are free, in
                `litert` one picture of the working size.
        """
        if input_signature is None:
            size = self.conditioning.image_size if format == "litert" else None
            input_signature = [signature_of(self.served(), ["seed"], size)]
        super().export(filepath, format=format, verbose=verbose, input_signature=input_signature, **kwargs)


def first_not_finite(variables):
    """The path of the first of some variables that holds NaN or infinity; `None` if all numbers are finite."""
    for variable in variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            return variable.path
    return None
