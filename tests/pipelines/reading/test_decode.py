"""Every kind of file that people have, read exactly."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from shared_data import CITYSCAPES, needs_cityscapes

from pipelines.errors import DataError
from pipelines.reading.decode import (
    allow_pixels,
    picture_size,
    read_ids,
    read_image,
    read_instance_map,
    read_label_map,
    read_label_table,
)
from pipelines.reading.depth import read_deep


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_eight_bit_ids(save, rng, suffix):
    ids = rng.integers(0, 256, (5, 7)).astype("uint8")
    np.testing.assert_array_equal(read_ids(save("x" + suffix, ids)), ids)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_ids_above_32767_stay(save, suffix):
    ids = np.array([[0, 26001], [33000, 65535]], "uint16")
    read = read_ids(save("x" + suffix, ids))
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, ids)


def test_thirty_two_bit_ids(save):
    ids = np.array([[0, 70000], [2**31 - 1, 5]], "int32")
    np.testing.assert_array_equal(read_ids(save("x.tiff", ids)), ids)


def test_palette_gives_indices(save, tmp_path):
    picture = Image.fromarray(np.array([[0, 2], [1, 2]], "uint8")).convert("P")
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 2, 1, 2])
    picture.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "p.png"), [[0, 2], [1, 2]])


def test_one_bit(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_ids(tmp_path / "b.png"), [[1, 0]])


def test_colours_where_ids_should_be_are_refused(save):
    with pytest.raises(DataError, match=r"mode RGB.*--label_table"):
        read_ids(save("rgb.png", np.zeros((2, 2, 3), "uint8")))


def table(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return read_label_table(path)


def test_labels_coded_by_colour(save, tmp_path):
    colors = table(tmp_path, "value,id,name\n#804080,0,road\n#0000ff,1,car\n#000000,-1,\n")
    picture = np.array([[(128, 64, 128), (0, 0, 255), (0, 0, 0)]], "uint8")
    np.testing.assert_array_equal(read_label_map(save("c.png", picture), colors), [[0, 1, -1]])
    assert colors["names"][1] == "car"
    with pytest.raises(DataError, match="colour #0000fe at 1 pixels"):
        read_label_map(save("d.png", np.array([[(0, 0, 254), (0, 0, 255)]], "uint8")), colors)


def test_labels_coded_by_other_numbers(save, tmp_path):
    masks = table(tmp_path, "value,id\n0,0\n255,1\n")
    np.testing.assert_array_equal(read_label_map(save("m.png", np.array([[0, 255]], "uint8")), masks), [[0, 1]])
    with pytest.raises(DataError, match="value 7 at 1 pixels"):
        read_label_map(save("n.png", np.array([[7, 255]], "uint8")), masks)


def test_a_label_table_may_have_its_head_in_capitals(tmp_path):
    colors = table(tmp_path, "Value,ID,Name\n#804080,0,Road\n")
    assert colors == {"by_color": True, "ids": {0x804080: 0}, "names": {0: "Road"}}


@pytest.mark.parametrize("text, shown", [("804080,0\n4682B4,1\n", "#4682B4"), ("7,0\n#804080,1\n", "#804080")])
def test_colours_without_their_sign_are_called_so(tmp_path, text, shown):
    with pytest.raises(DataError, match=f"Line 3 of the label table.*begin with #.*{shown}$"):
        table(tmp_path, "value,id\n" + text)


@pytest.mark.parametrize("text", ["value,id,name\n#804080,road\n", "colour,id\n#000000,1\n", "value,id\nred,1\n"])
def test_a_broken_label_table_names_its_line(tmp_path, text):
    with pytest.raises(DataError, match="Line 2 of the label table"):
        table(tmp_path, text)


def test_an_empty_or_absent_label_table(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        table(tmp_path, "value,id,name\n")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_label_table(tmp_path / "absent.csv")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_a_truncated_file_is_named(save, rng, suffix):
    path = save("t" + suffix, rng.integers(0, 256, (64, 64, 3)).astype("uint8"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"t{suffix} cannot be read as a picture"):
        read_image(path)


def test_no_picture_at_all(tmp_path):
    (tmp_path / "x.png").write_bytes(b"not a picture")
    for read in (read_image, read_ids, read_deep, picture_size):
        with pytest.raises(DataError, match=r"x\.png cannot be read"):
            read(tmp_path / "x.png")


def test_images_become_rgb(save):
    grey = np.array([[10, 200]], "uint8")
    np.testing.assert_array_equal(read_image(save("g.png", grey)), np.stack([grey] * 3, -1))
    rgba = np.array([[(1, 2, 3, 128)]], "uint8")
    np.testing.assert_array_equal(read_image(save("a.png", rgba)), [[(1, 2, 3)]])
    with pytest.raises(DataError, match="should be an 8-bit photograph"):
        read_image(save("deep.png", grey.astype("uint16")))


def test_sources_keep_channels_and_depth(save, rng, tmp_path):
    for name, array in {
        "g8.png": rng.integers(0, 256, (4, 5)).astype("uint8"),
        "g16.png": rng.integers(0, 65536, (4, 5)).astype("uint16"),
        "g16.tiff": rng.integers(0, 65536, (4, 5)).astype("uint16"),
        "f32.tiff": rng.uniform(250, 320, (4, 5)).astype("float32"),
        "rgb.png": rng.integers(0, 256, (4, 5, 3)).astype("uint8"),
    }.items():
        read = read_deep(save(name, array))
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array if array.ndim == 3 else array[..., None])
    deep = rng.integers(0, 65536, (4, 5, 3)).astype("uint16")
    (tmp_path / "deep.png").write_bytes(tf.io.encode_png(deep).numpy())
    np.testing.assert_array_equal(read_deep(tmp_path / "deep.png"), deep)


def test_picture_size(save):
    assert picture_size(save("s.png", np.zeros((3, 8), "uint8"))) == (3, 8)


@needs_cityscapes
def test_real_cityscapes_ids_agree():
    """Label = id below 1000, else id // 1000: true only if ids are read exactly."""
    for path in sorted((CITYSCAPES / "train_inst").iterdir()):
        ids = read_ids(path)
        labels = read_ids(str(path).replace("train_inst", "train_label").replace("instanceIds", "labelIds"))
        np.testing.assert_array_equal(np.where(ids < 1000, ids, ids // 1000), labels)


# === NumPy files ===


def test_targets_and_ids_may_be_arrays(tmp_path, rng):
    photo = rng.integers(0, 256, (5, 7, 3)).astype("uint8")
    np.save(tmp_path / "photo.npy", photo), np.save(tmp_path / "grey.npy", photo[..., 0])
    np.testing.assert_array_equal(read_image(tmp_path / "photo.npy"), photo)
    np.testing.assert_array_equal(read_image(tmp_path / "grey.npy"), photo[..., :1].repeat(3, -1))
    ids = photo[..., 0].astype("int64") * 70000
    for name, array in {"a.npy": ids, "b.npy": ids[..., None], "c.npy": ids.astype("float64")}.items():
        np.save(tmp_path / name, array)
        np.testing.assert_array_equal(read_ids(tmp_path / name), ids)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_in_arrays_are_read_as_those_of_pictures(save, tmp_path, rng, channels):
    colors = rng.integers(0, 2, (5, 7, channels), "uint8") * 200
    np.save(tmp_path / "x.npy", colors), save("x.png", colors)
    panoptic = (colors[..., :3] * [1, 256, 65536]).sum(-1)
    listed = {int(value): label for label, value in enumerate(np.unique((colors[..., :3] * [65536, 256, 1]).sum(-1)))}
    labels = np.vectorize(listed.get)((colors[..., :3] * [65536, 256, 1]).sum(-1))
    for name in ("x.npy", "x.png"):
        np.testing.assert_array_equal(read_instance_map(tmp_path / name), panoptic)
        np.testing.assert_array_equal(read_label_map(tmp_path / name, {"by_color": True, "ids": listed}), labels)
        with pytest.raises(DataError, match=f"{name} holds colours, and the label table lists numbers"):
            read_label_map(tmp_path / name, {"by_color": False, "ids": {0: 0}})
    with pytest.raises(DataError, match=f"x.npy.*{channels} a pixel.*--label_table"):
        read_ids(tmp_path / "x.npy")


def test_ids_beside_a_table_of_colours(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 7), "int64"))
    with pytest.raises(DataError, match=r"x\.npy.*uint8.*int64"):
        read_label_map(tmp_path / "x.npy", {"by_color": True, "ids": {0: 0}})


