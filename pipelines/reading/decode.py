"""Reads photographs, ids and label maps from files, exactly. Every reader raises `DataError` with the file's name.

A file is a `Path`, or anything else with `read_bytes` whose string says what it is, such as a `packed.PackedFile` or a
`Page` of another file. `depth` reads images of other channels and depths.
"""

import dataclasses
import io
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.errors import DataError
from pipelines.reading import arrays, lossy, stored, tiff, unreadable, viewing
from pipelines.texts import read_rows

IMAGE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
ID_MODES = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"}
MOST_CLASSES = 2**16  # of a label table
COLOR = re.compile("#?[0-9a-fA-F]{6}")  # in a label table
RED_FIRST, BLUE_FIRST = slice(None), slice(None, None, -1)  # of numbers made of colours: panoptic ids; 0xRRGGBB

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # beyond the limit there is an error


class Part:
    """What is a file here, and is only a part of one: of `path`."""

    @property
    def suffix(self):
        return self.path.suffix

    def read_bytes(self):
        return self.path.read_bytes()

    def stat(self):
        return self.path.stat()


@dataclasses.dataclass(frozen=True)
class Page(Part):
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

    def __str__(self):
        return f"{self.path} (page {self.number})"


@dataclasses.dataclass(frozen=True)
class Half(Part):
    """The left or right half of a file in which two pictures stand side by side.

    Attributes:
        path: `Path`, or whatever else is a file here.
        is_right: Boolean.
    """

    path: object
    is_right: bool

    @property
    def stem(self):
        return self.path.stem

    def cut(self, values):
        """The half of an array (height, width, ...)."""
        half = self._half(values.shape[1])
        return values[:, half:] if self.is_right else values[:, :half]

    def crop(self, picture):
        """The half of a `PIL.Image`, whose info stays."""
        half = self._half(picture.width)
        return picture.crop((half, 0, 2 * half, picture.height) if self.is_right else (0, 0, half, picture.height))

    def _half(self, width):
        if width % 2:
            raise DataError(f"{self.path} is {width} pixels wide, which cannot be two pictures side by side.")
        return width // 2

    def __str__(self):
        return f"{self.path} ({'right' if self.is_right else 'left'} half)"


def allow_pixels(count):
    """Sets how many pixels a picture may have: a guard against files that are made to fill the memory."""
    Image.MAX_IMAGE_PIXELS = count / 2  # Pillow's error comes at twice as many


def open_picture(path, pages=""):
    """The `PIL.Image` of a file, not yet decoded.

    Args:
        path: See above.
        pages: What the pages of a TIFF with several are: see `folder.Folder`; `""`: they are an error. Thumbnails and
            smaller copies are not counted.

    Raises:
        DataError: If the file is no picture; if it has several pages and nobody said what they are.
    """
    try:
        file = path.path if isinstance(path, Part) else path
        picture = Image.open(file if isinstance(file, (str, Path)) else io.BytesIO(file.read_bytes()))
        if picture.format == "TIFF":
            picture.filename = ""  # Pillow would map the file to memory, and mix up height and width if it is turned
        if isinstance(path, Page):
            picture.seek(path.number)
        elif picture.format == "TIFF":
            picture.seek(tiff.first_page(picture.fp, path, pages)[0])
        stored.remember(picture)
    except DataError:
        raise
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error
    return picture


def _file(path):
    return Path(path) if isinstance(path, str) else path


def beginning(path, count):
    """The first bytes of a file, at most `count`. Raises `DataError` if it cannot be read."""
    file = path.path if isinstance(path, Part) else path
    try:
        if not isinstance(file, Path):
            return path.read_bytes()[:count]
        with file.open("rb") as opened:
            return opened.read(count)
    except OSError as error:
        raise DataError(unreadable.reason(path, error)) from error


def page_numbers(path):
    """Numbers of the pages of a file that are pictures: more than one for some TIFF files."""
    try:
        with path.open("rb") if isinstance(path, Path) else io.BytesIO(path.read_bytes()) as file:
            return [number for number, _ in tiff.full_pages(file)]
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error


def all_pages(picture, path):
    """Numbers of all pages of an opened TIFF that are pictures. It is at the first of them afterwards."""
    try:
        found = [number for number, _ in tiff.full_pages(picture.fp)]
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error
    turn_to(picture, found[0], path)
    return found


def check_pixels(pixels, path):
    """Raises `DataError` if channels or pages have more pixels together than a picture may have."""
    if Image.MAX_IMAGE_PIXELS and pixels > 2 * Image.MAX_IMAGE_PIXELS:
        error = Image.DecompressionBombError(f"{pixels} pixels")
        raise DataError(unreadable.reason(_file(path), error))


def turn_to(picture, number, path):
    """Goes to a page of an opened TIFF. Raises `DataError` if it is damaged."""
    try:
        picture.seek(number)
        stored.remember(picture)
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error


