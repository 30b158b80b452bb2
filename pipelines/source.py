"""Datasets as a list of names, and the arrays of each. The ladder in `dataset` makes batches of them."""

import functools
import itertools
import os
from pathlib import Path

import numpy as np

from pipelines.errors import DataError
from pipelines.pairing.fitting import fit
from pipelines.pairing.pairs import pair_files
from pipelines.reading import arrays, decode, depth
from pipelines.reading.viewing import White

PHOTOGRAPH, GREY = ((3,), "uint8"), ((1,), "uint8")
FORMATS = {"label_map": ((), "int32"), "instance_map": ((), "int32"), "image": PHOTOGRAPH}


class Source:
    """Base class of all datasets.

    Attributes:
        names: List of strings, one for each scene; the generated picture gets it.
        formats: Dict: key of each array -> (shape after height and width, dtype). `label_map` with or without
            `instance_map`, or `source`, are inputs; `image`, if there, is what they should become.
        num_classes: Integer, or `None` where there are no labels.
        class_names, class_colors: One for each class, or `None`.
        dont_care: Label ids that mean "no class".
        evaluated_labels: Label ids that segmentation scores are about, in the order of a segmenter's classes, or
            `None`: all classes.
    """

    names = ()
    formats = {}
    num_classes = None
    class_names = None
    class_colors = None
    dont_care = ()
    evaluated_labels = None

    def __len__(self):
        return len(self.names)

    def file_name(self, index):
        """File name of a generated picture without a suffix: that of its input, with folders."""
        return self.names[index]

    @property
    def parts(self):
        """The sources that it consists of, whose scenes are drawn independently: itself, unless `Unpaired`."""
        return (self,)

    @property
    def is_paired(self):
        """Whether the arrays of a scene belong together."""
        return len(self.parts) == 1

    def size(self, index):
        """(height, width) of a scene."""
        raise NotImplementedError

    @functools.cached_property
    def common_size(self):
        """(height, width) if all scenes are of one size, else `None`."""
        sizes = {self.size(index) for index in range(len(self))}
        return sizes.pop() if len(sizes) == 1 else None

    def load(self, index):
        """The arrays of a scene, as `formats` says, all of one height and width."""
        raise NotImplementedError