@pytest.mark.parametrize("array", [np.zeros((4, 5, 3), "float32"), np.zeros((4, 5, 2), "uint8")])
def test_arrays_that_are_no_photographs(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError, match=rf"x\.npy .*{array.dtype} \(4, 5, {array.shape[-1]}\)"):
        read_image(tmp_path / "x.npy")
    with pytest.raises(DataError, match=r"x\.npy .*one number a pixel"):
        read_ids(tmp_path / "x.npy")


@pytest.mark.parametrize("ids", [[[0.5]], [[np.nan]], [[2**40]], [[-(2**40)]]])
def test_arrays_that_are_no_ids(tmp_path, ids):
    np.save(tmp_path / "x.npy", ids)
    with pytest.raises(DataError, match=r"x\.npy"):
        read_ids(tmp_path / "x.npy")


@pytest.mark.parametrize("channels", [1, 3, 13])
def test_channels_first_is_named(tmp_path, channels):
    np.save(tmp_path / "x.npy", np.zeros((channels, 64, 96), "float32"))
    for read in (read_deep, read_image, read_ids):
        with pytest.raises(DataError, match=r"x\.npy .*channels first.*moveaxis"):
            read(tmp_path / "x.npy")


# === What cannot be read ===


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>", b"\0" * 64])
def test_files_that_are_no_pictures_are_not_called_damaged(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.png cannot be read") as error:
        read_image(tmp_path / "x.png")
    assert "whole?" not in str(error.value)


def test_very_large_pictures_are_read_if_they_are_meant(save):
    usual = 2 * Image.MAX_IMAGE_PIXELS
    path = save("x.png", np.zeros((40, 50), "uint8"))
    try:
        allow_pixels(1999)
        for read in (read_image, read_ids, read_deep, picture_size):
            with pytest.raises(DataError, match=r"x\.png .*2,000 pixels.*--max_pixels=2000.*tiles") as error:
                read(path)
            assert "whole?" not in str(error.value)
        allow_pixels(2000)
        assert read_image(path).shape == (40, 50, 3)
    finally:
        allow_pixels(usual)


def test_arrays_of_objects_are_not_called_damaged(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[1, None]], object))
    with pytest.raises(DataError, match=r"x\.npy") as error:
        read_image(tmp_path / "x.npy")
    assert "whole" not in str(error.value)
