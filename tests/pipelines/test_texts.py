"""Tables and flag files as Excel and Windows write them."""

import pytest

from hdsynth_tf.config.flags import parse
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from pipelines.errors import DataError
from pipelines.reading.decode import read_label_table

TABLE = "value,id,name\n#804080,0,Straße\n#4682b4,1,sky\n"
WRITTEN = {
    "plain": TABLE.encode(),
    "byte order mark": TABLE.encode("utf-8-sig"),
    "UTF-16": TABLE.encode("utf-16"),
    "Latin letters": TABLE.encode("cp1252"),
    "semicolons": TABLE.replace(",", ";").encode("utf-8-sig"),
    "tabs": TABLE.replace(",", "\t").encode(),
    "Excel's first line": ("sep=;\r\n" + TABLE.replace(",", ";")).encode("utf-8-sig"),
    "Excel's first line, quoted, of a rare sign": ('"sep=|"\n' + TABLE.replace(",", "|")).encode(),
    "Excel's first line, of tabs": ("sep=\t\n" + TABLE.replace(",", "\t")).encode("utf-16"),
    "blanks": TABLE.replace(",", ", ").replace("\n", " \n\n").encode(),
    "Windows' ends of lines": TABLE.replace("\n", "\r\n").encode(),
    "a row without text": (TABLE + ",,\n").encode(),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_label_tables_are_read_however_they_were_written(tmp_path, kind):
    (tmp_path / "t.csv").write_bytes(WRITTEN[kind])
    table = read_label_table(tmp_path / "t.csv")
    assert table == {"by_color": True, "ids": {0x804080: 0, 0x4682B4: 1}, "names": {0: "Straße", 1: "sky"}}


def test_a_value_that_is_listed_twice_is_named_with_its_line(tmp_path):
    (tmp_path / "t.csv").write_text("value,id\n7,0\n8,1\n7,1\n")
    with pytest.raises(DataError, match=r"value 7 twice.* line 4"):
        read_label_table(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0\x81\x8d", b"\xff\xfe\0"])
def test_tables_that_are_no_text_are_named(tmp_path, content):
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=r"t\.xlsx"):
        read_label_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_flag_files_are_read_however_they_were_written(tmp_path, encoding, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.flags").write_bytes("# für uns\r\n--source_dir=Wärme\r\n".encode(encoding))
    (data,) = parse(["x", "--flagfile=~/mine.flags"], [DataSettings], "")
    assert data.source_dir == "Wärme"


def test_flag_files_that_are_not_there_or_no_text_are_named(tmp_path):
    (tmp_path / "x.flags").write_bytes(b"\x81\0\x8d")
    with pytest.raises(SettingsError, match=r"x\.flags is no text"):
        parse(["x", f"--flagfile={tmp_path / 'x.flags'}"], [DataSettings], "")
    with pytest.raises(SettingsError, match=r"no/city\.flags.*experiments/city\.flags"):
        parse(["x", "--flagfile=no/city.flags"], [DataSettings], "")
