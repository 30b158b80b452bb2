"""Whole files and folders, or none."""

import itertools
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hdsynth_tf.files import storage
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.storage import TEMPORARY, remove_leftovers, remove_leftovers_of, replacing


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


def replace_in_a_child(target, killed_at, exchanges):
    """Replaces a folder in a process of its own that kills itself at one of its renames; gives how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    renames = itertools.count(1)

    def rename(path, other):
        if next(renames) == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        os.rename(path, other)

    try:
        if not exchanges:
            storage._renameat2 = lambda: None
        with replacing(target) as temporary:
            temporary.mkdir()
            (temporary / "x").write_text("new")
            Path.rename = rename
    finally:
        os._exit(0)


@pytest.mark.parametrize("exchanges, killed_at", [(False, 1), (False, 2), (True, 1)])
def test_a_kill_at_a_rename_leaves_the_folder_or_lets_it_be_put_back(tmp_path, exchanges, killed_at):
    """Where two folders can change places at once, there is no rename to be killed at."""
    target = tmp_path / "serving" / "1"
    target.mkdir(parents=True)
    (target / "x").write_text("old")
    exchanges = exchanges and storage._renameat2() is not None
    code = replace_in_a_child(target, killed_at, exchanges)
    assert code == (0 if exchanges else -signal.SIGKILL)
    assert target.exists() == (exchanges or killed_at == 1)
    with only_writer(tmp_path, "the next"):
        assert (target / "x").read_text() == ("new" if exchanges else "old")
    assert [path.name for path in target.parent.iterdir()] == ["1"]


def test_what_was_put_aside_goes_where_the_new_one_is(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    for process in (dead.pid, os.getppid()):
        (tmp_path / f"{storage.ASIDE}{process}.1").mkdir()
    (tmp_path / "1").mkdir()
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"1", f"{storage.ASIDE}{os.getppid()}.1"}


def test_folders_change_places_on_every_system(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_renameat2", lambda: None)
    test_replacing_a_folder(tmp_path)


def test_names_as_long_as_they_may_be(tmp_path):
    path = tmp_path / ("ä" * 120 + ".webp")
    with replacing(path) as temporary:
        assert temporary.suffix == ".webp"
        temporary.write_text("whole")
    assert path.read_text() == "whole" and len(list(tmp_path.iterdir())) == 1


def test_leftovers_of_one_file_alone(tmp_path):
    """Whatever its name means to patterns; what another file's writer left stays."""
    path = tmp_path / "city[1].keras"
    own, other = (tmp_path / f"{TEMPORARY}999999.{name}" for name in (path.name, "city1.keras"))
    own.touch(), other.touch()
    remove_leftovers_of(path)
    assert not own.exists() and other.exists()
