"""What comes from outside, names of files and pictures, checked before it is used."""

import dataclasses
import io
import warnings
from pathlib import PurePosixPath

from PIL import Image

from hdsynth_tf.web.errors import Refused
from pipelines.errors import DataError, UserError

FORMATS = ("PNG", "JPEG", "TIFF")
MAX_PIXELS = 8192 * 8192


def below(folder, name):
    """The path of a file below a folder.

    Args:
        folder: `Path`.
        name: String from a request, with forward slashes.

    Raises:
        Refused: With status 404, if there is no such file below the folder; so, too, for a name or a link that leads
            out of it, so that nobody learns what else there is.
    """
    missing = Refused(404, f"There is no {name!r}.")
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or any(c in name for c in "\\:\0"):
        raise missing
    try:
        path, root = folder.joinpath(*parts).resolve(strict=True), folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # not there; links in a circle
        raise missing from error
    if not path.is_relative_to(root) or not path.is_file():
        raise missing
    return path


@dataclasses.dataclass(frozen=True)
class Upload:
    """A picture that was sent. The readers of `pipelines.reading.decode` take it as a file.

    Attributes:
        name: String, for messages.
        data: Bytes.
    """

    name: str
    data: bytes

    def read_bytes(self):
        return self.data

    def __str__(self):
        return self.name


def checked_upload(name, data, max_pixels=MAX_PIXELS, formats=FORMATS):
    """Looks at the header of what was sent, before anything of it is decoded.

    Args:
        name: String, for messages.
        data: Bytes.
        max_pixels: Integer, height x width at most.
        formats: Names of Pillow's formats, some of `FORMATS`.

    Returns:
        `Upload`, which may still be cut short: its readers say so.

    Raises:
        DataError: If it is of none of the formats, has several pages, or is larger than `max_pixels`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is told below
            picture = Image.open(io.BytesIO(data), formats=formats)
        has_pages = _has_second_page(picture)
    except Image.DecompressionBombError:
        raise DataError(f"{name} has too many pixels: at most {max_pixels:,} can be read.") from None
    except Exception as error:  # what Pillow raises of damaged tags is of any kind
        raise DataError(f"{name} is no picture that can be read here: {' or '.join(formats)}.") from error
    with picture:
        if picture.width * picture.height > max_pixels:
            raise DataError(
                f"{name} has {picture.width} x {picture.height} pixels; at most {max_pixels:,} can be read."
            )
        if has_pages:
            raise DataError(f"{name} has 2 pages or more. Send one of them.")
    return Upload(name, data)


def decoded(read, upload):
    """What a reader makes of an `Upload`. Raises `DataError` if it cannot, whatever is wrong."""
    try:
        return read(upload)
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{upload} cannot be read as a picture. Is it whole?") from error


def _has_second_page(picture):
    """Whether there is one. All of them are not counted: of thousands that takes minutes."""
    try:
        picture.seek(1)
        picture.seek(0)
    except EOFError:
        return False
    return True
