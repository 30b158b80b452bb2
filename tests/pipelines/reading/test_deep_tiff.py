"""TIFF files of kinds that Pillow does not know, as rasterio reads them."""

import struct

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image
from shown import AS_SHOWN

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading import tiff
from pipelines.reading.decode import allow_pixels, read_image
from pipelines.reading.depth import deep_size, read_deep
from pipelines.reading.viewing import White

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


OVER_WHITE = {  # of whole numbers v with the alpha a, and white w -> what is seen over white
    "unassalpha": lambda v, a, w: v * (a / w) + (w - a),
    "assocalpha": lambda v, a, w: v + (w - a),
}


@pytest.mark.parametrize("kind", OVER_WHITE)
@pytest.mark.parametrize("channels, photometric", [(1, "minisblack"), (3, "rgb")])
def test_white_is_laid_under_transparent_parts(tmp_path, rng, kind, channels, photometric):
    """Of what is multiplied by alpha already, values are no larger than alpha."""
    values = rng.integers(0, 60000, (6, 9, channels + 1), "uint16")
    values[..., :-1] = np.minimum(values[..., :-1], values[..., -1:])
    values[0] = 65535
    tifffile.imwrite(
        tmp_path / "x.tif", values, photometric=photometric, extrasamples=[kind], planarconfig="contig"
    )  # fmt: skip
    shown = OVER_WHITE[kind](values[..., :-1].astype("float64"), values[..., -1:].astype("float64"), 65535)
    under = White()
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif", background=under), np.round(shown))
    assert under.shows
    values[..., -1] = 65535
    tifffile.imwrite(tmp_path / "x.tif", values, photometric=photometric, extrasamples=[kind], planarconfig="contig")
    under = White()
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif", background=under), values[..., :-1])
    assert not under.shows


def test_alpha_that_has_no_largest_value_is_refused(tmp_path, rng):
    values = rng.uniform(0, 1, (6, 9, 4)).astype("float32")
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    with pytest.raises(DataError, match=r"x\.tif has alpha of float32.*8 or 16 bits"):
        read_deep(tmp_path / "x.tif", background=White())


@pytest.mark.parametrize("orientation", AS_SHOWN)
@pytest.mark.parametrize("dtype, bands", [("uint16", 3), ("uint8", 5)])
def test_pictures_are_turned(tmp_path, rng, orientation, dtype, bands):
    values = rng.integers(0, 256, (4, 6, bands)).astype(dtype)
    options = dict(photometric="minisblack", extrasamples=["unspecified"] * 4) if bands == 5 else {"photometric": "rgb"}
    options["extratags"] = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "x.tif", values, planarconfig="contig", **options)
    shown = AS_SHOWN[orientation](values)
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif"), shown)
    assert deep_size(tmp_path / "x.tif") == shown.shape[:2]


@pytest.fixture
def two_pages(tmp_path, rng):
    """A TIFF of two pages of 16-bit colours behind a thumbnail of the first, and what the pages hold."""
    pages = rng.integers(0, 60000, (2, 6, 9, 3), "uint16")
    (tmp_path / "s").mkdir()
    with tifffile.TiffWriter(tmp_path / "s" / "x.tif", bigtiff=True) as file:
        file.write(pages[0, ::2, ::2].astype("uint8"), photometric="rgb", subfiletype=1)
        for page in pages:
            file.write(page, photometric="rgb", contiguous=False)
    return tmp_path / "s", pages


def test_pages_need_a_word_here_too(two_pages):
    folder, pages = two_pages
    with pytest.raises(DataError, match=r"x\.tif has 2 pages.*--source_pages"):
        Folder(source_dir=folder)
    np.testing.assert_array_equal(Folder(source_dir=folder, pages="first").load(0)["source"], pages[0])
    channels = Folder(source_dir=folder, pages="channels")
    np.testing.assert_array_equal(channels.load(0)["source"], np.concatenate(pages, -1))
    frames = Folder(source_dir=folder, pages="frames")
    assert frames.names == ["x_0001", "x_0002"] and frames.size(1) == (6, 9)
    for index in range(2):
        np.testing.assert_array_equal(frames.load(index)["source"], pages[index])


def test_pages_of_several_sizes_are_no_channels(tmp_path, rng):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for height in (6, 8):
            file.write(rng.integers(0, 60000, (height, 9, 3), "uint16"), photometric="rgb")
    with pytest.raises(DataError, match=r"x\.tif has pages of several sizes"):
        read_deep(tmp_path / "x.tif", "channels")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_where_zero_is_white(tmp_path, rng, dtype):
    values = rng.integers(0, 256, (6, 9, 2)).astype(dtype)
    tifffile.imwrite(
        tmp_path / "x.tif", values, photometric="miniswhite", planarconfig="contig", extrasamples=["unspecified"]
    )
    if dtype != "float32":
        np.testing.assert_array_equal(read_deep(tmp_path / "x.tif"), np.iinfo(dtype).max - values)
        return
    with pytest.raises(DataError, match=r"x\.tif.*MinIsWhite.*32-bit float32"):
        read_deep(tmp_path / "x.tif")


@pytest.mark.parametrize("codec, dtype, bands", [("LERC", "float32", 1), ("WebP", "uint8", 3)])
def test_compressions_that_pillow_may_lack(tmp_path, rng, monkeypatch, codec, dtype, bands):
    rasterio = pytest.importorskip("rasterio")
    values, path = rng.integers(0, 256, (16, 24, bands)).astype(dtype), tmp_path / "x.tif"
    kind = dict(
        driver="GTiff", width=24, height=16, count=bands, dtype=dtype, transform=rasterio.Affine(2, 0, 9, 0, 2, 9)
    )
    how = dict(photometric="rgb", webp_lossless=True) if codec == "WebP" else {}
    try:
        with rasterio.open(path, "w", compress=codec.lower(), **kind, **how) as file:
            file.write(values.transpose(2, 0, 1))
    except rasterio.errors.RasterioError:
        pytest.skip("this GDAL lacks it, too")
    np.testing.assert_array_equal(read_deep(path), values)
    monkeypatch.setattr(tiff, "has_rasterio", lambda: False)
    for read in (read_deep, read_image) if codec == "LERC" else ():  # some builds of Pillow know WebP in TIFF
        with pytest.raises(DataError, match=rf"x\.tif.*{codec}.*COMPRESS=DEFLATE"):
            read(path)


def test_complex_numbers_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.ones((6, 9, 3), "complex64"), photometric="rgb")
    with pytest.raises(DataError, match=r"x\.tif holds complex"):
        read_deep(tmp_path / "x.tif")


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "float64"])
def test_as_targets_of_a_dataset(tmp_path, rng, dtype):
    for folder in "ab":
        (tmp_path / folder).mkdir()
    values = rng.integers(0, 127, (6, 9, 3)).astype(dtype)
    for number in range(2):
        np.save(tmp_path / "a" / f"{number}.npy", values[..., 0])
        tifffile.imwrite(tmp_path / "b" / f"{number}.tif", values, photometric="rgb")
    source = Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b")
    assert validate(source, show_progress=False).lines[0].startswith("2 scenes")
    np.testing.assert_array_equal(source.load(1)["image"], values)


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
