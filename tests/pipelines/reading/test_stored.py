"""Numbers are those that the file stores, however many bits it has for them."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
import tifffile
from PIL import Image

from pipelines.errors import DataError
from pipelines.reading import tiff
from pipelines.reading.decode import read_ids, read_image, read_instance_map, read_label_map
from pipelines.reading.depth import read_deep
from pipelines.reading.viewing import White


def grey_png(path, values, bits):
    """Writes a grey PNG of 1, 2 or 4 bits, which Pillow does not write."""
    rows = "".join("0" * 8 + "".join(f"{value:0{bits}b}" for value in row) for row in values)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(int(rows, 2).to_bytes(len(rows) // 8, "big"))), (b"IEND", b"")]
    chunks = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_ids_in_few_bits(tmp_path, rng, bits):
    ids = rng.integers(0, 2**bits, (8, 16))
    path = grey_png(tmp_path / "x.png", ids, bits)
    np.testing.assert_array_equal(read_ids(path), ids)
    np.testing.assert_array_equal(read_deep(path)[..., 0], ids * (255 // (2**bits - 1)))  # as it is shown


@pytest.mark.parametrize("magic", ["P2", "P5"])
@pytest.mark.parametrize("largest", [3, 15, 100, 1023, 16383, 65535])
def test_counts_of_portable_graymaps(tmp_path, rng, magic, largest):
    values = rng.integers(0, largest + 1, (5, 7))
    values[0, 0] = largest
    body = " ".join(map(str, values.ravel())).encode()
    if magic == "P5":
        body = values.astype("u1" if largest < 256 else ">u2").tobytes()
    path = tmp_path / "x.pgm"
    path.write_bytes(f"{magic}\n7 5\n{largest}\n".encode() + body)
    np.testing.assert_array_equal(read_ids(path), values)
    if largest > 255:
        assert read_deep(path).dtype == np.uint16
        np.testing.assert_array_equal(read_deep(path)[..., 0], values)


def test_deep_colours_of_pixmaps_and_tiffs_are_refused_by_every_reader(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff, "has_rasterio", lambda: False)
    deep = np.full((4, 5, 3), 700, "uint16")
    (tmp_path / "x.ppm").write_bytes(b"P6\n5 4\n1023\n" + deep.astype(">u2").tobytes())
    tifffile.imwrite(tmp_path / "x.tif", deep, photometric="rgb")
    for name in ("x.ppm", "x.tif"):
        for read in (read_image, read_deep):
            with pytest.raises(DataError, match=rf"{name} has colours of 1[06] bits"):
                read(tmp_path / name)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    "dtype, values",
    [
        ("int8", [-100, 0, 100]),
        ("int16", [-9999, 0, 9999]),
        ("int32", [-70000, 0, 70000]),
        ("uint32", [0, 5, 2**31 + 2**20]),
        ("float32", [-40.5, 0, 900.25]),
    ],
)
def test_signed_and_large_numbers(tmp_path, dtype, values, compression):
    array = np.tile(np.array(values, dtype), (4, 2))
    tifffile.imwrite(tmp_path / "x.tif", array, compression=compression)
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif")[..., 0].astype("float64"), array.astype("float64"))


def test_ids_that_are_too_large_or_no_whole_numbers_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "large.tif", np.array([[0, 2**31 + 5]], "uint32"))
    with pytest.raises(DataError, match=str(2**31 + 5)):
        read_ids(tmp_path / "large.tif")
    tifffile.imwrite(tmp_path / "half.tif", np.array([[0, 1.5]], "float32"))
    with pytest.raises(DataError, match=r"half\.tif should hold whole numbers"):
        read_ids(tmp_path / "half.tif")


@pytest.mark.parametrize("dtype", ["uint64", "int64", "complex64"])
def test_numbers_that_are_not_known_are_named(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((4, 4), dtype))
    with pytest.raises(DataError, match=r"x\.tif cannot be read.* 64-bit") as error:
        read_deep(tmp_path / "x.tif")
    assert "whole?" not in str(error.value)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_where_zero_is_white(tmp_path, dtype):
    """Viewers agree on what is shown, not on which number a pixel is."""
    values = np.arange(12, dtype=dtype).reshape(3, 4)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(read_deep(tmp_path / "x.tif")[..., 0], np.iinfo(dtype).max - values)
    with pytest.raises(DataError, match="MinIsWhite"):
        read_ids(tmp_path / "x.tif")


def test_where_zero_is_white_and_nobody_knows_what_is_black(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.arange(12, dtype="float32").reshape(3, 4), photometric="miniswhite")
    with pytest.raises(DataError, match=r"x\.tif.*MinIsWhite.*32-bit float32.*MinIsBlack"):
        read_deep(tmp_path / "x.tif")


def deep_png(values):
    return tf.io.encode_png(values).numpy()


def test_a_deep_png_is_read_as_such_whatever_it_is_called(tmp_path, rng):
    colours, grey = rng.integers(0, 65536, (6, 9, 3), "uint16"), rng.integers(0, 65536, (6, 9, 2), "uint16")
    for name in ("x.png", "x.tif", "x.jpg"):
        (tmp_path / name).write_bytes(deep_png(colours))
        np.testing.assert_array_equal(read_deep(tmp_path / name), colours)
        (tmp_path / name).write_bytes(deep_png(grey))
        np.testing.assert_array_equal(read_deep(tmp_path / name), grey[..., :1])


def test_ids_in_deep_colours_are_refused(tmp_path, rng):
    (tmp_path / "x.png").write_bytes(deep_png(rng.integers(0, 20, (6, 9, 3), "uint16")))
    table = {"by_color": True, "ids": {0: 0}, "names": {0: "a"}}
    for read in (read_instance_map, lambda path: read_label_map(path, table)):
        with pytest.raises(DataError, match=r"x\.png has colours of 16 bits, where a colour of 8 bits is an id"):
            read(tmp_path / "x.png")


@pytest.mark.parametrize("bands", [2, 4])
def test_a_band_that_is_no_colour_is_not_dropped(tmp_path, rng, monkeypatch, bands):
    values = rng.integers(0, 256, (6, 9, bands), "uint8")
    photometric, known = ("rgb", 3) if bands == 4 else ("minisblack", 1)
    options = dict(photometric=photometric, planarconfig="contig", extrasamples=["unspecified"] * (bands - known))
    tifffile.imwrite(tmp_path / "x.tif", values, **options)
    if tiff.has_rasterio():
        np.testing.assert_array_equal(read_deep(tmp_path / "x.tif"), values)
    monkeypatch.setattr(tiff, "has_rasterio", lambda: False)
    with pytest.raises(DataError, match=r"x\.tif has a band that is no colour and not alpha"):
        read_deep(tmp_path / "x.tif")


def test_several_grey_bands_are_named_as_what_they_are(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(tiff, "has_rasterio", lambda: False)
    tifffile.imwrite(
        tmp_path / "x.tif", rng.integers(0, 256, (6, 9, 5), "uint8"), photometric="minisblack", planarconfig="contig",
        extrasamples=["unspecified"] * 4,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"5 channel\(s\) of 8-bit.*rasterio.*height, width, channels"):
        read_deep(tmp_path / "x.tif")


def test_a_tiff_cut_before_its_directory_is_not_whole(tmp_path, rng):
    path = tmp_path / "x.tif"
    Image.fromarray(rng.integers(0, 65536, (128, 160), "uint16")).save(path, compression="tiff_lzw")
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match="Is it whole"):
        read_deep(path)


@pytest.mark.parametrize("name", ["x.pbm", "x.pgm", "x.ppm"])
def test_bits_in_letters(tmp_path, name):
    (tmp_path / name).write_text("P1\n4 2\n0 1 0 1\n1 1 0 0\n")
    np.testing.assert_array_equal(read_deep(tmp_path / name)[..., 0], [[255, 0, 255, 0], [0, 0, 255, 255]])


def test_bits_are_the_ids_that_the_file_stores(tmp_path, rng):
    bits = rng.integers(0, 2, (4, 16), "uint8")
    (tmp_path / "x.pgm").write_bytes(b"P4\n16 4\n" + np.packbits(bits, axis=1).tobytes())
    np.testing.assert_array_equal(read_ids(tmp_path / "x.pgm"), bits)
    Image.fromarray(bits.astype(bool)).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "x.png"), bits)


def test_whole_numbers_that_would_be_rounded_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[2**24, 2**25, 5]], "int64"))
    np.testing.assert_array_equal(read_deep(tmp_path / "x.npy")[..., 0], [[2**24, 2**25, 5]])
    np.save(tmp_path / "x.npy", np.array([[2**25 + 1, 5]], "uint32"))
    with pytest.raises(DataError, match=r"x\.npy holds whole numbers up to 33,554,433"):
        read_deep(tmp_path / "x.npy")


@pytest.mark.parametrize("channels, key", [(1, b"\x04\xd2"), (3, b"\x04\xd2" * 3)])
def test_a_transparent_value_of_16_bits_is_refused_in_targets(tmp_path, rng, channels, key):
    """Readers leave it alone; of 8 bits, and of alpha, white is laid under what is transparent."""
    content = deep_png(rng.integers(0, 65536, (6, 9, channels), "uint16"))
    place = content.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(key)) + b"tRNS" + key + struct.pack(">I", zlib.crc32(b"tRNS" + key))
    (tmp_path / "x.png").write_bytes(content[:place] + chunk + content[place:])
    assert read_deep(tmp_path / "x.png").shape == (6, 9, channels)
    with pytest.raises(DataError, match=r"x\.png names a value of 16 bits as transparent"):
        read_deep(tmp_path / "x.png", background=White())


def test_colours_beside_a_table_of_numbers(tmp_path):
    Image.fromarray(np.zeros((4, 5, 3), "uint8")).save(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x\.png holds colours, and the label table lists numbers"):
        read_label_map(tmp_path / "x.png", {"by_color": False, "ids": {0: 0}, "names": {0: "a"}})


@pytest.mark.parametrize(
    "content, said",
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photograph. Convert"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"PK\x03\x04\x14\0\0\0", "an archive. Unpack it"),
    ],
)
@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.npy"])
def test_what_is_no_picture_is_called_by_its_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_deep(tmp_path / name)


def test_truth_values_of_an_array(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[True, False]]))
    np.testing.assert_array_equal(read_ids(tmp_path / "x.npy"), [[1, 0]])
