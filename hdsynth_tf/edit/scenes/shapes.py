"""Masks as shapes that can be cut out, resized, mirrored and put somewhere: pure geometry of pixels."""

import dataclasses

import numpy as np

from pipelines.pixels import nearest


@dataclasses.dataclass(frozen=True, eq=False)
class Shape:
    """The pixels of an object, cut out, and where they stand.

    Attributes:
        mask: Boolean `(height, width)`, without empty rows or columns at its edges.
        foot: (x, y) integers: column of its middle and row of its lowest pixels, in the picture.
    """

    mask: np.ndarray
    foot: tuple

    @classmethod
    def cut(cls, mask):
        """The shape of what a mask of the picture marks; `None` if it marks nothing."""
        rows, columns = (np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1))
        if not len(rows):
            return None
        part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(part, (int(columns[0] + part.shape[1] // 2), int(rows[-1])))

    def at(self, foot):
        return dataclasses.replace(self, foot=tuple(foot))

    def mirrored(self):
        """Left becomes right, in the same columns."""
        return dataclasses.replace(self, mask=self.mask[:, ::-1])

    def scaled(self, factor):
        """Resized by nearest neighbour, standing on the same foot; at least a pixel."""
        sizes = ((length, max(round(length * factor), 1)) for length in self.mask.shape)
        rows, columns = (nearest(np.arange(target), length, target) for length, target in sizes)
        return dataclasses.replace(self, mask=self.mask[rows[:, None], columns[None]])

    def paint(self, size):
        """Boolean mask of a picture of `size` (height, width); what stands outside is cut off."""
        picture = np.zeros(size, bool)
        height, width = self.mask.shape
        left, top = self.foot[0] - width // 2, self.foot[1] - height + 1
        rows, columns = slice(max(top, 0), max(top + height, 0)), slice(max(left, 0), max(left + width, 0))
        target = picture[rows, columns]
        own = self.mask[max(-top, 0) :, max(-left, 0) :]
        target[:] = own[: target.shape[0], : target.shape[1]]
        return picture


def stroke(points, radius, size):
    """Mask of a stroke of a round brush from point to point.

    Args:
        points: List of (x, y).
        radius: Pixels; 0 is one pixel.
        size: (height, width) of the picture.

    Returns:
        Boolean `(height, width)`.
    """
    mask = np.zeros(size, bool)
    points = np.asarray(points, "float64")
    low, high = np.floor(points.min(axis=0) - radius), np.ceil(points.max(axis=0) + radius) + 1
    (left, top), (right, bottom) = np.clip(low, 0, size[::-1]).astype(int), np.clip(high, 0, size[::-1]).astype(int)
    if left >= right or top >= bottom:
        return mask
    for start, end in zip(points, points[1:] if len(points) > 1 else points):
        _thick_line(mask, start, end, radius)
    return mask


def _thick_line(mask, start, end, radius):
    """Marks the pixels whose centres are no farther than radius + 1/2 from the line between two points."""
    reach = radius + 0.5
    low = np.clip(np.floor(np.minimum(start, end) - reach), 0, mask.shape[::-1]).astype(int)
    high = np.clip(np.ceil(np.maximum(start, end) + reach) + 1, 0, mask.shape[::-1]).astype(int)
    y, x = np.ogrid[low[1] : high[1], low[0] : high[0]]
    along, length = end - start, max(float(np.sum((end - start) ** 2)), 1e-9)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1)
    distance = (x - start[0] - share * along[0]) ** 2 + (y - start[1] - share * along[1]) ** 2
    mask[low[1] : high[1], low[0] : high[0]] |= distance <= reach**2
