"""Suppression and matching of objects, beside the same written naively, and what always holds of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdsynth_tf.evaluate import objects
from hdsynth_tf.evaluate.objects import (
    CLASS,
    MOST,
    SCORE,
    box_iou,
    count_matches,
    match,
    non_max_suppression,
    ordered,
    padded,
    unpadded,
)

SIDE = 12  # pixels of the pictures


@st.composite
def some_objects(draw, most=12):
    """Objects with whole corners, and scores that all differ."""
    count = draw(st.integers(0, most))
    scores = draw(st.permutations(np.linspace(0.05, 1, most).tolist()))[:count]
    rows = []
    for score in scores:
        left, top = draw(st.integers(0, SIDE - 2)), draw(st.integers(0, SIDE - 2))
        right, bottom = draw(st.integers(left + 1, SIDE)), draw(st.integers(top + 1, SIDE))
        rows.append([left, top, right, bottom, score, draw(st.integers(0, 1))])
    return np.array(rows, "float64").reshape(-1, 6)


def pixels(one):
    left, top, right, bottom = map(int, one[:4])
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


def naive_iou(one, other):
    """By counting pixels."""
    return len(pixels(one) & pixels(other)) / len(pixels(one) | pixels(other))


def naive_suppression(found):
    kept = []
    for one in sorted(found.tolist(), key=lambda row: -row[SCORE]):
        if not any(one[CLASS] == other[CLASS] and naive_iou(one, other) > 0.5 for other in kept):
            kept.append(one)
    return kept


def naive_match(found, real):
    taken = []
    for one in sorted(found.tolist(), key=lambda row: -row[SCORE]):
        best = None
        for i, other in enumerate(real.tolist()):
            iou = naive_iou(one, other) if one[CLASS] == other[CLASS] and i not in taken else 0
            if iou >= 0.5 and (best is None or iou > best[0]):
                best = iou, i
        if best is not None:
            taken.append(best[1])
    return len(taken)


@given(some_objects(), some_objects())
def test_iou_is_that_of_counted_pixels(some, others):
    for one in some:
        np.testing.assert_allclose(box_iou(one, others), [naive_iou(one, other) for other in others], atol=1e-12)


def test_boxes_without_area_overlap_nothing():
    assert box_iou(np.zeros(4), np.zeros((2, 4))).tolist() == [0, 0]


@given(some_objects())
def test_suppression_is_the_naive_one(found):
    np.testing.assert_array_equal(non_max_suppression(found), np.reshape(naive_suppression(found), (-1, 6)))


@given(some_objects(), st.randoms())
def test_suppression_keeps_the_best_and_nothing_that_overlaps_it(found, random):
    kept = non_max_suppression(found)
    rows = found.tolist()
    random.shuffle(rows)
    np.testing.assert_array_equal(non_max_suppression(np.reshape(rows, (-1, 6))), kept)
    np.testing.assert_array_equal(non_max_suppression(kept), kept)
    assert (np.diff(kept[:, SCORE]) < 0).all()
    for one in ordered(found):
        covered = [other for other in kept if other[CLASS] == one[CLASS] and naive_iou(one, other) > 0.5]
        assert covered and covered[0][SCORE] >= one[SCORE]


def test_suppression_stops_at_so_many(rng):
    corners = np.arange(400)[:, None] * 10 + [[0, 0, 5, 5]]
    found = np.concatenate([corners, rng.permutation(400)[:, None] / 400, np.zeros((400, 1))], -1)
    kept = non_max_suppression(found)
    np.testing.assert_array_equal(kept, ordered(found)[:MOST])


@given(some_objects(), some_objects())
def test_matching_is_the_naive_one(found, real):
    assert match(ordered(found), ordered(real)) == naive_match(found, ordered(real))


@given(some_objects(), some_objects(), st.integers(1, 5))
def test_matching_is_one_to_one_and_of_one_class(found, real, shift):
    found, real = ordered(found), ordered(real)
    matched = match(found, real)
    for label in (0, 1):
        matched -= match(found[found[:, CLASS] == label], real[real[:, CLASS] == label])
    assert matched == 0
    assert match(found, real) <= min(len(found), len(real))
    assert match(found, found) == len(found)
    assert match(np.add(found, [[0, 0, 0, 0, 0, 1 + shift]]), found) == 0
    assert match(np.add(found, [[shift * SIDE, 0, shift * SIDE, 0, 0, 0]]), found) == 0


def test_a_better_one_takes_what_both_overlap():
    real = np.array([[0, 0, 10, 10, 0.9, 3], [30, 0, 40, 10, 0.8, 3]])
    found = np.array([[0, 0, 10, 9, 0.9, 3], [0, 0, 10, 10, 0.7, 3], [30, 0, 40, 5, 0.6, 3], [30, 0, 40, 5, 0.5, 2]])
    assert match(found, real) == 2  # the second is the third's double, half of the last one's box is of another class


@given(st.lists(st.tuples(some_objects(), some_objects()), min_size=1, max_size=3))
def test_counts_and_scores_of_several_pictures(pairs):
    found, real = (np.stack([padded(ordered(one)) for one in own]) for own in zip(*pairs))
    counts = count_matches(found, real)
    expected = [[len(a), naive_match(a, ordered(b)), len(b)] for a, b in pairs]
    np.testing.assert_array_equal(counts, expected)
    number, matched, truth = np.sum(expected, 0)
    scores = objects.scores(counts.sum(0))
    assert scores["objects"] == number
    assert scores["recall"] == pytest.approx(matched / truth if truth else np.nan, nan_ok=True)
    assert scores["precision"] == pytest.approx(matched / number if number else np.nan, nan_ok=True)
    if matched:
        assert 2 / scores["f1"] == pytest.approx(1 / scores["recall"] + 1 / scores["precision"])


def test_rows_that_fill_up_are_no_objects(rng):
    found = rng.random((7, 6))
    assert padded(found).shape == (MOST, 6) and padded(found).dtype == np.float32
    np.testing.assert_allclose(unpadded(padded(found)), found, rtol=1e-6)
    assert len(unpadded(padded(np.zeros((0, 6))))) == 0 and len(unpadded(padded(rng.random((400, 6))))) == MOST
