"""Reads two kinds of PyTorch's files without PyTorch: TorchScript's archives, and files of before its version 1.6.

Tensors only: the code that comes with them is not looked at, see `unpickling`. For newer files see `torch_files`.
"""

import io
import zipfile

import numpy as np

from hdsynth_tf.files.torch_files import WeightsFileError
from hdsynth_tf.files.unpickling import Module, Tensor, plain_content
from pipelines.errors import first_line
from pipelines.paths import as_path

OLD_MAGIC = 0x1950A86A20F9469CFC6C  # a number that old files begin with
KINDS = {"float32": "<f4", "int64": "<i8"}


def read_torchscript(path):
    """What the modules in a TorchScript archive hold: dict of dotted name -> float32 array, or number, or list.

    Raises:
        WeightsFileError: If the file is anything else. Nothing of it is executed.
    """
    return _explained(path, _read_torchscript)


def read_old_tensors(path):
    """The float32 tensors of a file that an old PyTorch wrote of a network's state: dict of name -> array.

    Raises:
        WeightsFileError: If the file is anything else. Nothing of it is executed.
    """
    return _explained(path, _read_old_tensors)


def _explained(path, read):
    try:
        return read(io.BytesIO(as_path(path).read_bytes()))
    except Exception as error:  # whatever reading damaged data runs into
        raise WeightsFileError(
            f"{path} is no PyTorch file of the kind it should be; nothing of it was executed ({first_line(error)})"
        ) from error


def _read_torchscript(file):
    archive = zipfile.ZipFile(file)
    (root,) = (name.removesuffix("/data.pkl") for name in archive.namelist() if name.count("/data.pkl"))
    found = {}

    def visit(module, prefix):
        for name, value in module.parts.items():
            if isinstance(value, Module):
                visit(value, f"{prefix}{name}.")
            elif isinstance(value, Tensor):
                storage = value.storage
                numbers = _numbers(_stored(archive, f"{root}/data/{storage.key}"), storage)
                found[f"{prefix}{name}"] = value.floats(numbers)
            else:
                found[f"{prefix}{name}"] = value

    visit(plain_content(io.BytesIO(_stored(archive, f"{root}/data.pkl"))), "")
    return found


def _stored(archive, name):
    """A member's bytes, which are not compressed: no more than the file holds."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    return archive.read(name)


def _read_old_tensors(file):
    """Magic number, version, machine, the named tensors, the storages' keys; then each storage: count and numbers."""
    if plain_content(file) != OLD_MAGIC:
        raise ValueError("another magic number")
    plain_content(file), plain_content(file)
    tensors = {name: value for name, value in plain_content(file).content.items() if isinstance(value, Tensor)}
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    numbers = {}
    for key in plain_content(file):
        (count,) = np.frombuffer(file.read(8), "<i8")
        storage = storages[key]
        if count != storage.count:
            raise ValueError("a storage of another size")
        numbers[key] = _numbers(file.read(count * np.dtype(KINDS[storage.kind]).itemsize), storage)
    floats = {name: tensor for name, tensor in tensors.items() if tensor.storage.kind == "float32"}
    return {name: tensor.floats(numbers[tensor.storage.key]) for name, tensor in floats.items()}


def _numbers(data, storage):
    numbers = np.frombuffer(data, KINDS[storage.kind])
    if len(numbers) != storage.count:
        raise ValueError("a storage of another size")
    return numbers
