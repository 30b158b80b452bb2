"""Reads pickles of plain data. Nothing that a file names is ever called: it gets stand-ins that make plain data of it.

NumPy's and PyTorch's files name functions that are to be called with what stands in the file. Here they may name those
few that arrays and tensors are written with, and nothing else.
"""

import pickle

import numpy as np

from hdsynth_tf.files.torch_files import WeightsFileError


def plain_content(file):
    """What is pickled in an `io.BytesIO`: numbers, text, bytes, lists, dicts, `Array`, `Tensor`, `Module`
    and `Ordered`.

    Tuples become lists. The file stands behind the last byte that was read.

    Raises:
        WeightsFileError: If it names anything but arrays, tensors and modules; nothing of it is executed then.
        Exception: Of any kind, if the data are damaged.
    """
    return _Unpickler(file, encoding="latin1").load()  # Python 2 wrote bytes as text


class Array:
    """A NumPy array in the making: what it holds is known when its state has been read."""

    def __setstate__(self, state):
        _, self.shape, self.dtype, self.is_fortran, self.content = state

    def objects(self):
        """What an array of objects holds: list, or the dict of an array without axes."""
        if self.dtype.kind != "O":
            raise ValueError(f"the array should hold objects, not {self.dtype.kind}")
        return self.content

    def floats(self):
        """An array of float32 or float64, which are numbers."""
        if self.dtype.kind not in ("f4", "f8"):
            raise ValueError(f"the array should hold floats, not {self.dtype.kind}")
        content = self.content.encode("latin1") if isinstance(self.content, str) else self.content
        array = np.frombuffer(content, f"{self.dtype.order}{self.dtype.kind}")
        if not np.isfinite(array).all():
            raise ValueError("the array should hold numbers")
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


class Storage:
    """Where the numbers of PyTorch's tensors are: `key` names the place, `count` is how many there are."""

    def __init__(self, kind, key, count):
        self.kind, self.key, self.count = kind, key, count


class Tensor:
    """A view of a `Storage`: where it starts, its shape and its steps."""

    def __init__(self, storage, offset, shape, steps, *_):
        self.storage, self.offset, self.shape, self.steps = storage, offset, shape, steps

    def floats(self, numbers):
        """The tensor as an array. `numbers`: what the storage holds, a float32 array."""
        last = self.offset + sum((length - 1) * step for length, step in zip(self.shape, self.steps, strict=True))
        if min([self.offset, *self.shape, *self.steps]) < 0 or last >= len(numbers):
            raise ValueError("a tensor claims to be larger than what is stored of it")
        if np.prod(self.shape, dtype=object) > len(numbers):
            raise ValueError("a tensor repeats its numbers")
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, [4 * step for step in self.steps])
        if not np.isfinite(view).all():
            raise ValueError("a tensor should hold numbers")
        return np.ascontiguousarray(view)


class Module:
    """A module of PyTorch's, without its code: `parts` is the dict of what it holds."""

    def __setstate__(self, state):
        self.parts = state


class Ordered:
    """A dict of a kind that has attributes, which do not count: `content` is the plain dict."""

    def __init__(self):
        self.content = {}

    def __setitem__(self, key, value):
        self.content[key] = value

    def __setstate__(self, state):
        pass


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
    return Array()


def _encode(text, encoding):
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding!r}")
    return text.encode(encoding)


def _integers(values):
    return values


def _refuse(*arguments):
    raise ValueError("it is made by another function alone")


OWN_CODE = "__torch__."  # modules of the classes that a TorchScript archive brings along
NDARRAY = _Name(_refuse)
RECONSTRUCT = _Name(_reconstruct)
FLOATS, INTEGERS = _Name(_refuse), _Name(_refuse)
NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT, ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy", "ndarray"): NDARRAY, ("numpy", "dtype"): _Name(_Dtype), ("_codecs", "encode"): _Name(_encode),
    ("collections", "OrderedDict"): _Name(Ordered), ("torch._utils", "_rebuild_tensor_v2"): _Name(Tensor),
    ("torch", "FloatStorage"): FLOATS, ("torch", "LongStorage"): INTEGERS,
    ("torch.jit._pickle", "build_intlist"): _Name(_integers), (OWN_CODE, ""): _Name(Module),
}  # fmt: skip


def _collect(count):
    """An instruction: the last `count` things become a list."""

    def load(unpickler):
        start = len(unpickler.stack) - count
        if start < 0:
            raise ValueError("nothing to collect")
        unpickler.stack[start:] = [unpickler.stack[start:]]

    return load


MOST_INSTRUCTIONS = 300_000  # real files have some ten thousand
DEEPEST = 1000  # marks in marks


class _Instructions(dict):
    """Instruction -> what it does, as often as `MOST_INSTRUCTIONS`."""

    left = MOST_INSTRUCTIONS

    def __getitem__(self, code):
        self.left -= 1
        if self.left < 0:
            raise ValueError("more instructions than any such file has")
        return super().__getitem__(code)


def _mark(unpickler):
    if len(unpickler.metastack) >= DEEPEST:
        raise ValueError("things in things without end")
    unpickler.load_mark()


TUPLES = (pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3)


class _Unpickler(pickle._Unpickler):
    """Makes plain data, and what `NAMES` has.

    The unpickler in Python: that in C sets aside as much memory as a file claims to need. Tuples become lists: as keys
    of a dict, nested ones would be hashed until the stack, or all patience, is at an end. A new object of a class is
    what calling its stand-in gives.
    """

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.MARK[0]: _mark,
        pickle.TUPLE[0]: pickle._Unpickler.load_list,
        pickle.NEWOBJ[0]: pickle._Unpickler.load_reduce,
        **{code[0]: _collect(count) for count, code in enumerate(TUPLES)},
    }

    def __init__(self, file, **options):
        super().__init__(file, **options)
        self.dispatch = _Instructions(self.dispatch)

    def find_class(self, module, name):
        if module.startswith(OWN_CODE):
            module, name = OWN_CODE, ""
        if (module, name) not in NAMES:
            raise WeightsFileError(f"The file asks for {module} {name}, which it should not; nothing was executed.")
        return NAMES[module, name]

    def persistent_load(self, place):
        _, kind, key, _, count, *_ = place
        if kind not in (FLOATS, INTEGERS):
            raise ValueError("a storage of another kind")
        return Storage("float32" if kind is FLOATS else "int64", key, count)
