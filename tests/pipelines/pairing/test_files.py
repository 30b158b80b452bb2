"""A folder is what people see in it."""

import os
import unicodedata

import numpy as np
import pytest
from tiny import image_model

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.pairing.files import files_below
from pipelines.pairing.pairs import find_files, hold_out, pair_files
from pipelines.paths import as_path

PICTURE = np.arange(6, dtype="uint8").reshape(2, 3)


def test_links_to_folders_are_followed_and_loops_left(save, tmp_path):
    save("a/one/x.png", PICTURE), save("elsewhere/y.png", PICTURE), save("elsewhere/deep/z.png", PICTURE)
    (tmp_path / "a" / "two").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a" / "one", target_is_directory=True)
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "elsewhere" / "deep" / "loop").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list(find_files(tmp_path / "a")) == ["again/x", "one/x", "two/deep/z", "two/y"]
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(find_files(tmp_path / "link")) == 4


LEFT_BEHIND = [".ipynb_checkpoints", ".thumbnails", "@eaDir", "__MACOSX", "sub/.hidden/deeper"]


@pytest.mark.parametrize("folder", LEFT_BEHIND)
def test_what_tools_leave_behind_is_left_out_and_counted(save, tmp_path, folder):
    save("a/x.png", PICTURE), save("b/x.png", 9 - PICTURE)
    for name in ("x", "y"):
        save(f"a/{folder}/{name}.png", PICTURE)
    (tmp_path / "a" / "._x.png").write_bytes(b"a Mac's")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"what nobody wants to hear of")
    source = Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b")
    assert source.names == ["x"]
    (line,) = [line for line in validate(source, show_progress=False).lines if "left out" in line]
    assert "source" in line and " 3 files" in line and str(tmp_path / "a") in line


def test_a_hidden_folder_may_be_named_itself(save, tmp_path):
    save(".cache/x.png", PICTURE)
    assert list(find_files(tmp_path / ".cache")) == ["x"]


def test_files_of_other_kinds_are_counted(save, tmp_path):
    save("a/x.png", PICTURE), save("a/y.gif", PICTURE), save("only/y.gif", PICTURE)
    found = find_files(tmp_path / "a")
    assert {why: len(paths) for why, paths in found.left_out.items()} == {"of another kind": 1}
    with pytest.raises(DataError, match=r"holds no picture.*1 files were left out.*y\.gif"):
        find_files(tmp_path / "only")


def test_composed_and_decomposed_names_pair(save, tmp_path):
    save(unicodedata.normalize("NFC", "a/Müller/Å.png"), PICTURE)
    save(unicodedata.normalize("NFD", "b/Müller/Å.png"), PICTURE)
    names, _ = pair_files({"source": find_files(tmp_path / "a"), "image": find_files(tmp_path / "b")})
    assert names == [unicodedata.normalize("NFC", "Müller/Å")]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_patterns_find_composed_and_decomposed_names(save, tmp_path, form):
    save(unicodedata.normalize("NFC", "a/Zürich/é1_ir.png"), PICTURE)
    pattern = unicodedata.normalize(form, "Zürich/(é.*)_ir")
    assert list(find_files(tmp_path / "a", pattern=pattern)) == [unicodedata.normalize("NFC", "é1")]


