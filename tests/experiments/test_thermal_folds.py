"""Every pair is held out once, in runs of neighbours, and no run sees what it is scored on."""

import pytest
from PIL import Image
from places import loaded


@pytest.fixture(scope="module")
def folds():
    return loaded("experiments/thermal_folds.py")


@pytest.mark.parametrize("count", [176, 45, 17])
def test_every_pair_is_held_out_once_among_its_neighbours(folds, count):
    parts = folds.held_out(count, 4, 16)
    assert sorted(index for part in parts for index in part) == list(range(count))
    for part in parts:
        starts = [index for index in part if index - 1 not in part]
        assert len(starts) == 4  # blocks of several neighbours, not single pairs


def test_links_lead_each_pair_to_one_side(folds, tmp_path):
    for side in ("thermal", "visible"):
        (tmp_path / side).mkdir()
        for name in "abcd":
            Image.new("L", (8, 8)).save(tmp_path / side / f"{name}.png")
    files = folds.paired_files(tmp_path / "thermal", tmp_path / "visible")
    for _ in range(2):  # started again, nothing is there twice
        folds.link(files, {1, 2}, tmp_path / "part")
    found = {place.name: sorted(p.resolve() for p in place.iterdir()) for place in (tmp_path / "part").iterdir()}
    assert set(found) == {"train_A", "train_B", "val_A", "val_B"}
    assert found["val_B"] == [tmp_path / "visible" / f"{name}.png" for name in "bc"]
    assert found["train_A"] == [tmp_path / "thermal" / f"{name}.png" for name in "ad"]


def test_the_table_has_a_row_for_each_part_and_the_mean(folds):
    rows = [
        {"input": dict.fromkeys(folds.COLUMNS, 0.2), "thermal": dict.fromkeys(folds.COLUMNS | folds.OF_RUN, value)}
        for value in (0.1, 0.3)
    ]
    lines = folds.table(rows).splitlines()
    assert lines[3] == "| 0 | input | 200 | 0.200 | 0.200 | 0.20 | 0.200 |  |  |"
    assert lines[-1] == "| mean | thermal | 200 | 0.200 | 0.200 | 0.20 | 0.200 | 0.20 | 0.20 |"
