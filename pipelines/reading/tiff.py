"""What is in TIFF files beside the picture: thumbnails and reduced copies; and kinds of numbers not read."""

import importlib.util
import itertools

from PIL import TiffImagePlugin

from pipelines.errors import DataError
from pipelines.reading.stored import BITS_PER_SAMPLE, SAMPLE_FORMAT

WIDTH, HEIGHT = 256, 257  # tags
SUBFILE, OLD_SUBFILE = 254, 255  # tags that say what a page is
REDUCED, MASK, OLD_REDUCED = 1, 4, 2  # bits of the first, value of the second
COMPRESSION = 259
FOREIGN_CODECS = {34887: "LERC", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"}  # that Pillow may lack
NUMBERS = {1: "unsigned whole", 2: "signed whole", 3: "floating-point", 5: "complex whole", 6: "complex"}
FEW_PAGES = 256  # among which the second picture is looked for: thumbnails, masks and copies are fewer
MOST_PAGES = 2**16
COUNTED_PAGES = 10  # of several, in a message
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG = (b"II+\0", b"MM\0+")  # whose header is twice as long


def has_rasterio():
    """Whether rasterio is installed, an extra, which reads TIFF files that Pillow cannot read."""
    return importlib.util.find_spec("rasterio") is not None


def directories(file):
    """The tags of a TIFF's pages, a dict for each, one after the other; none of other files. Raises what damaged tags
    lead Pillow to.

    Args:
        file: Binary file.
    """
    file.seek(0)
    header = file.read(8)
    if header[:4] not in MAGIC:
        return
    header += file.read(8) if header[:4] in BIG else b""
    place, seen = TiffImagePlugin.ImageFileDirectory_v2(header).next, set()
    while place and place not in seen:
        seen.add(place)
        tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        file.seek(place)
        tags.load(file)
        yield tags
        place = tags.next


def full_pages(file, most=MOST_PAGES):
    """Those of a TIFF's pages that are pictures: not thumbnails, masks, or smaller copies. One after the other, so that
    who looks for the second only need not wait for thousands.

    A page without a word of what it is, is a smaller copy if it is lower and narrower than the first picture.

    Args:
        file: Binary file.
        most: Integer, how many pages are looked at.

    Yields:
        Number of a page, and its tags.
    """
    first = None
    for number, tags in enumerate(itertools.islice(directories(file), most)):
        if _is_marked(tags):
            continue
        size = tags[WIDTH], tags[HEIGHT]
        first = first or size
        if size[0] >= first[0] or size[1] >= first[1]:
            yield number, tags
    if first is None:
        yield 0, tags_of(file)


def first_page(file, path, pages):
    """The first of a TIFF's pages that is a picture: its number, and its tags.

    Args:
        file: Binary file.
        path: What it is called in a message.
        pages: See `decode.open_picture`.

    Raises:
        DataError: If there are more, and nobody said what they are.
    """
    found = full_pages(file, FEW_PAGES)
    first = next(found)
    if pages not in ("first", "channels") and next(found, None) is not None:
        count = 2 + sum(1 for _ in itertools.islice(found, COUNTED_PAGES - 2))
        raise DataError(
            f"{path} has {count} pages{' or more' if count == COUNTED_PAGES else ''}. --source_pages says what they "
            "are: channels of one image, or frames of a sequence; first takes the first page alone, also of targets."
        )
    return first


def _is_marked(tags):
    return bool(tags.get(SUBFILE, 0) & (REDUCED | MASK)) or tags.get(OLD_SUBFILE) == OLD_REDUCED


def tags_of(file):
    """The tags of a TIFF's first page: a dict, empty of other files. Raises what damaged tags lead Pillow to.

    Args:
        file: Binary file.
    """
    return next(directories(file), {})


def foreign_codec(tags):
    """Name of a page's compression if Pillow may lack it, else an empty string."""
    return FOREIGN_CODECS.get(tags.get(COMPRESSION), "")


def foreign_codec_of(file):
    """That of a TIFF's first page; an empty string, too, if that cannot be told. `file`: binary file."""
    try:
        return foreign_codec(tags_of(file))
    except Exception:  # whatever damaged tags lead Pillow to
        return ""


def unknown_kind(file):
    """What numbers a TIFF holds that Pillow cannot read: a part of a message, empty if that cannot be told.

    Args:
        file: Binary file.
    """
    try:
        tags = tags_of(file)
        bits, kind = tags[BITS_PER_SAMPLE], tags.get(SAMPLE_FORMAT, (1,))[0]
    except Exception:  # whatever damaged tags lead Pillow to
        return ""
    return f"{len(bits)} channel(s) of {max(bits)}-bit {NUMBERS.get(kind, 'unknown')} numbers"
