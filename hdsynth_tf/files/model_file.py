"""Model files, read with care: one that is damaged, or made to fill the memory, is refused in one line."""

import warnings
import zipfile

import keras
import numpy as np

from hdsynth_tf.files.run_folder import RunFolder
from pipelines.errors import UserError, first_line

if keras.backend.backend() == "tensorflow":  # elsewhere models are loaded by Keras
    import tensorflow as tf

LARGEST_EXPANSION = 100  # times that what is packed in a file may be larger than it, as Keras has it
SPARE = 2**20  # bytes of variables that need not be stored


class ModelFileError(UserError, ValueError):
    """A model file cannot be used. Says why, and what to do."""


def load_model(path):
    """The model in a `.keras` file, not compiled.

    Nothing is set aside for weights beyond what the file can hold: those of a config that asks for more are not made.

    Args:
        path: `Path` or `RemotePath`.

    Raises:
        ModelFileError: If the file is no such model, is damaged, or asks for more than it holds.
    """
    limit = None
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            stored = sum(min(i.file_size, LARGEST_EXPANSION * i.compress_size) for i in archive.infolist())
        limit = _Limit(stored + SPARE)
        with tf.variable_creator_scope(limit.create), warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*cannot be built automatically")  # it would have no weights
            return keras.saving.load_model(str(path), compile=False)
    except Exception as error:  # whatever a damaged file leads Keras to
        raise ModelFileError(f"{path} {_what_is_wrong(path, limit, error)}") from error


def _what_is_wrong(path, limit, error):
    """The end of a sentence that begins with the file's name, and what to do."""
    if limit is not None and limit.left < 0:
        return f"asks for weights of more than the {limit.bytes:,} bytes that it can hold. Do not trust it."
    if RunFolder(path.parent).settings.is_file():
        mend = "Start the same training again: it is written again, from the last checkpoint."
    else:
        mend = "Copy it again, or make it again."
    return f"is no model that can be read: {first_line(error)} Is it whole? {mend}"


class _Limit:
    """Lets so many bytes of variables be made, and raises an error for more, before they are made.

    Attributes:
        bytes: Integer, as many as may be made.
        left: Integer, below 0 once more were asked for: Keras keeps some errors to itself.
    """

    def __init__(self, bytes):
        self.bytes = self.left = bytes
        self.graph = tf.Graph()

    def create(self, next_creator, **arguments):
        value = arguments["initial_value"]
        if callable(value):
            with self.graph.as_default():  # where nothing is computed
                value = value()
        self.left -= int(np.prod(value.shape, dtype=object)) * value.dtype.size
        if self.left < 0:
            raise MemoryError
        return next_creator(**arguments)
