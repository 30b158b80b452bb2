"""TIFF files that Pillow cannot read, by rasterio, where it is installed: colours of more than 8 bits, many bands."""

import importlib.util
import warnings
from pathlib import Path

from PIL import Image

from pipelines.errors import DataError
from pipelines.reading import unreadable
from pipelines.reading.stored import BITS_PER_SAMPLE, PHOTOMETRIC, has_unnamed
from pipelines.reading.tiff import tags_of

MOST_CHANNELS = 4  # that Pillow knows; of grey and alpha two
BLACK_IS_ZERO = 1  # a photometric interpretation


def has_rasterio():
    """Whether rasterio is installed, an extra."""
    return importlib.util.find_spec("rasterio") is not None


def is_deep(path):
    """Whether a file is such a TIFF, and can be read."""
    if not (isinstance(path, Path) and path.suffix.lower() in (".tif", ".tiff") and has_rasterio()):
        return False
    try:
        with path.open("rb") as file:
            return _is_unknown(tags_of(file))
    except Exception:  # whatever damaged tags lead Pillow to; who reads the file says what is wrong
        return False


def _is_unknown(tags):
    """Whether Pillow cannot read, or leaves out, some of the bands that the tags of a TIFF tell of."""
    bits, is_grey = tags.get(BITS_PER_SAMPLE, (1,)), tags.get(PHOTOMETRIC) == BLACK_IS_ZERO
    is_known = len(bits) <= (2 if is_grey else MOST_CHANNELS) and max(bits) <= 8 and not has_unnamed(tags)
    return len(bits) > 1 and not is_known


def read(path):
    """(height, width, channels) of the file's kind of number; alpha is left out.

    Raises:
        DataError: If it is damaged, or has more pixels, in all channels together, than a picture may have.
    """
    return _of(path, _values)


def size(path):
    """(height, width). Raises `DataError` if the file is damaged."""
    return _of(path, lambda file: file.shape)


def _of(path, tell):
    """What a function tells of an opened file."""
    import rasterio  # an extra

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(path, driver="GTiff") as file:
                return tell(file)
    except Exception as error:  # whatever damaged files lead GDAL to
        raise DataError(unreadable.reason(path, error)) from error


def _values(file):
    pixels, limit = file.width * file.height * file.count, 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and pixels > limit:
        raise Image.DecompressionBombError(f"{pixels} pixels")
    kept = [index for index, kind in zip(file.indexes, file.colorinterp) if kind.name != "alpha"]
    return file.read(kept).transpose(1, 2, 0)
