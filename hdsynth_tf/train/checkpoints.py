"""Checkpoints of a run: everything it needs to go on as if it had never stopped."""

import dataclasses
import hashlib
import json
import zipfile

import keras
import numpy as np
import tensorflow as tf

from hdsynth_tf.files.storage import remove, remove_leftovers, replacing
from hdsynth_tf.model.saving import first_not_finite
from pipelines.errors import UserError
from pipelines.paths import as_path
from pipelines.records import Optional, one_of, read_record, whole_number

OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


COUNT = whole_number(0, 2**53)
POSITION = {
    "stage": COUNT,
    "step": COUNT,
    "total": COUNT,
    "checksum": Optional(str, null=False),
    str: one_of(),
}  # no more


@dataclasses.dataclass(frozen=True)
class Position:
    """Progress of a run: `step` steps of stage number `stage`, `total` steps of all stages together."""

    stage: int = 0
    step: int = 0
    total: int = 0


class CheckpointError(UserError, RuntimeError):
    """A checkpoint cannot be used. Says which, and how to mend it."""


class Checkpoints:
    """A folder of checkpoints, each a folder of its own: `step_00001200/` with `position.json` and `variables.npz`.

    A checkpoint is written under a temporary name, then renamed: it is there as a whole or not at all. Older ones are
    removed only after that.

    Args:
        folder: `Path`.
        keep: Integer, newest checkpoints kept.
    """

    def __init__(self, folder, keep=2):
        self.folder = as_path(folder)
        self.keep = keep

    def save(self, model, position):
        """Writes all variables of a compiled `Pix2PixHD` and both its optimizers.

        Args:
            position: `Position`. A checkpoint of the same number of steps in all is replaced.

        Raises:
            CheckpointError: If a variable holds a value that is not finite. Nothing is written then.
        """
        variables = _variables(model)
        broken = first_not_finite(variables.values())
        if broken:
            raise CheckpointError(f"After {position.total} steps {broken} is not finite. {self.way_out()}")
        with replacing(self.folder / f"step_{position.total:08d}") as temporary:
            temporary.mkdir()
            with (temporary / "variables.npz").open("wb") as file:
                np.savez(file, **{key: keras.ops.convert_to_numpy(v) for key, v in variables.items()})
            numbers = dataclasses.asdict(position)
            content = {**numbers, "checksum": _checksum(numbers, temporary / "variables.npz")}
            (temporary / "position.json").write_text(json.dumps(content))
        for old in self._paths()[: -self.keep]:
            remove(old)

    def newest(self):
        """The newest checkpoint that is whole: `(path, Position)`, or `(None, Position())` if there is none.

        What an interrupted run left half-written is removed. A checkpoint whose content does not match its checksums,
        or is not finite, is passed over, and said to be.
        """
        remove_leftovers(self.folder)
        for path in reversed(self._paths()):
            try:
                position = _read_position(path)
                if _is_whole(path / "variables.npz"):
                    return path, position
            except (OSError, ValueError, zipfile.BadZipFile, EOFError, NotImplementedError, tf.errors.OpError):
                pass
            print(f"The checkpoint {path} is damaged, or not finite; the one before is used.")
        return None, Position()

    def way_out(self):
        """A sentence on what to do when training has broken down."""
        path, _ = self.newest()
        mend = "with a lower --learning_rate and --discriminator_learning_rate, or with --precision=float32"
        if path is None:
            return f"There is no checkpoint from before that: begin again {mend}."
        return f"The last good checkpoint is {path}: the same command goes on from it; give it {mend}."

    def restore(self, path, model):
        """Gives a compiled model and its optimizers the values of the checkpoint `path`.

        Raises:
            CheckpointError: If it was written by another architecture or other optimizers.
        """
        variables = _variables(model)
        with (path / "variables.npz").open("rb") as file, np.load(file, allow_pickle=False) as saved:
            shapes = {key: tuple(variable.shape) for key, variable in variables.items()}
            strange = [key for key in {*shapes, *saved.files} if shapes.get(key) != _shape(saved, key)]
            if strange:
                raise CheckpointError(
                    f"The checkpoint {path} is of other networks or optimizers: {sorted(strange)[0]} differs. Use the "
                    "settings the run was begun with, or another --run_dir."
                )
            for key, variable in variables.items():
                variable.assign(saved[key])

    def _paths(self):
        return sorted(self.folder.glob("step_*")) if self.folder.is_dir() else []


def _read_position(path):
    """The `Position` of a checkpoint. Raises `ValueError` if its numbers are not those that were saved with it."""
    numbers = read_record(path / "position.json", POSITION)
    checksum = numbers.pop("checksum", None)
    position = Position(**numbers)
    if path.name != f"step_{position.total:08d}" or position.step > position.total:
        raise ValueError(f"{path} is not of {position}")
    if checksum is not None and checksum != _checksum(numbers, path / "variables.npz"):
        raise ValueError(f"{path} was saved at another position")
    return position


def _checksum(numbers, path):
    """Covers the numbers of a position, and the variables that were saved there by what their file says of them."""
    with path.open("rb") as file, zipfile.ZipFile(file) as variables:
        sums = [[info.filename, info.file_size, info.CRC] for info in variables.infolist()]
    return hashlib.sha256(json.dumps([sorted(numbers.items()), sums]).encode()).hexdigest()


def _is_whole(path):
    """Whether a file of variables matches its checksums, and all its numbers are finite."""
    with path.open("rb") as file:
        with zipfile.ZipFile(file) as variables:
            if variables.testzip() is not None:
                return False
        file.seek(0)
        with np.load(file, allow_pickle=False) as saved:
            return all(np.isfinite(saved[name]).all() for name in saved.files)


def _shape(saved, key):
    return saved[key].shape if key in saved.files else None


def _variables(model):
    """Every variable that training changes, by a name that tells its owner and its place."""
    metrics = {id(variable) for variable in model.metrics_variables}
    owners = {"model": [variable for variable in model.variables if id(variable) not in metrics]}  # with random states
    owners |= {name: getattr(model, name).variables for name in OPTIMIZERS if getattr(model, name) is not None}
    return {f"{owner}/{i:04d}": variable for owner, group in owners.items() for i, variable in enumerate(group)}
