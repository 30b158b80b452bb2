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


def is_transparent(picture):
    """Whether a decoded `PIL.Image` has parts that one can see through."""
    may_be = bool({"A", "a"} & set(picture.getbands())) or "transparency" in picture.info
    return may_be and picture.convert("RGBA").getextrema()[3][0] < 255


class White:
    """White, which is laid under the transparent parts of one picture while it is read.

    Attributes:
        shows: Boolean, whether the picture had such parts.
    """

    shows = False

    def under(self, picture):
        """A decoded `PIL.Image` over it."""
        if not is_transparent(picture):
            return picture
        self.shows = True
        paper = Image.new("RGBA", picture.size, "white")
        paper.alpha_composite(picture.convert("RGBA"))
        return paper.convert("LA" if picture.mode in ("L", "LA", "La") else "RGB")

    def under_values(self, values, alpha, premultiplied=False):
        """Values of 8 or 16 bits over it.

        Args:
            values: (height, width, channels) uint8 or uint16.
            alpha: (height, width, 1) of the same kind.
            premultiplied: Boolean, whether the values have been multiplied by alpha.

        Returns:
            Array like `values`.
        """
        most = np.iinfo(values.dtype).max
        if alpha.min() == most:
            return values
        self.shows = True
        opaque = alpha.astype("float64") / most
        own = values if premultiplied else values * opaque
        return np.round(own + most * (1 - opaque)).clip(0, most).astype(values.dtype)


def is_radiometric(path):
    """Whether a file is a JPEG in which a thermal camera of FLIR has put its counts, which no viewer shows."""
    return path.suffix.lower() in (".jpg", ".jpeg") and b"FLIR\0" in path.read_bytes()[:TAIL]
