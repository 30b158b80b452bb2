"""What is written never lies among what is read."""

import numpy as np
import pytest
from tiny import image_model

from hdsynth_tf.assemble import check_apart
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError


@pytest.fixture
def folders(tmp_path):
    for name in ("a", "b", "train_A", "test_A", "leftImg8bit"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a", target_is_directory=True)
    return tmp_path


@pytest.mark.parametrize("output", ["a", "a/out", "b", "link", "link/deeper/out", "a/../b"])
def test_folders_among_the_inputs_are_refused(folders, output):
    data = DataSettings(dataset="folder", source_dir=str(folders / "a"), target_dir=str(folders / "b"))
    with pytest.raises(SettingsError, match=r"--run_dir (is|lies in) a folder of inputs"):
        check_apart(folders / output, data, "--run_dir")
    relative = DataSettings(dataset="folder", data_dir=str(folders), source_dir="a", target_dir="b")
    with pytest.raises(SettingsError, match="inputs"):
        check_apart(folders / output, relative)


@pytest.mark.parametrize("dataset, output", [("folder", "test_A"), ("cityscapes", "leftImg8bit/out")])
def test_layouts_are_known(folders, dataset, output):
    with pytest.raises(SettingsError, match="inputs"):
        check_apart(folders / output, DataSettings(dataset=dataset, data_dir=str(folders)))


def test_folders_of_files_that_are_listed_are_refused_themselves(folders, save):
    save("a/x.png", np.zeros((2, 3), "uint8")), save("b/y.png", np.ones((2, 3), "uint8"))
    (folders / "pairs.csv").write_text("a/x.png,b/y.png\n")
    data = DataSettings(dataset="folder", pairs=str(folders / "pairs.csv"))
    for name in ("a", "b"):
        with pytest.raises(SettingsError, match="--output_dir is a folder of inputs"):
            check_apart(folders / name, data)
        check_apart(folders / name / "out", data)
    both = DataSettings(dataset="folder", data_dir=str(folders), side_by_side="AtoB")
    with pytest.raises(SettingsError, match="lies in a folder of inputs"):
        check_apart(folders / "train" / "out", both)


def test_generate_writes_nothing_over_its_inputs(command, folders, save):
    image_model().save(folders / "m.keras")
    path = save("a/x.png", np.arange(64, dtype="uint8").reshape(8, 8))
    before = path.read_bytes()
    for name in ("a", "a/out"):
        code, _, errors = command(
            "generate", f"--model={folders / 'm.keras'}", "--dataset=folder", f"--source_dir={folders / 'a'}",
            f"--output_dir={folders / name}",
        )  # fmt: skip
        assert code == 2 and str(folders / "a") in errors
    assert [child.name for child in (folders / "a").iterdir()] == ["x.png"] and path.read_bytes() == before


def test_folders_beside_the_inputs_are_not(folders):
    check_apart(folders / "out", DataSettings(dataset="folder", data_dir=str(folders)))
    check_apart(folders, DataSettings(dataset="folder", source_dir=str(folders / "a")))
    check_apart("anywhere", DataSettings())


@pytest.mark.parametrize("verb, flag", [("train", "run_dir"), ("register", "output_dir"), ("prepare", "output_dir")])
def test_commands_refuse_before_they_write(command, folders, verb, flag):
    inputs = ["--dataset=folder", f"--source_dir={folders / 'a'}", f"--target_dir={folders / 'b'}"]
    code, _, errors = command(verb, *inputs, f"--{flag}={folders / 'a'}")
    assert code == 2 and f"--{flag} is" in errors
    assert not list((folders / "a").iterdir())
