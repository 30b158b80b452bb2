"""Source and target in one picture, as pix2pix has them, and the other layouts that people copy."""

import numpy as np
import pytest
import tensorflow as tf

from hdsynth_tf.assemble import build_source, find_source
from hdsynth_tf.config.groups import DataSettings
from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder


@pytest.fixture
def pair(rng):
    return rng.integers(0, 256, (2, 4, 6, 3)).astype("uint8")


@pytest.mark.parametrize("suffix", [".png", ".npy", ".tif", "16.png"])
@pytest.mark.parametrize("order, left", [("AtoB", "source"), ("BtoA", "image")])
def test_both_orders(save, tmp_path, pair, order, left, suffix):
    values = np.concatenate(list(pair), 1)
    path = tmp_path / "d" / f"x{suffix}"
    path.parent.mkdir()
    if suffix == ".npy":
        np.save(path, values)
    elif suffix == "16.png":
        pair = pair.astype("uint16") * 257
        path.write_bytes(tf.io.encode_png(values.astype("uint16") * 257).numpy())
    else:
        save(f"d/x{suffix}", values)
    source = Folder(source_dir=tmp_path / "d", side_by_side=order)
    assert validate(source, show_progress=False).lines[0] == "1 scenes: 1 of 6x4"
    right = {"source": "image", "image": "source"}[left]
    np.testing.assert_array_equal(source.load(0)[left], pair[0])
    np.testing.assert_array_equal(source.load(0)[right], pair[1])
    assert source.file_name(0) == path.stem


def test_pictures_of_an_odd_width_are_named(save, tmp_path, pair):
    save("d/x.png", pair[0][:, :5])
    with pytest.raises(DataError, match=r"x\.png is 5 pixels wide"):
        Folder(source_dir=tmp_path / "d", side_by_side="AtoB")


def test_splits_and_the_flag_that_reads_them(save, tmp_path, pair, command):
    for name in ("train/x", "train/y", "val/z"):
        save(f"d/{name}.png", np.concatenate(list(pair), 1))
    data = DataSettings(dataset="folder", data_dir=str(tmp_path / "d"))
    with pytest.raises(DataError, match="--side_by_side=AtoB"):
        build_source(data, "train")
    save("deeper/train/ir/x.png", pair[0])
    with pytest.raises(DataError, match="--source_dir") as error:
        build_source(DataSettings(dataset="folder", data_dir=str(tmp_path / "deeper")), "train")
    assert "--side_by_side" not in str(error.value)
    data = DataSettings(dataset="folder", data_dir=str(tmp_path / "d"), side_by_side="AtoB")
    assert build_source(data, "train").names == ["x", "y"] and find_source(data, "val").names == ["z"]
    assert find_source(data, "test") is None
    assert list(build_source(data, "val", images=False).formats) == ["source"]
    code, _, errors = command(
        "prepare",
        "--dataset=folder",
        f"--data_dir={tmp_path / 'd'}",
        "--side_by_side=AtoB",
        f"--output_dir={tmp_path}/o",
    )
    assert code == 1 and "cannot be packed" in errors


@pytest.mark.parametrize("layout", ["{split}{side}", "{side}/{split}", "{split}_{side}", "{split}/{side}"])
def test_layouts_of_others(save, tmp_path, pair, layout):
    for split in ("train", "val"):
        for i, side in enumerate("AB"):
            save(f"d/{layout.format(split=split, side=side)}/x.png", pair[i])
    data = DataSettings(dataset="folder", data_dir=str(tmp_path / "d"))
    for split in ("train", "val"):
        np.testing.assert_array_equal(build_source(data, split).load(0)["image"], pair[1])
