"""Each layout of detectors' outputs, written here from objects that are known, is read as these objects."""

import numpy as np
import pytest

from hdsynth_tf.evaluate.layouts import LayoutError, read_objects, to_corners

SIZE = (64, 96)
ANCHORS = 8 * 12 + 4 * 6 + 2 * 3  # of strides 8, 16 and 32


@pytest.fixture
def found(rng):
    """Four objects, far from each other, the highest score first."""
    corners = np.array([[2, 3, 20, 30], [30, 5, 50, 25], [60, 30, 90, 60], [4, 40, 30, 62]], "float64")
    return np.concatenate([corners, [[0.9, 2], [0.8, 0], [0.7, 5], [0.6, 2]]], -1)


def centered(corners):
    return np.stack(
        [
            (corners[:, 0] + corners[:, 2]) / 2,
            (corners[:, 1] + corners[:, 3]) / 2,
            corners[:, 2] - corners[:, 0],
            corners[:, 3] - corners[:, 1],
        ],
        -1,
    )


def anchors(found, count, classes=6, objectness=False, rng=None):
    """Rows of raw outputs: what is found at some of them, and faint boxes at all others."""
    table = np.zeros((count, 4 + objectness + classes), "float32")
    table[:, :4] = [90, 60, 3, 3]
    table[:, 4:] = 0.1
    places = rng.choice(count, len(found), replace=False)
    table[places, :4] = centered(found)
    table[places, 4] = found[:, 4] / 0.95 if objectness else 0.1
    for place, one in zip(places, found):
        table[place, 4 + objectness + int(one[5])] = 0.95 if objectness else one[4]
    return table


def assert_read(outputs, found, **options):
    read = read_objects(outputs, SIZE, 0.5, **options)
    np.testing.assert_allclose(read, found, atol=1e-3)


@pytest.mark.parametrize("names", [("boxes", "labels", "scores"), ("2309", "2310", "2311")])
def test_torchvision(found, names):
    boxes, labels, scores = found[:, :4].astype("float32"), found[:, 5].astype("int64"), found[:, 4].astype("float32")
    assert_read(dict(zip(names, (boxes, labels, scores))), found)
    assert_read(dict(zip(names, (boxes[:1], labels[:1], scores[:1]))), found[:1])
    assert_read(dict(zip(names, (boxes[:0], labels[:0], scores[:0]))), found[:0])
    masks = np.zeros((4, 1, 28, 28), "float32")
    assert_read({**dict(zip(names, (boxes, labels, scores))), "masks": masks}, found)


@pytest.mark.parametrize("classes, scores", [("classes", "confidence"), ("labels", "scores"), ("pred_classes", "conf")])
def test_dicts_of_keras(found, classes, scores):
    """In a batch, filled up with -1."""
    filled = np.full((1, 9, 6), -1, "float32")
    filled[0, :4] = found
    outputs = {"num_detections": np.array([4]), classes: filled[..., 5], scores: filled[..., 4]}
    assert_read({**outputs, "boxes": filled[..., :4]}, found)
    assert_read({**outputs, "boxes": filled[..., [1, 0, 3, 2]]}, found, box_format="yxyx")
    shares = filled[..., :4] / [96, 64, 96, 64]
    assert_read({**outputs, "boxes": shares}, found, box_format="rel_xyxy")
    corners = to_corners(centered(filled[0, :4]), "center_xywh")
    np.testing.assert_allclose(corners, found[:, :4], atol=1e-4)
    sides = np.concatenate([found[:, :2], found[:, 2:4] - found[:, :2]], -1)
    np.testing.assert_allclose(to_corners(sides, "xywh"), found[:, :4])


def test_tensorflows_object_detection_api(found):
    """Shares of the sides, y first, beside raw outputs of similar names."""
    boxes = (found[:, [1, 0, 3, 2]] / [64, 96, 64, 96]).astype("float32")
    outputs = {
        "raw_detection_boxes": np.zeros((1, 50, 4)),
        "raw_detection_scores": np.zeros((1, 50, 7)),
        "detection_multiclass_scores": np.zeros((1, 4, 7)),
        "detection_boxes": boxes[None],
        "detection_class_entities": np.array([b"car"] * 4),
        "detection_classes": found[None, :, 5],
        "detection_scores": found[None, :, 4],
        "num_detections": np.array([4.0]),
    }
    assert_read(outputs, found)


@pytest.mark.parametrize("share", [False, True])
def test_yolov8(found, rng, share):
    table = anchors(found, ANCHORS, rng=rng)
    if share:
        table[:, :4] /= [96, 64, 96, 64]
    assert_read({"output0": table.T[None]}, found)
    assert_read({"output0": table.T[None]}, found, num_classes=6)


def test_what_segmentation_adds_to_yolov8_is_no_class(found, rng):
    table = np.concatenate([anchors(found, ANCHORS, rng=rng), rng.normal(0, 9, (ANCHORS, 32))], -1)
    outputs = {"output0": table.T[None], "output1": np.zeros((1, 32, 16, 24))}
    assert_read(outputs, found, num_classes=6)
    with pytest.raises(LayoutError, match="0 to 1"):
        read_objects(outputs, SIZE, 0.5)


def test_yolov5(found, rng):
    """Three anchors a place; earlier versions wrote their grids, too."""
    table = anchors(found, 3 * ANCHORS, objectness=True, rng=rng)
    assert_read({"output": table[None]}, found)
    assert_read({"output": table[None], "1": np.zeros((1, 3, 8, 12, 11)), "2": np.zeros((1, 3, 4, 6, 11))}, found)