class FileSource(Source):
    """Scenes in files that are paired by name.

    Args:
        files: Dict: key of `formats` -> what `pairs.find_files` found.
        label_table: What `decode.read_label_table` returned, or `None`.
        pages: See `depth.read_deep`.
        photographs: Boolean. If false, images are what their first file is, of any channels and depth; if true, they
            are RGB of 8 bits, as they also are if the first file is, or if it is grey and there is another in colour.

    Raises:
        DataError: If files have no partner, or are given for two things.
    """

    label_table = None
    pages = ""
    left_out = {}  # key -> see `pairs.Found`
    examples = {}  # key of those formats that follow from a file -> that file

    def __init__(self, files, label_table=None, pages="", photographs=True):
        self.names, self.paths = pair_files(files)
        self.left_out = {key: getattr(found, "left_out", {}) for key, found in files.items()}
        _check_distinct(self.paths)
        self.label_table = label_table
        self.pages = pages
        self.formats = {key: FORMATS[key] for key in files if key != "source"}
        self.examples = {}
        for key in ("source", "image") if not photographs else ("source",):
            if key in files:
                self.examples[key] = self.paths[key][0]
                first = depth.read_deep(self.examples[key], pages)
                self.formats[key] = ((first.shape[-1],), first.dtype.name)  # `validate` finds files that differ
        if self.formats.get("image") == GREY and any(has_colors(path, pages) for path in self.paths["image"][1:]):
            self.formats["image"] = PHOTOGRAPH

    def subset(self, indices):
        """The same dataset with only some of its scenes."""
        names = [self.names[i] for i in indices]
        return self._with(names, {key: [paths[i] for i in indices] for key, paths in self.paths.items()})

    def without_images(self):
        """The same dataset with nothing but inputs."""
        return self._with(self.names, {key: paths for key, paths in self.paths.items() if key != "image"})

    def _with(self, names, paths):
        part = object.__new__(type(self))
        found = ("common_size", "_file_names")  # of all scenes
        part.__dict__.update({key: value for key, value in self.__dict__.items() if key not in found})
        part.names, part.paths = names, paths
        part.formats = {key: kind for key, kind in self.formats.items() if key in paths}
        return part

    def file_name(self, index):
        return self._file_names[index]

    @functools.cached_property
    def _file_names(self):
        """Those of the inputs; where two would have one, as `ir.png` in a folder of each scene, the scenes' names."""
        inputs = self.paths.get("source") or self.paths["label_map"]
        own = [(Path(name).parent / path.stem).as_posix() for name, path in zip(self.names, inputs)]
        return own if len(set(own)) == len(own) else list(self.names)

    def size(self, index):
        return self.size_of("image" if "image" in self.paths else next(iter(self.paths)), index)

    def load(self, index):
        scene = {key: self.read(key, index) for key in self.formats}
        if "source" in scene and "image" in scene:
            scene["source"] = fit(scene["source"], scene["image"].shape[:2])
        return scene

    def is_deep(self, key):
        """Whether arrays are read with the channels and the depth of their files."""
        return key == "source" or (key == "image" and self.formats[key] != PHOTOGRAPH)

    def size_of(self, key, index):
        """(height, width) of one file of a scene."""
        path = self.paths[key][index]
        return depth.deep_size(path, self.pages_of(key))

    def pages_of(self, key):
        """What the pages of files are: only sources have channels in them."""
        return self.pages if key == "source" or self.pages == "first" else ""

    def read(self, key, index, background=None):
        """One array of a scene. `background`: `White` that tells whether a source or image has transparent parts."""
        path, pages = self.paths[key][index], self.pages_of(key)
        if key == "label_map":
            return decode.read_label_map(path, self.label_table, pages)
        if key == "instance_map":
            return decode.read_instance_map(path, pages)
        read = depth.read_deep if self.is_deep(key) else decode.read_image
        return read(path, background=background or White(), pages=pages)


def has_colors(path, pages=""):
    """Whether a file, from its header, has colours."""
    if arrays.is_array(path):
        return arrays.read(path).shape[-1] > 1
    with decode.open_picture(path, pages) as picture:
        return picture.mode not in decode.ID_MODES - {"P"} | {"LA", "F"}


def _check_distinct(paths):
    """Raises `DataError` if one file is given as two things, such as the source and the target of a scene.

    A photograph among label maps is not looked for here: reading it as ids says more.
    """
    identities = {key: [_identity(path) for path in own] for key, own in paths.items()}
    for first, second in itertools.combinations(paths, 2):
        pairs = zip(paths[first], identities[first], identities[second])
        same = [path for path, a, b in pairs if a == b and {first, second} != {"label_map", "image"}]
        if same:
            raise DataError(
                f"{first} and {second} are the same files: {same[0]}, and {len(same) - 1} more. There is nothing to "
                "learn between them; give each a folder of its own, or where all lie in one, --source_name and "
                "--target_name."
            )


def _identity(path):
    """What two names of one file have in common: links lead to the same."""
    try:
        status = os.stat(path) if isinstance(path, Path) else None
    except OSError:
        status = None  # reading it says what is wrong
    return (status.st_dev, status.st_ino) if status else path


def spread(count, total):
    """List of integers: `count` of `total` things in a row, at most, evenly spread, the first always."""
    count = min(count, total)
    return [index * total // count for index in range(count)]


def class_colors(count):
    """RGB triples, 0..255, for `count` classes that differ well: steps of the golden angle in hue."""
    hue = (np.arange(count) * 0.381966) % 1
    value = np.where(np.arange(count) % 2, 0.95, 0.7)
    channels = [value * np.clip(np.abs((hue * 6 + shift) % 6 - 3) - 1, 0.15, 1) for shift in (0, 4, 2)]
    return tuple(tuple(int(255 * channel[i]) for channel in channels) for i in range(count))
