"""Images as they are, whatever their channels and depth: PNG, JPEG, TIFF of 8, 16 or 32 bits, NumPy arrays."""

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines.errors import DataError
from pipelines.reading import arrays, decode, deep_tiff, stored, unreadable, viewing

PNG_CHANNELS = {2: 3, 4: 1, 6: 3}  # colour type in a PNG's header -> channels without alpha
TRANSPARENT = "{} names a value of 16 bits as transparent. Save it with an alpha channel, or without."
HEAD = 26  # bytes of a PNG that tell its channels and depth
KINDS = ("uint8", "uint16", "float32")  # of the values; others are turned into one of them


def read_deep(path, pages="", background=None):
    """Any image, its channels and its depth as they are.

    Args:
        path: `Path` or another file, see `decode`.
        pages: `"channels"` if the pages of a TIFF are the channels of one image; else see `decode.open_picture`.
        background: See `decode.read_image`.

    Returns:
        (height, width, channels) uint8, uint16 or float32. One channel stays one channel; alpha is dropped or laid
        over `background`. Numbers of other kinds, such as signed ones, become float32.

    Raises:
        DataError: If the file is no picture, is cut short, or of a kind that is not known.
    """
    if arrays.is_array(path):
        return _kind(arrays.read(path), path)
    if deep := deep_tiff.find(path, pages):
        decode.check_pixels(sum(page.pixels for page in deep), path)
        return _kind(_side_by_side([page.read(background) for page in deep], path), path)
    deep_png = _read_deep_png(path, background)
    if deep_png is not None:
        return deep_png
    picture = decode.open_picture(path, pages)
    if pages == "channels" and picture.format == "TIFF" and len(numbers := decode.all_pages(picture, path)) > 1:
        return _read_pages(picture, numbers, path, background)
    return _values(decode.load(picture, path), path, background)


def deep_size(path, pages=""):
    """(height, width) of a file, without decoding it."""
    if deep := deep_tiff.find(path, pages):
        return deep[0].size
    return arrays.read(path).shape[:2] if arrays.is_array(path) else decode.picture_size(path, pages)


def _read_deep_png(path, background):
    """A PNG of 16 bits with colours or alpha, of which Pillow would make 8, as uint16; `None` for other files."""
    head = decode.beginning(path, HEAD)
    is_deep = len(head) == HEAD and head[:8] == b"\x89PNG\r\n\x1a\n" and head[24] == 16
    if not is_deep or head[25] not in PNG_CHANNELS:
        return None
    data = path.read_bytes()
    if background and b"tRNS" in data[: data.find(b"IDAT")]:
        raise DataError(TRANSPARENT.format(path))
    channels = PNG_CHANNELS[data[25]]
    header = decode.open_picture(path)  # which knows how many pixels a picture may have
    try:
        values = tf.io.decode_png(data, dtype=tf.uint16).numpy()
    except tf.errors.OpError as error:
        raise DataError(f"{path} cannot be read as a picture. Is it whole?") from error
    if background and values.shape[-1] > channels:
        values = background.under_values(values[..., :channels], values[..., channels:])
    values = viewing.turned_values(values[..., :channels], viewing.orientation(header))
    return path.cut(values) if isinstance(path, decode.Half) else values


def _read_pages(picture, numbers, path, background):
    """The pages of a TIFF, side by side as channels."""
    pages = []
    decode.check_pixels(picture.width * picture.height * len(numbers), path)
    for number in numbers:
        decode.turn_to(picture, number, path)
        pages.append(_values(decode.load(picture, path), path, background))
    return _side_by_side(pages, path)


def _side_by_side(pages, path):
    """Arrays (height, width, channels) as the channels of one. Raises `DataError` if they are of several kinds."""
    if len({(page.shape[:2], page.dtype) for page in pages}) > 1:
        raise DataError(f"{path} has pages of several sizes or depths, which cannot be the channels of one image.")
    return np.concatenate(pages, axis=-1)


def _values(picture, path, background=None):
    """The values of a decoded `PIL.Image`."""
    kind = stored.storage(picture)
    if kind.unnamed:
        raise DataError(f"{path} has a band that is no colour and not alpha. {unreadable.other_way()}.")
    if picture.mode in ("1", "L", "LA"):
        if kind.signed:
            return _kind(_black_is_zero(picture, path), path)
        return np.asarray(_over(picture, background).convert("L"))[..., None]
    if picture.mode == "F" or picture.mode.startswith("I"):
        if background and "transparency" in picture.info:
            raise DataError(TRANSPARENT.format(path))
        return _kind(_black_is_zero(picture, path), path)
    decode.check_colors(picture, path)
    if picture.mode in decode.IMAGE_MODES:
        return np.asarray(_over(picture, background).convert("RGB"))
    raise DataError(
        f"{path} is of mode {picture.mode}, which is not known. Save it as PNG, TIFF or as a NumPy array (.npy)."
    )


def _black_is_zero(picture, path):
    """The numbers of a decoded picture that Pillow gives as they are stored: (height, width, 1)."""
    values, kind = stored.numbers(picture)[..., None], stored.storage(picture)
    return stored.turned_round(values, kind.bits, path) if kind.white_is_zero else values


def _over(picture, background):
    return background.under(picture) if background else picture


def _kind(values, path):
    """`values` as one of `KINDS`, which follows from the file's kind alone, in this machine's order of bytes.

    Raises:
        DataError: If they are complex, or whole numbers that float32 would round.
    """
    if values.dtype.kind == "c":
        raise DataError(f"{path} holds complex numbers. Save their parts, or size and angle, as channels: .npy.")
    if values.dtype.name in KINDS:
        return values.astype(values.dtype.name, copy=False)
    read = values.astype("float32")
    if values.dtype.kind in "iu" and values.dtype.itemsize > 2 and (read.astype("float64") != values).any():
        raise DataError(
            f"{path} holds whole numbers up to {values.max():,}, some of which float32 would round: it keeps those up "
            "to 16,777,216. Subtract what all have in common, and save them as 16 bits or float32."
        )
    return read


def file_suffix(channels, dtype):
    """The kind of file that keeps images of so many channels and this depth: `.png`, `.tiff` or `.npy`."""
    if channels in (1, 3) and dtype != "float32":
        return ".png"
    return ".tiff" if channels == 1 else ".npy"


def write_deep(image, path):
    """Writes (height, width, channels) uint8, uint16 or float32 exactly, as a file of the kind `file_suffix` names."""
    channels, dtype = image.shape[-1], image.dtype.name
    with path.open("wb") as file:
        if file_suffix(channels, dtype) == ".npy":
            np.save(file, image)
        elif (channels, dtype) == (3, "uint16"):
            file.write(tf.io.encode_png(image).numpy())
        else:
            picture = Image.fromarray(image[..., 0] if channels == 1 else image)
            picture.save(file, "TIFF" if dtype == "float32" else "PNG")