def test_grids_that_are_not_known_are_read_by_the_number_of_classes(found, rng):
    few, many = (anchors(found, count, rng=rng) for count in (9, 99))
    objectness = anchors(found, 99, objectness=True, rng=rng)
    for table in (few.T, many.T, objectness):
        assert_read({"output": table[None]}, found, num_classes=6)
        with pytest.raises(LayoutError, match="The outputs should be"):
            read_objects({"output": table[None]}, SIZE, 0.5)


def test_more_classes_than_anchors(found, rng):
    assert_read({"output0": anchors(found, ANCHORS, classes=200, rng=rng).T[None]}, found)


def test_yolov5_of_one_class_is_not_end_to_end(found, rng):
    found[:, 5] = 0
    table = anchors(found, 3 * ANCHORS, classes=1, objectness=True, rng=rng)
    assert table.shape[1] == 6
    assert_read({"output": table[None]}, found)


def test_end_to_end(found, rng):
    rows = np.zeros((300, 6), "float32")
    rows[[7, 3, 100, 299]] = found
    assert_read({"output0": rows[None]}, found)
    masks = rng.normal(0, 9, (300, 32))
    for shape in (1, 32, 16, 24), (1, 16, 24, 32):
        assert_read({"output0": np.concatenate([rows, masks], -1)[None], "output1": np.zeros(shape)}, found)
    rows[:, :4] /= [96, 64, 96, 64]
    assert_read({"output0": rows[None]}, found)


def test_keypoints_beside_what_is_end_to_end(found, rng):
    rows = np.concatenate([found, rng.normal(0, 99, (4, 51))], -1)
    assert_read({"output0": rows[None]}, found, num_classes=6, num_keypoints=51)
    with pytest.raises(LayoutError, match=r"output0 \(1, 4, 57\)"):
        read_objects({"output0": rows[None]}, SIZE, 0.5, num_classes=6)


def test_end_to_end_with_centres_in_shares(found):
    """Ultralytics' RT-DETR."""
    rows = np.concatenate([centered(found) / [96, 64, 96, 64], found[:, 4:]], -1)
    assert_read({"output0": rows[None]}, found, box_format="center_xywh")


def test_only_raw_outputs_are_suppressed(found, rng):
    """Suppression is within a class."""
    doubles = np.concatenate([found, found - [0, 0, 0, 0, 0.05, 0], found - [0, 0, 0, 0, 0.08, -1]])
    kept = np.concatenate([found, found - [0, 0, 0, 0, 0.08, -1]])
    order = np.argsort(-kept[:, 4], kind="stable")
    assert_read({"output0": anchors(doubles, ANCHORS, classes=7, rng=rng).T[None]}, kept[order])
    rows = doubles[np.argsort(-doubles[:, 4], kind="stable")]
    assert_read({"output0": rows[None]}, rows)


UNKNOWN = {
    "a detection transformer": {"output0": np.zeros((1, 300, 84))},
    "YOLOX, whose boxes are in cells": {"output": np.zeros((1, ANCHORS, 85))},
    "columns that are not as many as anchors": {"output0": np.zeros((1, 10, 86))},
    "a classifier": {"logits": np.zeros((1, 1000))},
    "a segmenter": {"scores": np.zeros((1, 19, 64, 96))},
    "boxes without scores": {"boxes": np.zeros((5, 4)), "labels": np.zeros(5, "int64")},
    "lists of several lengths": {"boxes": np.zeros((5, 4)), "labels": np.zeros(5), "scores": np.zeros(4)},
    "nothing": {},
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_other_layouts_are_refused_with_their_shapes(name):
    with pytest.raises(LayoutError) as caught:
        read_objects(UNKNOWN[name], SIZE, 0.5, num_classes=80)
    assert "(1, 4 + classes, anchors)" in str(caught.value)
    assert all(f"{key} {array.shape} of {array.dtype}" in str(caught.value) for key, array in UNKNOWN[name].items())


def test_scores_that_are_none_and_formats_that_are_none_are_refused(found):
    with pytest.raises(LayoutError, match="up to 90"):
        read_objects({"boxes": found[:, :4], "labels": found[:, 5], "scores": found[:, 4] * 100}, SIZE, 0.5)
    with pytest.raises(LayoutError, match="up to 90"):
        some = found[:, 4] * [100, 1, np.nan, 1]
        read_objects({"boxes": found[:, :4], "labels": found[:, 5], "scores": some}, SIZE, 0.5)
    with pytest.raises(LayoutError, match="Received: NaN alone"):
        read_objects({"boxes": found[:, :4], "labels": found[:, 5], "scores": found[:, 4] * np.nan}, SIZE, 0.5)
    with pytest.raises(LayoutError, match=r"Classes should be whole numbers\. Received: 2\.5"):
        read_objects({"output0": found[None] + [0, 0, 0, 0, 0, 0.5]}, SIZE, 0.5)
    with pytest.raises(LayoutError, match="Received: polygon"):
        to_corners(found[:, :4], "polygon")


def test_what_is_no_number_is_no_object(found):
    found[1, 0], found[2, 4] = np.inf, np.nan
    assert_read({"boxes": found[:, :4], "labels": found[:, 5], "scores": found[:, 4]}, found[[0, 3]])
    shares = found[:, :4] / [96, 64, 96, 64]
    assert_read({"boxes": shares, "labels": found[:, 5], "scores": found[:, 4]}, found[[0, 3]])