def picture_size(path, pages=""):
    """(height, width) of a file as it is shown, from its header."""
    with open_picture(path, pages) as picture:
        return shown_size(picture, path)


def shown_size(picture, path):
    """(height, width) of what `open_picture` gave, as it is shown. Raises `DataError` if its tags are damaged."""
    try:
        height, width = viewing.size(picture)
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error
    return (height, width // 2) if isinstance(path, Half) else (height, width)


def decoded(path, pages=""):
    """The decoded `PIL.Image` of a file, turned as it is shown.

    Raises:
        DataError: As `open_picture` does, or if the file is cut short.
    """
    return load(open_picture(path, pages), path)


def load(picture, path):
    """What `open_picture` gave, decoded and turned as it is shown. Raises `DataError` if it is cut short."""
    try:
        turn = viewing.orientation(picture)
        picture.load()
    except Exception as error:  # whatever damaged files lead Pillow to
        raise DataError(unreadable.reason(_file(path), error)) from error
    picture = picture if turn == 1 else viewing.turned(picture)
    return path.crop(picture) if isinstance(path, Half) else picture


def check_colors(picture, path):
    """Raises `DataError` if a picture has colours of more than 8 bits, of which Pillow would make 8."""
    kind = stored.storage(picture)
    if kind.format in ("TIFF", "PPM") and kind.bits > 8 and len(picture.getbands()) > 1:
        raise DataError(f"{path} has colours of {kind.bits} bits, which would be read as 8. Save it as PNG or .npy.")


def check_photograph(picture, path):
    """Raises `DataError` unless a picture is a photograph of 8 bits."""
    check_colors(picture, path)
    if picture.mode not in IMAGE_MODES:
        raise DataError(f"{path} should be an 8-bit photograph. It is of mode {picture.mode}.")


def read_image(path, background=None, pages=""):
    """A colour photograph: (height, width, 3) uint8. Grey and palette pictures become colour.

    Args:
        path: See above.
        background: `viewing.White`, which is laid under transparent parts, or `None`: alpha is dropped.
        pages: See `open_picture`.

    Raises:
        DataError: If the file is no picture, is cut short, or has more than 8 bits.
    """
    if arrays.is_array(path):
        return _photograph(arrays.read(_file(path)), path)
    picture = decoded(path, pages)
    check_photograph(picture, path)
    return np.asarray((background.under(picture) if background else picture).convert("RGB"))


def _photograph(values, path):
    """An array as a photograph: three channels, or one, of uint8."""
    if values.dtype != np.uint8 or values.shape[-1] not in (1, 3):
        raise DataError(
            f"{path} should be an 8-bit photograph: uint8 (height, width, 3). It holds {values.dtype} {values.shape}."
        )
    return np.repeat(values, 3, -1) if values.shape[-1] == 1 else values


def read_ids(path, pages=""):
    """Instance or class ids as they are in the file, palette indices included: (height, width) int32.

    Raises:
        DataError: If the file is no picture, is cut short, has colours instead of one number a pixel, or was stored in
            a way that changes numbers.
    """
    return _whole_ids(_content(path, pages), path)


def _content(path, pages):
    """What a file holds: an array (height, width, channels), or a decoded `PIL.Image`."""
    return arrays.read(_file(path)) if arrays.is_array(path) else decoded(path, pages)


def _whole_ids(content, path):
    """Numbers of any kind as ids: (height, width) int32."""
    ids = content if isinstance(content, np.ndarray) else _picture_ids(content, path)
    if ids.ndim == 3 and ids.shape[-1] != 1:
        raise DataError(
            f"{path} should have one number a pixel, the id. It holds {ids.shape[-1]} a pixel; for labels coded by "
            "colour, uint8 (height, width, 3), give --label_table."
        )
    ids = ids.reshape(ids.shape[:2])
    limits = np.iinfo("int32")
    if ids.dtype.kind in "iu" and ids.dtype.itemsize < 4:
        return ids.astype("int32")
    low, high = ids.min(initial=0), ids.max(initial=0)
    if ids.dtype.kind == "f" and (not np.isfinite([low, high]).all() or (ids != np.round(ids)).any()):
        raise DataError(f"{path} should hold whole numbers, the ids. It holds {ids.dtype}, {low} to {high}.")
    if low < limits.min or high > limits.max:
        raise DataError(f"{path} holds the id {low if low < limits.min else high}; the largest is {limits.max}.")
    return ids.astype("int32")


def read_instance_map(path, pages=""):
    """Instance ids as `read_ids` reads them, or of colours as COCO's panoptic PNGs have them: red + 256 green + 65536
    blue. (height, width) int32."""
    content = _content(path, pages)
    return _codes(content, path, RED_FIRST) if _has_colors(content) else _whole_ids(content, path)


def _has_colors(content):
    """Whether an array or a picture holds colours of 8 bits, with or without alpha."""
    if isinstance(content, np.ndarray):
        return content.dtype == np.uint8 and content.shape[-1] in (3, 4)
    return content.mode in ("RGB", "RGBA")


def _picture_ids(picture, path):
    """The ids of a decoded picture, of any kind of number."""
    if picture.mode not in ID_MODES | {"F"}:
        raise DataError(
            f"{path} should have one number a pixel, the id (8- or 16-bit grey, or palette). It is of mode "
            f"{picture.mode}; for labels coded by colour, give --label_table."
        )
    ids, kind = stored.numbers(picture), stored.storage(picture)
    if kind.white_is_zero and picture.mode != "1":
        raise DataError(
            f"{path} is a TIFF whose 0 is white (MinIsWhite): readers do not agree whether its numbers are as they "
            "stand or turned round. Save it as PNG."
        )
    lossy.check(_file(path), ids, kind)
    return ids


def read_label_map(path, table=None, pages=""):
    """Class ids: (height, width) int32.

    Args:
        path: Path.
        table: What `read_label_table` returned, or `None`: the file's numbers are the class ids.
        pages: See `open_picture`.

    Raises:
        DataError: As `read_ids`; or if a colour or number of the file is not in the table.
    """
    if table is None:
        return read_ids(path, pages)
    content = _content(path, pages)
    if _has_colors(content) and not table["by_color"]:
        raise DataError(f"{path} holds colours, and the label table lists numbers: it should list #804080 and so on.")
    codes = _codes(content, path, BLUE_FIRST) if table["by_color"] else _whole_ids(content, path)
    keys = np.array(sorted(table["ids"]), "int32")
    position = np.minimum(np.searchsorted(keys, codes), len(keys) - 1)
    unknown = keys[position] != codes
    if unknown.any():
        code = int(codes[unknown][0])
        shown = f"colour #{code:06x}" if table["by_color"] else f"value {code}"
        raise DataError(f"{path} has the {shown} at {int(unknown.sum())} pixels, which is not in the label table.")
    return np.array([table["ids"][key] for key in keys], "int32")[position]


def _codes(content, path, order):
    """The colours of an array or a picture as numbers, whose lowest byte is the first channel in `order`: (height,
    width) int32. Large pictures, so without a copy that is wider."""
    rgb = _rgb(content, path)
    codes = np.zeros((*rgb.shape[:2], 4), "uint8")
    codes[..., :3] = rgb[..., order]
    codes = codes.view("<i4")[..., 0].astype("int32", copy=False)
    if not isinstance(content, np.ndarray):
        lossy.check(_file(path), codes, stored.storage(content))
    return codes


def _rgb(content, path):
    """The colours that stand for ids: (height, width, 3) uint8. Raises `DataError` if they are no colours of 8 bits."""
    if isinstance(content, np.ndarray):
        return _photograph(content[..., :3] if _has_colors(content) else content, path)
    check_photograph(content, path)
    if stored.storage(content).bits > 8:
        raise DataError(f"{path} has colours of 16 bits, where a colour of 8 bits is an id. Save it with 8.")
    return np.asarray(content if content.mode == "RGB" else content.convert("RGB"))


def _hint(value, by_color):
    """What may be wrong with a value of a label table that cannot be read, such as a colour without `#`."""
    if not by_color and COLOR.fullmatch(value):
        return f". Colours begin with #, in every line: #{value.removeprefix('#')}"
    return ""


def read_label_table(path):
    """Reads a CSV file with the columns `value,id,name`: which number or colour of the label files is which class.

    `value` is a number (255) or a colour (#804080), one kind throughout; `id` the class, 0, 1, ..., or -1 for "no
    class"; `name` may be left out.

    Returns:
        Dict: `by_color` boolean, `ids` dict of value (colours as 0xRRGGBB) -> class id, `names` dict of id -> name.

    Raises:
        DataError: If a line is not so.
    """
    (_, head), *rows = read_rows(path, "label table") or [(1, [])]
    ids, names = {}, {}
    rows = [(number, dict(zip(map(str.lower, head), cells))) for number, cells in rows]
    by_color = bool(rows) and rows[0][1].get("value", "").startswith("#")
    for number, row in rows:
        try:
            value = int(row["value"].removeprefix("#"), 16) if by_color else int(row["value"])
            label = int(row["id"])
            if not (0 <= value < 2**24 if by_color else abs(value) < 2**31) or not -1 <= label < MOST_CLASSES:
                raise ValueError
        except (KeyError, ValueError):
            raise DataError(
                f"Line {number} of the label table {path} should be value,id,name such as #804080,7,road (first line: "
                f"value,id,name). Found: {','.join(row.values())}{_hint(row.get('value', ''), by_color)}"
            ) from None
        if value in ids:
            raise DataError(f"The label table {path} lists the value {row['value']} twice, at last in line {number}.")
        ids[value] = label
        names[label] = row.get("name") or str(label)
    if max(ids.values(), default=-1) < 0:
        what = "has no class" if ids else "is empty"
        raise DataError(f"The label table {path} {what}; it should have the columns value,id,name.")
    return {"by_color": by_color, "ids": ids, "names": names}
