"""Datasets packed into a few large TFRecord files: for disks and buckets that are slow with many small ones."""

import dataclasses
import json
import re
from pathlib import PurePosixPath

import tensorflow as tf

from pipelines.errors import DataError
from pipelines.paths import as_path, is_inside
from pipelines.reading.decode import Half
from pipelines.reading.depth import KINDS
from pipelines.records import FormError, Optional, check_form, one_of, read_record, whole_number
from pipelines.source import FORMATS, FileSource

INDEX = "index.json"
VERSION = 2  # of the index; the first had none, and whole paths as names of files
SHARD = re.compile(r"scenes-\d{5,}\.tfrecord")
HEADER, FOOTER = 12, 4  # bytes of a TFRecord around its content: length and checksum, checksum
MOST_CLASSES, MOST_CHANNELS = 2**16, 2**10
ID, COLOR = whole_number(-(2**31), 2**31 - 1), whole_number(0, 255)

CLASSES = {  # attributes of a source -> their form
    "num_classes": Optional(whole_number(1, MOST_CLASSES)),
    "class_names": Optional([str]),
    "class_colors": Optional([(COLOR, COLOR, COLOR)]),
    "dont_care": [ID],
    "evaluated_labels": Optional([ID]),
    "label_table": Optional({"by_color": bool, "ids": {str: ID}, "names": {str: str}}),
    "pages": one_of("", "first", "channels"),
}
BYTES = whole_number(0, 2**63)
FORM = {
    "version": Optional(one_of(VERSION)),
    "names": [str],
    "formats": {str: ([whole_number(1, MOST_CHANNELS)], one_of(*KINDS, "int32"))},
    "files": {str: [(str, BYTES, BYTES, str)]},
    "classes": CLASSES,
}


@dataclasses.dataclass(frozen=True)
class PackedFile:
    """One file inside a shard. `decode` reads it as it reads a `Path`.

    Attributes:
        shard: String, path of the TFRecord file.
        offset, length: Integers, bytes: where the file's content lies.
        name: String, of the file that was packed, with folders: its stem names generated pictures.
    """

    shard: str
    offset: int
    length: int
    name: str

    @property
    def stem(self):
        return PurePosixPath(self.name).stem

    @property
    def suffix(self):
        return PurePosixPath(self.name).suffix

    def read_bytes(self):
        with tf.io.gfile.GFile(self.shard, "rb") as file:
            file.seek(self.offset)
            return file.read(self.length)

    def __str__(self):
        return f"{self.name} in {self.shard}"


class Packed(FileSource):
    """A folder that `write_packed` wrote, here or elsewhere: its index is checked before anything else is read.

    Args:
        folder: Path or string.
        images: Boolean, whether to read photographs.
        instance_maps: Boolean, whether to read instance maps.

    Raises:
        DataError: If it is no such folder, or leads out of itself.
    """

    def __init__(self, folder, images=True, instance_maps=True):
        index = read_index(folder)
        self.names = index["names"]
        self.paths = {
            key: [PackedFile(f"{folder}/{shard}", *rest) for shard, *rest in files]
            for key, files in index["files"].items()
            if (images or key != "image") and (instance_maps or key != "instance_map")
        }
        self.formats = {key: (tuple(shape), dtype) for key, (shape, dtype) in index["formats"].items()}
        self.formats = {key: self.formats[key] for key in self.paths}
        for key in CLASSES:
            setattr(self, key, index["classes"].get(key))


def read_index(folder):
    """Index of a packed folder, as `write_packed` wrote it.

    Raises:
        DataError: If there is no such file, if it is damaged, or names anything outside of the folder's shards.
    """
    try:
        index = read_record(as_path(folder) / INDEX, FORM)
        _check_scenes(index)
        _check_classes(index)
        _check_places(folder, index["files"])
    except FormError as error:
        raise DataError(f"{folder} is no packed dataset: its {INDEX} {error}. Pack the files again.") from error
    except (OSError, tf.errors.OpError) as error:
        raise DataError(f"{folder} is no packed dataset: its {INDEX} cannot be read. Pack the files again.") from error
    return index


