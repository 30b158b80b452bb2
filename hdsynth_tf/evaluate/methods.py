"""What is compared: each method's picture of every scene, found by name and checked before anything is measured."""

import dataclasses
import io

import numpy as np
from PIL import Image

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.generate.picture_folder import MANIFEST, PREVIEWS
from hdsynth_tf.show.pictures import show_values
from pipelines.errors import DataError, first_of
from pipelines.pairing.pairs import find_files
from pipelines.paths import as_path
from pipelines.reading import decode, depth
from pipelines.reading.viewing import White
from pipelines.source import PHOTOGRAPH

INPUT = "input"  # the method that makes nothing of the input
NAMED = 3  # of each method's faults, at most, that an error lists


@dataclasses.dataclass(frozen=True)
class Method:
    """One method's pictures.

    Attributes:
        name: String.
        paths: List of `Path`, one for each scene: what is scored.
        variants: List of lists of `Path`, for each scene all pictures of it in different styles; empty where there is
            one.
    """

    name: str
    paths: list
    variants: list = dataclasses.field(default_factory=list)


def find_methods(folders, source, resize=False):
    """The pictures in folders that others filled.

    A scene's picture has the name of its input file, as `generate` gives it, or that of the scene, whatever its suffix.

    Args:
        folders: Dict: a method's name -> its folder.
        source: `pipelines.source.Source`, the scenes.
        resize: Boolean, whether pictures may have other sizes than the scenes.

    Returns:
        Dict: name -> `Method`, and a list of lines about files that belong to no scene and are left out.

    Raises:
        DataError: If pictures are missing, of other sizes or another depth; names them, of all methods.
    """
    methods, notes, faults = {}, [], []
    for name, folder in folders.items():
        found = pictures_in(folder)
        names = [next((n for n in _names(source, i) if n in found), None) for i in range(len(source))]
        missing = [source.file_name(i) for i, n in enumerate(names) if n is None]
        unused = sorted(set(found) - set(names))
        paths = [found.get(n) for n in names]
        faults += _missing_lines(name, folder, missing, unused, len(source))
        faults += _depth_lines(name, [path for path in paths if path], source)
        if not resize:
            faults += _size_lines(name, paths, source)
        if unused:
            notes.append(f"{name}: {len(unused)} files are of no scene and are left out, such as {found[unused[0]]}")
        methods[name] = Method(name, paths)
    if faults:
        raise DataError("\n".join(faults))
    return methods, notes


def write_inputs(source, show, folder):
    """A `Method` of the scenes' input images themselves, which every other should be better than.

    Args:
        source: `pipelines.source.Source`, whose inputs and targets are images.
        show: Function: scene -> RGB uint8 array.
        folder: `Path` for the pictures; those that are there already stay as they are.

    Raises:
        SettingsError: If inputs are no images, or targets no photographs.
    """
    if "source" not in source.formats or source.formats["image"] != PHOTOGRAPH:
        raise SettingsError(f"--{INPUT} is for images as inputs, and photographs as what is made of them.")
    paths = [folder / f"{source.file_name(index)}.png" for index in range(len(source))]
    for index, path in enumerate(paths):
        buffer = io.BytesIO()
        Image.fromarray(show(source.load(index))).save(buffer, "PNG")
        if path.is_file() and path.read_bytes() == buffer.getvalue():
            continue
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
    return Method(INPUT, paths)


def pictures_in(folder):
    """What `find_files` finds, without the previews of a folder that `generate` made."""
    folder = as_path(folder)
    found = find_files(folder)
    made_here = (folder / MANIFEST).is_file()
    return {name: path for name, path in found.items() if not (made_here and name.startswith(f"{PREVIEWS}/"))}


def _names(source, index):
    return source.file_name(index), source.names[index]


def _missing_lines(method, folder, missing, unused, count):
    if not missing:
        return []
    others = f" There are files of other names, such as {unused[0]}." if unused else ""
    return [
        f"{method}: {len(missing)} of {count} scenes have no picture in {folder}:{first_of(missing, NAMED)}\n"
        f"Make the missing ones, or evaluate other scenes (--split, --num_scenes).{others}"
    ]


def _depth_lines(method, paths, source):
    """Says if pictures do not hold what the real ones do, 8 bits instead of counts. Only the first one is read."""
    shape, dtype = source.formats["image"]
    if not paths or source.formats["image"] == PHOTOGRAPH:
        return []
    first = depth.read_deep(paths[0])
    if first.shape[-1:] == tuple(shape) and first.dtype.name in (dtype, "float32"):
        return []
    return [
        f"{method}: {paths[0]} has {first.shape[-1]} channels of {first.dtype}, the real images have {shape[0]} of "
        f"{dtype}. Pictures should have the values of the real ones, as --method=NAME=MODEL and generate make them."
    ]


def _size_lines(method, paths, source):
    """Says which pictures are not as large as their scene."""
    wrong = []
    for index, path in enumerate(paths):
        size, wanted = path and depth.deep_size(path), source.size(index)
        if path and size != wanted:
            wrong.append(f"{path} is {size[1]}x{size[0]}, the scene is {wanted[1]}x{wanted[0]}")
    if not wrong:
        return []
    return [
        f"{method}: {len(wrong)} pictures have another size than the real ones:{first_of(wrong, NAMED)}\n"
        "--resize brings them to the real size (bicubic, antialiased), which the table will say; or make them anew, or "
        "give the scenes their size (--image_height, --image_width on toy_street)."
    ]


def read_picture(path, source, window, size):
    """A picture as RGB uint8 `(height, width, 3)`.

    Args:
        path: `Path`.
        source: The scenes' source: images are read as its images are.
        window: `(low, high)`: values of images that become 0 and 255.
        size: `(height, width)` it is brought to.
    """
    photograph = source.formats["image"] == PHOTOGRAPH
    read = decode.read_image if photograph else depth.read_deep
    picture = show_values(read(path, background=White()), window)  # as targets are read
    if picture.shape[:2] == tuple(size):
        return picture
    return np.asarray(Image.fromarray(picture).resize(size[::-1], Image.BICUBIC))
