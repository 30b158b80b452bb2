"""The folder of a run: which settings it was begun with, and what is checked before anything is written."""

import dataclasses
import json

import pytest

from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.files.run_folder import RunFolder, RunFolderError, check_space, find_model, read_settings


def test_settings_of_a_run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    begun = {"data": DataSettings(num_scenes=7)}
    folder.check(begun, may_change=())
    folder.create(begun)
    assert read_settings(folder.path, "data")["num_scenes"] == 7
    assert read_settings(tmp_path / "other.keras", "data") == {}
    folder.check(begun, may_change=())
    changed = {"data": DataSettings(num_scenes=8, data_dir="elsewhere")}
    with pytest.raises(RunFolderError, match="--data_dir was , is elsewhere; --num_scenes was 7, is 8"):
        folder.check(changed, may_change=())
    with pytest.raises(RunFolderError, match="holds another run: --num_scenes was 7, is 8"):
        folder.check(changed, may_change=("data_dir",))
    with pytest.raises(RunFolderError, match=r"is no model"):
        find_model(folder.path)
    with pytest.raises(RunFolderError, match="MiB left"):
        check_space(tmp_path, 10**18)
    json.loads(folder.settings.read_text())


def test_settings_of_an_older_version_compare_as_they_did(tmp_path):
    """A file without what is new, with what is gone, and with lists of what are tuples."""
    folder = RunFolder(tmp_path)
    now = DataSettings(dont_care=(255, -1), crop_height=(64, 0), crop_width=(64, 0), source_range=(0.5, 2))
    written = {name: value for name, value in dataclasses.asdict(now).items() if name != "num_scenes"}
    folder.settings.write_text(json.dumps({"data": {**written, "gone": 1}, "other": {}}))
    folder.check({"data": now}, may_change=())
    with pytest.raises(RunFolderError, match="--dont_care was"):
        folder.check({"data": dataclasses.replace(now, dont_care=())}, may_change=())
