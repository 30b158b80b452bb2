"""Looks at every file of a dataset before training: an error now, with a name, instead of an hour into the run."""

import concurrent.futures
import os

import keras
import numpy as np
from PIL import Image

from pipelines import decode
from pipelines.errors import DataError


def validate(source, show_progress=True):
    """Checks sizes, label ids and that every file can be decoded to its end.

    Args:
        source: `pipelines.source.FileSource`.
        show_progress: Boolean, whether to show a progress bar with the time left.

    Returns:
        List of lines to print: how many scenes, their sizes, and for label maps the share of pixels of each class.

    Raises:
        DataError: At the first problem in the order of names, or for label ids with all files that hold them.
    """
    bar = keras.utils.Progbar(len(source), unit_name="scene", verbose=int(show_progress))
    pixels, sizes, strays = {}, {}, {}
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as threads:
        for name, (size, counts) in zip(source.names, threads.map(lambda i: _inspect(source, i), range(len(source)))):
            sizes[size] = sizes.get(size, 0) + 1
            for label, count in counts.items():
                pixels[label] = pixels.get(label, 0) + count
                if not (0 <= label < source.num_classes or label in source.dont_care):
                    strays.setdefault(label, []).append(name)
            bar.add(1)
    if strays:
        raise DataError(_describe_strays(strays, pixels, source.num_classes))
    return _describe(source, sizes, pixels)


def _inspect(source, index):
    """Size and label counts of one scene."""
    sizes = {key: decode.picture_size(paths[index]) for key, paths in source.paths.items()}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{source.paths[key][index]} is {width}x{height}" for key, (height, width) in sizes.items())
        raise DataError(f"The files of {source.names[index]} should be of one size: {found}.")
    counts = {}
    for key, paths in source.paths.items():
        if key == "label_map":
            labels, numbers = np.unique(source.read(key, index), return_counts=True)
            counts = dict(zip(labels.tolist(), numbers.tolist()))
        elif key == "source":
            _check_format(source, index)
        elif key == "instance_map":
            source.read(key, index)
        else:
            _check_whole(paths[index])
    return next(iter(sizes.values())), counts


def _check_format(source, index):
    """All sources of a dataset must have the channels and the depth of the first."""
    array = source.read("source", index)
    (channels,), dtype = source.formats["source"]
    if (array.shape[-1], array.dtype.name) != (channels, dtype):
        raise DataError(
            f"{source.paths['source'][index]} has {array.shape[-1]} channels of {array.dtype.name}, but "
            f"{source.paths['source'][0]} has {channels} of {dtype}. Convert them to one kind."
        )


def _check_whole(path):
    """Decodes a photograph as cheaply as its format allows: JPEG at an eighth of its size."""
    try:
        with Image.open(decode.stream(path)) as picture:
            mode = picture.mode
            picture.draft("RGB", (max(picture.width // 8, 1), max(picture.height // 8, 1)))
            picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}. Is it whole?") from error
    if mode not in decode.IMAGE_MODES:
        raise DataError(f"{path} should be an 8-bit photograph. It is of mode {mode}.")


def _describe_strays(strays, pixels, num_classes):
    lines = [f"Label maps hold ids outside of 0..{num_classes - 1} ({num_classes} classes):"]
    for label in sorted(strays):
        names = strays[label]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"  {label}: {pixels[label]} pixels in {', '.join(names[:3])}{more}")
    lines.append(
        f"If they mean 'no class', give --dont_care={','.join(str(label) for label in sorted(strays))}; if they are "
        "classes, a larger --num_classes; else map them with --label_table."
    )
    return "\n".join(lines)


def _describe(source, sizes, pixels):
    shown = sorted(sizes.items(), key=lambda item: -item[1])
    lines = [f"{len(source)} scenes: " + ", ".join(f"{n} of {width}x{height}" for (height, width), n in shown[:4])]
    if len(shown) > 4:
        lines[0] += f" and {len(shown) - 4} more sizes"
    total = sum(pixels.values())
    for label in sorted(pixels, key=lambda label: -pixels[label]):
        known = 0 <= label < (source.num_classes or 0)
        name = source.class_names[label] if known and source.class_names else "no class" if not known else ""
        lines.append(f"  {label:4d} {name:<22s}{100 * pixels[label] / total:6.2f} %")
    return lines
