"""The released code's style file, `features_clustered_010.npy`: class -> centres of the clusters of its features.

It is a NumPy file of a Python dict, which NumPy can read only by calling whatever the file names. Here it may name what
such files consist of, and gets plain data of it; nothing that the file names is ever called.
"""

import io
import pickle

import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.files.torch_files import WeightsFileError
from pipelines.paths import as_path

MOST_BYTES = 2**26  # of a file; a thousand classes of a hundred centres of a hundred features are 40 MB


def read_clusters(path):
    """Class -> `(clusters, features)` float32.

    Raises:
        WeightsFileError: If the file is anything but such a dict. Nothing that it asks for is executed.
    """
    try:
        with as_path(path).open("rb") as file:
            code = file.read(MOST_BYTES + 1)
        if len(code) > MOST_BYTES:
            raise WeightsFileError(f"{path} has more than {MOST_BYTES:,} bytes: no style file; nothing was executed.")
        content = _unpickled(io.BytesIO(code))
        (clusters,) = content.values()
        return {int(label): np.asarray(centers.values(), "float32") for label, centers in clusters.items()}
    except WeightsFileError:
        raise
    except Exception as error:  # whatever reading damaged data runs into
        raise WeightsFileError(f"{path} is no style file, class -> centres; nothing of it was executed.") from error


def write_clusters(path, clusters):
    """Writes class -> `(clusters, features)` as the released code reads it."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, clusters)


def _unpickled(file):
    """The array in a NumPy file of objects."""
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(file)
    return _Unpickler(file, encoding="latin1").load() if dtype.hasobject else None  # Python 2 wrote bytes as text


class _Array:
    """An array in the making: what it holds is known when its state has been read."""

    def __setstate__(self, state):
        _, self.shape, self.dtype, self.is_fortran, self.content = state

    def values(self):
        if self.dtype.kind == "O":
            return self.content
        if self.dtype.kind not in ("f4", "f8") or len(self.shape) != 2 or min(self.shape) < 1:
            raise ValueError(f"centres should be (clusters, features) floats, not {self.dtype.kind} {self.shape}")
        content = self.content.encode("latin1") if isinstance(self.content, str) else self.content
        array = np.frombuffer(content, f"{self.dtype.order}{self.dtype.kind}")
        if not np.isfinite(array).all():
            raise ValueError("centres should be numbers")
        return array.reshape(self.shape, order="F" if self.is_fortran else "C")


class _Dtype:
    """The type of an array's values."""

    order = "="

    def __init__(self, name, *_):
        self.kind = "O" if name.startswith("O") else name

    def __setstate__(self, state):
        self.order = state[1]
        if self.order not in ("<", ">", "=", "|"):
            raise ValueError(f"byte order {self.order!r}")


class _Name:
    """Stands for something that a file may name. Called, it makes plain data; nothing of it can be changed."""

    __slots__ = ("_make",)

    def __init__(self, make):
        self._make = make

    def __call__(self, *arguments):
        return self._make(*arguments)

    def __setstate__(self, state):
        raise ValueError("a name has no state")


def _reconstruct(kind, shape, code):
    """The empty array that `__setstate__` fills; no other is made."""
    if kind is not NDARRAY or list(shape) != [0] or code not in (b"b", "b"):
        raise ValueError(f"array of shape {shape}")
    return _Array()


def _encode(text, encoding):
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding!r}")
    return text.encode(encoding)


def _refuse(*arguments):
    raise ValueError("an array is made by _reconstruct alone")


NDARRAY = _Name(_refuse)
RECONSTRUCT = _Name(_reconstruct)
NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT, ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): NDARRAY, ("numpy", "dtype"): _Name(_Dtype), ("_codecs", "encode"): _Name(_encode),
}  # fmt: skip


def _collect(count):
    """An instruction: the last `count` things become a list."""

    def load(unpickler):
        start = len(unpickler.stack) - count
        if start < 0:
            raise ValueError("nothing to collect")
        unpickler.stack[start:] = [unpickler.stack[start:]]

    return load


TUPLES = (pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)


class _Unpickler(pickle._Unpickler):
    """Makes plain data, and what `NAMES` has.

    The unpickler in Python: that in C sets aside as much memory as a file claims to need. Tuples become lists: as keys
    of a dict, nested ones would be hashed until the stack, or all patience, is at an end.
    """

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.TUPLE[0]: pickle._Unpickler.load_list,
        **{code[0]: _collect(count) for count, code in enumerate(TUPLES)},
    }

    def find_class(self, module, name):
        if (module, name) not in NAMES:
            raise WeightsFileError(f"A style file asks for {module} {name}, which it should not; nothing was executed.")
        return NAMES[module, name]