def test_the_users_own_folder_is_known_by_its_sign(save, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save("a/x.png", PICTURE)
    assert as_path("~/a") == tmp_path / "a"
    assert files_below(as_path("~/a"))[0] == [tmp_path / "a" / "x.png"]


# === Names that have nothing in common ===


def test_files_pair_in_order(save, tmp_path, command):
    """frame9 belongs to IMG_2001, frame10 to IMG_2002; the scenes have the sources' names."""
    for i in range(3):
        save(f"a/frame{9 + i}.png", PICTURE + i), save(f"b/IMG_{2001 + i}.jpg", 9 - PICTURE - i)
    folders = [f"--source_dir={tmp_path / 'a'}", f"--target_dir={tmp_path / 'b'}", "--dataset=folder"]
    run = [*folders, f"--output_dir={tmp_path / 'packed'}", "--val_share=0"]
    code, _, errors = command("prepare", *run)
    assert code == 1 and "and so on: --in_order." in errors
    code, output, errors = command("prepare", *run, "--in_order")
    assert code == 0 and "train: 3 scenes" in output, errors

    folder = Folder(tmp_path / "a", image_dir=tmp_path / "b", in_order=True)
    assert folder.names == ["frame9", "frame10", "frame11"]
    assert [path.name for path in folder.paths["image"]] == ["IMG_2001.jpg", "IMG_2002.jpg", "IMG_2003.jpg"]

    (tmp_path / "b" / "IMG_2003.jpg").unlink()
    code, _, errors = command("prepare", *run)
    assert code == 1 and "--in_order" not in errors
    code, _, errors = command("prepare", *run, "--in_order")
    assert code == 1 and "3 of source, 2 of target" in errors


# === Names that differ in one part ===

SIDES = {
    "endings": ("{i:03d}_ir", "{i:03d}_vis", "--source_name='(.*)_ir' --target_name='(.*)_vis'"),
    "letters": ("{i:03d}_A", "{i:03d}_B", "--source_name='(.*)_A' --target_name='(.*)_B'"),
    "beginnings": ("IR_{i:04d}", "RGB_{i:04d}", "--source_name='IR_(.*)' --target_name='RGB_(.*)'"),
    "one side": ("{i:03d}", "{i:03d}-rgb", "--target_name='(.*)-rgb'"),
    "in the middle": (
        "set00/V{i:03d}/lwir/I0001",
        "set00/V{i:03d}/visible/I0001",
        "--source_name='(.*)/lwir/(.*)' --target_name='(.*)/visible/(.*)'",
    ),
    "no separator": ("{i:03d}ir", "{i:03d}vis", "--source_name='(.*)ir' --target_name='(.*)vis'"),
    "letters before numbers": ("ir{i:04d}", "rgb{i:04d}", "--source_name='ir(.*)' --target_name='rgb(.*)'"),
    "case and ending": (
        "X{i:02d}_IR",
        "x{i:02d}_vis",
        "--ignore_case --source_name='(.*)_IR' --target_name='(.*)_vis'",
    ),
    "folder and ending": ("IR/{i:03d}_T", "VIS/{i:03d}_V", "--source_name='IR/(.*)_T' --target_name='VIS/(.*)_V'"),
    "two in a row": (
        "{i:03d}_c1_ir",
        "{i:03d}_c2_vis",
        "--source_name='(.*)_c1_ir' --target_name='(.*)_c2_vis'",
    ),
    "case": ("IMG_{i:03d}", "img_{i:03d}", "--ignore_case"),
    "round brackets": (
        "{i:03d}(ir)",
        "{i:03d}(rgb)",
        r"--source_name='(.*)\(ir\)' --target_name='(.*)\(rgb\)'",
    ),
    "square brackets": ("[ir]{i:03d}", "{i:03d}", r"--source_name='\[ir\](.*)'"),
    "plus": ("ir+{i:03d}", "vis+{i:03d}", r"--source_name='ir\+(.*)' --target_name='vis\+(.*)'"),
    "at": ("{i:03d}@2x", "{i:03d}", "--source_name='(.*)@2x'"),
    "leading zeros": ("{i}", "{i:04d}", r"--source_name='(.*?)0*(\d+)' --target_name='(.*?)0*(\d+)'"),
    "leading zeros behind names": (
        "d10/f_{i}",
        "d10/f_{i:02d}",
        r"--source_name='(.*?)0*(\d+)' --target_name='(.*?)0*(\d+)'",
    ),
}


@pytest.mark.parametrize("kind", SIDES)
def test_the_message_gives_the_flags_that_pair(save, tmp_path, kind, command):
    source, target, flags = SIDES[kind]
    for i in range(3):
        save(f"a/{source.format(i=i)}.png", PICTURE + i), save(f"b/{target.format(i=i)}.png", 9 - PICTURE - i)
    folders = [f"--source_dir={tmp_path / 'a'}", f"--target_dir={tmp_path / 'b'}", "--dataset=folder"]
    run = [*folders, f"--output_dir={tmp_path / 'packed'}", "--val_share=0"]
    code, _, errors = command("prepare", *run)
    assert code == 1 and flags in errors
    code, output, errors = command("prepare", *run, *(flag.replace("'", "") for flag in flags.split(" ")))
    assert code == 0 and "train: 3 scenes" in output, errors


def test_names_that_have_nothing_in_common_get_no_flags(save, tmp_path):
    for i in range(3):
        save(f"a/x{i}.png", PICTURE), save(f"b/y{7 + i}_vis.png", PICTURE)
    with pytest.raises(DataError, match="6 files have no partner") as error:
        pair_files({"source": find_files(tmp_path / "a"), "image": find_files(tmp_path / "b")})
    assert "_name=" not in str(error.value) and "--pairs=" in str(error.value)


def test_no_flag_is_named_where_some_pair_without(save, tmp_path):
    save("a/0.png", PICTURE), save("a/b/0.png", PICTURE), save("b/0.png", PICTURE)
    with pytest.raises(DataError, match="no partner") as error:
        pair_files({"source": find_files(tmp_path / "a"), "image": find_files(tmp_path / "b")})
    assert "_name=" not in str(error.value) and "--pairs=" in str(error.value)


def test_both_sides_may_lie_in_one_tree(save, tmp_path):
    for i in range(2):
        save(f"d/{i}_ir.png", PICTURE), save(f"d/{i}_vis.png", PICTURE)
    patterns = {"source": "(.*)_ir", "image": "(.*)_vis"}
    source = Folder(source_dir=tmp_path / "d", image_dir=tmp_path / "d", patterns=patterns)
    assert source.names == ["0", "1"] and source.file_name(1) == "1_ir"
    with pytest.raises(DataError, match=r"'\(' is no regular expression"):
        Folder(source_dir=tmp_path / "d", patterns={"source": "("})
    with pytest.raises(DataError, match=r"holds no picture.*_nir.*4 files were left out"):
        Folder(source_dir=tmp_path / "d", patterns={"source": "(.*)_nir"})


# === What else lies in folders ===


def test_frames_are_in_the_order_that_people_count_in(save, tmp_path):
    for i in range(1, 13):
        save(f"a/drive2/{i}.png", PICTURE), save(f"a/drive10/{i}_b.png", PICTURE)
    found = find_files(tmp_path / "a")
    assert list(found) == [f"drive2/{i}" for i in range(1, 13)] + [f"drive10/{i}_b" for i in range(1, 13)]
    assert pair_files({"source": found})[0] == list(found)
    assert hold_out(list(found), 0.25, blocks=2)[1] == [5, 6, 7, 17, 18, 19]  # runs


def test_pipes_and_links_to_nowhere(save, tmp_path):
    save("a/0.png", PICTURE)
    os.mkfifo(tmp_path / "a" / "1.png")
    assert list(find_files(tmp_path / "a")) == ["0"]
    for place in ("/nowhere/x", "2.png"):  # the second leads to itself
        (tmp_path / "a" / "2.png").unlink(missing_ok=True)
        os.symlink(place, tmp_path / "a" / "2.png")
        with pytest.raises(DataError, match=r"2\.png cannot be read as a picture"):
            Folder(source_dir=tmp_path / "a").load(1)


def test_a_name_that_is_no_text_is_refused(save, tmp_path):
    path = save("a/0.png", PICTURE)
    os.rename(path, os.fsencode(tmp_path / "a") + b"/Stra\xdfe.png")
    with pytest.raises(DataError, match=r"Stra\\xdfe\.png' is no text in UTF-8. Rename"):
        find_files(tmp_path / "a")


def test_what_is_no_folder_is_named(save, tmp_path):
    path = save("a/0.png", PICTURE)
    with pytest.raises(DataError, match=r"0\.png is a file. Give the folder"):
        find_files(path)
    path.rename(tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"a\.zip is a file. Unpack it, and give the folder"):
        find_files(tmp_path / "a.zip")
    with pytest.raises(DataError, match=r"b is no folder. Relative paths begin"):
        find_files(tmp_path / "b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into all folders")
def test_a_folder_that_nobody_may_look_into(save, tmp_path):
    save("a/b/0.png", PICTURE)
    (tmp_path / "a" / "b").chmod(0)
    with pytest.raises(DataError, match="b cannot be read: Permission denied"):
        find_files(tmp_path / "a")


def test_a_folder_that_cannot_be_read_is_told_as_such(save, tmp_path, monkeypatch):
    save("a/0.png", PICTURE)

    def denied(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match="a cannot be read: Permission denied"):
        find_files(tmp_path / "a")


def test_a_folder_for_each_scene_gives_each_picture_a_name_of_its_own(save, tmp_path, command):
    image_model().save(tmp_path / "model.keras")
    for i in range(3):
        save(f"a/scene{i}/ir.png", np.full((8, 8), i, "uint8"))
    flags = ["--dataset=folder", f"--source_dir={tmp_path / 'a'}", "--source_name=(.*)/ir"]
    code, _, errors = command(
        "generate", f"--model={tmp_path / 'model.keras'}", *flags, f"--output_dir={tmp_path / 'o'}"
    )
    assert code == 0, errors
    assert sorted(path.name for path in (tmp_path / "o").glob("*.png")) == [f"scene{i}.png" for i in range(3)]
