"""Reads photographs, ids and label maps from files, exactly. Every reader raises `DataError` with the file's name.

A file is a `Path`, or anything else with `read_bytes` whose string says what it is, such as a `packed.PackedFile` or a
`Page` of another file. `depth` reads images of other channels and depths.
"""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.errors import DataError

IMAGE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
ID_MODES = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"}


@dataclasses.dataclass(frozen=True)
class Page:
    """One page of a TIFF file that has several.

    Attributes:
        path: `Path`, or whatever else is a file here.
        number: Integer, from 0.
    """

    path: object
    number: int

    @property
    def stem(self):
        return f"{self.path.stem}_{self.number:04d}"

    @property
    def suffix(self):
        return self.path.suffix

    def read_bytes(self):
        return self.path.read_bytes()

    def stat(self):
        return self.path.stat()

    def __str__(self):
        return f"{self.path} (page {self.number})"


def open_picture(path, all_pages=False):
    """The `PIL.Image` of a file, not yet decoded.

    Args:
        path: See above.
        all_pages: Boolean, whether a TIFF may have several pages.

    Raises:
        DataError: If the file is no picture; if it has several pages and nobody said what they are.
    """
    try:
        file = path.path if isinstance(path, Page) else path
        picture = Image.open(file if isinstance(file, (str, Path)) else io.BytesIO(file.read_bytes()))
        if isinstance(path, Page):
            picture.seek(path.number)
            return picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}. Is it whole?") from error
    if picture.format == "TIFF" and picture.n_frames > 1 and not all_pages:
        raise DataError(
            f"{path} has {picture.n_frames} pages. For sources, --source_pages says what they are: channels of one "
            "image, or frames of a sequence."
        )
    return picture


def page_count(path):
    """Pages of a file: more than 1 for some TIFF files."""
    picture = open_picture(path, all_pages=True)
    return picture.n_frames if picture.format == "TIFF" else 1


def picture_size(path, all_pages=False):
    """(height, width) of a file, from its header."""
    with open_picture(path, all_pages) as picture:
        return picture.height, picture.width


def decoded(path, all_pages=False):
    """The decoded `PIL.Image` of a file. Raises `DataError` as `open_picture` does, or if the file is cut short."""
    picture = open_picture(path, all_pages)
    try:
        picture.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}. Is it whole?") from error
    return picture


def read_image(path):
    """A colour photograph: (height, width, 3) uint8. Grey and palette pictures become colour; alpha is dropped.

    Raises:
        DataError: If the file is no picture, is cut short, or has more than 8 bits.
    """
    picture = decoded(path)
    if picture.mode not in IMAGE_MODES:
        raise DataError(f"{path} should be an 8-bit photograph. It is of mode {picture.mode}.")
    return np.asarray(picture.convert("RGB"))


def read_ids(path):
    """Instance or class ids as they are in the file, palette indices included: (height, width) int32.

    Raises:
        DataError: If the file is no picture, is cut short, or has colours instead of one number a pixel.
    """
    picture = decoded(path)
    if picture.mode not in ID_MODES:
        raise DataError(
            f"{path} should have one number a pixel, the id (8- or 16-bit grey, or palette). It is of mode "
            f"{picture.mode}; for labels coded by colour, give --label_table."
        )
    ids = np.asarray(picture)
    if ids.dtype == np.uint32 and ids.max(initial=0) > np.iinfo("int32").max:
        raise DataError(f"{path} holds the id {ids.max()}; the largest possible is {np.iinfo('int32').max}.")
    return ids.astype("int32")


def read_label_map(path, table=None):
    """Class ids: (height, width) int32.

    Args:
        path: Path.
        table: What `read_label_table` returned, or `None`: the file's numbers are the class ids.

    Raises:
        DataError: As `read_ids`; or if a colour or number of the file is not in the table.
    """
    if table is None:
        return read_ids(path)
    if table["by_color"]:
        rgb = read_image(path).astype("int32")
        codes = (rgb[..., 0] << 16) | (rgb[..., 1] << 8) | rgb[..., 2]
    else:
        codes = read_ids(path)
    keys = np.array(sorted(table["ids"]), "int32")
    position = np.minimum(np.searchsorted(keys, codes), len(keys) - 1)
    unknown = keys[position] != codes
    if unknown.any():
        code = int(codes[unknown][0])
        shown = f"colour #{code:06x}" if table["by_color"] else f"value {code}"
        raise DataError(f"{path} has the {shown} at {int(unknown.sum())} pixels, which is not in the label table.")
    return np.array([table["ids"][key] for key in keys], "int32")[position]


def read_label_table(path):
    """Reads a CSV file with the columns `value,id,name`: which number or colour of the label files is which class.

    `value` is a number (255) or a colour (#804080), one kind throughout; `id` the class, 0, 1, ..., or -1 for "no
    class"; `name` may be left out.

    Returns:
        Dict: `by_color` boolean, `ids` dict of value (colours as 0xRRGGBB) -> class id, `names` dict of id -> name.

    Raises:
        DataError: If a line is not so.
    """
    path = Path(path)
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise DataError(f"The label table {path} cannot be read: {error.strerror}.") from error
    ids, names = {}, {}
    by_color = bool(rows) and str(rows[0].get("value", "")).startswith("#")
    for number, row in enumerate(rows, start=2):
        try:
            value = int(row["value"].removeprefix("#"), 16 if by_color else 10)
            ids[value] = int(row["id"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DataError(
                f"Line {number} of the label table {path} should be value,id,name such as #804080,7,road (first line: "
                f"value,id,name). Found: {','.join(str(cell) for cell in row.values())}"
            ) from None
        names[int(row["id"])] = row.get("name") or str(row["id"])
    if not ids:
        raise DataError(f"The label table {path} is empty; it should have the columns value,id,name.")
    return {"by_color": by_color, "ids": ids, "names": names}
