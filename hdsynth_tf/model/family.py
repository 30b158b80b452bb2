"""A model's relatives: of other parts, at another size, with other styles, a level finer, in a file."""

import keras
import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.inputs import input_arrays
from hdsynth_tf.networks.coarse_to_fine import grow
from hdsynth_tf.networks.styles import StyleBank
from pipelines.paths import as_path
from pipelines.portable import portable

PARTS = ("conditioning", "generator", "discriminator", "ema_momentum", "encoder", "style_bank")


class Family:
    """The part of `Pix2PixHD` that makes other models of it, and files. None of the models is compiled."""

    def with_parts(self, **parts):
        """A model of these parts and, for all that are not named, of this one's own.

        Networks are shared, but for the generator's average, which is copied where the generator is the same.
        """
        model = type(self)(**{**{name: getattr(self, name) for name in PARTS}, **parts})
        if None not in (self.average_generator, model.average_generator) and model.generator is self.generator:
            model.average_generator.set_weights(self.average_generator.get_weights())
        return model

    def finished(self):
        """This model without what only training needs: its generator is the one that makes the pictures."""
        return self.with_parts(generator=self.inference_generator, ema_momentum=None)

    def at_size(self, image_size):
        """This model, its networks working at another size.

        Args:
            image_size: `(height, width)`, or `None`: pictures stay as large as they come.
        """
        return self.with_parts(conditioning=resized(self.conditioning, image_size))

    def in_float32(self):
        """This model computing in float32, whatever it was trained in: for runtimes that know no mixed precision.

        Its networks are copies, and there is no average of the generator: see `finished`.
        """
        model = type(self).from_config(_in_float32(self.finished().get_config()))
        model.set_weights(self.finished().get_weights())
        return model

    # === Styles ===

    def with_styles(self, styles, num_styles=10):
        """This model with other styles.

        Args:
            styles: Dict: class -> `(count, feature_channels)` floats, see `StyleBank.fill`.
            num_styles: Integer, styles that a class can have.
        """
        bank = StyleBank(self.conditioning.num_classes, self.encoder.feature_channels, num_styles)
        bank.fill(styles)
        return self.with_parts(style_bank=bank)

    # === Coarse to fine ===

    @property
    def level(self):
        """Integer, how often the generator has grown."""
        return len(getattr(self.generator, "enhancers", ()))

    def grow(self, num_residual_blocks=3):
        """The next level's model, for pictures of twice the height and width.

        An enhancer is put around the generator (the average, where there is one, is what it starts from) and a
        discriminator at the finest scale; everything else goes on with the values it has. A working size doubles; the
        encoder goes on seeing the size it saw.

        Args:
            num_residual_blocks: Integer, of the new enhancer.

        Returns:
            `Pix2PixHD`.

        Raises:
            ValueError: If the generator cannot grow: a U-Net, or an odd number of filters.
        """
        size = self.conditioning.image_size
        return self.with_parts(
            conditioning=resized(self.conditioning, size and tuple(2 * length for length in size)),
            generator=grow(self.inference_generator, num_residual_blocks),
            discriminator=None if self.discriminator is None else self.discriminator.grown(),
            encoder=None if self.encoder is None else self.encoder.grown(),
        )

    # === Files ===

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

            save_servable(self, path)
            return
        with replacing(path) as temporary:
            super().save(temporary, **kwargs)

    @portable()
    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        """Keras' own: what `call` gives, images in [-1, 1]; in graphs that run elsewhere.

        For finished pictures see `save`, which TF Serving takes, and `python -m hdsynth_tf.export`.

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
        super().export(filepath, format=format, verbose=verbose, input_signature=input_signature, **kwargs)

    def _export_signature(self, format):
        arrays, size = input_arrays(self), self.conditioning.image_size
        if format != "tf_saved_model" and size is None:
            raise ValueError(
                f"{format} is for pictures of one size, which this model has not: export `model.at_size((height, "
                "width))`, or give `input_signature`."
            )
        if format != "tf_saved_model":
            arrays = {name: ((1, *size, *shape[3:]), dtype) for name, (shape, dtype) in arrays.items()}
        return {name: keras.InputSpec(dtype, shape=shape, name=name) for name, (shape, dtype) in arrays.items()}


def resized(conditioning, image_size):
    """A copy of a conditioning for networks that work at `image_size`, (height, width) or `None`."""
    return type(conditioning).from_config({**conditioning.get_config(), "image_size": image_size})


def _in_float32(config):
    """A config whose dtype policies are all float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: _in_float32(value) for key, value in config.items()}
    return [_in_float32(value) for value in config] if isinstance(config, (list, tuple)) else config


def first_not_finite(variables):
    """The path of the first of some variables that holds NaN or infinity; `None` if all numbers are finite."""
    for variable in variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            return variable.path
    return None
