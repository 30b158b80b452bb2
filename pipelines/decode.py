"""Reads pictures from files: ids exactly, depths as they are. Every reader raises `DataError` with the file's name.

A file is a `Path`, or anything else with `read_bytes` whose string says what it is, such as a `packed.PackedFile`.
"""

import csv
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines.errors import DataError

IMAGE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}
ID_MODES = {"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"}


def picture_size(path):
    """(height, width) of a file, from its header."""
    try:
        with Image.open(stream(path)) as picture:
            return picture.height, picture.width
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}") from error


def stream(path):
    """What `PIL.Image.open` takes: a path as it is, anything else as the bytes that it holds."""
    return path if isinstance(path, (str, Path)) else io.BytesIO(path.read_bytes())


def _open(path):
    """The decoded `PIL.Image` of a file."""
    try:
        picture = Image.open(stream(path))
        picture.load()
        return picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as a picture: {error}. Is it whole?") from error


def read_image(path):
    """A colour photograph: (height, width, 3) uint8. Grey and palette pictures become colour; alpha is dropped.

    Raises:
        DataError: If the file is no picture, is cut short, or has more than 8 bits.
    """
    picture = _open(path)
    if picture.mode not in IMAGE_MODES:
        raise DataError(f"{path} should be an 8-bit photograph. It is of mode {picture.mode}.")
    return np.asarray(picture.convert("RGB"))


def read_ids(path):
    """Instance or class ids as they are in the file, palette indices included: (height, width) int32.

    Raises:
        DataError: If the file is no picture, is cut short, or has colours instead of one number a pixel.
    """
    picture = _open(path)
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


def read_source(path):
    """Any input image, its channels and its depth as they are: (height, width, channels) uint8, uint16 or float32.

    Raises:
        DataError: If the file is no picture, is cut short, or of a kind that is not known.
    """
    data = (Path(path) if isinstance(path, str) else path).read_bytes()
    is_png = data[:8] == b"\x89PNG\r\n\x1a\n"
    if is_png and data[24:25] == b"\x10" and data[25:26] in (b"\x02", b"\x06"):  # 16-bit colour: Pillow would make it 8
        return tf.io.decode_png(data, channels=3, dtype=tf.uint16).numpy()
    picture = _open(path)
    if picture.mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))[..., None]
    if picture.mode == "F":
        return np.asarray(picture)[..., None]
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            return values.astype("float32")[..., None]
        return values.astype("uint16")[..., None]
    if picture.mode in IMAGE_MODES:
        return np.asarray(picture.convert("RGB"))
    raise DataError(f"{path} is of mode {picture.mode}, which cannot be a source. Save it as PNG or TIFF.")
