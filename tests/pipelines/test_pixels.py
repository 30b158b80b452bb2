"""Which pixels are nearest, and where ids change: one formula for every library, against loops."""

from fractions import Fraction
from math import floor

import naive
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from hdsynth_tf.edit.scenes.shapes import Shape
from hdsynth_tf.edit.server.painter import _small
from pipelines.augment import resize
from pipelines.conditioning import resize_nearest
from pipelines.pixels import borders, changes, nearest

SIZES = [(7, 3), (3, 7), (2336, 1658), (782, 2777), (1, 5), (5, 1)]  # of some, TensorFlow's own rounds centres


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000))
def test_nearest_is_exact(length, target):
    expected = [floor(Fraction(2 * i + 1, 2) * Fraction(length, target)) for i in range(target)]
    assert nearest(np.arange(target), length, target).tolist() == expected
    assert nearest(tf.range(target), tf.constant(length), target).numpy().tolist() == expected


@pytest.mark.parametrize("length, target", SIZES)
def test_everything_that_resizes_ids_takes_the_same_pixels(length, target):
    """A map resized on the host, on the device, for a preview of the editor, and a shape's mask."""
    ids = np.arange(3 * length, dtype="int32").reshape(length, 3)
    expected = ids[[floor(Fraction(2 * i + 1, 2) * Fraction(length, target)) for i in range(target)]]
    host = resize({"label_map": tf.constant(ids)}, (target, 3))["label_map"]
    assert host.shape == (target, 3) and host.dtype == tf.int32
    np.testing.assert_array_equal(host, expected)
    np.testing.assert_array_equal(resize_nearest(tf.constant(ids[None]), (target, 3))[0], expected)
    np.testing.assert_array_equal(_small(ids, (target, 3)), expected)


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.7])
def test_shapes_take_the_same_pixels(rng, factor):
    mask = rng.random((19, 30)) < 0.5
    scaled = Shape(mask, (9, 9)).scaled(factor).mask
    np.testing.assert_array_equal(scaled, resize_nearest(tf.constant(mask[None]), scaled.shape)[0])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**31 - 1))
def test_changes_and_borders_against_loops(height, width, seed):
    ids = np.random.default_rng(seed).integers(0, 3, (height, width))
    across, down = changes(ids)
    for array in (tf.constant(ids[None]), ids[None]):
        np.testing.assert_array_equal(np.asarray(changes(array)[0])[0], across)
        np.testing.assert_array_equal(np.asarray(changes(array)[1])[0], down)
    lower = borders(ids)
    upper = borders(ids[::-1, ::-1])[::-1, ::-1]
    np.testing.assert_array_equal(lower | upper, naive.boundary(ids) == 1)
    assert not (lower[0, 0] or upper[-1, -1])
