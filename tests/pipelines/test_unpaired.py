"""Two kinds of pictures without pairs: every one of each is used, and neither tells of the other."""

import numpy as np
import pytest

from pipelines.dataset import make_train
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.source import Source
from pipelines.toy_street import ToyStreet
from pipelines.unpaired import Selected, Unpaired


class Numbered(Source):
    """Pictures of one array whose pixels hold their number, row and column."""

    def __init__(self, key, count, height, width):
        self.key, self.names, self.height, self.width = key, [f"{i}" for i in range(count)], height, width
        self.formats = {key: ((3,), "uint8")}

    def size(self, index):
        return self.height, self.width

    def load(self, index):
        rows, columns = np.mgrid[: self.height, : self.width]
        return {self.key: np.stack([np.full_like(rows, index), rows, columns], -1).astype("uint8")}


def two(a=3, b=7):
    return Unpaired(Numbered("source", a, 10, 14), Numbered("image", b, 13, 9))


def drawn(source, count, **options):
    stream = make_train(source, 1, crop_size=(6, 8), **options)
    return [(inputs["source"][0].numpy(), image[0].numpy()) for inputs, image in stream.take(count)]


def numbers(pairs):
    return tuple([int(pair[side][0, 0, 0]) for pair in pairs] for side in (0, 1))


def test_each_kind_has_passes_of_its_own():
    a, b = numbers(drawn(two(), 42))
    for sequence, count in ((a, 3), (b, 7)):
        for start in range(0, 42, count):
            assert sorted(sequence[start : start + count]) == list(range(count))
    together = {tuple(pair) for pair in zip(a, b)}
    assert len(together) > 15  # of 21: neither tells which one of the other comes


def test_equal_counts_are_shuffled_independently():
    a, b = numbers(drawn(two(5, 5), 50))
    matches = sum(x == y for x, y in zip(a, b))
    assert matches < 25  # 10 by chance


def test_crops_and_flips_of_one_kind_do_not_follow_the_other():
    pairs = drawn(two(), 60)
    assert all(a.shape == b.shape == (6, 8, 3) for a, b in pairs)
    corners = [tuple(x[:, :, 1:].min(axis=(0, 1))) for pair in pairs for x in pair]
    mirrored = [[bool(x[0, 0, 2] > x[0, 1, 2]) for x in pair] for pair in pairs]
    assert {tuple(m) for m in mirrored} == {(False, False), (False, True), (True, False), (True, True)}
    assert len(set(corners[::2])) > 10 and len(set(corners[1::2])) > 8
    assert corners[::2] != corners[1::2]


@pytest.mark.parametrize("start", [1, 5])
def test_a_stream_that_starts_later_continues(start):
    whole, later = drawn(two(), 12), drawn(two(), 12 - start, start=start)
    for (a, b), (c, d) in zip(whole[start:], later):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_shards_are_parts_of_each_batch():
    source = two()
    whole = make_train(source, 4, crop_size=(6, 8)).take(3)
    parts = [make_train(source, 4, crop_size=(6, 8), shard=(i, 2)).take(3) for i in range(2)]
    for (inputs, image), (first, first_image), (second, second_image) in zip(whole, *parts):
        np.testing.assert_array_equal(inputs["source"], np.concatenate([first["source"], second["source"]]))
        np.testing.assert_array_equal(image, np.concatenate([first_image, second_image]))


def test_both_are_brought_to_one_size():
    inputs, image = next(iter(make_train(two(), 2, image_size=(8, 12))))
    assert inputs["source"].shape == image.shape == (2, 8, 12, 3)


def test_it_goes_through_both_from_end_to_end():
    source = two()
    assert len(source) == 7 and not source.is_paired and source.parts[0].is_paired
    seen = [(int(s["source"][0, 0, 0]), int(s["image"][0, 0, 0])) for s in map(source.load, range(7))]
    assert seen == [(0, 0), (0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6)]
    assert source.common_size is None and source.size(0) == (10, 9)
    assert two().common_names == ["0", "1", "2"]


def test_one_picture_is_not_enough():
    with pytest.raises(DataError, match=r"sources.*one picture.*0"):
        two(1, 5)
    with pytest.raises(DataError, match=r"images.*one picture"):
        two(5, 1)


def test_selected_scenes_keep_their_arrays_under_other_names():
    toy = ToyStreet(4, 16, 32, thermal=True)
    part = Selected(toy, {"image": "source"}, [3, 1])
    assert part.names == [toy.names[3], toy.names[1]] and part.formats == {"source": ((3,), "uint8")}
    np.testing.assert_array_equal(part.load(1)["source"], toy.load(1)["image"])
    assert part.size(0) == (16, 32)


def test_folders_of_any_depth(save):
    for i in range(2):
        save(f"a/{i}.png", np.full((8, 8), 1000 * i, "uint16"))
    for i in range(3):
        save(f"b/x{i}.jpg", np.full((6, 9, 3), 50 * i, "uint8"))
    path = save("b/x3.jpg", np.zeros((6, 9, 3), "uint8")).parent
    source = Unpaired(Folder(source_dir=path.with_name("a")), Folder(image_dir=path))
    assert source.formats == {"source": ((1,), "uint16"), "image": ((3,), "uint8")} and len(source) == 4
    assert not source.common_names
