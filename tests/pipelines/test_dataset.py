"""Crops, flips and the ladder: aligned maps, every scene used, the same stream for the same seed."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.augment import random_crop, random_flip, random_part
from pipelines.dataset import make_eval, make_train
from pipelines.source import Source, spread


class Coordinates(Source):
    """Scenes whose pixels hold their scene, row and column: what is cut or mirrored can be read off."""

    formats = {"label_map": ((), "int32"), "instance_map": ((), "int32"), "image": ((3,), "uint8")}

    def __init__(self, count, height=12, width=16, vary=False):
        self.names = [str(i) for i in range(count)]
        self.height, self.width, self.vary = height, width, vary

    def size(self, index):
        return self.height + (index % 2 if self.vary else 0), self.width

    def load(self, index):
        height, width = self.size(index)
        rows, columns = np.mgrid[:height, :width]
        image = np.stack([np.full_like(rows, index), rows, columns], -1)
        return {
            "label_map": rows.astype("int32"),
            "instance_map": (100000 + columns).astype("int32"),
            "image": image.astype("uint8"),
        }


def aligned(inputs, image):
    np.testing.assert_array_equal(inputs["label_map"], image[..., 1])
    np.testing.assert_array_equal(inputs["instance_map"] - 100000, image[..., 2])


def seeded(number, count):
    return [tf.constant([number, n], tf.int64) for n in range(count)]


def modes(function):
    """What the function makes of a sample and each of many seeds, run eagerly, and inside tf.data: they can differ."""

    def in_graph(sample, seeds):
        return iter(tf.data.Dataset.from_tensor_slices(tf.stack(seeds)).map(lambda seed: function(sample, seed)))

    return [lambda sample, seeds: (function(sample, seed) for seed in seeds), in_graph]


@pytest.mark.parametrize("mode", [0, 1])
def test_crop_cuts_one_window_out_of_all(mode):
    sample = {key: tf.constant(value) for key, value in Coordinates(1).load(0).items()}
    crop = modes(lambda sample, seed: random_crop(sample, (5, 7), seed))[mode]
    corners = set()
    for cut in crop(sample, seeded(3, 60)):
        assert cut["image"].shape == (5, 7, 3)
        aligned(cut, cut["image"])
        top, left = int(cut["image"][0, 0, 1]), int(cut["image"][0, 0, 2])
        np.testing.assert_array_equal(cut["image"][:, 0, 1], np.arange(top, top + 5))
        np.testing.assert_allclose(cut["rows"], [top / 12, (top + 5) / 12], rtol=1e-6)
        corners.add((top, left))
    assert len(corners) > 30 and max(corners)[0] == 7 and min(corners)[0] == 0  # 8 x 10 places, both ends included


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("cut", [random_crop, random_part])
def test_zoomed_windows_show_the_picture_larger_or_smaller(mode, cut):
    """Rows and columns that run evenly through the picture run evenly through the window, and at the zoom's pace."""
    rows, columns = np.meshgrid(np.arange(40), np.arange(60), indexing="ij")
    sample = {
        "image": tf.constant(np.stack([rows, columns, rows], -1).astype("uint8")),
        "label_map": tf.constant(rows.astype("int32")),
        "window": tf.constant([3.0, 4.0]),
    }
    zoomed = modes(lambda sample, seed: cut(sample, (20, 30), seed, (1.0, 2.0)))[mode]
    paces = set()
    for window in zoomed(sample, seeded(5, 20)):
        top, bottom = np.array(window["rows"]) * 40
        image, labels = window["image"].numpy().astype(float), window["label_map"].numpy()
        centers = top + (np.arange(20) + 0.5) * (bottom - top) / 20 - 0.5
        np.testing.assert_allclose(image[2:-2, 5, 0], centers[2:-2], atol=1.2)
        np.testing.assert_allclose(labels[2:-2, 5], centers[2:-2], atol=1.2)
        pace = (bottom - top) / 20
        np.testing.assert_allclose(image[5, 25, 1] - image[5, 5, 1], 20 * pace, atol=2.2)
        assert (window["window"].numpy() == [3, 4]).all()
        paces.add(round(float(pace), 2))
    low, high = (0.5, 1.0) if cut is random_crop else (1.0, 2.0)
    assert low - 0.03 <= min(paces) and max(paces) <= high + 0.03 and len(paces) > 5


def test_crop_of_a_small_picture_reflects():
    sample = {"label_map": tf.constant([[1, 2, 3], [4, 5, 6]])}
    cut = random_crop(sample, (4, 5), tf.constant([0, 0], tf.int64))
    np.testing.assert_array_equal(cut["label_map"], np.pad([[1, 2, 3], [4, 5, 6]], [(0, 2), (0, 2)], mode="reflect"))


