"""The folder of a run: what lies where, and the checks before anything is written to it."""

import dataclasses
import json
import os
import shutil
import zipfile

from hdsynth_tf.files.presets import built_in, find_preset, names_preset
from hdsynth_tf.files.storage import remove_leftovers, replacing
from pipelines.errors import UserError
from pipelines.paths import RemotePath, as_path
from pipelines.records import FormError, Optional, is_range, one_of, read_record, whole_number

README = """This folder was made by `python -m hdsynth_tf.train`.

model.keras     the finished model: import hdsynth_tf, then keras.saving.load_model("model.keras")
best.keras      the model as it was when it was best on held-out scenes in the last stage; best.json says when
serving/1       the same for TensorFlow Serving:
                tensorflow_model_server --model_name=pix2pixhd --model_base_path=$PWD/serving
samples.png     input | real | generated, at the end; samples/ has the same scenes as the training went on
logs/           losses as CSV; curves and pictures for: tensorboard --logdir=logs
windows.json    the values of sources and images that are -1 and 1 for the networks
steps.json      steps of an epoch of each stage, where --time_limit was given
content_scales.json  the distances that --rescale_epochs measured of each layer of the content loss
tracking.json   the number of this run at the service of --log_to
precision.json  the float type that the networks compute in, and why; what is rematerialized
values_*.png    histograms of sources or images that are no plain photographs, and the window of values used
scores.json     LPIPS, PSNR and SSIM on scenes that were not trained on, beside a picture in mean colours
levels/         the coarser models of a coarse-to-fine run, g1.keras, g2.keras, ...
checkpoints/    what a run that was interrupted goes on from; of no use when it is finished
settings.json   every setting of this run

Make pictures of other inputs: python -m hdsynth_tf.generate --model={folder} --output_dir=pictures (see --help)
"""


GROUPS = {str: {}}  # the form of a file of settings, see `pipelines.records`
LOST_SETTINGS = "Mend it, or put a copy of it there; else begin again, in another folder."
WINDOW = Optional(lambda value: value == [] or is_range(value))  # none: each picture has its own
PRECISION = {
    "precision": one_of("float32", "mixed_bfloat16", "mixed_float16"),
    "rematerialize": Optional([one_of("true", "false", True, False)]),
}


class RunFolderError(UserError, RuntimeError):
    """A folder cannot be used. Says why, and how to mend it."""


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Names of everything in the run folder `path`."""

    path: object  # `Path` or `RemotePath`

    @property
    def model(self):
        return self.path / "model.keras"

    @property
    def best(self):
        """The model that was best on held-out scenes in the last stage."""
        return self.path / "best.keras"

    @property
    def best_record(self):
        """JSON file with the epoch of the best model and its scores."""
        return self.path / "best.json"

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
    def checkpoints(self):
        return self.path / "checkpoints"

    def level_model(self, level):
        """The model as it was when it had `level` enhancers."""
        return self.path / "levels" / f"g{level + 1}.keras"

    def level_models(self):
        """Existing level models, coarse to fine."""
        return sorted((self.path / "levels").glob("g*.keras"))

    @property
    def settings(self):
        return self.path / "settings.json"

    @property
    def scores(self):
        return self.path / "scores.json"

    @property
    def windows(self):
        """The windows of values that the run began with."""
        return self.path / "windows.json"

    def read_windows(self):
        """Dict: `source`, `image` -> (low, high), or nothing where each picture has its own; empty in a new run."""
        mend = "Remove it: the windows are found again, and are the same if data and settings are."
        return read_own(self.windows, {"source": WINDOW, "image": WINDOW}, mend) if self.windows.exists() else {}

    @property
    def epoch_steps(self):
        """JSON file: steps of an epoch of each stage that --time_limit was settled for."""
        return self.path / "steps.json"

    @property
    def content_scales(self):
        """JSON file: the scales of the content loss that stages were begun with, where they are measured."""
        return self.path / "content_scales.json"

    @property
    def precision(self):
        """The precision that the run began with, and why."""
        return self.path / "precision.json"

    def read_precision(self):
        """The precision that the run began with; an empty string in a new run."""
        if self.precision.exists():
            return self._read_precision()["precision"]
        asked = read_settings(self.path, "training").get("precision", "auto")  # of runs of earlier versions
        return "" if asked == "auto" else asked

    def read_rematerialize(self):
        """What of `--rematerialize` was settled for each level when the run began; empty in a new run."""
        return self._read_precision().get("rematerialize") or [] if self.precision.exists() else []

    def _read_precision(self):
        return read_own(self.precision, PRECISION, "Remove it: the precision is chosen again; --precision names one.")

    @property
    def tracking(self):
        """JSON file: service of `--log_to` -> the number that it knows the run by."""
        return self.path / "tracking.json"

    def values(self, key):
        """The histogram of the values of sources or of images."""
        return self.path / f"values_{key}.png"

    @property
    def is_finished(self):
        """Whether all that training writes at its end is there, and whole."""
        try:
            read_record(self.scores, {})
            with self.model.open("rb") as file, zipfile.ZipFile(file) as model:
                return model.testzip() is None
        except (OSError, FormError, zipfile.BadZipFile):
            return False

    def check(self, settings, may_change):
        """Raises `RunFolderError` if the folder cannot be written to, or holds a run with other settings.

        Args:
            settings: Dict of group name -> settings object.
            may_change: Names of settings that a run that goes on need not share with its beginning.
        """
        check_writable(self.path)
        if not self.settings.exists():
            return
        before, now = read_own(self.settings, GROUPS, LOST_SETTINGS), json.loads(_encode(settings))
        added = json.loads(_encode({name: type(group)() for name, group in settings.items()}))  # settings since then
        before = {name: {**added[name], **before.get(name, {})} for name in now}
        changed = [
            f"--{name} was {before[group][name]}, is {value}"
            for group, values in now.items()
            for name, value in values.items()
            if name not in may_change and before[group][name] != value
        ]
        if changed:
            raise RunFolderError(
                f"{self.path} holds another run: {'; '.join(changed)}. To go on with it, give the settings it was "
                "begun with; for a new one, choose another folder."
            )

    def create(self, settings):
        """Makes the folder, or takes up the one that is there. `settings`: dict of group name -> settings object."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        remove_leftovers(self.path)
        with replacing(self.settings) as temporary:
            temporary.write_text(_encode(settings))
        with replacing(self.path / "README") as temporary:
            temporary.write_text(README.format(folder=self.path))

    def log(self, stage_name):
        """Path of a stage's logs: a folder for TensorBoard; with `.csv` behind it, a table."""
        return self.logs / stage_name.lower().replace(" ", "_")


