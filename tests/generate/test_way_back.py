"""The way back of an unpaired run reads what were its targets."""

import numpy as np
import pytest

from hdsynth_tf import assemble
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.files.run_folder import RunFolder, write_json
from hdsynth_tf.generate.__main__ import data_of
from pipelines.errors import DataError

GREY = np.zeros((8, 8), "uint8")


def test_folders_named_by_their_splits(save, tmp_path):
    for name in ("trainA/a0", "trainB/b0", "testA/a1", "testB/b1", "testB/b2"):
        save(f"{name}.png", GREY)
    data = DataSettings(dataset="folder", data_dir=str(tmp_path), unpaired=True, split="test", val_share=0.5)
    assert assemble.build_source(data, "test", images=False).names == ["a1"]
    back = assemble.turned_round(data)
    assert assemble.build_source(back, back.split, images=False).names == ["b1", "b2"]
    with pytest.raises(DataError, match="no folder val_B or valB"):
        assemble.turned_round(DataSettings(dataset="folder", data_dir=str(tmp_path), unpaired=True, split="val"))


def test_named_folders(tmp_path):
    run = RunFolder(tmp_path / "run")
    settings = dict(dataset="folder", source_dir="A", target_dir="B", target_name="(.*)_b", unpaired=True)
    write_json(run.settings, {"data": settings | {"source_name": "(.*)_a"}})
    back = data_of(str(run.path), "ba")
    assert (back["source_dir"], back["source_name"]) == ("B", "(.*)_b")
    assert not back["target_dir"] and not back["target_name"]
    assert data_of(str(run.path), "")["source_dir"] == "A"
    data = DataSettings(dataset="folder", source_dir="B", unpaired=True)
    assert assemble.turned_round(data) is data
