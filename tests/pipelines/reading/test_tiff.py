"""TIFF files with more in them than one picture."""

import contextlib
import struct
import time

import numpy as np
import pytest
import tifffile
from mutate import damaged_bytes
from PIL import Image

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


def chain(path, count, width=4, height=4):
    """Writes a TIFF of many pages that share their pixels, a few bytes each."""
    tags = [(256, 3, width), (257, 3, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, height), (279, 4, width * height)]  # fmt: skip
    start = 8 + width * height
    step = 2 + 12 * len(tags) + 4
    with path.open("wb") as file:
        file.write(struct.pack("<4sI", b"II*\0", start) + bytes(width * height))
        for page in range(count):
            file.write(struct.pack("<H", len(tags)))
            file.writelines(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
            file.write(struct.pack("<I", 0 if page == count - 1 else start + (page + 1) * step))
    return path


def test_of_50_000_pages_the_second_is_looked_for_only(tmp_path):
    path = chain(tmp_path / "x.tif", 50_000)
    begin = time.perf_counter()
    for read in (read_deep, read_ids, read_image, picture_size):
        with pytest.raises(DataError, match=r"x\.tif has \d+ pages or more.*--source_pages"):
            read(path)
    assert read_deep(path, "first").shape == (4, 4, 1)
    assert time.perf_counter() - begin < 30  # 97 where all are counted; here less than 1


def test_pages_that_are_channels_have_no_more_pixels_than_a_picture_may(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert read_deep(chain(tmp_path / "x.tif", 10), "channels").shape == (4, 4, 10)
    with pytest.raises(DataError, match=r"y\.tif.*--max_pixels=3200"):
        read_deep(chain(tmp_path / "y.tif", 200), "channels")


@pytest.mark.filterwarnings("ignore")
def test_damaged_tags_are_told_of_as_a_damaged_file(tmp_path, rng):
    """They made many kinds of errors of Pillow's and Python's own."""
    content = chain(tmp_path / "x.tif", 2).read_bytes()
    for _ in range(150):
        (tmp_path / "x.tif").write_bytes(damaged_bytes(content, rng))
        for read in (read_deep, read_ids, read_image, picture_size):
            for pages in ("", "channels"):
                with contextlib.suppress(DataError):
                    read(tmp_path / "x.tif", pages=pages)
