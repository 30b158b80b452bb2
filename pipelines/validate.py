"""Looks at every file of a dataset before training: an error now, with a name, instead of an hour into the run."""

import dataclasses

import numpy as np

from pipelines import decode
from pipelines.errors import DataError, first_of
from pipelines.progress import in_threads
from pipelines.values import Frame, Values


@dataclasses.dataclass(frozen=True)
class Findings:
    """Findings about a dataset.

    Attributes:
        lines: List of lines to print: how many scenes, their sizes, and for label maps the share of each class.
        values: Dict: `source`, `image`, of those that are not plain photographs -> `Values`.
    """

    lines: list
    values: dict


def validate(source, show_progress=True):
    """Checks sizes, label ids and that every file can be decoded to its end.

    Args:
        source: `pipelines.source.FileSource`.
        show_progress: Boolean, whether to show a progress bar with the time left.

    Returns:
        `Findings`.

    Raises:
        DataError: At the first problem in the order of names; for label ids and for frames that are constant or hold no
            numbers, with all files that are so.
    """
    pixels, sizes, strays, frames = {}, {}, {}, {}
    found = in_threads(lambda i: _inspect(source, i), range(len(source)), "scene", show_progress)
    for name, (size, counts, own_frames) in zip(source.names, found, strict=True):
        sizes[size] = sizes.get(size, 0) + 1
        for label, count in counts.items():
            pixels[label] = pixels.get(label, 0) + count
            if not (0 <= label < source.num_classes or label in source.dont_care):
                strays.setdefault(label, []).append(name)
        for key, frame in own_frames.items():
            frames.setdefault(key, []).append(frame)
    if strays:
        raise DataError(_describe_strays(strays, pixels, source.num_classes))
    for key, own in frames.items():
        _check_frames(source.paths[key], own, "image" in source.paths)
    values = {key: Values(own, source.formats[key][1]) for key, own in frames.items()}
    return Findings(_describe(source, sizes, pixels), values)


def _inspect(source, index):
    """Size, label counts and frames of one scene."""
    sizes = {key: source.size_of(key, index) for key in source.paths}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{source.paths[key][index]} is {width}x{height}" for key, (height, width) in sizes.items())
        raise DataError(f"The files of {source.names[index]} should be of one size: {found}.")
    counts, frames = {}, {}
    for key, paths in source.paths.items():
        if key == "label_map":
            labels, numbers = np.unique(source.read(key, index), return_counts=True)
            counts = dict(zip(labels.tolist(), numbers.tolist()))
        elif key == "instance_map":
            source.read(key, index)
        elif source.is_deep(key):
            image = source.read(key, index)
            _check_format(source, key, index, image)
            frames[key] = Frame.of(image)
        else:
            _check_whole(paths[index])
    return next(iter(sizes.values())), counts, frames


def _check_frames(paths, frames, to_learn_from):
    """Raises `DataError` that names the frames that hold no numbers or, if they are to be learnt from, only one."""
    problems = [frame.broken or (frame.constant if to_learn_from else "") for frame in frames]
    broken = [f"{path} {problem}" for path, problem in zip(paths, problems) if problem]
    if broken:
        raise DataError(
            f"{len(broken)} files are no pictures:{first_of(broken)}\n"
            "Take them away, or mend them: a shutter that was closed, a cable, a conversion that went wrong."
        )


def _check_format(source, key, index, image):
    """All images of a kind must have the channels and the depth of the first."""
    (channels,), dtype = source.formats[key]
    if (image.shape[-1], image.dtype.name) != (channels, dtype):
        raise DataError(
            f"{source.paths[key][index]} has {image.shape[-1]} channel(s) of {image.dtype.name}, but "
            f"{source.paths[key][0]} has {channels} of {dtype}. Convert them to one kind."
        )


def _check_whole(path):
    """Decodes a photograph as cheaply as its format allows: JPEG at an eighth of its size."""
    try:
        with decode.open_picture(path) as picture:
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
