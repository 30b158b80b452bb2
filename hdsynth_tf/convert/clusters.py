"""The released code's style file, `features_clustered_010.npy`: class -> centres of the clusters of its features.

It is a NumPy file of a Python dict, which NumPy can read only by running whatever the file asks for. Here its few
instructions are looked at one by one and carried out on plain data: nothing that the file names is ever called.
"""

import pickletools

import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.files.torch_files import WeightsFileError
from pipelines.paths import as_path

LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES",
    "SHORT_BINSTRING", "BINSTRING", "INT", "STRING", "UNICODE",
}  # fmt: skip
CONSTANTS = {"NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_TUPLE": tuple,
             "EMPTY_LIST": list, "EMPTY_DICT": dict}  # fmt: skip
NAMES = {  # what such files name, and what it stands for
    "numpy.core.multiarray _reconstruct": "array", "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "class", "numpy dtype": "dtype", "_codecs encode": "bytes",
}  # fmt: skip


def read_clusters(path):
    """Class -> `(clusters, features)` float32.

    Raises:
        WeightsFileError: If the file is anything but such a dict. Nothing that it asks for is executed.
    """
    try:
        with as_path(path).open("rb") as file:
            major, _ = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            _, _, dtype = read_header(file)
            content = _interpret(file.read()) if dtype.hasobject else None
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


class _Array:
    """An array in the making: what it holds is known when its state has been read."""

    state = None

    def values(self):
        _, shape, dtype, is_fortran, content = self.state
        if dtype.kind == "O":
            return content
        if dtype.kind not in ("f4", "f8") or len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"centres should be (clusters, features) floats, not {dtype.kind} {shape}")
        content = content.encode("latin1") if isinstance(content, str) else content  # as Python 2 wrote it
        array = np.frombuffer(content, f"{dtype.order}{dtype.kind}")
        if not np.isfinite(array).all():
            raise ValueError("centres should be numbers")
        return array.reshape(shape, order="F" if is_fortran else "C")


class _Dtype:
    def __init__(self, name):
        self.kind = "O" if name.startswith("O") else name
        self.order = "="

    @property
    def state(self):
        return None

    @state.setter
    def state(self, state):
        self.order = state[1]


def _interpret(code):
    """Carries out the instructions of `code`, as far as arrays of a dict of arrays need them."""
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(code):
        name = opcode.name
        if name == "STOP":
            return stack.pop()
        if name in LITERALS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_named(argument if name == "GLOBAL" else " ".join(_pop(stack, 2))))
        elif name == "REDUCE":
            kind, arguments = _pop(stack, 2)
            stack.append(_make(kind, arguments))
        elif name == "BUILD":
            (state,) = _pop(stack, 1)
            stack[-1].state = state
        elif name == "MEMOIZE" or name.endswith("PUT"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[argument])
        elif name not in ("PROTO", "FRAME"):
            _collect(name, stack)
    raise ValueError("no end")


def _named(name):
    if name not in NAMES:
        raise WeightsFileError(f"A style file asks for {name}, which has no place in it; nothing was executed.")
    return NAMES[name]


def _make(kind, arguments):
    if kind == "array":
        return _Array()
    if kind == "dtype":
        return _Dtype(arguments[0])
    return arguments[0].encode("latin1")


_MARK = object()


def _collect(name, stack):
    """Instructions that put what lies on the stack together."""
    if name == "MARK":
        stack.append(_MARK)
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        stack.append(tuple(_pop(stack, int(name[-1]))))
    elif name in ("TUPLE", "LIST"):
        stack.append((tuple if name == "TUPLE" else list)(_pop_to_mark(stack)))
    elif name == "DICT":
        items = _pop_to_mark(stack)
        stack.append(dict(zip(items[::2], items[1::2])))
    elif name in ("APPEND", "APPENDS"):
        items = _pop(stack, 1) if name == "APPEND" else _pop_to_mark(stack)
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = _pop(stack, 2) if name == "SETITEM" else _pop_to_mark(stack)
        stack[-1].update(zip(items[::2], items[1::2]))
    else:
        raise ValueError(f"instruction {name}")


def _pop(stack, count):
    items = stack[-count:]
    del stack[-count:]
    return items


def _pop_to_mark(stack):
    start = len(stack) - 1 - stack[::-1].index(_MARK)
    items = stack[start + 1 :]
    del stack[start:]
    return items
