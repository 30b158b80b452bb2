"""Images as they are, whatever their channels and depth: PNG, JPEG, TIFF of 8, 16 or 32 bits, NumPy arrays."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from pipelines import decode
from pipelines.errors import DataError

BITS_PER_SAMPLE = 258  # a tag of TIFF files
PNG_CHANNELS = {2: 3, 4: 1, 6: 3}  # colour type in a PNG's header -> channels without alpha
KINDS = ("uint8", "uint16", "float32")  # of the values; others are turned into one of them


def read_deep(path, pages=""):
    """Any image, its channels and its depth as they are.

    Args:
        path: `Path` or another file, see `decode`.
        pages: `"channels"` if the pages of a TIFF are the channels of one image; `""`: several pages are an error.

    Returns:
        (height, width, channels) uint8, uint16 or float32. One channel stays one channel; alpha is dropped. Numbers of
        other kinds, such as signed ones, become float32.

    Raises:
        DataError: If the file is no picture, is cut short, or of a kind that is not known.
    """
    if _is_array(path):
        return _read_array(path)
    deep_png = _read_deep_png(path) if path.suffix.lower() == ".png" else None
    if deep_png is not None:
        return deep_png
    picture = decode.decoded(path, pages == "channels")
    if pages == "channels" and getattr(picture, "n_frames", 1) > 1:
        return _read_pages(picture, path)
    return _values(picture, path)


def deep_size(path, pages=""):
    """(height, width) of a file, without decoding it."""
    return _read_array(path).shape[:2] if _is_array(path) else decode.picture_size(path, pages == "channels")


def _is_array(path):
    return path.suffix.lower() == ".npy"


def _read_array(path):
    """A NumPy file (height, width) or (height, width, channels); nothing in it is executed."""
    try:
        values = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as a NumPy array: {error}. Is it whole?") from error
    if not isinstance(values, np.ndarray) or values.ndim not in (2, 3) or values.dtype.kind not in "uif":
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else "several arrays"
        raise DataError(f"{path} should hold numbers (height, width) or (height, width, channels). It holds {found}.")
    return _kind(values if values.ndim == 3 else values[..., None])


def _read_deep_png(path):
    """A PNG of 16 bits with colours or alpha, of which Pillow would make 8, as uint16; `None` for other files."""
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[24:25] != b"\x10" or data[25] not in PNG_CHANNELS:
        return None
    try:
        return tf.io.decode_png(data, channels=PNG_CHANNELS[data[25]], dtype=tf.uint16).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise DataError(f"{path} cannot be read as a picture. Is it whole?") from error


def _read_pages(picture, path):
    """The pages of a TIFF, side by side as channels."""
    pages = []
    for number in range(picture.n_frames):
        picture.seek(number)
        pages.append(_values(picture, path))
    if len({(page.shape[:2], page.dtype) for page in pages}) > 1:
        raise DataError(f"{path} has pages of several sizes or depths, which cannot be the channels of one image.")
    return np.concatenate(pages, axis=-1)


def _values(picture, path):
    """The values of a decoded `PIL.Image`."""
    if picture.mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))[..., None]
    if picture.mode == "F" or picture.mode.startswith("I"):
        values = np.asarray(picture)[..., None]
        return values.astype("uint16") if picture.format == "PNG" else _kind(values)  # PNGs have no more than 16 bits
    bits = picture.tag_v2.get(BITS_PER_SAMPLE, (8,)) if picture.format == "TIFF" else (8,)
    if np.max(bits) > 8:
        raise DataError(f"{path} has colours of {np.max(bits)} bits, which would be read as 8. Save it as PNG or .npy.")
    if picture.mode in decode.IMAGE_MODES:
        return np.asarray(picture.convert("RGB"))
    raise DataError(
        f"{path} is of mode {picture.mode}, which is not known. Save it as PNG, TIFF or as a NumPy array (.npy)."
    )


def _kind(values):
    """`values` as one of `KINDS`, which follows from the file's kind alone, in this machine's order of bytes."""
    return values.astype(values.dtype.name if values.dtype.name in KINDS else "float32", copy=False)


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
