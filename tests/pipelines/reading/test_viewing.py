"""Pictures are read as every viewer shows them: turned, and without what lies under transparent parts."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shown import AS_SHOWN

from pipelines.checks.validate import validate
from pipelines.folder import Folder
from pipelines.reading import viewing
from pipelines.reading.decode import picture_size, read_ids, read_image
from pipelines.reading.depth import deep_size, read_deep
from pipelines.reading.viewing import White

ORIENTATION = 0x0112


def tags(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", AS_SHOWN)
def test_photographs_and_ids_are_turned(save, rng, orientation, suffix):
    stored = rng.integers(0, 256, (4, 6, 3)).astype("uint8")
    path = save("x" + suffix, stored, exif=tags(orientation), lossless=True)
    shown = AS_SHOWN[orientation](stored)
    np.testing.assert_array_equal(read_image(path), shown)
    np.testing.assert_array_equal(read_deep(path), shown)
    assert picture_size(path) == deep_size(path) == shown.shape[:2]
    if suffix != ".webp":
        path = save("ids" + suffix, stored[..., 0], exif=tags(orientation))
        np.testing.assert_array_equal(read_ids(path), shown[..., 0])


def test_jpeg_is_turned(save):
    stored = np.zeros((16, 32, 3), "uint8")
    stored[:, :16] = 255
    path = save("x.jpg", stored, exif=tags(6))
    assert picture_size(path) == (32, 16)
    assert read_image(path)[:12].min() > 200 and read_image(path)[20:].max() < 50


def late(path, orientation):
    """Puts the tags of a PNG behind its pixels."""
    content = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, ORIENTATION, 3, 1, orientation) + bytes(4)
    chunk = struct.pack(">I", len(content)) + b"eXIf" + content + struct.pack(">I", zlib.crc32(b"eXIf" + content))
    data = path.read_bytes()
    path.write_bytes(data[:-12] + chunk + data[-12:])
    return path


def test_tags_of_a_png_may_stand_behind_its_pixels(save, rng):
    stored = rng.integers(0, 256, (4, 6, 3)).astype("uint8")
    path = late(save("x.png", stored), 6)
    assert picture_size(path) == (6, 4)
    np.testing.assert_array_equal(read_image(path), np.rot90(stored, -1))


def test_png_of_sixteen_bits_is_turned(tmp_path, rng):
    stored = rng.integers(0, 65536, (4, 6, 3)).astype("uint16")
    path = tmp_path / "x.png"
    path.write_bytes(tf.io.encode_png(stored).numpy())
    np.testing.assert_array_equal(read_deep(late(path, 8)), np.rot90(stored, 1))
    assert deep_size(path) == (6, 4)


# === Transparent parts ===


@pytest.fixture
def hidden_noise(rng):
    """A grey square, and noise around it that no viewer shows: RGBA."""
    rgba = rng.integers(0, 256, (16, 16, 4)).astype("uint8")
    rgba[..., 3] = 0
    rgba[4:12, 4:12] = 90, 90, 90, 255
    return rgba


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_white_is_laid_under_targets_and_said(save, hidden_noise, tmp_path, suffix):
    save("a/x.png", np.arange(256, dtype="uint8").reshape(16, 16))
    save("b/x" + suffix, hidden_noise, lossless=True)
    source = Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b")
    image = source.load(0)["image"]
    assert (image[4:12, 4:12] == 90).all() and (image[:4] == 255).all()
    assert any("1 targets" in line and "white" in line for line in validate(source, show_progress=False).lines)


def test_opaque_alpha_changes_nothing(save, hidden_noise):
    hidden_noise[..., 3] = 255
    path = save("x.png", hidden_noise)
    np.testing.assert_array_equal(read_image(path, White()), hidden_noise[..., :3])


def test_white_is_laid_under_targets_of_sixteen_bits(tmp_path, hidden_noise):
    deep = hidden_noise.astype("uint16") * 257
    path = tmp_path / "x.png"
    path.write_bytes(tf.io.encode_png(deep).numpy())
    image = read_deep(path, background=White())
    assert image.dtype == np.uint16 and (image[:4] == 65535).all() and (image[4:12, 4:12] == 90 * 257).all()


# === Thermal cameras ===


def test_radiometric_jpegs_are_said(save, tmp_path):
    for name in ("x", "y"):
        path = save(f"a/{name}.jpg", np.arange(256, dtype="uint8").reshape(16, 16))
        save(f"b/{name}.png", np.zeros((16, 16, 3), "uint8"))
        body = b"FLIR\0\x01\0\0FFF\0" + bytes(600)
        data = path.read_bytes()
        path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
        assert viewing.is_radiometric(path)
    lines = validate(Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b"), show_progress=False).lines
    assert any("radiometric" in line and "--radiometric" in line for line in lines)
