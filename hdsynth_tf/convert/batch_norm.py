"""Batch norm of PyTorch's files, as a part of the convolutions before it: what it is once training is over."""

import keras
import numpy as np

from hdsynth_tf.files.torch_files import WeightsFileError

EPSILON = 1e-5  # PyTorch's, added to the variance
PARTS = ("weight", "bias", "running_mean", "running_var")
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
SAID = "batch norm as part of the convolutions: pictures as by test.py --eval, which uses no picture's own statistics"


def batch_norms(tensors):
    """Prefixes of the names of batch norms: `model.2` of `model.2.weight`."""
    return [name.removesuffix(".weight") for name, tensor in tensors.items() if _is_scale(name, tensor)]


def _is_scale(name, tensor):
    return name.endswith(".weight") and tensor.ndim == 1


def without_unused_statistics(tensors, path):
    """Tensors without the statistics that PyTorch before 0.4 kept of instance norms and never used.

    Raises:
        WeightsFileError: If there are norms with scales and without statistics, which cannot be folded.
    """
    norms = batch_norms(tensors)
    if not norms:
        return {name: tensor for name, tensor in tensors.items() if name.rsplit(".", 1)[-1] not in STATISTICS}
    for name in (f"{norm}.{part}" for norm in norms for part in PARTS):
        if name not in tensors:
            raise WeightsFileError(
                f"{path} is of a network with batch norm ({norms[0]}.weight is its scale), and {name} is missing. "
                "Batch norm is read with its running statistics; instance norm should have no scales."
            )
    return tensors


def folded(tensors, layers, path):
    """Named tensors of a network with batch norm -> those of the same network without, which makes the same pictures.

    Every norm stands right behind its convolution. Convolutions with a norm have no bias in such files; here they get
    one.

    Args:
        tensors: Dict: name -> array.
        layers: Dict: prefix of names -> convolution, see `layout`.

    Raises:
        WeightsFileError: If a norm is not of its convolution's filters.
    """
    norms, kept = set(batch_norms(tensors)), dict(tensors)
    if not norms:
        return kept
    for prefix, conv in layers.items():
        kernel, norm = kept.get(f"{prefix}.weight"), following(prefix)
        bias = kept.setdefault(f"{prefix}.bias", np.zeros(conv.filters, "float32"))
        if norm not in norms or kernel is None:
            continue
        axes = (0, 2, 3) if isinstance(conv, keras.layers.Conv2DTranspose) else (1, 2, 3)  # all but the filters'
        scale, offset, mean, variance = (kept.pop(f"{norm}.{part}").astype("float64") for part in PARTS)
        kept.pop(f"{norm}.num_batches_tracked", None)
        if {x.shape for x in (scale, offset, mean, variance, bias)} != {(conv.filters,)} or variance.min() < 0:
            raise WeightsFileError(
                f"{path} does not hold the network it seems to hold: {norm} is no batch norm of {conv.filters} filters."
            )
        factor = scale / np.sqrt(variance + EPSILON)
        kept[f"{prefix}.weight"] = (kernel * np.expand_dims(factor, axes)).astype("float32")
        kept[f"{prefix}.bias"] = (offset + (bias - mean) * factor).astype("float32")
    return kept


def following(prefix):
    """The next place of a numbered sequence: `model.2` of `model.1`."""
    sequence, _, place = prefix.rpartition(".")
    return f"{sequence}.{int(place) + 1}"