def _encode(settings):
    return json.dumps({name: dataclasses.asdict(group) for name, group in settings.items()}, indent=2) + "\n"


def find_model(path):
    """The model file that `path` stands for: a run folder or a `.keras` file; of a preset its folder.

    Raises:
        RunFolderError: If there is none.
        PresetError: If a preset cannot be downloaded.
    """
    if names_preset(path):
        return find_preset(path)
    path = as_path(path)
    if path.is_dir():
        path = RunFolder(path).model
    if not path.is_file():
        raise RunFolderError(
            f"{path} is no model. Give a run folder that is finished, a .keras file, or a preset: a folder, "
            f"hf://USER/MODEL or a name ({', '.join(built_in()) or 'none comes with this installation'})."
        )
    return path


def read_settings(path, group, form=None):
    """One group of the settings of the run or preset that `path` belongs to, as a dict; empty for a model file.

    Args:
        path: Path of a run folder, or of a model file.
        group: String, its name.
        form: What each of the settings should be, see `pipelines.records.read_record`, or `None`: anything.

    Raises:
        RunFolderError: If the file of settings is damaged.
    """
    path = find_preset(path) if names_preset(path) else path
    folder = RunFolder(as_path(path) if as_path(path).is_dir() else as_path(path).parent)
    if not folder.settings.is_file():
        return {}
    return read_own(folder.settings, {**GROUPS, group: form or {}}, LOST_SETTINGS)[group]


def read_own(path, form, mend):
    """What a JSON file that a command wrote holds, checked. See `pipelines.records.read_record`.

    Raises:
        RunFolderError: If it is damaged. Says how, and what to do: `mend`, a sentence or more.
    """
    try:
        return read_record(path, form)
    except FormError as error:
        raise RunFolderError(f"{path} {error}. {mend}") from error


def read_epoch_steps(path):
    """Dict: name of a stage -> steps of its epochs, as --time_limit settled them; empty where there is no such file."""
    mend = "Remove it: the length of epochs is settled anew, by the steps on this machine."
    return read_own(path, {str: whole_number(1, 2**53)}, mend) if path.exists() else {}


def write_json(path, content):
    """Writes `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def check_writable(folder):
    """Raises `RunFolderError` unless files can be made below `folder`, which need not exist; leaves nothing behind."""
    existing = as_path(folder).absolute()
    if isinstance(existing, RemotePath):
        return  # buckets have no folders to try
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
    existing = as_path(folder).absolute()
    if isinstance(existing, RemotePath):
        return
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise RunFolderError(
            f"{existing} has {free / 2**20:,.0f} MiB left; the run needs about {needed / 2**20:,.0f} MiB. "
            "Make room, or choose another folder."
        )
