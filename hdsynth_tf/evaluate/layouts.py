"""Outputs of detectors -> objects. The layouts that exporters write are told apart by names and shapes of outputs.

Three outputs, boxes, scores and classes, of torchvision, keras-hub and TensorFlow's Object Detection API; or one table:
`(4 + classes, anchors)` of YOLOv8 to 12, `(anchors, 5 + classes)` of YOLOv5 and 7, `(objects, 6)` of YOLOv10 and 26, of
RT-DETR, and of exports with suppression inside.
"""

import numpy as np

from hdsynth_tf.evaluate.objects import SCORE, non_max_suppression, ordered
from pipelines.errors import UserError

ROLES = {"boxes": ("box",), "scores": ("score", "conf"), "classes": ("label", "class")}  # a part of each one's name
RAW = "raw_"  # part of the names of what is neither
OBJECT_DETECTION_API = "detection_boxes"  # the name of boxes whose y comes first
STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))  # of the grids of anchors of YOLO's networks
PER_CELL = 3  # anchors of each cell, in YOLOv5 and 7
LARGEST_SHARE = 1.5  # no box that can be seen ends at this pixel: boxes below it are shares of the picture's sides
LAYOUTS = (
    "boxes (n, 4), scores (n) and labels or classes (n), by these names; or one table: (1, 4 + classes, anchors) of "
    "YOLOv8 to 12, (1, anchors, 5 + classes) of YOLOv5 and 7, or (1, n, 6) with x1, y1, x2, y2, score, class"
)


class LayoutError(UserError, ValueError):
    """What a detector's network gives is in no layout that is known. Says what it gave."""


def read_objects(outputs, size, min_score, num_classes=None, num_keypoints=0, box_format="xyxy"):
    """The objects that a network found in a picture.

    Args:
        outputs: Dict: name -> array, of a batch of one picture.
        size: `(height, width)` of the picture as the network reads it.
        min_score: Float; objects of lower scores are left out.
        num_classes: Integer, or `None` if it is not known. What else a table has of each anchor, the coefficients of a
            mask or keypoints, is left out by it.
        num_keypoints: Integer, numbers that tell where the keypoints of each object are.
        box_format: What the four numbers of a box are, see `to_corners`; those of raw tables are always the same.

    Returns:
        float64 `(objects, 6)`, in pixels of `size`, see `objects`.

    Raises:
        LayoutError: If the outputs are in no layout that is known, or scores or classes are none.
    """
    parts = _parts(outputs)
    if parts is not None:
        boxes, scores, classes = parts
        swapped = any(name.startswith(OBJECT_DETECTION_API) for name in outputs)
        boxes, suppressed = to_corners(boxes, "yxyx" if swapped else box_format), True
    else:
        boxes, scores, classes, suppressed = _from_table(outputs, size, num_classes, num_keypoints, box_format)
    if not len(boxes) == len(scores) == len(classes):
        raise _unknown(outputs)
    _check(scores, classes)
    objects = np.concatenate([boxes, scores[:, None], classes[:, None]], -1)
    objects = objects[np.isfinite(objects).all(-1)]
    objects[:, :4] = _in_pixels(objects[:, :4], size)
    objects = objects[objects[:, SCORE] >= min_score]
    return ordered(objects) if suppressed else non_max_suppression(objects)


def _check(scores, classes):
    """Raises an error if scores or classes are something else."""
    if len(scores) and np.isnan(scores).all():
        raise LayoutError("Scores should be 0 to 1. Received: NaN alone. Export it in float32.")
    highest = scores.max(initial=0, where=~np.isnan(scores))
    if highest > 1.001:  # rounded, in half precision
        raise LayoutError(
            f"Scores should be 0 to 1. Received: up to {highest:.4g}. Export it with its last sigmoid or softmax, or "
            "give the --detector_range that it was trained with."
        )
    parts = classes[np.isfinite(classes) & (classes % 1 != 0)]
    if len(parts):
        raise LayoutError(f"Classes should be whole numbers. Received: {parts[0]:.4g}. Known outputs are {LAYOUTS}.")


