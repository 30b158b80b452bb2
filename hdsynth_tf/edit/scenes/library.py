"""Objects cut out of a dataset's scenes, whole ones that can be put into others."""

import dataclasses

import numpy as np
from scipy import ndimage

from hdsynth_tf.edit.scenes.classes import boxes
from hdsynth_tf.edit.scenes.edits import nearer
from pipelines.source import spread

SMALLEST = 1 / 12  # of the picture's height: height of what is cut out, at least
LARGEST_PART = 0.95  # of its pixels, at least, in one piece
HIDDEN = 0.1  # of the pixels around it, at most, belong to objects that stand nearer and may hide a part of it


@dataclasses.dataclass(frozen=True, eq=False)
class CutOut:
    """One object of the library.

    Attributes:
        label: Integer, its class.
        mask: Boolean `(height, width)`.
        foot: (x, y) where it stood, shares of its picture's width and height.
        height: Integer, of its picture.
        scene: String, where it is from.
    """

    label: int
    mask: np.ndarray
    foot: tuple
    height: int
    scene: str


def cut_outs(scene, name):
    """The objects of a scene that are whole: large enough, in one piece, off the edge, behind nothing.

    Args:
        scene: `Scene`.
        name: String.

    Returns:
        List of `CutOut`.
    """
    height, width = scene.size
    found = []
    for number, (rows, columns) in enumerate(boxes(scene)):
        at_edge = rows.start == 0 or columns.start == 0 or rows.stop == height or columns.stop == width
        small = rows.stop - rows.start < SMALLEST * height
        if not scene.objects[number].is_counted or at_edge or small:
            continue
        mask = scene.mask(number)
        if _is_whole(scene, mask, rows.stop - 1):
            foot = (columns.start + columns.stop) / 2 / width, rows.stop / height
            found.append(CutOut(scene.objects[number].label, mask[rows, columns], foot, height, name))
    return found


def _is_whole(scene, mask, foot):
    """Whether a mask is one piece, and hardly anything around it stands nearer."""
    parts, count = ndimage.label(mask)
    if count > 1 and np.bincount(parts.ravel())[1:].max() < LARGEST_PART * mask.sum():
        return False
    ring = ndimage.binary_dilation(mask) & ~mask
    return bool(np.isin(scene.object_map[ring], nearer(scene, ring, foot + 1)).mean() <= HIDDEN)


def choose(found, each):
    """At most `each` cut-outs of every class, spread over their sizes, the classes in order."""
    chosen = []
    for label in sorted({cut.label for cut in found}):
        own = sorted((cut for cut in found if cut.label == label), key=lambda cut: cut.mask.shape[0] / cut.height)
        chosen += [own[place] for place in reversed(spread(each, len(own)))]
    return chosen
