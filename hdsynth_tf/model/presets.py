"""Models from presets, and presets of models."""

import datetime
import importlib.metadata
import json

import h5py
import keras
import numpy as np

from hdsynth_tf.files import model_file
from hdsynth_tf.files.presets import CARD, CONFIG, METADATA, WEIGHTS, PresetError, find_preset
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.show.model_card import model_card
from pipelines.errors import first_line
from pipelines.paths import as_path

REGISTERED = "hdsynth_tf>Pix2PixHD"  # the one class that a preset is of
SMALLEST = 1024  # numbers of a weight that is stored in half floats


class Presets:
    """The part of `Pix2PixHD` that reads and writes presets, as Keras Hub has them."""

    @classmethod
    def from_preset(cls, preset):
        """The model of a preset, ready to generate.

        No code in a preset is run: its config names classes of this package and of Keras, its weights are numbers.

        Args:
            preset: String or path: the name of a preset that comes with the package, such as `"toy_street_256"`; a
                folder; `"hf://USER/MODEL"`, `"kaggle://USER/MODEL/keras/VARIATION"`, which are downloaded.

        Returns:
            `Pix2PixHD`, not compiled, without a discriminator.

        Raises:
            PresetError: If there is no such preset, or it is damaged.
        """
        folder = find_preset(preset)
        try:
            config = json.loads((folder / CONFIG).read_text())
            if config.get("registered_name") != REGISTERED:
                raise PresetError(f"it is of the class {config.get('registered_name')}, not {REGISTERED}")
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
            model.load_weights(str(folder / WEIGHTS))
        except Exception as error:  # whatever a damaged or malicious file makes Keras raise
            raise PresetError(f"{folder} cannot be read as a preset: {first_line(error)}") from error
        return model

    def save_to_preset(self, folder, facts=None):
        """Writes a preset: what makes pictures, without the discriminator, in half floats; and a model card.

        Args:
            folder: Path. A preset that is there is replaced.
            facts: Dict with what is known of the training, for the card; see `show.model_card.model_card`.

        Raises:
            FileExistsError: If the folder holds other things.
        """
        path = as_path(folder)
        if path.is_dir() and any(path.iterdir()) and not (path / CONFIG).is_file():
            raise FileExistsError(f"{path} holds other things than a preset. Choose a folder of its own.")
        model = self.finished().with_parts(discriminator=None)
        with replacing(path) as temporary:
            temporary.mkdir()
            config = keras.saving.serialize_keras_object(model)
            (temporary / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
            model.save_weights(str(temporary / WEIGHTS))
            halve(temporary / WEIGHTS)
            (temporary / METADATA).write_text(json.dumps(metadata(model), indent=2) + "\n")
            (temporary / CARD).write_text(model_card(path.name, model.conditioning, metadata(model), facts or {}))
            if facts and "data" in facts:
                (temporary / "settings.json").write_text(json.dumps({"data": facts["data"]}, indent=2) + "\n")


def load_model(path):
    """The model of a path that `files.run_folder.find_model` gave: a `.keras` file, or a preset's folder."""
    if path.is_dir():
        return keras.saving.get_registered_object(REGISTERED).from_preset(path)
    return model_file.load_model(path)


def metadata(model):
    """What Keras Hub notes of a preset."""
    return {
        "keras_version": keras.__version__,
        "hdsynth_tf_version": _version(),
        "parameter_count": model.count_params(),
        "date_saved": datetime.date.today().isoformat(),
    }


def _version():
    try:
        return importlib.metadata.version("hdsynth_tf")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout
        return "unreleased"


def halve(path):
    """Stores the large weights of an HDF5 file in 16 bits; Keras reads them back as float32."""
    half = path.with_name(f"half.{path.name}")
    with h5py.File(path) as source, h5py.File(half, "w") as target:
        target.attrs.update(source.attrs)

        def copy(name, item):
            if not isinstance(item, h5py.Dataset):
                target.require_group(name).attrs.update(item.attrs)
                return
            values = item[()]
            fits = item.dtype == np.float32 and values.size >= SMALLEST and np.abs(values).max() <= np.finfo("f2").max
            made = target.create_dataset(name, data=values.astype("float16") if fits else values)
            made.attrs.update({key: value for key, value in item.attrs.items() if not fits or key != "dtype"})

        source.visititems(copy)
    half.replace(path)
