"""Looks at every file of a dataset before training: an error now, with a name, instead of an hour into the run."""

import dataclasses
import filecmp
from pathlib import Path

from pipelines.checks.labels import Census, Labels
from pipelines.checks.values import Frame, Values
from pipelines.errors import DataError, first_of
from pipelines.pairing.fitting import crop_that_fits, fits
from pipelines.pairing.pairs import describe_left_out
from pipelines.progress import in_threads
from pipelines.reading import arrays, decode, viewing
from pipelines.source import spread

KEY_WORDS = {"source": "sources", "image": "targets"}  # for people
LOOKS = 16  # files, at most, that are searched for what all others will have, too


@dataclasses.dataclass(frozen=True)
class Findings:
    """Findings about a dataset.

    Attributes:
        lines: List of lines to print: how many scenes, their sizes, and for label maps the share of each class.
        notes: Those of the lines that tell what is not as one might think: files left out, transparent pixels.
        values: Dict: `source`, `image`, of those that are not plain photographs -> `Values`.
        shortest: Integer, pixels of the shortest side of all scenes.
    """

    lines: list
    notes: list
    values: dict
    shortest: int


@dataclasses.dataclass
class Scene:
    """What was seen in the files of one scene.

    Attributes:
        size: (height, width).
        labels: `labels.Labels`, or `None`.
        frames: Dict: `source`, `image`, of those that are not plain photographs -> `Frame`.
        transparent: Dict: `source`, `image`, where one can see through parts of it -> its file.
        resized: (height, width) of a source that will be brought to the size of its image, or `None`.
    """

    size: tuple = None
    labels: object = None
    frames: dict = dataclasses.field(default_factory=dict)
    transparent: dict = dataclasses.field(default_factory=dict)
    resized: tuple = None


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
    sizes, census, frames, transparent, resized = {}, Census(source), {}, {}, {}
    found = in_threads(lambda i: _inspect(source, census.solid, i), range(len(source)), "scene", show_progress)
    for name, scene in zip(source.names, found, strict=True):
        sizes[scene.size] = sizes.get(scene.size, 0) + 1
        for key, path in scene.transparent.items():
            transparent.setdefault(key, []).append(path)
        if scene.resized:
            resized[scene.resized] = resized.get(scene.resized, 0) + 1
        if scene.labels is not None:
            census.add(name, scene.labels)
        for key, frame in scene.frames.items():
            frames.setdefault(key, []).append(frame)
    census.check()
    for key, own in frames.items():
        _check_frames(source.paths[key], own, "image" in source.paths)
    values = {key: Values(own, source.formats[key][1]) for key, own in frames.items()}
    notes = _notes(source, transparent, values)
    lines = [f"{len(source)} scenes: {_describe_counts(sizes)}", *census.describe(), *notes]
    if resized:
        lines.insert(1, f"  Brought to that size are sources: {_describe_counts(resized)}")
    return Findings(lines, notes, values, min(min(size) for size in sizes))


def _inspect(source, known_solid, index):
    """Looks at the files of one scene. `known_solid`: see `Labels.of`; it grows meanwhile."""
    scene, sizes = Scene(), {}
    for key, paths in source.paths.items():
        if key == "image" and not source.is_deep(key):
            sizes[key], is_transparent = _look_at_photograph(paths[index], source.pages_of(key))
            scene.transparent |= {key: paths[index]} if is_transparent else {}
            continue
        background = viewing.White()
        values = source.read(key, index, background)
        sizes[key] = values.shape[:2]
        if key == "label_map":
            scene.labels = Labels.of(values, paths[index], source, known_solid)
        elif key != "instance_map":
            _check_format(source, key, index, values)
            scene.frames[key] = Frame.of(values)
            if background.shows:
                scene.transparent[key] = paths[index]
    if (1, 1) in sizes.values():
        raise DataError(f"A file of {source.names[index]} has one pixel alone. Take it away.")
    scene.size = sizes.get("image") or next(iter(sizes.values()))
    if len(set(sizes.values())) > 1:
        scene.resized = sizes.get("source")
        _check_sizes(source, index, sizes)
    return scene


