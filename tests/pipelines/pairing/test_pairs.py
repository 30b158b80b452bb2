"""Pairing by name, and its complaints."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.pairing.pairs import find_files, hold_out, hold_out_sequences, pair_files


def picture(save, name):
    return save(name, np.zeros((2, 2), "uint8"))


def test_files_are_found_below_folders_whatever_their_suffix(save, tmp_path):
    for name in ("a/b.png", "a/c.JPG", "d.tiff", "d2.bmp"):
        picture(save, name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    assert list(find_files(tmp_path)) == ["a/b", "a/c", "d", "d2"]


def test_endings_are_taken_off(save, tmp_path):
    picture(save, "x/s_1_label.png"), picture(save, "x/s_1_color.png")
    assert list(find_files(tmp_path, "_label")) == ["x/s_1"]


def test_pairs_across_suffixes(save, tmp_path):
    for name in ("visible/x.jpg", "visible/y.png", "thermal/y.tif", "thermal/x.tiff"):
        picture(save, name)
    names, files = pair_files({"image": find_files(tmp_path / "visible"), "source": find_files(tmp_path / "thermal")})
    assert names == ["x", "y"]
    assert [path.name for path in files["source"]] == ["x.tiff", "y.tif"]


def test_missing_partners_are_named(save, tmp_path):
    for name in ("visible/x.png", "visible/z.png", "thermal/x.png", "thermal/y.png"):
        picture(save, name)
    with pytest.raises(DataError, match="2 files have no partner") as error:
        pair_files({"image": find_files(tmp_path / "visible"), "source": find_files(tmp_path / "thermal")})
    assert "z.png (target) has no source" in str(error.value) and "y.png (source) has no target" in str(error.value)


def test_what_cannot_be_found_is_said(save, tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        find_files(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        find_files(tmp_path / "empty")
    picture(save, "two/x.png"), picture(save, "two/x.jpg")
    with pytest.raises(DataError, match="Two files have the name x"):
        find_files(tmp_path / "two")


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.floats(0, 0.9))
def test_held_out_names_are_few_runs_and_never_all(count, share):
    train, val = hold_out([f"{i:03d}" for i in range(count)], share)
    assert sorted(train + val) == list(range(count))
    assert train
    assert bool(val) == (share > 0 and count > 1)
    runs = sum(1 for i in val if i - 1 not in val)
    assert runs <= 4


def test_hold_out_of_the_roadscene_size():
    _, val = hold_out([str(i) for i in range(176)], 32 / 176)
    assert len(val) == 32 and sum(1 for i in val if i - 1 not in val) == 4


def test_whole_sequences_are_held_out():
    lengths = {"a": 5, "b": 40, "c": 5, "d": 30, "e": 10, "f": 10}
    names = [f"{sequence}/{i:03d}" for sequence, count in lengths.items() for i in range(count)]
    for share in (0.05, 0.1, 0.3):
        train, val = hold_out_sequences(names, share, "^[^/]+")
        assert sorted(train + val) == list(range(100)) and train and val
        assert abs(len(val) - 100 * share) <= 5
        assert not {names[i][0] for i in train} & {names[i][0] for i in val}
    assert hold_out_sequences(names, 0.0, "^(.)/")[1] == []


@pytest.mark.parametrize(
    "pattern, message",
    [("seq", "does not fit the name a/0"), ("(", "no regular"), ("/", "one seq"), ("^.", "in each of the 2 names")],
)
def test_patterns_that_find_no_sequences(pattern, message):
    with pytest.raises(DataError, match=message):
        hold_out_sequences(["a/0", "b/0"], 0.5, pattern)