@pytest.mark.parametrize("mode", [0, 1])
def test_flip_is_one_throw_for_all(mode):
    sample = {key: tf.constant(value) for key, value in Coordinates(1).load(0).items()}
    flip = modes(random_flip)[mode]
    mirrored = 0
    for flipped in flip(sample, seeded(1, 100)):
        aligned(flipped, flipped["image"])
        mirrored += int(flipped["image"][0, 0, 2] == 15)
    assert 30 < mirrored < 70


def first(dataset, count):
    return [(inputs, image.numpy()) for inputs, image in dataset.take(count)]


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 7), st.integers(1, 3))
def test_every_pass_has_every_scene_once(scenes, batch):
    batches = first(make_train(Coordinates(scenes), batch, seed=5), 2 * scenes)
    seen = np.concatenate([image[:, 0, 0, 0] for _, image in batches])
    passes = seen[: len(seen) // scenes * scenes].reshape(-1, scenes)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.broadcast_to(np.arange(scenes), passes.shape))


def test_passes_differ_in_order_and_seeds_too():
    orders = [
        np.concatenate([image[:, 0, 0, 0] for _, image in first(make_train(Coordinates(30), 1, seed=seed), 60)])
        for seed in (0, 1)
    ]
    assert not np.array_equal(orders[0][:30], orders[0][30:])
    assert not np.array_equal(orders[0], orders[1])


def test_a_stream_is_a_function_of_seed_and_place():
    options = dict(crop_size=(5, 6), seed=3)
    whole = first(make_train(Coordinates(5), 1, **options), 12)
    again = first(make_train(Coordinates(5), 1, **options), 12)
    later = first(make_train(Coordinates(5), 1, start=7, **options), 5)
    for (inputs, image), (inputs_again, image_again) in zip([*whole, *whole[7:]], [*again, *later]):
        np.testing.assert_array_equal(image, image_again)
        np.testing.assert_array_equal(inputs["rows"], inputs_again["rows"])
        aligned(inputs, image)


def test_shards_are_the_parts_of_one_stream():
    options = dict(batch_size=6, crop_size=(5, 6), seed=3, start=12)
    whole = first(make_train(Coordinates(7), **options), 4)
    parts = [first(make_train(Coordinates(7), shard=(index, 3), **options), 4) for index in range(3)]
    for number, (inputs, image) in enumerate(whole):
        joined = [part[number] for part in parts]
        np.testing.assert_array_equal(image, np.concatenate([part_image for _, part_image in joined]))
        np.testing.assert_array_equal(
            inputs["rows"], np.concatenate([part_inputs["rows"] for part_inputs, _ in joined])
        )


def test_shapes_are_known_where_they_can_be():
    inputs, image = make_train(Coordinates(3), 2).element_spec
    assert image.shape == (2, 12, 16, 3) and inputs["label_map"].shape == (2, 12, 16)
    inputs, image = make_train(Coordinates(3, vary=True), 1).element_spec
    assert image.shape == (1, None, None, 3)
    assert make_train(Coordinates(3, vary=True), 2, crop_size=(4, 4)).element_spec[1].shape == (2, 4, 4, 3)


def test_resizing_on_the_host_keeps_ids():
    inputs, image = next(iter(make_train(Coordinates(3, vary=True), 2, image_size=(6, 8), flip=False)))
    assert image.shape == (2, 6, 8, 3) and image.dtype == tf.uint8
    np.testing.assert_array_equal(inputs["instance_map"][0, 0], 100000 + np.arange(1, 16, 2))
    assert inputs["label_map"].dtype == tf.int32


@given(st.integers(0, 50), st.integers(0, 50))
def test_things_are_spread_evenly(count, total):
    chosen = spread(count, total)
    assert len(set(chosen)) == min(count, total) and all(0 <= index < total for index in chosen)
    assert chosen == sorted(chosen) and chosen[:1] in ([], [0])
    gaps = {b - a for a, b in zip(chosen, [*chosen[1:], total])}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_eval_is_everything_once_in_order():
    batches = first(make_eval(Coordinates(5), 2), 10)
    assert [len(image) for _, image in batches] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate([image[:, 0, 0, 0] for _, image in batches]), range(5))
    chosen = first(make_eval(Coordinates(5), indices=[4, 1]), 10)
    assert [image[0, 0, 0, 0] for _, image in chosen] == [4, 1]
