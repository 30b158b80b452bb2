"""Reads and writes PyTorch's files of weights. Reading runs no code of theirs: they may come from anywhere."""

import numpy as np

from hdsynth_tf.storage import replacing


class WeightsFileError(ValueError):
    """A file of weights cannot be used. Names it, and says why."""


def read_tensors(path):
    """The tensors of a `.pth` file that holds nothing else: dict of name -> NumPy array.

    Raises:
        WeightsFileError: If PyTorch is not installed, or the file holds anything but named tensors. A file that asks
            for code to be run is refused before any of it is.
    """
    torch = _torch()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
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
    return {name: value.numpy() for name, value in content.items()}


def write_tensors(path, tensors):
    """Writes named NumPy arrays as a `.pth` file, as `torch.save(network.state_dict(), path)` does."""
    torch = _torch()
    with replacing(path) as temporary:
        torch.save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in tensors.items()}, temporary)


def _torch():
    try:
        import torch
    except ImportError as error:
        raise WeightsFileError("PyTorch's files need PyTorch: pip install -e .[torch]") from error
    return torch
