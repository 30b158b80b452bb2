"""Files that leave the editor, and pictures that come in."""

import io
import json
import zipfile

import numpy as np
from PIL import Image

from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.packing import MOST_PIXELS
from hdsynth_tf.edit.scenes.scene import Scene
from hdsynth_tf.web.errors import Refused
from hdsynth_tf.web.incoming import checked_upload, decoded
from pipelines.reading.decode import read_ids
from pipelines.reading.depth import write_deep

MAPS = ("label_map", "instance_map")
FORMATS = ("PNG", "TIFF")  # JPEG makes other numbers of those it is given


class _Buffer(io.BytesIO):
    """A file in memory for a writer that wants a path to open."""

    def open(self, mode):
        return self

    def close(self):  # what was written is read afterwards
        pass


def image_file(picture):
    """A picture of any depth as bytes of the file that keeps it exactly."""
    file = _Buffer()
    write_deep(picture, file)
    return file.getvalue()


def map_file(ids):
    """Ids as a file, exactly: (suffix, bytes). PNG of 8 or 16 bits; TIFF of 32 where ids are larger or negative."""
    low, high = ids.min(), ids.max()
    if low >= 0 and high < 2**16:
        ids = ids.astype("uint8" if high < 2**8 else "uint16")
    file = io.BytesIO()
    kind = "TIFF" if ids.dtype == np.int32 else "PNG"
    Image.fromarray(ids).save(file, kind)
    return f".{kind.lower()}", file.getvalue()


def shape_file(mask, color):
    """A mask as a PNG: a colour where it is true, transparent elsewhere."""
    picture = np.zeros((*mask.shape, 4), "uint8")
    picture[mask] = (*color, 255)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def zipped(files):
    """Dict of name -> bytes or text, as the bytes of a ZIP file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def record_text(kept):
    return json.dumps(kept, indent=1)


def read_maps(head, data):
    """The scene of a label map and, if it was sent, an instance map.

    Args:
        head: Dict: `files`, list of {`role`: `label_map` or `instance_map`, `name`, `length`} in the order of `data`.
        data: Bytes of the files.

    Raises:
        DataError: If a file is no such map, or the two do not fit.
    """
    maps, start = {}, 0
    for part in _parts(head):
        upload = checked_upload(part["name"], data[start : start + part["length"]], MOST_PIXELS, FORMATS)
        maps[part["role"]] = decoded(read_ids, upload)
        start += part["length"]
    if "label_map" not in maps:
        raise EditError("A scene needs a label map: a picture with the number of its class in every pixel.")
    return Scene.of_maps(maps["label_map"], maps.get("instance_map", maps["label_map"]))


def _parts(head):
    parts = head.get("files")
    fits = isinstance(parts, list) and 0 < len(parts) <= len(MAPS)
    for part in parts if fits else ():
        fits = fits and isinstance(part, dict) and part.get("role") in MAPS
        fits = fits and isinstance(part.get("name"), str) and type(part.get("length")) is int and part["length"] >= 0
    if not fits:
        raise Refused(400, "Send a label map and, if there is one, its instance map.")
    return parts
