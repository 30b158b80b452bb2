"""Counts the ids of all label maps of a dataset, and finds what cannot be: strays, mixed ids, palettes that differ."""

import dataclasses

import numpy as np

from pipelines.errors import DataError
from pipelines.reading import arrays, decode

PALETTE_TYPE = 3  # of a PNG
MOST_STRAYS = 16  # ids outside of the classes that are listed; nobody calls more of them "no class"
MOST_COUNTED = 2**20  # ids up to this are counted in a table
MIXED_KINDS, MIXED_SHARE = 3, 0.3  # ids that only mixing makes: at least so many, in at most this share of the pixels,
MIXED_BETWEEN = 0.8  # of which this share lies between others; in noise it is up to 0.75


@dataclasses.dataclass
class Labels:
    """The ids of one label map.

    Attributes:
        counts: Dict: id -> pixels.
        between: Dict: id -> pixels that lie between a lower and a higher id, left and right or above and below; empty
            where all ids are solid.
        solid: Set of ids that fill two by two pixels somewhere; empty where all were known to.
        palette: Dict: id -> (red, green, blue) in this file; empty if it has no palette.
        path: The file.
    """

    counts: dict
    between: dict
    solid: set
    palette: dict
    path: object

    @classmethod
    def of(cls, ids, path, source, known_solid=frozenset()):
        """Of a label map (height, width) int32 that was read from a file of `source`.

        `known_solid`: ids of which it is known from other maps that they are; maps of no others are not looked at.
        """
        counts = count(ids)
        if min(counts) >= 0 and max(counts) < 256:
            ids = ids.astype("uint8")  # four times as quick to compare
        shown = {} if source.label_table else _palette(path, source.pages_of("label_map"), counts)
        if len(counts) < MIXED_KINDS + 1 or counts.keys() <= known_solid:
            return cls(counts, {}, set(), shown, path)
        solid = set(count(ids[:-1, :-1][_is_solid(ids)]))
        between = count(ids[_lies_between(ids)]) if counts.keys() - solid else {}  # solid ids are not mixed ones
        return cls(counts, between, solid, shown, path)


def count(ids):
    """Dict: id -> how often it is in an array of whole numbers."""
    if ids.size and ids.min() >= 0 and ids.max() < MOST_COUNTED:
        found = np.bincount(ids.ravel())
        return {int(label): int(found[label]) for label in np.flatnonzero(found)}
    labels, found = np.unique(ids, return_counts=True)
    return dict(zip(labels.tolist(), found.tolist()))


def _lies_between(ids):
    """Whether a pixel is one step of a staircase of ids, as filters and lossy files make of an edge."""
    marked = np.zeros(ids.shape, bool)
    up, across = ids[1:] > ids[:-1], ids[:, 1:] > ids[:, :-1]
    down, back = ids[1:] < ids[:-1], ids[:, 1:] < ids[:, :-1]
    marked[1:-1] = (up[1:] & up[:-1]) | (down[1:] & down[:-1])
    marked[:, 1:-1] |= (across[:, 1:] & across[:, :-1]) | (back[:, 1:] & back[:, :-1])
    return marked


def _is_solid(ids):
    corner = ids[:-1, :-1]
    return (corner == ids[1:, :-1]) & (corner == ids[:-1, 1:]) & (corner == ids[1:, 1:])


def _may_have_palette(path):
    """Whether a file may; of most PNGs a byte says so."""
    if arrays.is_array(path):
        return False
    header = decode.beginning(path, 26)
    return header[:4] != b"\x89PNG" or header[25] == PALETTE_TYPE


def _palette(path, pages, counts):
    """The colours of the ids that a file has; empty if it has no palette."""
    if not _may_have_palette(path):
        return {}
    with decode.open_picture(path, pages) as picture:
        if picture.mode != "P":
            return {}
        colors = np.asarray(decode.load(picture, path).getpalette("RGB")).reshape(-1, 3).tolist()
    return {label: tuple(colors[label]) for label in counts if label < len(colors)}


class Census:
    """The ids of a dataset.

    Args:
        source: `pipelines.source.FileSource`.
    """

    def __init__(self, source):
        self.source = source
        self.pixels, self.between, self.solid, self.strays, self.palette = {}, {}, set(), {}, {}

    def add(self, name, labels):
        """Counts in the `Labels` of a scene. Raises `DataError` if its palette is another than one before."""
        for label, number in labels.counts.items():
            self.pixels[label] = self.pixels.get(label, 0) + number
            if not (0 <= label < self.source.num_classes or label in self.source.dont_care):
                self.strays.setdefault(label, []).append(name)
        for label, number in labels.between.items():
            self.between[label] = self.between.get(label, 0) + number
        self.solid |= labels.solid
        for label, color in labels.palette.items():
            known, path = self.palette.setdefault(label, (color, labels.path))
            if known != color:
                raise DataError(
                    f"The palettes of label maps differ: {label} is #{bytes(known).hex()} in {path}, "
                    f"#{bytes(color).hex()} in {labels.path}. If the colours are the classes, give --label_table with "
                    "them; if the numbers are, save the files without palettes or with the same."
                )

    def check(self):
        """Raises `DataError` if ids look mixed, or are no classes."""
        mixed = self._mixed()
        if len(mixed) >= MIXED_KINDS and 2 * len(mixed) >= len(self.pixels) - len(mixed):
            shown = ", ".join(map(str, mixed[:8])) + (" ..." if len(mixed) > 8 else "")
            raise DataError(
                f"The ids {shown} stand only on edges, between lower and higher ones: the label maps were resized with "
                "a filter, or stored with losses. Make them anew by nearest neighbour, and save them as PNG."
            )
        if self.strays:
            raise DataError(self._describe_strays())

    def _mixed(self):
        """Ids that only stand between others, sorted; none if these are much of the pictures."""
        mixed = [
            label
            for label in sorted(self.between)
            if label not in self.solid and self.between[label] >= MIXED_BETWEEN * self.pixels[label]
        ]
        share = sum(self.pixels[label] for label in mixed) / max(sum(self.pixels.values()), 1)
        return mixed if share <= MIXED_SHARE else []

    def _describe_strays(self):
        num_classes = self.source.num_classes
        lines = [f"Label maps hold ids outside of 0..{num_classes - 1} ({num_classes} classes):"]
        for label in sorted(self.strays)[:MOST_STRAYS]:
            names = self.strays[label]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            lines.append(f"  {label}: {self.pixels[label]} pixels in {', '.join(names[:3])}{more}")
        if len(self.strays) > MOST_STRAYS:
            lines.append(
                f"  and {len(self.strays) - MOST_STRAYS} more. Are these photographs, or thermal images? Give them "
                "as --source_dir."
            )
            return "\n".join(lines)
        lines.append(
            f"If they mean 'no class', give --dont_care={','.join(map(str, sorted(self.strays)))}; if they are "
            "classes, a larger --num_classes; else map them with --label_table."
        )
        return "\n".join(lines)

    def describe(self):
        """Lines: the share of each id."""
        source, total, lines = self.source, sum(self.pixels.values()), []
        for label in sorted(self.pixels, key=lambda label: -self.pixels[label]):
            known = 0 <= label < (source.num_classes or 0)
            name = source.class_names[label] if known and source.class_names else "no class" if not known else ""
            lines.append(f"  {label:4d} {name:<22s}{100 * self.pixels[label] / total:6.2f} %")
        return lines
