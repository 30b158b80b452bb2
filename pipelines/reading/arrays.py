"""NumPy files as pictures. Nothing in them is executed."""

import io

import numpy as np

from pipelines.errors import DataError

MOST_ROWS = 16  # no picture is so low, but many have so many channels


def is_array(path):
    return str(path).lower().endswith(".npy") or getattr(path, "suffix", "").lower() == ".npy"


def read(path):
    """The numbers of a file (height, width) or (height, width, channels): (height, width, channels).

    Raises:
        DataError: If it holds anything else, such as an image with its channels first.
    """
    try:
        values = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except DataError:  # of a file that stands for others, see `bands` and `radiometric`
        raise
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a NumPy array: {error}. Is it whole?") from error
    if not isinstance(values, np.ndarray) or values.ndim not in (2, 3) or values.dtype.kind not in "uif":
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "several arrays"
        raise DataError(f"{path} should hold numbers (height, width) or (height, width, channels). It holds {found}.")
    if values.ndim == 3 and values.shape[0] <= MOST_ROWS < min(values.shape[1:]):
        raise DataError(
            f"{path} should hold (height, width, channels). It holds {values.shape}, which looks like channels first: "
            "save numpy.moveaxis(array, 0, -1)."
        )
    values = values if values.ndim == 3 else values[..., None]
    return path.cut(values) if hasattr(path, "cut") else values
