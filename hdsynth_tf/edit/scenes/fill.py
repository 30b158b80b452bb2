"""What lies behind an object that was removed: the nearest surroundings, and no more.

Street layers lie horizontally, so what is beside a hole tells more than what is above or below it. BUILD_NOTES.md says
how this was chosen.
"""

import numpy as np
from scipy import ndimage

VERTICAL_WEIGHT = 4.0
WINDOW = 7  # pixels, of the mode filter
MARGIN = 16  # pixels, at least, of the surroundings that are looked at


def fill_hole(object_map, hole, known, vertical_weight=VERTICAL_WEIGHT):
    """Fills a hole with the nearest pixels that are known, then smooths what was filled.

    Args:
        object_map: `(height, width)` integers.
        hole: Boolean `(height, width)`, pixels to fill.
        known: Boolean `(height, width)`, pixels that may be copied; not one of them in the hole. One at least.
        vertical_weight: Float, pixels to the side that a pixel above or below counts as.

    Returns:
        `object_map` with the hole filled, a copy.
    """
    part = surroundings(hole, known)
    filled = object_map.copy()
    filled[part] = nearest(object_map[part], hole[part], known[part], vertical_weight)
    filled[part] = mode_filter(filled[part], hole[part], hole[part] | known[part])
    return filled


def surroundings(hole, known):
    """Slices of the part of the picture that a hole is filled from: half its size around it; more if all is unknown."""
    rows, columns = (np.flatnonzero(hole.any(axis=1 - axis))[[0, -1]] + (0, 1) for axis in (0, 1))
    margin = max(MARGIN, (rows[1] - rows[0]) // 2, (columns[1] - columns[0]) // 2)
    while True:
        part = tuple(slice(max(start - margin, 0), stop + margin) for start, stop in (rows, columns))
        if known[part].any():
            return part
        margin *= 2


def nearest(values, hole, known, vertical_weight=VERTICAL_WEIGHT):
    """`values` with every pixel of the hole equal to the nearest known pixel, and all others as they were."""
    indices = ndimage.distance_transform_edt(
        ~known, sampling=(vertical_weight, 1), return_distances=False, return_indices=True
    )
    return np.where(hole, values[tuple(indices)], values)


def mode_filter(values, where, voters, window=WINDOW):
    """Gives every pixel of `where` the most frequent value around it.

    Args:
        values: `(height, width)` integers.
        where, voters: Booleans `(height, width)`: pixels to change; pixels that count.
        window: Odd integer, pixels: height and width of what is around a pixel.

    Returns:
        As `values`. A pixel keeps its value if none is more frequent; of others equally frequent, the smallest wins.
    """
    candidates = np.unique(values[where])
    ones = np.ones(window, "int32")
    votes = []
    for candidate in candidates:
        own = values == candidate
        count = ndimage.correlate1d((own & voters).astype("int32"), ones, axis=0, mode="constant")
        votes.append(2 * ndimage.correlate1d(count, ones, axis=1, mode="constant") + own)
    return np.where(where, candidates[np.argmax(votes, axis=0)], values)
