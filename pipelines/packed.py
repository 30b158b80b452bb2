"""Datasets packed into a few large TFRecord files: for disks and buckets that are slow with many small ones."""

import dataclasses
import json
from pathlib import PurePosixPath

import tensorflow as tf

from pipelines.errors import DataError
from pipelines.reading.bands import Bands
from pipelines.reading.decode import Half
from pipelines.reading.radiometric import Radiometric
from pipelines.source import FileSource

INDEX = "index.json"
ATTRIBUTES = (  # of a source
    "num_classes", "class_names", "class_colors", "dont_care", "evaluated_labels", "label_table", "pages",
)  # fmt: skip
HEADER, FOOTER = 12, 4  # bytes of a TFRecord around its content: length and checksum, checksum


@dataclasses.dataclass(frozen=True)
class PackedFile:
    """One file inside a shard. `decode` reads it as it reads a `Path`.

    Attributes:
        shard: String, path of the TFRecord file.
        offset, length: Integers, bytes: where the file's content lies.
        name: String, path of the file that was packed, for messages.
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
    """A folder that `write_packed` wrote.

    Args:
        folder: Path or string.
        images: Boolean, whether to read photographs.
        instance_maps: Boolean, whether to read instance maps.

    Raises:
        DataError: If it is no such folder.
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
        for key, value in index["classes"].items():
            setattr(self, key, value)
        if self.label_table:  # JSON knows no whole numbers as keys
            self.label_table["ids"] = {int(value): label for value, label in self.label_table["ids"].items()}


def read_index(folder):
    """Index of a packed folder, as `write_packed` wrote it.

    Raises:
        DataError: If there is no such file, or it is damaged.
    """
    try:
        with tf.io.gfile.GFile(f"{folder}/{INDEX}") as file:
            return json.load(file)
    except (tf.errors.OpError, ValueError) as error:
        raise DataError(f"{folder} is no packed dataset: its {INDEX} cannot be read. Pack the files again.") from error


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
    if any(isinstance(paths[0], (Bands, Radiometric)) for paths in source.paths.values()):
        raise DataError("Bands in files of their own and radiometric JPEGs cannot be packed: save them as .npy files.")
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
            files[key].append((shard, offset + HEADER, len(content), str(path)))
            offset += HEADER + len(content) + FOOTER
        on_scene()
    writer.close()
    index = {"names": source.names, "formats": source.formats, "files": files}
    index["classes"] = {key: getattr(source, key) for key in ATTRIBUTES}
    with tf.io.gfile.GFile(f"{folder}/{INDEX}", "w") as file:
        json.dump(index, file)
