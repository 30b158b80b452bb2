"""Tables that ask for what cannot be: refused with the line."""

import pytest

from pipelines.errors import DataError
from pipelines.reading.decode import read_label_table
from pipelines.texts import read_rows


@pytest.mark.parametrize("line", ["4294967296,1,x", "1,1000000000,x", "1,-2,x", f"{'9' * 5000},1,x"])
def test_values_and_classes_beyond_what_maps_hold(tmp_path, line):
    (tmp_path / "t.csv").write_text(f"value,id,name\n0,0,road\n{line}\n")
    with pytest.raises(DataError, match=r"Line 3 .*t\.csv"):
        read_label_table(tmp_path / "t.csv")


def test_colors_of_more_than_24_bits(tmp_path):
    (tmp_path / "t.csv").write_text("value,id,name\n#1000000,0,road\n")
    with pytest.raises(DataError, match=r"Line 2 .*t\.csv"):
        read_label_table(tmp_path / "t.csv")


def test_a_table_without_a_class(tmp_path):
    (tmp_path / "t.csv").write_text("value,id,name\n0,-1,void\n")
    with pytest.raises(DataError, match=r"t\.csv has no class"):
        read_label_table(tmp_path / "t.csv")


def test_a_cell_without_end(tmp_path):
    (tmp_path / "t.csv").write_text(f'a,b\n"{"x" * 200_000}\n')
    with pytest.raises(DataError, match=r"t\.csv cannot be read"):
        read_rows(tmp_path / "t.csv", "table")
