"""Reads and writes PyTorch's files of weights. Reading runs no code of theirs: they may come from anywhere."""

import numpy as np

from hdsynth_tf.files.storage import replacing
from pipelines.errors import UserError
from pipelines.paths import as_path

OLDEST_TORCH = 2, 6  # before, a file could run code in spite of `weights_only=True` (CVE-2025-32434)


class WeightsFileError(UserError, ValueError):
    """A file of weights cannot be used. Names it, and says why."""


def read_tensors(path):
    """The tensors of a `.pth` file that holds nothing else: dict of name -> NumPy array.

    Raises:
        WeightsFileError: If PyTorch is not installed, or the file holds anything but named tensors. A file that asks
            for code to be run is refused before any of it is.
    """
    torch = require_torch()
    try:
        with as_path(path).open("rb") as file:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsFileError(f"{path} is not there.") from error
    except Exception as error:  # whatever a damaged or malicious file makes PyTorch raise
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise WeightsFileError(
            f"{path} is no PyTorch file of plain weights; nothing of it was executed ({reason})"
        ) from error
    if not isinstance(content, dict) or not content:
        raise WeightsFileError(f"{path} holds no dict of named tensors, but {type(content).__name__}.")
    strange = [name for name, value in content.items() if not (isinstance(name, str) and torch.is_tensor(value))]
    if strange:
        raise WeightsFileError(
            f"{path} should hold named tensors only, as `torch.save(network.state_dict(), ...)` writes them. "
            f"Received: {strange[0]!r}"
        )
    return {name: _plain(name, value, path) for name, value in content.items()}


def _plain(name, tensor, path):
    """A tensor as a NumPy array; floats of any width as they are, or as float32 where NumPy has no such type."""
    if str(tensor.layout) != "torch.strided" or tensor.is_meta or not (tensor.is_floating_point() or tensor.ndim == 0):
        raise WeightsFileError(f"{path}: {name} is no plain tensor of floats, but {tensor.dtype} ({tensor.layout}).")
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise WeightsFileError(f"{path}: {name} claims to be larger than what is stored of it.")
    array = tensor.detach().to(tensor.dtype if tensor.element_size() > 2 else require_torch().float32).numpy()
    if not np.isfinite(array).all():
        raise WeightsFileError(f"{path}: {name} holds values that are no numbers: the training had broken down.")
    return array


def write_tensors(path, tensors):
    """Writes named NumPy arrays as a `.pth` file, as `torch.save(network.state_dict(), path)` does."""
    torch = require_torch()
    with replacing(path) as temporary:
        torch.save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in tensors.items()}, temporary)


def require_torch():
    """PyTorch, if it is installed and can read files safely; else raises `WeightsFileError`."""
    try:
        import torch
    except ImportError as error:
        raise WeightsFileError("PyTorch's files need PyTorch: pip install -e .[torch]") from error
    if tuple(map(int, torch.__version__.split(".")[:2])) < OLDEST_TORCH:
        raise WeightsFileError(
            f"PyTorch {torch.__version__} is too old to read files of strangers safely: pip install -e .[torch]"
        )
    return torch
