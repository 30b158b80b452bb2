"""TIFF files of kinds that Pillow does not know, as rasterio reads them."""

import struct

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.decode import allow_pixels
from pipelines.reading.depth import deep_size, read_deep

pytest.importorskip("rasterio", reason="the extra `geo` is not installed")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("channels", [3, 4, 7])
@pytest.mark.parametrize("layout", ["contig", "separate"])
def test_values_are_those_of_the_file(tmp_path, rng, dtype, channels, layout, recwarn):
    values = rng.integers(0, 127 if dtype == "uint8" else 9000, (6, 9, channels)).astype(dtype)
    stored = values if layout == "contig" else np.moveaxis(values, -1, 0)
    options = dict(photometric="minisblack", planarconfig=layout, extrasamples=["unspecified"] * (channels - 1))
    tifffile.imwrite(tmp_path / "x.tif", stored, **options)
    if dtype == "uint8" and channels < 5:
        return  # Pillow's business
    read = read_deep(tmp_path / "x.tif")
    assert read.dtype == ("float32" if dtype == "int16" else dtype)
    np.testing.assert_array_equal(read, values)
    assert deep_size(tmp_path / "x.tif") == (6, 9)
    assert not [one for one in recwarn if "georeferenced" in type(one.message).__name__.lower()]


def test_alpha_is_left_out(tmp_path, rng):
    values = rng.integers(0, 60000, (6, 9, 4), "uint16")
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif"), values[..., :3])


def test_as_sources_of_a_dataset(tmp_path, rng):
    (tmp_path / "s").mkdir()
    values = rng.integers(0, 9000, (2, 6, 9, 5), "uint16")
    for number, own in enumerate(values):
        tifffile.imwrite(
            tmp_path / "s" / f"{number}.tif", own,
            photometric="minisblack", planarconfig="contig", extrasamples=["unspecified"] * 4,
        )  # fmt: skip
    source = Folder(source_dir=tmp_path / "s")
    assert source.formats["source"] == ((5,), "uint16") and source.size(1) == (6, 9)
    np.testing.assert_array_equal(source.load(1)["source"], values[1])


def test_what_is_damaged_or_too_large_is_refused(tmp_path, rng):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, rng.integers(0, 60000, (64, 64, 3), "uint16"), photometric="rgb", compression="zlib")
    limit = Image.MAX_IMAGE_PIXELS
    try:
        allow_pixels(64 * 64 * 3 - 1)
        with pytest.raises(DataError, match=r"too large a picture: 12,288 pixels.*--max_pixels=12288"):
            read_deep(path)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(DataError, match=r"x\.tif cannot be read as a picture"):
        read_deep(path)


@pytest.mark.parametrize("kind", [2, 7])
def test_tags_of_another_kind_are_damage(tmp_path, rng, kind):
    """Bits a sample as text, or as bytes."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, rng.integers(0, 60000, (6, 9, 3), "uint16"), photometric="rgb")
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HH", 258, 3)) + 2
    content[place : place + 2] = struct.pack("<H", kind)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.tif"):
        read_deep(path)


@pytest.mark.parametrize("length", range(20, 34))
def test_a_deep_png_cut_short(tmp_path, rng, length):
    content = tf.io.encode_png(rng.integers(0, 60000, (6, 9, 3), "uint16")).numpy()
    (tmp_path / "x.png").write_bytes(content[:length])
    with pytest.raises(DataError, match=r"x\.png cannot be read as a picture"):
        read_deep(tmp_path / "x.png")
