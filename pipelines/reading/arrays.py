"""NumPy files as pictures. Nothing in them is executed."""

import io
import math

import numpy as np

from pipelines.errors import DataError, first_line
from pipelines.reading.unreadable import foreign_kind

MOST_ROWS = 16  # no picture is so low, but many have so many channels


def is_array(path):
    return str(path).lower().endswith(".npy") or getattr(path, "suffix", "").lower() == ".npy"


def read(path):
    """The numbers of a file (height, width) or (height, width, channels): (height, width, channels).

    Raises:
        DataError: If it holds anything else, such as an image with its channels first.
    """
    try:
        values = _load(io.BytesIO(path.read_bytes()), path)
    except DataError:  # also of a file that stands for others, see `bands` and `radiometric`
        raise
    except Exception as error:  # NumPy has no errors of its own for damaged files
        if kind := foreign_kind(path.read_bytes()[:64]):
            raise DataError(f"{path} is no NumPy array: {kind}") from error
        raise DataError(f"{path} cannot be read as a NumPy array: {first_line(error)}. Is it whole?") from error
    if values.dtype == bool:
        values = values.astype("uint8")
    if values.ndim not in (2, 3) or values.dtype.kind not in "uif" or not values.size:
        found = f"{values.dtype} {values.shape}"
        raise DataError(f"{path} should hold numbers (height, width) or (height, width, channels). It holds {found}.")
    if values.ndim == 3 and values.shape[0] <= MOST_ROWS < min(values.shape[1:]):
        raise DataError(
            f"{path} should hold (height, width, channels). It holds {values.shape}, which looks like channels first: "
            "save numpy.moveaxis(array, 0, -1)."
        )
    values = values if values.ndim == 3 else values[..., None]
    return path.cut(values) if hasattr(path, "cut") else values


def _load(file, path):
    """The array in a file that is in memory. Nothing is set aside for more than the file holds."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise DataError(f"{path} should hold numbers. It holds Python objects: {dtype} {shape}.")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > len(file.getbuffer()) - file.tell():
        raise ValueError(f"it says that it holds {dtype} {shape}, and is too short for that")
    file.seek(0)
    return np.load(file, allow_pickle=False)