def _check_scenes(index):
    """Raises `FormError` unless all scenes have the same kinds of files, and names that stay inside a folder."""
    names, files, formats = index["names"], index["files"], index["formats"]
    if not names or len(set(names)) < len(names):
        raise FormError("has no names of scenes, or one twice")
    if set(files) != set(formats) or not set(files) <= {*FORMATS, "source"} or not {"source", "label_map"} & set(files):
        raise FormError(f"has files of {', '.join(sorted(files)) or 'nothing'}, not of inputs and images")
    for key, (shape, dtype) in formats.items():
        known = FORMATS[key] if key.endswith("_map") else (tuple(shape[:1]), dtype if dtype in KINDS else "")
        if (tuple(shape), dtype) != known or (not shape and not key.endswith("_map")):
            raise FormError(f"has {dtype} {shape} as the format of {key}")
        if len(files[key]) != len(names):
            raise FormError(f"has {len(files[key])} files of {key} for {len(names)} scenes")
    if "version" not in index:
        for own in files.values():
            own[:] = [[*place, PurePosixPath(name).name] for *place, name in own]
    inputs = files.get("source") or files["label_map"]
    pictures = [str(PurePosixPath(name).parent / PurePosixPath(own[-1]).stem) for name, own in zip(names, inputs)]
    for name in (*names, *(name for own in files.values() for *_, name in own), *pictures):
        if not is_inside(name):
            raise FormError(f"has the name {name!r}, which leads out of a folder")
    if len(set(pictures)) < len(pictures):
        raise FormError("has two scenes whose pictures would have one name")


def _check_classes(index):
    """Raises `FormError` unless what is said of classes fits; gives the label table the whole numbers it had."""
    classes = index["classes"]
    count, table = classes.get("num_classes"), classes.get("label_table")
    if "label_map" in index["files"] and count is None:
        raise FormError("has label maps and no number of classes")
    for key in ("class_names", "class_colors"):
        if classes.get(key) is not None and len(classes[key]) != count:
            raise FormError(f"has {len(classes[key])} {key} for {count} classes")
    check_form(classes.get("evaluated_labels") or [], [whole_number(0, (count or 0) - 1)], "classes/evaluated_labels")
    if table:
        try:  # JSON knows no whole numbers as keys
            table["ids"] = {int(value): label for value, label in table["ids"].items()}
        except ValueError as error:
            raise FormError("has a label table whose values are no numbers") from error
        check_form([*table["ids"]], [ID], "classes/label_table/ids")
        if not table["ids"]:
            raise FormError("has an empty label table")


def _check_places(folder, files):
    """Raises `FormError` for what is no shard, `DataError` for files that do not lie inside of theirs."""
    sizes = {}
    for own in files.values():
        for shard, offset, length, name in own:
            if shard not in sizes:
                if not SHARD.fullmatch(shard):
                    raise FormError(f"has {shard!r} as a shard, which is none")
                sizes[shard] = (as_path(folder) / shard).stat().st_size
            if offset < HEADER or offset + length + FOOTER > sizes[shard]:
                raise DataError(
                    f"{name} in {folder}/{shard} cannot be read as a picture: it should be bytes {offset} to "
                    f"{offset + length} of {sizes[shard]}. Is it whole? Copy the shard again, or pack the files again."
                )


def write_packed(source, folder, shard_bytes=2**28, on_scene=lambda: None):
    """Packs the files of a `FileSource`, as they are, into TFRecord files and an index.

    Args:
        source: `FileSource`.
        folder: Path of a folder to be made.
        shard_bytes: Integer; a new shard begins when one has so many bytes. All files of a scene are in one shard.
        on_scene: Function that is called after each scene.
    """
    if any(isinstance(paths[0], Half) for paths in source.paths.values()):
        raise DataError("Pictures that stand side by side cannot be packed: cut them into two folders.")
    if source.pages == "frames":
        raise DataError("Pages of TIFF files cannot be packed one by one: save each as a file of its own.")
    tf.io.gfile.makedirs(str(folder))
    files, number, offset, writer = {key: [] for key in source.formats}, 0, 0, None
    for i in range(len(source)):
        if writer is None or offset > shard_bytes:
            if writer is not None:
                writer.close()
            shard, number, offset = f"scenes-{number:05d}.tfrecord", number + 1, 0
            writer = tf.io.TFRecordWriter(f"{folder}/{shard}")
        for key in source.formats:
            path = source.paths[key][i]
            content = path.read_bytes()
            writer.write(content)
            files[key].append((shard, offset + HEADER, len(content), _label(key, source.names[i], path)))
            offset += HEADER + len(content) + FOOTER
        on_scene()
    writer.close()
    index = {"version": VERSION, "names": source.names, "formats": source.formats, "files": files}
    index["classes"] = {key: getattr(source, key) for key in CLASSES}
    with tf.io.gfile.GFile(f"{folder}/{INDEX}", "w") as file:
        json.dump(index, file)


def _label(key, name, path):
    """The name of a packed file: that of its scene's folder, and its own."""
    return (PurePosixPath(key) / PurePosixPath(name).parent / path.name).as_posix()
