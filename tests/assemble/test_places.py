"""Files that are named are read, or it is said that nobody would read them."""

import numpy as np
import pytest

from hdsynth_tf.assemble import build_source
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError


@pytest.mark.parametrize(
    "dataset, name", [("toy_street", "source_dir"), ("toy_street", "data_dir"), ("cityscapes", "label_dir")]
)
def test_files_that_a_dataset_does_not_read_are_named(tmp_path, dataset, name):
    data = DataSettings(**{"dataset": dataset, "data_dir": "d" * (dataset == "cityscapes"), name: str(tmp_path)})
    with pytest.raises(SettingsError, match=f"--dataset={dataset} does not read --{name}"):
        build_source(data, "train")


# === What a run says of its files, when others are named ===


def fitting(run, **given):
    return {name: value for name, value in DataSettings.fitting(run, given).items() if value}


def test_a_table_of_the_run_gives_way_to_folders():
    run = {"dataset": "folder", "pairs": "p.csv", "image_height": 64}
    assert fitting(run, source_dir="new") == {"dataset": "folder", "image_height": 64}
    assert fitting(run, dataset="folder") == fitting(run, image_width=64) == run


def test_folders_of_the_run_give_way_to_a_layout_and_a_table():
    run = {"dataset": "folder", "source_dir": "a", "target_dir": "b", "source_name": "(.*)_ir"}
    assert fitting(run, layout="msrs") == fitting(run, pairs="p.csv") == {"dataset": "folder", "source_name": "(.*)_ir"}
    assert fitting(run, source_dir="c") == run


def test_a_layout_stays_where_only_its_place_is_new():
    run = {"dataset": "folder", "layout": "msrs", "data_dir": "a"}
    assert fitting(run, data_dir="b") == run
    assert fitting(run, dataset="folder", source_name="x") == run


def test_the_root_of_another_dataset_is_not_that_of_the_files_that_are_named():
    run = {"dataset": "cityscapes", "data_dir": "CITYSCAPES", "image_height": 64}
    assert fitting(run, dataset="folder", label_dir="L") == {"dataset": "cityscapes", "image_height": 64}
    assert fitting(run, dataset="cityscapes") == fitting(run, flip=False) == run


@pytest.mark.parametrize("verb", ["register", "prepare", "evaluate"])
def test_verbs_of_pairs_refuse_what_is_unpaired(command, tmp_path, save, verb):
    for side in "ab":
        save(f"{side}/x.png", np.full((4, 6), ord(side), "uint8"))
    flags = ["--dataset=folder", f"--source_dir={tmp_path / 'a'}", f"--target_dir={tmp_path / 'b'}", "--unpaired"]
    more = [f"--method=x={tmp_path / 'a'}"] * (verb == "evaluate")
    code, _, errors = command(verb, *flags, f"--output_dir={tmp_path / 'out'}", *more)
    assert code == 2 and "--unpaired" in errors and not (tmp_path / "out").exists()
