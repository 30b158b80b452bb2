"""Kinds of files and names that people bring and that have always been read, or refused well: they go on so."""

import struct

import numpy as np
import pytest
from PIL import Image, features

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.decode import read_ids, read_image, read_label_map, read_label_table

Y, X = np.mgrid[:37, :53]
COLOUR = np.stack([4 * X, 6 * Y, 2 * (X + Y)], -1).astype("uint8")
LABELS = (X // 16 + Y // 16).astype("uint8") % 4


def tiff(compression, **options):
    return lambda path: Image.fromarray(COLOUR).save(path, compression=compression, **options)


def as_mode(mode, **options):
    return lambda path: Image.fromarray(COLOUR).convert(mode).save(path, **options)


def several(**options):
    picture = Image.fromarray(COLOUR)
    return lambda path: picture.save(path, save_all=True, append_images=[Image.fromarray(255 - COLOUR)], **options)


def deep_png(path):
    import tensorflow as tf

    path.write_bytes(tf.io.encode_png(COLOUR.astype("uint16") * 257).numpy())


def tiled(path, order="<", side=16):
    """A TIFF in tiles, which Pillow does not write."""
    tiles = [
        np.pad(COLOUR, ((0, side), (0, side), (0, 0)))[y : y + side, x : x + side].tobytes()
        for y in range(0, len(Y), side)
        for x in range(0, len(X[0]), side)
    ]
    offsets = [8 + sum(map(len, tiles[:i])) for i in range(len(tiles))]
    numbers = {256: [len(X[0])], 257: [len(Y)], 258: [8] * 3, 259: [1], 262: [2], 277: [3], 322: [side], 323: [side],
               324: offsets, 325: [len(tile) for tile in tiles]}  # fmt: skip
    start = 8 + sum(map(len, tiles))
    after = start + 2 + 12 * len(numbers) + 4
    entries, rest = b"", b""
    for tag, values in numbers.items():
        packed = struct.pack(f"{order}{len(values)}L", *values)
        place = packed if len(values) == 1 else struct.pack(f"{order}L", after + len(rest))
        rest += packed if len(values) > 1 else b""
        entries += struct.pack(f"{order}HHL", tag, 4, len(values)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HL", 42, start)
    path.write_bytes(head + b"".join(tiles) + struct.pack(f"{order}H", len(numbers)) + entries + bytes(4) + rest)


PICTURES = {  # name -> (how it is written, how far values may be off)
    "cmyk.jpg": (as_mode("CMYK", quality=95), 12),
    "cmyk.tif": (as_mode("CMYK"), 1),
    "rgba.webp": (as_mode("RGBA", lossless=True), 0),
    "lossy.webp": (as_mode("RGB", quality=95), 40),
    "animated.png": (several(), 0),
    "mpo.jpg": (several(format="MPO", quality=95), 12),
    "deep.png": (deep_png, 1),
    "32 bits.bmp": (as_mode("RGBA"), 0),
    "progressive.jpg": (as_mode("RGB", quality=95, progressive=True), 12),
    "really a png.jpg": (as_mode("RGB", format="PNG"), 0),
    "big.tif": (tiff(None, big_tiff=True), 0),
    "lzw.tif": (tiff("tiff_lzw"), 0),
    "predictor.tif": (tiff("tiff_adobe_deflate", tiffinfo={317: 2}), 0),
    "zstd.tif": (tiff("zstd"), 0),
    "jpeg.tif": (tiff("jpeg", quality=95), 40),
    "tiled.tif": (tiled, 0),
    "tiled big-endian.tif": (lambda path: tiled(path, ">"), 0),
}


@pytest.mark.parametrize("name", PICTURES)
def test_photographs_of_many_kinds(name, tmp_path):
    write, tolerance = PICTURES[name]
    if name.endswith(".tif") and not features.check("libtiff"):
        pytest.skip("Pillow without libtiff")
    write(tmp_path / name)
    read = read_image(tmp_path / name)
    assert read.shape == COLOUR.shape and read.dtype == np.uint8
    assert np.abs(read.astype(int) - COLOUR).max() <= tolerance


@pytest.mark.slow
def test_a_training_takes_them_all(save, tmp_path, command):
    (tmp_path / "B").mkdir()
    kinds = {name: write for name, (write, _) in PICTURES.items() if name != "deep.png"}  # 8 and 16 bits are two kinds
    for number, (name, write) in enumerate(kinds.items()):
        write(tmp_path / "B" / f"{number} {name}")
        save(f"A/{number} {name.rpartition('.')[0]}.png", COLOUR[..., number % 3])
    code, output, errors = command(
        "train", "--dataset=folder", f"--source_dir={tmp_path / 'A'}", f"--target_dir={tmp_path / 'B'}",
        f"--run_dir={tmp_path / 'a run'}", "--crop_height=16", "--crop_width=16", "--batch_size=4", "--num_filters=4",
        "--num_downsamples=2", "--num_residual_blocks=1", "--discriminator_filters=4", "--precision=float32",
        f"--max_steps={len(kinds) // 4 + 1}",
    )  # fmt: skip
    assert code == 0 and "Model:" in output, errors


@pytest.mark.slow
def test_108_megapixels(tmp_path):
    """The sensors of telephones: below the limit, read whole, and no slower to be found than others."""
    for side, mode in (("A", "L"), ("B", "RGB")):
        (tmp_path / side).mkdir()
        picture = Image.new(mode, (12000, 9000), "grey")
        picture.paste(Image.fromarray(COLOUR).convert(mode), (11000, 8000))
        picture.save(tmp_path / side / "a.png", compress_level=1)
    source = Folder(source_dir=tmp_path / "A", image_dir=tmp_path / "B")
    assert "12000x9000" in validate(source, show_progress=False).lines[0] and source.common_size == (9000, 12000)
    np.testing.assert_array_equal(source.read("image", 0)[8000:8037, 11000:11053], COLOUR)


def test_grey_with_alpha(save):
    grey = np.dstack([COLOUR[..., 0], np.full(COLOUR.shape[:2], 255, "uint8")])
    read = read_image(save("x.png", grey))
    np.testing.assert_array_equal(read, np.repeat(COLOUR[..., :1], 3, -1))


def palette(path):
    picture = Image.fromarray(LABELS)
    picture.putpalette([0, 0, 0, 90, 9, 9, 9, 90, 9, 9, 9, 90])
    picture.save(path, transparency=0)


MAPS = {
    "transparent palette.png": palette,
    "bitmap.bmp": lambda path: Image.fromarray(LABELS).save(path),
    "int32.tif": lambda path: Image.fromarray(LABELS.astype("int32")).save(path),
}


@pytest.mark.parametrize("name", MAPS)
def test_label_maps_of_many_kinds(name, tmp_path):
    MAPS[name](tmp_path / name)
    np.testing.assert_array_equal(read_ids(tmp_path / name), LABELS)


def test_colours_with_alpha_by_a_table(save, tmp_path):
    (tmp_path / "t.csv").write_text("value,id,name\n#000000,0,a\n#ff0000,1,b\n#00ff00,2,c\n#0000ff,3,d\n")
    colours = np.array([[0, 0, 0, 255], [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]], "uint8")
    read = read_label_map(save("x.png", colours[LABELS]), read_label_table(tmp_path / "t.csv"))
    np.testing.assert_array_equal(read, LABELS)


@pytest.mark.parametrize("classes", [1, 150])
def test_one_class_and_many(save, tmp_path, classes):
    label_map = (np.arange(37 * 53).reshape(37, 53) // 8 % classes).astype("uint8")
    save("L/a.png", label_map), save("B/a.png", COLOUR)
    source = Folder(label_dir=tmp_path / "L", image_dir=tmp_path / "B", num_classes=classes)
    assert "instance_map" not in source.formats and validate(source, show_progress=False).lines
    np.testing.assert_array_equal(source.load(0)["label_map"], label_map)


@pytest.mark.parametrize(
    "name", ["A.PNG", "a.b.c.png", "two words.png", "Straße.png", "a#1.png", "a%20b.png", "a?b.png"]
)
def test_names_as_people_give_them(save, tmp_path, name):
    save(f"A/{name}", COLOUR[..., 0]), save(f"B/{name}", COLOUR)
    for litter in (".DS_Store", "Thumbs.db", "._x.png", "desktop.ini"):
        (tmp_path / "A" / litter).write_bytes(b"litter")
    source = Folder(source_dir=tmp_path / "A", image_dir=tmp_path / "B")
    assert source.names == [name.rpartition(".")[0]] and validate(source, show_progress=False).lines
    np.testing.assert_array_equal(source.load(0)["image"], COLOUR)


def test_links_to_files_and_sizes_that_are_mixed(save, tmp_path):
    (tmp_path / "A").mkdir()
    for number, picture in enumerate((COLOUR, COLOUR.swapaxes(0, 1), COLOUR[:31, :17])):
        (tmp_path / "A" / f"{number}.png").symlink_to(save(f"store/{number}.png", picture[..., 0]))
        save(f"B/{number}.JPG", picture, quality=95)
    source = Folder(source_dir=tmp_path / "A", image_dir=tmp_path / "B")
    assert len(source) == 3 and validate(source, show_progress=False).shortest == 17


REFUSED = {
    "colours.png": (lambda path: Image.fromarray(COLOUR).save(path), "label_table"),
    "mask.png": (lambda path: Image.fromarray((LABELS > 0).astype("uint8") * 255).save(path), "255"),
    "from one.png": (lambda path: Image.fromarray(LABELS + 1).save(path), r"\b4\b"),
    "empty.png": (lambda path: path.write_bytes(b""), "empty.png"),
    "page.png": (lambda path: path.write_text("<!DOCTYPE html><html></html>"), "page.png"),
    "nowhere.png": (lambda path: path.symlink_to("gone.png"), "nowhere.png"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_label_maps_that_are_refused_by_name(save, tmp_path, name):
    write, message = REFUSED[name]
    (tmp_path / "L").mkdir()
    write(tmp_path / "L" / name)
    save(f"B/{name}", COLOUR)
    with pytest.raises(DataError, match=message):
        validate(Folder(label_dir=tmp_path / "L", image_dir=tmp_path / "B", num_classes=4), show_progress=False)


def test_the_same_stem_twice_is_refused(save, tmp_path):
    save("A/a.png", COLOUR), save("A/a.bmp", COLOUR), save("B/a.png", COLOUR)
    with pytest.raises(DataError, match=r"a\.(png|bmp).*a\.(png|bmp)"):
        Folder(source_dir=tmp_path / "A", image_dir=tmp_path / "B")


def test_numbers_that_are_none_are_refused(save, tmp_path):
    (tmp_path / "A").mkdir()
    np.save(tmp_path / "A" / "a.npy", np.where(X > 9, np.nan, 300).astype("float32"))
    save("B/a.png", COLOUR)
    with pytest.raises(DataError, match=r"(?i)a\.npy.*nan|nan.*a\.npy"):
        validate(Folder(source_dir=tmp_path / "A", image_dir=tmp_path / "B"), show_progress=False)


def test_photographs_in_the_place_of_label_maps(save, tmp_path, rng):
    save("label/0.png", rng.integers(0, 256, (64, 64), "uint8"))
    with pytest.raises(DataError, match=r"and \d+ more. Are these photographs.*--source_dir") as error:
        validate(Folder(label_dir=tmp_path / "label", num_classes=4))
    assert len(str(error.value).splitlines()) < 20 and "--dont_care" not in str(error.value)
