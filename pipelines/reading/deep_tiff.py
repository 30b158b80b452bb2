"""TIFF files that Pillow cannot read, by rasterio, where it is installed: of many bits, bands, rare compressions."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np

from pipelines.errors import DataError
from pipelines.reading import decode, stored, tiff, unreadable, viewing

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2  # photometric interpretations
MOST_CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 2, RGB: 4}  # of 8 bits, that Pillow knows; of others as of RGB
PREMULTIPLIED = 1


@dataclasses.dataclass(frozen=True)
class DeepPage:
    """A page of such a file.

    Attributes:
        path: `Path`.
        number: Integer, from 0.
        tags: Dict.
    """

    path: Path
    number: int
    tags: dict

    @property
    def orientation(self):
        return self.tags.get(viewing.ORIENTATION, 1)

    @property
    def pixels(self):
        """Of all bands together."""
        return self.tags[tiff.HEIGHT] * self.tags[tiff.WIDTH] * len(self.tags.get(stored.BITS_PER_SAMPLE, (1,)))

    @property
    def size(self):
        """(height, width) as it is shown."""
        height, width = self.tags[tiff.HEIGHT], self.tags[tiff.WIDTH]
        return (width, height) if viewing.lies(self.orientation) else (height, width)

    def read(self, background=None):
        """(height, width, channels) of the file's kind of number, as it is shown; alpha is left out, or laid over
        `background`.

        Raises:
            DataError: If it is damaged, or what its numbers mean is not known.
        """
        values, alpha = self._bands()
        if self.tags.get(stored.PHOTOMETRIC) == WHITE_IS_ZERO:
            values = stored.turned_round(values, max(self.tags.get(stored.BITS_PER_SAMPLE, (1,))), self.path)
        if background and self._has_opacity(alpha):
            values = background.under_values(values, alpha, PREMULTIPLIED in stored.extra_samples(self.tags))
        return viewing.turned_values(values, self.orientation)

    def _has_opacity(self, alpha):
        """Whether alpha, of any shape, is there, and tells something."""
        if alpha.dtype in (np.uint8, np.uint16) or not alpha.size:
            return alpha.size > 0
        if alpha.min() == alpha.max():
            return False
        raise DataError(
            f"{self.path} has alpha of {alpha.dtype}, of which nobody knows what is opaque. Save it with 8 or 16 bits, "
            "or without alpha."
        )

    def _bands(self):
        """What is stored: (height, width, channels), and alpha, (height, width, 1 or 0)."""
        import rasterio  # an extra

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
                with rasterio.open(f"GTIFF_DIR:{self.number + 1}:{self.path}", driver="GTiff") as file:
                    values, kinds = file.read().transpose(1, 2, 0), file.colorinterp
        except Exception as error:  # whatever damaged files lead GDAL to
            raise DataError(unreadable.reason(self.path, error)) from error
        is_alpha = np.array([kind.name == "alpha" for kind in kinds])
        return values[..., ~is_alpha], values[..., is_alpha][..., :1]


def find(path, pages=""):
    """The pages of a file that are read here: none of other files; several if they are the channels of one image.

    Args:
        path: File, see `decode`.
        pages: See `decode.open_picture`.

    Returns:
        List of `DeepPage`.

    Raises:
        DataError: If it has several pages and nobody said what they are.
    """
    file = path.path if isinstance(path, decode.Page) else path
    if not (isinstance(file, Path) and file.suffix.lower() in (".tif", ".tiff") and tiff.has_rasterio()):
        return []
    try:
        with file.open("rb") as opened:
            found = [DeepPage(file, *page) for page in _pages(opened, path, pages)]
            is_deep = any(_is_unknown(page.tags) for page in found) and all(page.pixels > 0 for page in found)
            return found if is_deep else []
    except DataError:
        raise
    except Exception:  # whatever damaged tags lead Pillow to; who reads the file says what is wrong
        return []


def _pages(file, path, pages):
    """Numbers and tags of those pages of an opened TIFF that are asked for."""
    if isinstance(path, decode.Page):
        return [page for page in tiff.full_pages(file) if page[0] == path.number]
    return list(tiff.full_pages(file)) if pages == "channels" else [tiff.first_page(file, path, pages)]


def _is_unknown(tags):
    """Whether Pillow cannot read, or leaves out, some of the bands that the tags of a TIFF tell of, or may lack its
    compression."""
    bits, is_whole = tags.get(stored.BITS_PER_SAMPLE, (1,)), set(tags.get(stored.SAMPLE_FORMAT, (1,))) == {1}
    most = MOST_CHANNELS.get(tags.get(stored.PHOTOMETRIC), MOST_CHANNELS[RGB])
    if tiff.foreign_codec(tags) and tags.get(stored.PHOTOMETRIC) in MOST_CHANNELS:
        return True
    is_known = len(bits) <= most and max(bits) <= 8 and is_whole and not stored.has_unnamed(tags)
    return len(bits) > 1 and not is_known
