"""TIFF files with more in them than one picture."""

import numpy as np
import pytest
import tifffile

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.decode import picture_size, read_ids, read_image
from pipelines.reading.depth import read_deep

REDUCED, MASK = 1, 4  # of the tag NewSubfileType


def write(path, *pages):
    """Writes pages, (values, what the tag says of them)."""
    path.parent.mkdir(exist_ok=True)
    with tifffile.TiffWriter(path) as file:
        for values, kind in pages:
            file.write(values, subfiletype=kind, contiguous=False)
    return path


@pytest.fixture
def counts(rng):
    return rng.integers(27000, 31000, (16, 24)).astype("uint16")


@pytest.mark.parametrize("kind", [0, REDUCED])
def test_smaller_copies_are_not_pages(tmp_path, counts, kind):
    path = write(tmp_path / "x.tif", (counts, 0), (counts[::2, ::2], kind), (counts[::4, ::4], kind))
    for pages in ("", "first", "channels"):
        np.testing.assert_array_equal(read_deep(path, pages)[..., 0], counts)
    np.testing.assert_array_equal(read_ids(path), counts)
    assert picture_size(path) == (16, 24)
    assert Folder(source_dir=tmp_path, pages="frames").names == ["x"]


def test_thumbnails_may_come_first_and_masks_be_as_large(tmp_path, counts):
    path = write(tmp_path / "x.tif", (counts[::2, ::2], REDUCED), (counts, 0), (counts > 29000, MASK))
    np.testing.assert_array_equal(read_deep(path)[..., 0], counts)
    assert picture_size(path) == (16, 24)


def test_the_first_of_several_pages_is_read_if_that_is_said(tmp_path, counts, rng):
    photo = rng.integers(0, 256, (16, 24, 3)).astype("uint8")
    write(tmp_path / "a" / "x.tif", (counts, 0), (counts // 2, 0))
    write(tmp_path / "b" / "x.tif", (photo, 0), (photo // 2, 0))
    folders = {"source_dir": tmp_path / "a", "image_dir": tmp_path / "b"}
    with pytest.raises(DataError, match=r"x\.tif has 2 pages.*--source_pages.*first"):
        Folder(**folders)
    with pytest.raises(DataError, match=r"x\.tif has 2 pages"):
        read_image(tmp_path / "b" / "x.tif")
    scenes = Folder(**folders, pages="first")
    assert validate(scenes, show_progress=False).lines[0] == "1 scenes: 1 of 24x16"
    np.testing.assert_array_equal(scenes.load(0)["source"][..., 0], counts)
    np.testing.assert_array_equal(scenes.load(0)["image"], photo)
