"""Datasets whose folders are known by name."""

import numpy as np
import pytest

from hdsynth_tf.assemble import build_source, check_apart, find_source
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.pairing.layouts import LAYOUTS, OTHERS

FILES = {  # layout -> split -> (thermal, visible, name of the scene)
    "kaist": {
        "train": [
            (f"images/set0{s}/V00{v}/lwir/I0000{i}.jpg", f"images/set0{s}/V00{v}/visible/I0000{i}.jpg",
             f"set0{s}/V00{v}/I0000{i}")
            for s in (0, 5) for v in (0, 1) for i in range(2)
        ],
        "test": [
            (f"images/set{s}/V000/lwir/I00000.jpg", f"images/set{s}/V000/visible/I00000.jpg", f"set{s}/V000/I00000")
            for s in ("06", "11")
        ],
    },
    "llvip": {
        split: [(f"infrared/{split}/{i}.jpg", f"visible/{split}/{i}.jpg", f"{i}") for i in numbers]
        for split, numbers in (("train", (10001, 10002, 20003)), ("test", (190001,)))
    },
    "msrs": {
        split: [(f"{split}/ir/{i}.png", f"{split}/vi/{i}.png", f"{i}") for i in numbers]
        for split, numbers in (("train", ("00001D", "00003N", "00004N")), ("test", ("00002N",)))
    },
}  # fmt: skip


@pytest.fixture(params=FILES)
def dataset(request, save, rng, tmp_path):
    """The name of a layout, and its root: grey thermal pictures of 6x4, and others that are not meant."""
    for pairs in FILES[request.param].values():
        for source, target, _ in pairs:
            save(f"d/{source}", rng.integers(0, 256, (4, 6)).astype("uint8"))
            save(f"d/{target}", rng.integers(0, 256, (4, 6, 3)).astype("uint8"))
    save("d/Annotations/x.png", np.zeros((4, 6), "uint8"))
    save("d/train/Segmentation_labels/00001D.png", np.zeros((4, 6), "uint8"))
    return request.param, tmp_path / "d"


def test_every_layout_is_tried():
    assert set(FILES) == set(LAYOUTS)


def test_sides_and_splits_are_found(dataset):
    name, root = dataset
    data = DataSettings(dataset="folder", data_dir=str(root), layout=name, val_share=0.0)
    for split, pairs in FILES[name].items():
        source = build_source(data, split)
        assert source.names == sorted(scene for *_, scene in pairs)
        assert [str(path) for path in source.paths["source"]] == sorted(f"{root}/{path}" for path, *_ in pairs)
        assert source.formats == {"source": ((1,), "uint8"), "image": ((3,), "uint8")}
        assert not any("left out" in line for line in validate(source, show_progress=False).lines)
    assert list(build_source(data, "test", images=False).formats) == ["source"]
    assert find_source(data, "val") is None


def test_of_train_some_is_held_out(dataset):
    name, root = dataset
    data = DataSettings(dataset="folder", data_dir=str(root), layout=name)
    parts = [build_source(data, split).names for split in ("train", "val")]
    assert len(parts[1]) == 1 and sorted([*parts[0], *parts[1]]) == sorted(scene for *_, scene in FILES[name]["train"])
    if name == "kaist":
        held_out = find_source(DataSettings(**{**vars(data), "sequence": r"set\d+/V\d+"}), "val").names
        assert len({scene.rpartition("/")[0] for scene in held_out}) == 1 and len(held_out) == 2


def test_an_inner_folder_may_be_left_out(save, tmp_path):
    for side in ("lwir", "visible"):
        save(f"d/set00/V000/{side}/I00000.jpg", np.full((4, 6), len(side), "uint8"))
    data = DataSettings(dataset="folder", data_dir=str(tmp_path / "d"), layout="kaist")
    assert build_source(data, "train").names == ["set00/V000/I00000"]
    with pytest.raises(DataError, match=r"no split test.*set06"):
        build_source(data, "test")


def test_folders_that_are_not_there_are_named_with_those_that_are(dataset, tmp_path):
    name, root = dataset
    data = DataSettings(dataset="folder", data_dir=str(tmp_path), layout=name)
    wanted = FILES[name]["train"][0][0].split("/")[-2]
    with pytest.raises(DataError, match=f"(?s){wanted}.*--data_dir.*there.*\n  d$"):
        build_source(data, "train")
    with pytest.raises(DataError, match="nothing/here is no folder"):
        build_source(DataSettings(dataset="folder", data_dir=f"{root}/nothing/here", layout=name), "train")


def test_nothing_is_written_among_the_inputs(dataset):
    name, root = dataset
    data = DataSettings(dataset="folder", data_dir=str(root), layout=name)
    inputs = (root / FILES[name]["test"][0][1]).parent
    with pytest.raises(SettingsError, match="--output_dir is"):
        check_apart(inputs, data)
    check_apart(root / "out", data)


@pytest.mark.parametrize("name, flag", [("FLIR_ADAS", "PreviewData"), ("m3fd", "--source_dir=Ir"), ("vedai", "_co")])
def test_layouts_that_are_not_fixed_are_named_with_flags(command, name, flag):
    code, _, errors = command("prepare", "--dataset=folder", "--data_dir=d", f"--layout={name}", "--output_dir=o")
    assert code == 2 and flag in errors and all(known in errors for known in LAYOUTS)
    assert not any(other in errors for other in OTHERS if other not in name.lower())


@pytest.mark.parametrize("other", ["source_dir", "target_dir", "label_dir", "pairs", "source_files", "side_by_side"])
def test_flags_that_do_not_go_with_a_layout(other):
    with pytest.raises(SettingsError, match=f"--{other}"):
        DataSettings(dataset="folder", data_dir="d", layout="msrs", **{other: "AtoB"})
    with pytest.raises(SettingsError, match="--data_dir"):
        DataSettings(dataset="folder", layout="msrs")


def test_prepare_packs_every_split(dataset, command, tmp_path):
    name, root = dataset
    flags = ["--dataset=folder", f"--data_dir={root}", f"--layout={name}", f"--output_dir={tmp_path / 'packed'}"]
    code, _, errors = command("prepare", *flags)
    assert code == 0, errors
    assert sorted(path.name for path in (tmp_path / "packed").iterdir()) == ["test", "train", "val"]
