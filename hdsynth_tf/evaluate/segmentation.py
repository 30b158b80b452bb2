"""Segmentation scores: how well a segmenter finds the label map again in a picture. Pixel accuracy, IoU.

Everything is computed from confusion matrices, one an image, which are summed over images first: a class counts by its
pixels in all of them.
"""

import dataclasses
import functools

import numpy as np

from pipelines.errors import DataError

VOID = -1  # no class that is scored


@dataclasses.dataclass(frozen=True)
class EvaluatedClasses:
    """The classes that scores are about, numbered 0, 1, ... as the segmenter numbers them.

    Attributes:
        labels: The label id of each.
        names, colors: One for each.
    """

    labels: tuple
    names: tuple
    colors: tuple

    @classmethod
    def of(cls, source, labels=()):
        """Those of a source with label maps: the ids `labels`, or as the source says, or all but `dont_care`.

        Raises:
            DataError: If the source has no label map, or not so many classes.
        """
        if "label_map" not in source.formats:
            raise DataError("There are no label maps, which segmentation scores compare with.")
        if labels and max(labels) >= source.num_classes:
            raise DataError(f"Label {max(labels):g} is none of the {source.num_classes} classes of the label maps.")
        named = labels or source.evaluated_labels or range(source.num_classes)
        labels = tuple(int(label) for label in named if label not in source.dont_care)
        return cls(
            labels,
            tuple(source.class_names[label] for label in labels),
            tuple(tuple(source.class_colors[label]) for label in labels),
        )

    def __len__(self):
        return len(self.labels)

    @functools.cached_property
    def table(self):
        """int32 array: label id -> class, or `VOID`; its last entry stands for all ids beyond."""
        table = np.full(max(self.labels) + 2, VOID, "int32")
        table[list(self.labels)] = np.arange(len(self.labels))
        return table

    def __call__(self, label_map):
        """Label ids -> classes, int32; `VOID` for all other ids."""
        known = (label_map >= 0) & (label_map < len(self.table))
        return self.table[np.where(known, label_map, -1)]


def confusion_matrix(truth, found, num_classes):
    """Confusion matrix: pixels of each true class, by predicted class.

    Args:
        truth, found: Integer arrays of one shape. Pixels whose truth is `VOID` are left out.
        num_classes: Integer.

    Returns:
        int64 `(num_classes, num_classes + 1)`: true classes in rows, found ones in columns; the last column is of
        pixels found to be of none of the classes, which is never right.
    """
    scored = truth >= 0
    found = np.where((found >= 0) & (found < num_classes), found, num_classes)[scored]
    pairs = truth[scored].astype("int64") * (num_classes + 1) + found
    return np.bincount(pairs, minlength=num_classes * (num_classes + 1)).reshape(num_classes, num_classes + 1)


def scores(confusion):
    """The scores of confusion matrices.

    Args:
        confusion: `(..., classes, classes + 1)`, see `confusion_matrix`.

    Returns:
        Dict of float arrays `(...)`, each 0 to 1: `pixel_accuracy`; `class_accuracy`, its mean over the classes that
        occur; `mean_iou`, the mean over the classes that occur or were found; and `class_iou` `(..., classes)`, NaN for
        the others.
    """
    confusion = np.asarray(confusion, "float64")
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, found = confusion.sum(-1), confusion.sum(-2)[..., :-1]
    class_iou = ratio(hits, true + found - hits)
    return {
        "pixel_accuracy": ratio(hits.sum(-1), true.sum(-1)),
        "class_accuracy": _mean_of_known(ratio(hits, true)),
        "mean_iou": _mean_of_known(class_iou),
        "class_iou": class_iou,
    }


def ratio(part, whole):
    """`part / whole`, NaN where there is nothing."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)


def _mean_of_known(values):
    """Mean over the last axis of what is no NaN."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(-1), known.sum(-1))
