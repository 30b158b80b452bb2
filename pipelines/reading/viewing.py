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
    return (picture.width, picture.height) if lies(orientation(picture)) else (picture.height, picture.width)


def lies(way):
    """Whether what is stored as a row is shown as a column. `way`: see `orientation`."""
    return way in (5, 6, 7, 8)


def turned(picture):
    """A decoded `PIL.Image` as it is shown."""
    return ImageOps.exif_transpose(picture)


def turned_values(values, way):
    """Values (height, width, channels) as they are shown. `way`: see `orientation`."""
    values = values.swapaxes(0, 1) if lies(way) else values
    values = values[::-1] if way in (3, 4, 7, 8) else values
    return values[:, ::-1] if way in (2, 3, 6, 7) else values


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


def laid_over_values(values, alpha, color, premultiplied=False):
    """Values of 8 or 16 bits over a colour, where they are transparent.

    Args:
        values: (height, width, channels) uint8 or uint16.
        alpha: (height, width, 1) of the same kind.
        color: (red, green, blue), 0 to 255; its mean is laid under each channel.
        premultiplied: Boolean, whether the values have been multiplied by alpha.

    Returns:
        Array like `values`.
    """
    white = np.iinfo(values.dtype).max
    opaque = alpha.astype("float64") / white
    own = values if premultiplied else values * opaque
    return np.round(own + white * (np.mean(color) / 255) * (1 - opaque)).clip(0, white).astype(values.dtype)


def is_radiometric(path):
    """Whether a file is a JPEG in which a thermal camera of FLIR has put its counts, which no viewer shows."""
    return path.suffix.lower() in (".jpg", ".jpeg") and b"FLIR\0" in path.read_bytes()[:TAIL]
