"""What is in TIFF files beside the picture: thumbnails and reduced copies; and kinds of numbers not read."""

from PIL import TiffImagePlugin

from pipelines.reading.stored import BITS_PER_SAMPLE, SAMPLE_FORMAT

SUBFILE, OLD_SUBFILE = 254, 255  # tags that say what a page is
REDUCED, MASK, OLD_REDUCED = 1, 4, 2  # bits of the first, value of the second
NUMBERS = {1: "unsigned whole", 2: "signed whole", 3: "floating-point", 5: "complex whole", 6: "complex"}
FEW_PAGES = 256  # among which the second picture is looked for: thumbnails, masks and copies are fewer
MOST_PAGES = 2**16
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def full_pages(picture, most=MOST_PAGES):
    """Numbers of a TIFF's pages that are pictures: not thumbnails, masks, or smaller copies. One after the other, so
    that who looks for the second only need not wait for thousands.

    A page without a word of what it is, is a smaller copy if it is lower and narrower than the first picture.

    Args:
        picture: `PIL.Image`.
        most: Integer, how many pages are looked at.
    """
    first = None
    for number in range(most):
        try:
            picture.seek(number)
        except EOFError:
            break
        except SyntaxError:  # Pillow does not know what masks are
            if not _is_marked(picture.tag_v2):
                raise
        if _is_marked(picture.tag_v2):
            continue
        size = picture.size
        first = first or size
        if size[0] >= first[0] or size[1] >= first[1]:
            yield number
    if first is None:
        yield 0


def _is_marked(tags):
    return bool(tags.get(SUBFILE, 0) & (REDUCED | MASK)) or tags.get(OLD_SUBFILE) == OLD_REDUCED


def tags_of(file):
    """The tags of a TIFF's first page: a dict, empty of other files. Raises what damaged tags lead Pillow to.

    Args:
        file: Binary file.
    """
    header = file.read(8)
    if header[:4] not in MAGIC:
        return {}
    tags = TiffImagePlugin.ImageFileDirectory_v2(header)
    file.seek(tags.next)
    tags.load(file)
    return tags


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