def _check_sizes(source, index, sizes):
    """Raises `DataError` if the sizes of a scene's files differ, unless a source shows what its image does."""
    found = ", ".join(f"{source.paths[key][index]} is {width}x{height}" for key, (height, width) in sizes.items())
    if set(sizes) != {"source", "image"}:
        raise DataError(
            f"The files of {source.names[index]} should be of one size: {found}. If they show the same, resize one "
            "kind: label and instance maps by nearest neighbour, which keeps ids, photographs with any filter; else "
            "crop."
        )
    if not fits(sizes["source"], sizes["image"]):
        height, width = crop_that_fits(sizes["image"], sizes["source"])
        raise DataError(
            f"The files of {source.names[index]} should be of one size, or one shape: {found}. If both show the same, "
            f"and the target more of it, crop the target to {width}x{height}."
        )


def _look_at_photograph(path, pages):
    """Size of a photograph, and whether it is transparent. Decodes JPEG at an eighth of its size, which is cheap."""
    if arrays.is_array(path):
        return decode.read_image(path).shape[:2], False
    with decode.open_picture(path, pages) as picture:
        decode.check_photograph(picture, path)
        size = decode.shown_size(picture, path)
        picture.draft("RGB", (max(picture.width // 8, 1), max(picture.height // 8, 1)))
        decode.load(picture, path)
        return size, viewing.is_transparent(picture)


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
            f"{source.examples.get(key, source.paths[key][0])} has {channels} of {dtype}. Convert them to one kind."
        )


def _describe_counts(sizes):
    """How many there are of each size, for people. `sizes`: dict of (height, width) -> number."""
    shown = sorted(sizes.items(), key=lambda item: -item[1])
    more = f" and {len(shown) - 4} more sizes" if len(shown) > 4 else ""
    return ", ".join(f"{n} of {width}x{height}" for (height, width), n in shown[:4]) + more


def _notes(source, transparent, values):
    """Lines about what is read in another way than one might think."""
    notes = [f"  {key}: {line}" for key, why in source.left_out.items() for line in describe_left_out(why)]
    notes += [_describe_transparent(KEY_WORDS[key], paths) for key, paths in transparent.items()]
    if copies := _copies(source):
        notes.append(f"  source and image hold the same, such as {copies[0]}: there is nothing to learn between them.")
    for key in ("source", "image"):
        paths = source.paths.get(key, [])
        radiometric = [paths[i] for i in spread(LOOKS, len(paths)) if viewing.is_radiometric(paths[i])]
        if radiometric:
            notes.append(
                f"  Files of {key} are radiometric JPEGs, such as {radiometric[0]}: what is read is the picture in "
                "false colours, not the temperatures"
                + (
                    ", which --radiometric reads."
                    if key == "source"
                    else ": exiftool -b -RawThermalImage gives the counts."
                )
            )
        if key in values and (nodata := values[key].nodata) is not None:
            notes.append(f"  {key}: {nodata:g} stands far from all other values; does it mean 'no value'?")
    return notes


def _describe_transparent(what, paths):
    """A line about files that one can see through. What GDAL tags as alpha in a TIFF may be any fourth band."""
    line = f"  {len(paths)} {what} have transparent parts, such as {paths[0]}: white is laid under them."
    if paths[0].suffix.lower() not in (".tif", ".tiff"):
        return line
    return (
        f"{line} Their last band is tagged as alpha; if it is a channel, such as infrared, save them as .npy, or tag "
        "it as unknown, which rasterio reads: gdal_edit.py -colorinterp_4 undefined FILE (4: the band)"
    )


def _copies(source):
    """Sources that are their images, byte for byte, if all are of which that is looked at."""
    if not {"source", "image"} <= set(source.paths):
        return []
    pairs = [(source.paths["source"][i], source.paths["image"][i]) for i in spread(LOOKS, len(source))]
    if not all(isinstance(path, Path) for pair in pairs for path in pair):
        return []
    are_copies = all(filecmp.cmp(*pair, shallow=False) for pair in pairs)  # files of other sizes are not read
    return [first for first, _ in pairs] if are_copies else []
