"""Channels in files of their own, as satellites have them."""

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf import assemble
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.reading.bands import find_bands

FILES = {"source_files": "{}_B10.TIF", "target_files": "{}_B4.TIF,{}_B3.TIF,{}_B2.TIF"}


@pytest.fixture
def landsat(save, rng, tmp_path):
    """Two scenes in folders of their own, four files each."""
    for scene in ("LC08_1", "LC08_2"):
        for band in ("B10", "B4", "B3", "B2"):
            values = rng.integers(0, 60000, (20, 30)) + int(band[1:])
            save(f"{scene}/{scene}_{band}.TIF", values.astype("uint16"))
    return tmp_path


def test_files_are_channels(landsat):
    data = DataSettings(dataset="folder", data_dir=str(landsat), val_share=0.5, **FILES)
    train, val = (assemble.build_source(data, split) for split in ("train", "val"))
    assert [*train.names, *val.names] == ["LC08_1/LC08_1", "LC08_2/LC08_2"]
    assert train.formats == {"source": ((1,), "uint16"), "image": ((3,), "uint16")}
    assert train.common_size == (20, 30) and train.file_name(0) == "LC08_1/LC08_1"
    scene = train.load(0)
    bands = [find_bands(landsat, [f"{{}}_{band}.TIF"])[train.names[0]] for band in ("B4", "B3", "B2")]
    assert all(len(band.files) == 1 for band in bands)
    for channel, name in enumerate(("B4", "B3", "B2")):
        stored = np.asarray(Image.open(landsat / "LC08_1" / f"LC08_1_{name}.TIF"))
        np.testing.assert_array_equal(scene["image"][..., channel], stored)
    assert "2 of 30x20" in validate(assemble.build_source(data, "test"), show_progress=False).lines[0]
    alone = assemble.build_source(data, "test", images=False)
    assert set(alone.formats) == {"source"} and len(alone) == 2


def test_what_is_missing_is_named(landsat):
    (landsat / "LC08_2" / "LC08_2_B3.TIF").unlink()
    with pytest.raises(DataError, match="LC08_2_B3"):
        find_bands(landsat, FILES["target_files"].split(","))
    with pytest.raises(DataError, match="B99"):
        find_bands(landsat, ["{}_B99.TIF"])
    with pytest.raises(DataError, match="B2"):
        find_bands(landsat, ["B2.TIF"])


def test_bands_of_other_sizes_are_named(landsat, save):
    save("LC08_1/LC08_1_B3.TIF", np.zeros((10, 15), "uint16"))
    bands = find_bands(landsat, FILES["target_files"].split(","))
    with pytest.raises(DataError, match="LC08_1_B3"):
        bands["LC08_1/LC08_1"].read_bytes()


@pytest.mark.parametrize("other", [{"pairs": "x.csv"}, {"side_by_side": "AtoB"}, {"source_files": ""}])
def test_flags_that_do_not_go_together(other):
    with pytest.raises(SettingsError, match="source_files"):
        DataSettings(dataset="folder", data_dir=".", **{**FILES, **other})
