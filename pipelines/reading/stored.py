"""The numbers that a file stores, where Pillow gives others: it stretches few bits, loses signs and large numbers."""

import dataclasses

import numpy as np

from pipelines.errors import DataError

BITS_PER_SAMPLE, PHOTOMETRIC, EXTRA_SAMPLES, SAMPLE_FORMAT = 258, 262, 338, 339  # tags of TIFF files
SIGNED = 2  # a sample format
GREY_BITS = {"L;2": 2, "L;4": 4}  # Pillow's raw modes, also with letters behind -> bits
KEY = "stored"


@dataclasses.dataclass(frozen=True)
class Storage:
    """How a file stores its numbers.

    Attributes:
        format: String, of Pillow: `"PNG"`.
        bits: Integer, of each number.
        largest: Integer, the number that stands for white, of grey files whose numbers Pillow stretches; else 0.
        signed: Boolean.
        white_is_zero: Boolean.
        lossy: Boolean, whether a TIFF has JPEG inside.
        unnamed: Boolean, whether a TIFF has a band of which it says that it is neither a colour nor alpha.
    """

    format: str
    bits: int = 8
    largest: int = 0
    signed: bool = False
    white_is_zero: bool = False
    lossy: bool = False
    unnamed: bool = False


def remember(picture):
    """Keeps the `Storage` of a `PIL.Image` in its `info`. What it says is lost once the picture is decoded."""
    decoder, arguments = (picture.tile[0][0], picture.tile[0][3]) if getattr(picture, "tile", None) else ("", "")
    raw_mode = arguments if isinstance(arguments, str) else (arguments or ("",))[0]
    bits, largest, of_tiff = 8, 0, ()
    if picture.format == "TIFF":
        tags = picture.tag_v2
        bits = int(np.max(tags.get(BITS_PER_SAMPLE, (1,))))
        lossy = "jpeg" in picture.info.get("compression", "")
        of_tiff = SIGNED in tags.get(SAMPLE_FORMAT, ()), tags.get(PHOTOMETRIC) == 0, lossy, has_unnamed(tags)
    if picture.format == "PNG" and raw_mode.endswith(";16B"):
        bits = 16
    if picture.format == "PPM" and decoder in ("ppm", "ppm_plain") and isinstance(arguments[-1], int):
        largest = arguments[-1]
        bits = largest.bit_length()
    if isinstance(raw_mode, str) and raw_mode[:3] in GREY_BITS:
        bits = GREY_BITS[raw_mode[:3]]
        largest = 2**bits - 1
    picture.info[KEY] = Storage(picture.format, bits, largest, *of_tiff)


def extra_samples(tags):
    """What the tags of a TIFF say of bands that are no colours: a tuple of 0, unknown, 1 or 2, alpha."""
    extra = tags.get(EXTRA_SAMPLES, ())
    return extra if isinstance(extra, tuple) else (extra,)


def has_unnamed(tags):
    """Whether the tags of a TIFF say of a band that nobody knows what it is."""
    return 0 in extra_samples(tags)


def turned_round(values, bits, path):
    """Numbers whose 0 is white as numbers whose 0 is black.

    Args:
        values: Array of uint8 or uint16.
        bits: Integer, of each number in the file.
        path: What the file is called in a message.

    Raises:
        DataError: If the numbers are others, of which nobody knows which is black.
    """
    if values.dtype.kind != "u" or bits not in (8, 16):
        raise DataError(
            f"{path} is a TIFF whose 0 is white (MinIsWhite), of {bits}-bit {values.dtype}: nobody knows which number "
            "is black. Save it with 0 as black (MinIsBlack), or as .npy."
        )
    return np.iinfo(values.dtype).max - values


def storage(picture):
    """The `Storage` of a picture that `remember` has seen."""
    return picture.info[KEY]


def numbers(picture):
    """The numbers of a decoded picture of one channel, or its palette's indices, as the file stores them.

    Args:
        picture: `PIL.Image` that `remember` has seen.

    Returns:
        (height, width) of the file's kind of number; few bits and whole numbers of PNG are uint8 or uint16.
    """
    values, kind = np.asarray(picture), storage(picture)
    if values.dtype == bool:
        return (values ^ (kind.format == "PPM")).astype("uint8")  # where 1 is black, which Pillow turns round
    if kind.signed and kind.bits == 8:
        return values.view("int8")
    if values.dtype == np.int32 and kind.format == "TIFF" and kind.bits == 32 and not kind.signed:
        return values.view("uint32")
    if kind.format in ("PNG", "PPM") and values.dtype == np.int32:  # neither goes below 0, nor beyond 16 bits
        values = values.astype("uint16")
    if kind.largest and picture.mode in ("L", "I"):
        return _unstretched(values, kind.largest)
    return values


def _unstretched(values, largest):
    """Whole numbers 0 .. `largest` that were stretched to the whole range of the array's kind."""
    white = np.iinfo(values.dtype).max
    table = ((np.arange(white + 1) * largest + white // 2) // white).astype(values.dtype)
    plain = np.empty_like(values)
    for row, stretched in zip(plain, values):  # an index takes eight bytes a pixel
        row[:] = table[stretched]
    return plain
