"""Presets: folders that hold a model, its weights in half floats. Where they are found, by the names of Keras Hub."""

from pathlib import Path

from hdsynth_tf.surroundings import is_installed
from pipelines.errors import UserError
from pipelines.paths import as_path

CONFIG, WEIGHTS, METADATA, CARD = "config.json", "model.weights.h5", "metadata.json", "README.md"
BUILT_IN = Path(__file__).resolve().parent.parent / "presets"
HUBS = {"hf": "huggingface_hub", "kaggle": "kagglehub"}  # scheme -> package that downloads from there


class PresetError(UserError, ValueError):
    """A preset cannot be had, or is none. Says why."""


def built_in():
    """The names of the presets that come with the package."""
    return sorted(path.parent.name for path in BUILT_IN.glob(f"*/{CONFIG}"))


def is_preset(path):
    """Whether a path is a folder with a preset."""
    return (as_path(path) / CONFIG).is_file() and (as_path(path) / WEIGHTS).is_file()


def names_preset(place):
    """Whether what a person gives as a model is a preset; a run folder or a `.keras` file is none."""
    scheme, is_remote, _ = str(place).partition("://")
    return str(place) in built_in() or bool(is_remote and scheme in HUBS) or is_preset(place)


def find_preset(preset):
    """The folder of a preset.

    Args:
        preset: String or `Path`: a name of `built_in()`, a folder, `hf://USER/MODEL` or
            `kaggle://USER/MODEL/keras/VARIATION`.

    Raises:
        PresetError: If there is none, or it cannot be downloaded.
    """
    name = str(preset)
    if name in built_in():
        return BUILT_IN / name
    scheme, is_remote, handle = name.partition("://")
    if is_remote and scheme in HUBS:
        return _download(scheme, handle)
    if is_preset(preset):
        return as_path(preset)
    raise PresetError(
        f"{name} is no preset: neither a folder with {CONFIG} and {WEIGHTS}, nor hf://USER/MODEL, nor one that comes "
        f"with the package: {', '.join(built_in()) or 'none'}."
    )


def _download(scheme, handle):
    """The local copy of a preset on a hub."""
    package = HUBS[scheme]
    if not is_installed(package):
        raise PresetError(
            f"{scheme}://{handle} is downloaded by {package}, which is not installed: pip install {package}"
        )
    try:
        if scheme == "hf":
            from huggingface_hub import snapshot_download

            folder = snapshot_download(handle, allow_patterns=["*.json", WEIGHTS, CARD])  # no code
        else:
            import kagglehub

            folder = kagglehub.model_download(handle)
    except Exception as error:  # whatever the hub's client, or a network that is not there, raises
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PresetError(f"{scheme}://{handle} could not be downloaded: {reason}") from error
    if not is_preset(folder):
        raise PresetError(f"{scheme}://{handle} is no preset of this package: it lacks {CONFIG} or {WEIGHTS}.")
    return Path(folder)
