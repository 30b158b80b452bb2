"""The folder of a run: what lies where, and the checks before anything is written to it."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

from hdsynth_tf.storage import replacing

README = """This folder was made by `python -m hdsynth_tf.train`.

model.keras     the finished model: import hdsynth_tf, then keras.saving.load_model("model.keras")
serving/1       the same for TensorFlow Serving:
                tensorflow_model_server --model_name=pix2pixhd --model_base_path=$PWD/serving
samples.png     input | real | generated, at the end; samples/ has the same scenes as the training went on
logs/           losses as CSV; curves and pictures for: tensorboard --logdir=logs
scores.json     PSNR and SSIM on scenes that were not trained on, beside a picture in mean colours
settings.json   every setting of this run

Make pictures of other inputs: python -m hdsynth_tf.generate --model={folder} --output_dir=pictures (see --help)
"""


class RunFolderError(RuntimeError):
    """A folder cannot be used. Says why, and how to mend it."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Names of everything in the run folder `path`."""

    path: Path

    @property
    def model(self):
        return self.path / "model.keras"

    @property
    def servable(self):
        return self.path / "serving" / "1"

    @property
    def samples(self):
        return self.path / "samples"

    @property
    def logs(self):
        return self.path / "logs"

    @property
    def settings(self):
        return self.path / "settings.json"

    @property
    def scores(self):
        return self.path / "scores.json"

    def check_new(self):
        """Raises `RunFolderError` if the folder holds a run already, or cannot be written to. Leaves nothing behind."""
        if self.settings.exists():
            raise RunFolderError(f"{self.path} holds another run. Choose another --run_dir, or remove it.")
        check_writable(self.path)

    def create(self, settings):
        """Makes the folder. `settings`: dict of group name -> settings object."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        write_json(self.settings, {name: dataclasses.asdict(group) for name, group in settings.items()})
        with replacing(self.path / "README") as temporary:
            temporary.write_text(README.format(folder=self.path))


def find_model(path):
    """The model file that `path`, a run folder or a `.keras` file, stands for.

    Raises:
        RunFolderError: If there is none.
    """
    path = Path(path)
    if path.is_dir():
        path = RunFolder(path).model
    if not path.is_file():
        raise RunFolderError(f"{path} is no model. Give a run folder that is finished, or a .keras file.")
    return path


def read_settings(path, group):
    """One group of the settings of the run that `path` belongs to, as a dict; empty for a model file of its own."""
    folder = RunFolder(Path(path) if Path(path).is_dir() else Path(path).parent)
    return json.loads(folder.settings.read_text())[group] if folder.settings.is_file() else {}


def write_json(path, content):
    """Writes `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def check_writable(folder):
    """Raises `RunFolderError` unless files can be made below `folder`, which need not exist; leaves nothing behind."""
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise RunFolderError(f"{folder} cannot be made: {existing} is no folder.")
    probe = existing / f".{os.getpid()}.probe"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        message = f"Nothing can be written to {existing}: {error.strerror}. Choose another folder."
        raise RunFolderError(message) from error


def check_space(folder, needed):
    """Raises `RunFolderError` unless the disk of `folder` has `needed` bytes left."""
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise RunFolderError(
            f"{existing} has {free / 2**20:,.0f} MiB left; the run needs about {needed / 2**20:,.0f} MiB. "
            "Make room, or choose another folder."
        )