def to_corners(boxes, box_format):
    """Boxes `(n, 4)` in a format as keras-hub names it -> x1, y1, x2, y2.

    Args:
        boxes: Float array.
        box_format: `"xyxy"`, `"yxyx"`, `"xywh"` or `"center_xywh"`; or, in shares of the picture's sides, `"rel_xyxy"`,
            ...
    """
    box_format = box_format.removeprefix("rel_")
    if box_format == "yxyx":
        return boxes[:, [1, 0, 3, 2]]
    if box_format == "xywh":
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], -1)
    if box_format == "center_xywh":
        return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], -1)
    if box_format == "xyxy":
        return boxes
    raise LayoutError(f"Boxes should be xyxy, yxyx, xywh or center_xywh. Received: {box_format}")


def _in_pixels(boxes, size):
    """Corners in pixels, of corners in pixels or in shares of the picture's sides."""
    return boxes * np.tile(size[::-1], 2) if boxes.max(initial=0) <= LARGEST_SHARE else boxes


# === Three outputs ===


def _parts(outputs):
    """Boxes `(n, 4)`, scores `(n,)` and classes `(n,)`, all float64, or `None` if there are no such outputs."""
    found = _by_name(outputs) or _by_shape(outputs)
    if found is None:
        return None
    boxes, scores, classes = (np.asarray(array, "float64") for array in found)
    return boxes.reshape(-1, 4), scores.ravel(), classes.ravel()


def _by_name(outputs):
    named = [
        [array for name, array in outputs.items() if _is_called(name, words) and _is_list(array, role)]
        for role, words in ROLES.items()
    ]
    return [arrays[0] for arrays in named] if all(named) else None


def _is_called(name, words):
    name = name.lower()
    return any(word in name for word in words) and RAW not in name


def _is_list(array, role):
    """Whether an array is a list of boxes, or of single numbers, no strings; `(1, n, ...)` or `(n, ...)`."""
    if role == "boxes":
        return _is_boxes(array)
    return array.dtype.kind not in "OSU" and (array.ndim == 1 or (array.ndim == 2 and len(array) == 1))


def _is_boxes(array):
    return array.shape[-1:] == (4,) and (array.ndim == 2 or (array.ndim == 3 and len(array) == 1))


def _by_shape(outputs):
    """Of outputs whose names are numbers, as torchvision's are: whole numbers are classes, fractions are scores."""
    boxes = [array for array in outputs.values() if _is_boxes(array)]
    lists = [array for array in outputs.values() if array.ndim == 1]
    classes = [array for array in lists if array.dtype.kind in "iu"]
    scores = [array for array in lists if array.dtype.kind == "f"]
    return [boxes[0], scores[0], classes[0]] if len(boxes) == len(scores) == len(classes) == 1 else None


# === One table ===


def _the_table(outputs):
    """The one output that is a table `(rows, columns)`; others, of masks or of single grids, have more axes."""
    tables = [array for array in outputs.values() if array.ndim == 3 and len(array) == 1]
    if len(tables) != 1:
        raise _unknown(outputs)
    return tables[0][0].astype("float64")


def _from_table(outputs, size, num_classes, num_keypoints, box_format):
    """Corners, scores, classes, and whether objects that overlap were left out already."""
    table = _the_table(outputs)
    rows, columns = table.shape
    anchors = {sum(-(-size[0] // s) * -(-size[1] // s) for s in strides) for strides in STRIDES}
    is_per_cell = rows in {PER_CELL * count for count in anchors}
    masks = [count for array in outputs.values() if array.ndim == 4 for count in array.shape[1:]]  # or height, width
    if columns - 6 in (0, num_keypoints, *masks) and not is_per_cell:
        return to_corners(table[:, :4], box_format), table[:, 4], table[:, 5], True
    is_of_cells = rows in anchors  # one a cell, and boxes counted in cells: YOLOX
    if columns > 5 and (is_per_cell or (columns == 5 + (num_classes or 0) and not is_of_cells)):
        return *_best(table[:, :4], table[:, 4:5] * table[:, 5:], num_classes), False
    if rows > 4 and (columns in anchors or rows == 4 + (num_classes or 0)):
        return *_best(table[:4].T, table[4:].T, num_classes), False
    raise _unknown(outputs)


def _best(boxes, scores, num_classes):
    """Corners, and of the scores of all classes the highest, with its class."""
    scores = scores[:, :num_classes]
    classes = scores.argmax(-1)
    return to_corners(boxes, "center_xywh"), scores[np.arange(len(scores)), classes], classes.astype("float64")


def _unknown(outputs):
    shapes = ", ".join(f"{name} {tuple(array.shape)} of {array.dtype}" for name, array in outputs.items())
    return LayoutError(f"The outputs should be {LAYOUTS}. Received: {shapes}.")
