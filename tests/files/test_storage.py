"""Whole files and folders, or none."""

import pytest

from hdsynth_tf.files.storage import replacing


def test_replacing_a_file(tmp_path):
    target = tmp_path / "deep" / "x.txt"
    with replacing(target) as temporary:
        temporary.write_text("one")
        assert not target.exists() and temporary.suffix == ".txt"
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "one" and [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_replacing_a_folder(tmp_path):
    target = tmp_path / "1"
    for content in ("one", "two"):
        with replacing(target) as temporary:
            temporary.mkdir()
            (temporary / "x").write_text(content)
        assert (target / "x").read_text() == content
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert (target / "x").read_text() == "two" and [p.name for p in tmp_path.iterdir()] == ["1"]
