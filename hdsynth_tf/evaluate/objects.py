"""Objects in pictures, as detectors find them: non-maximum suppression, matching with others, recall and precision.

An object is a row of six numbers: x1, y1, x2, y2 in pixels, its score, 0 to 1, and the number of its class. Objects of
a picture are a float array `(objects, 6)`, the highest score first.
"""

import numpy as np

from hdsynth_tf.evaluate.segmentation import ratio

SCORE, CLASS = 4, 5  # columns
MOST = 300  # objects of a picture that are kept, those with the highest scores, as detectors themselves do
OVERLAP = 0.5  # IoU from which on boxes of one class are taken for the same object


def ordered(objects):
    """The same, the highest score first; equal ones stay in their order."""
    return objects[np.argsort(-objects[:, SCORE], kind="stable")]


def box_iou(box, boxes):
    """Intersection over union of a box `(4,)` with each of some `(boxes, 4)`: `(boxes,)`, 0 to 1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    shared = np.clip(high - low, 0, None).prod(-1)
    union = (box[2:4] - box[:2]).prod() + (boxes[:, 2:4] - boxes[:, :2]).prod(-1) - shared
    return np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0)


def non_max_suppression(objects, most=MOST):
    """Leaves out objects that overlap, by an IoU above `OVERLAP`, one of their class with a higher score that stays.

    Args:
        objects: `(objects, 6)`, in any order.
        most: Integer: this many stay at most.

    Returns:
        `(objects, 6)`, the highest score first.
    """
    left, kept = ordered(objects), []
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(best)
        same = left[:, CLASS] == best[CLASS]
        left = left[~(same & (box_iou(best, left) > OVERLAP))]
    return np.array(kept).reshape(-1, 6)


def match(found, real):
    """Number of objects found that are also in the real picture: same class, IoU of `OVERLAP` or more.

    One to one: in the order of their scores, each takes the one that it overlaps most of those not taken yet.

    Args:
        found, real: `(objects, 6)`, the highest score first.
    """
    free, matched = np.ones(len(real), bool), 0
    for one in found:
        overlaps = np.where(free & (real[:, CLASS] == one[CLASS]), box_iou(one, real), 0)
        if overlaps.max(initial=0) >= OVERLAP:
            free[overlaps.argmax()] = False
            matched += 1
    return matched


def padded(objects):
    """`(objects, 6)` -> float32 `(MOST, 6)`: as many rows for every picture, filled up with NaN."""
    filled = np.full((MOST, 6), np.nan, "float32")
    filled[: len(objects)] = objects[:MOST]
    return filled


def unpadded(rows):
    """What was `padded`, in float64."""
    return rows[~np.isnan(rows[:, SCORE])].astype("float64")


def count_matches(found, real):
    """Counts of each picture's objects.

    Args:
        found, real: `(pictures, MOST, 6)`, see `padded`.

    Returns:
        int64 `(pictures, 3)`: objects found, of them those that match, objects of the real picture.
    """
    pairs = [[unpadded(rows) for rows in both] for both in zip(found, real)]
    return np.array([[len(one), match(one, other), len(other)] for one, other in pairs]).reshape(-1, 3)


def scores(counts):
    """The scores of counts that were summed over pictures.

    Args:
        counts: `(..., 3)`, see `count_matches`.

    Returns:
        Dict of float arrays `(...)`: `objects`, their number; `recall`, the share of the real pictures' objects that
        were found; `precision`, the share of those found that are in the real pictures; `f1`, the harmonic mean of
        both. NaN where there are no objects to take a share of.
    """
    found, matched, real = np.moveaxis(np.asarray(counts, "float64"), -1, 0)
    return {
        "objects": found,
        "recall": ratio(matched, real),
        "precision": ratio(matched, found),
        "f1": ratio(2 * matched, found + real),
    }
