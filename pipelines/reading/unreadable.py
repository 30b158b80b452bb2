"""Says why a file cannot be read as a picture, and what helps."""

import io
import re

from PIL import Image, UnidentifiedImageError

from pipelines.reading import tiff

KNOWN = (b"\x89PNG", b"\xff\xd8\xff", b"BM", b"RIFF", b"P5", b"P6", b"P2", b"P3", *tiff.MAGIC)  # how pictures begin
HEIF = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")
FOREIGN = {  # how other files begin, in small letters -> what they are, and what helps
    b"version https://git-lfs": "it is a pointer of Git LFS. `git lfs pull` brings the file itself.",
    b"<!doctype": "it is a web page: something went wrong when it was downloaded. Fetch it again.",
    b"<html": "it is a web page: something went wrong when it was downloaded. Fetch it again.",
    b"%pdf": "it is a PDF. Export its pictures as PNG.",
    b"pk\x03\x04": "it is an archive. Unpack it.",
    b"\x1f\x8b": "it is packed by gzip. Unpack it.",
}


def reason(path, error):
    """The whole message for a file that Pillow could not read.

    Args:
        path: File, see `decode`.
        error: What was raised.
    """
    if isinstance(error, Image.DecompressionBombError):
        return f"{path} is too large a picture: {_too_large(error)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{path} cannot be read as a picture: {error.strerror}."
    if codec := _foreign_codec(path):
        return (
            f"{path} cannot be read as a picture: its compression, {codec}, is not known here, or it is not whole. "
            "Save it with another, such as Deflate: gdal_translate -co COMPRESS=DEFLATE FILE NEW_FILE"
        )
    return f"{path} cannot be read as a picture: " + (_foreign(path, error) or f"{error}. Is it whole?")


def _too_large(error):
    found = re.search(r"\d+", str(error))
    pixels = int(found.group()) if found else 0
    return (
        f"{pixels:,} pixels. More than {int(2 * (Image.MAX_IMAGE_PIXELS or 0)):,} are only read if they are meant: "
        f"--max_pixels={pixels}. Or cut it into tiles, which are quicker to read, too."
    )


def _foreign_codec(path):
    """The compression of a TIFF that Pillow may lack; empty of other files."""
    is_tiff = _beginning(path).startswith(tiff.MAGIC)
    return tiff.foreign_codec_of(io.BytesIO(path.read_bytes())) if is_tiff else ""


def _foreign(path, error):
    """What a file is that is no known picture; empty if it seems to be one that is damaged."""
    if not isinstance(error, UnidentifiedImageError):
        return ""
    content = _beginning(path)
    if not content:
        return "it is empty."
    if not content.startswith(KNOWN):
        return foreign_kind(content) or f"it is of no known kind, and begins with {content[:16]!r}."
    kind = tiff.unknown_kind(io.BytesIO(path.read_bytes())) if content.startswith(tiff.MAGIC) else ""
    if kind and not kind.startswith("1 "):
        return f"it holds {kind}. {other_way()}, (height, width, channels)."
    return f"it holds {kind}, which are not known. Save it with 8 or 16 bits, as float32, or as .npy." if kind else ""


def other_way():
    """What helps where Pillow cannot read some bands of a TIFF: part of a message."""
    return "Save it as .npy" if tiff.has_rasterio() else "Install rasterio, or save it as .npy"


def foreign_kind(content):
    """What a file that begins so is, if people bring it in the place of pictures, and what helps; empty if unknown."""
    if content[4:8] == b"ftyp" and content[8:12] in HEIF:
        return "it is a HEIC photograph. Convert it to PNG or JPEG."
    return next((words for start, words in FOREIGN.items() if content.lower().startswith(start)), "")


def _beginning(path):
    try:
        return path.read_bytes()[:64]
    except OSError:
        return b""
