"""What every viewer does with a picture: it turns it as its orientation tag says, and lays it over a colour."""

import os

import numpy as np
from PIL import Image, ImageOps

ORIENTATION = 0x0112  # a tag of EXIF
TAIL = 65536  # bytes at the end of a PNG in which its tags may stand


def orientation(picture):
    """How a `PIL.Image`, not yet decoded, is to be turned: 1, not at all, to 8, as EXIF has it.

    TIFF files are always 1: Pillow turns them itself, and gives their size as it is then.
    """
    if picture.format == "TIFF":
        return 1
    if picture.format == "PNG" and "exif" not in picture.info:
        if not _has_late_tags(picture.fp):
            return 1
        picture.load()
    return picture.getexif().get(ORIENTATION, 1)


def _has_late_tags(file):
    """Whether a PNG has EXIF tags behind its pixels, where Pillow finds them only by decoding these."""
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - TAIL, 0))
    found = b"eXIf" in file.read()
    file.seek(position)
    return found


def size(picture):
    """(height, width) of a `PIL.Image`, not yet decoded, as it is shown."""
    turned = orientation(picture) in (5, 6, 7, 8)
    return (picture.width, picture.height) if turned else (picture.height, picture.width)


def turned(picture):
    """A decoded `PIL.Image` as it is shown."""
    return ImageOps.exif_transpose(picture)


def turned_array(values, picture):
    """The values of a PNG, (height, width, channels) uint16, as it is shown. `picture`: the same file, opened."""
    if orientation(picture) == 1:
        return values
    channels = [Image.fromarray(values[..., channel]) for channel in range(values.shape[-1])]
    for channel in channels:
        channel.info["exif"] = picture.info["exif"]
    return np.stack([np.asarray(turned(channel)) for channel in channels], -1)


def may_be_transparent(picture):
    """Whether a `PIL.Image` has alpha or a transparent colour."""
    return bool({"A", "a"} & set(picture.getbands())) or "transparency" in picture.info


def is_transparent(picture):
    """Whether a decoded `PIL.Image` has parts that one can see through."""
    return may_be_transparent(picture) and picture.convert("RGBA").getextrema()[3][0] < 255


def laid_over(picture, color):
    """A decoded `PIL.Image` over a colour, (red, green, blue), where it is transparent."""
    if not is_transparent(picture):
        return picture
    paper = Image.new("RGBA", picture.size, (*color, 255))
    paper.alpha_composite(picture.convert("RGBA"))
    return paper.convert("LA" if picture.mode in ("L", "LA", "La") else "RGB")


def is_radiometric(path):
    """Whether a file is a JPEG in which a thermal camera of FLIR has put its counts, which no viewer shows."""
    return path.suffix.lower() in (".jpg", ".jpeg") and b"FLIR\0" in path.read_bytes()[:TAIL]
