"""The datasets: their layouts, class tables, and what is found wrong with them before training."""

import numpy as np
import pytest
from shared_data import CITYSCAPES, ROADSCENE, needs_cityscapes, needs_roadscene

from hdsynth_tf.assemble import find_source
from hdsynth_tf.config.groups import DataSettings
from pipelines.checks.validate import validate
from pipelines.cityscapes import CLASSES, Cityscapes, has_label_maps, has_split
from pipelines.errors import DataError
from pipelines.folder import Folder, split_folders
from pipelines.reading.decode import read_label_table


def check(source):
    return "\n".join(validate(source, show_progress=False).lines)


@pytest.fixture(params=["official", "flat"])
def cityscapes(request, save, tmp_path):
    label = np.array([[7, 26], [33, 0]], "uint8")
    folders = {
        "official": ("leftImg8bit/train/aachen", "gtFine/train/aachen", "gtFine/train/aachen"),
        "flat": ("train_img", "train_label", "train_inst"),
    }[request.param]
    for name in ("aachen_1", "aachen_2"):
        save(f"{folders[0]}/{name}_leftImg8bit.png", np.zeros((2, 2, 3), "uint8"))
        save(f"{folders[1]}/{name}_gtFine_labelIds.png", label)
        save(f"{folders[1]}/{name}_gtFine_color.png", np.zeros((2, 2, 4), "uint8"))
        save(f"{folders[2]}/{name}_gtFine_instanceIds.png", label.astype("uint16") * 1000 + 1)
    return tmp_path


def test_cityscapes_layouts(cityscapes):
    source = Cityscapes(cityscapes)
    scene = source.load(1)
    assert len(source) == 2 and source.num_classes == 35
    np.testing.assert_array_equal(scene["label_map"], [[7, 26], [33, 0]])
    np.testing.assert_array_equal(scene["instance_map"], [[7001, 26001], [33001, 1]])
    assert scene["image"].shape == (2, 2, 3)
    assert source.file_name(0).endswith("aachen_1_gtFine_labelIds")
    assert has_split(cityscapes, "train") and not has_split(cityscapes, "val")
    assert has_label_maps(cityscapes, "train") and not has_label_maps(cityscapes, "val")


@pytest.mark.parametrize("missing", ["label_map", "image"])
def test_a_split_of_cityscapes_that_is_faulty_is_there(cityscapes, missing):
    """So that it is an error, not left out."""
    for path in cityscapes.rglob("*labelIds.png" if missing == "label_map" else "*leftImg8bit.png"):
        path.unlink()
    assert has_split(cityscapes, "train") and has_label_maps(cityscapes, "train") == (missing == "image")
    with pytest.raises(DataError, match="holds no picture"):
        Cityscapes(cityscapes)
    data = DataSettings(dataset="cityscapes", data_dir=str(cityscapes))
    (cityscapes / "val_img").mkdir()
    with pytest.raises(DataError, match="val_label"):
        find_source(data, "val")
    assert find_source(data, "test") is None


def test_cityscapes_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"neither gtFine.train nor train_label"):
        Cityscapes(tmp_path)


def test_cityscapes_class_table():
    assert len(CLASSES) == 35
    assert [CLASSES[i][0] for i in (7, 11, 23, 24, 26, 33)] == ["road", "building", "sky", "person", "car", "bicycle"]


def test_folder_of_labels(label_folders):
    source = Folder(
        label_dir=label_folders / "label",
        instance_dir=label_folders / "inst",
        image_dir=label_folders / "photo",
        num_classes=4,
    )
    assert set(source.formats) == {"label_map", "instance_map", "image"}
    assert source.common_size == (24, 32) and len(source.class_colors) == 4
    assert len(set(source.class_colors)) == 4
    report = check(source)
    assert "5 scenes: 5 of 32x24" in report
    shares = [float(line.split()[-2]) for line in report.splitlines()[1:]]
    assert sum(shares) == pytest.approx(100, abs=0.1)
    part = source.subset([3, 1])
    assert part.names == ["s3", "s1"] and len(source) == 5
    np.testing.assert_array_equal(part.load(0)["label_map"], source.load(3)["label_map"])


def test_folder_with_a_table(save, tmp_path):
    save("label/x.png", np.array([[(0, 0, 255), (0, 0, 0)]], "uint8"))
    (tmp_path / "t.csv").write_text("value,id,name\n#0000ff,0,car\n#000000,-1,void\n")
    source = Folder(label_dir=tmp_path / "label", label_table=read_label_table(tmp_path / "t.csv"))
    assert (source.num_classes, source.class_names, source.class_colors) == (1, ("car",), ((0, 0, 255),))
    assert "no class" in check(source)
    np.testing.assert_array_equal(source.load(0)["label_map"], [[0, -1]])


def test_folder_needs_the_number_of_classes(label_folders):
    with pytest.raises(DataError, match="--num_classes"):
        Folder(label_dir=label_folders / "label")


def test_released_folder_names(save, tmp_path):
    for name in ("train_A/x.png", "train_B/x.png", "test_A/y.png"):
        save(name, np.zeros((2, 2), "uint8"))
    assert split_folders(tmp_path, "train") == {"source_dir": tmp_path / "train_A", "image_dir": tmp_path / "train_B"}
    assert split_folders(tmp_path, "test") == {"source_dir": tmp_path / "test_A"}
    assert split_folders(tmp_path, "val") == {}


def folder(label_folders, **options):
    return Folder(label_dir=label_folders / "label", image_dir=label_folders / "photo", **{"num_classes": 4, **options})


def test_ids_outside_the_classes_are_named_with_their_files(label_folders, save):
    save("label/s2.png", np.full((24, 32), 200, "uint8"))
    with pytest.raises(DataError) as error:
        check(folder(label_folders))
    assert "200: 768 pixels in s2" in str(error.value) and "--dont_care=200" in str(error.value)
    assert "200" in check(folder(label_folders, dont_care=(200,)))


def test_sizes_that_differ_within_a_scene(label_folders, save):
    save("photo/s1.jpg", np.zeros((24, 30, 3), "uint8"))
    with pytest.raises(DataError, match=r"s1\.png is 32x24, .*s1\.jpg is 30x24.*nearest"):
        check(folder(label_folders))


@pytest.mark.parametrize("name", ["label/s3.png", "photo/s3.jpg"])
def test_a_truncated_file_is_found(label_folders, name):
    path = label_folders / name
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"s3\.... cannot be read as a picture"):
        check(folder(label_folders))


def test_rgb_where_labels_should_be(label_folders):
    with pytest.raises(DataError, match="mode RGB; for labels coded by colour"):
        check(Folder(label_dir=label_folders / "photo", image_dir=label_folders / "photo", num_classes=4))


def test_sources_of_two_kinds(save, tmp_path):
    save("a/x.png", np.zeros((2, 2), "uint8")), save("a/y.png", np.zeros((2, 2), "uint16"))
    with pytest.raises(DataError, match=r"y\.png has 1 channel\(s\) of uint16, but .*x\.png has 1 of uint8"):
        check(Folder(source_dir=tmp_path / "a"))


@needs_cityscapes
def test_real_cityscapes_is_clean():
    report = check(Cityscapes(CITYSCAPES))
    assert "6 scenes: 6 of 2048x1024" in report and " road " in report
    assert len(Cityscapes(CITYSCAPES, "test", images=False)) == 8


@needs_roadscene
def test_real_thermal_pairs_are_clean():
    source = Folder(source_dir=ROADSCENE / "thermal", image_dir=ROADSCENE / "visible")
    assert check(source).startswith("176 scenes") and source.formats["source"] == ((1,), "uint8")


@pytest.mark.parametrize("grey", [0, 1, 2])
def test_grey_among_colours_becomes_colour_wherever_it_stands(save, rng, tmp_path, grey):
    photos = rng.integers(0, 256, (3, 4, 6, 3)).astype("uint8")
    for i, photo in enumerate(photos):
        save(f"a/{i}.png", photo[..., 1])
        save(f"b/{i}.png", photo[..., 0] if i == grey else photo)
    source = Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b")
    check(source.subset([1, 2]))
    assert source.formats["image"] == ((3,), "uint8")
    np.testing.assert_array_equal(source.load(grey)["image"], photos[grey][..., :1].repeat(3, -1))


def test_targets_that_are_all_grey_stay_grey(save, tmp_path):
    for name in ("a/x.png", "a/y.png", "b/x.png", "b/y.png"):
        save(name, np.arange(6, dtype="uint8").reshape(2, 3))
    assert Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b").formats["image"] == ((1,), "uint8")


def test_of_two_kinds_the_file_that_set_the_kind_is_named(save, tmp_path):
    save("a/0.png", np.zeros((2, 2), "uint16"))
    for name in ("1", "2"):
        save(f"a/{name}.png", np.zeros((2, 2), "uint8"))
    with pytest.raises(DataError, match=r"1\.png has 1 channel\(s\) of uint8, but .*0\.png has 1 of uint16"):
        check(Folder(source_dir=tmp_path / "a").subset([1, 2]))


@pytest.mark.parametrize("kind", ["twice", "link", "links to files"])
def test_one_folder_for_two_things_is_refused(save, tmp_path, kind):
    path = save("a/x.png", np.arange(6, dtype="uint8").reshape(2, 3))
    other = tmp_path / "a"
    if kind == "link":
        (tmp_path / "b").symlink_to(tmp_path / "a", target_is_directory=True)
        other = tmp_path / "b"
    if kind == "links to files":
        other = tmp_path / "b"
        other.mkdir()
        (other / "x.jpg").symlink_to(path)
    with pytest.raises(DataError, match=r"source and image are the same files.*x\.png"):
        Folder(source_dir=tmp_path / "a", image_dir=other)
    with pytest.raises(DataError, match="label_map and instance_map are the same"):
        Folder(label_dir=tmp_path / "a", instance_dir=other, num_classes=6)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_sources_are_read_as_they_are_shown_and_that_is_said(save, rng, tmp_path, suffix):
    """A drawing that stands in alpha alone, and grey with alpha: over white."""
    alpha = rng.integers(0, 256, (8, 12, 1)).astype("uint8")
    drawing = np.concatenate([np.zeros((8, 12, 3), "uint8"), alpha], -1)
    save("a/x" + suffix, drawing, lossless=True, exact=True), save("b/x.png", 255 - drawing[..., :3])
    for folders in ({"source_dir": tmp_path / "a", "image_dir": tmp_path / "b"}, {"source_dir": tmp_path / "a"}):
        source = Folder(**folders)
        np.testing.assert_array_equal(source.load(0)["source"], np.repeat(255 - alpha, 3, -1))
        (note,) = [line for line in validate(source, show_progress=False).notes if "white" in line]
        assert "1 sources" in note and f"x{suffix}" in note and ("alpha" in note) == (suffix == ".tif")


def test_grey_sources_with_alpha_stay_grey(save, rng, tmp_path):
    grey = np.full((8, 12), 90, "uint8")
    save("a/x.png", np.stack([grey, np.where(np.arange(12) < 6, 0, 255) + 0 * grey], -1).astype("uint8"))
    source = Folder(source_dir=tmp_path / "a")
    np.testing.assert_array_equal(source.load(0)["source"][..., 0], np.where(np.arange(12) < 6, 255, grey))


def test_infrared_that_is_tagged_as_alpha_may_be_tagged_otherwise(rng, tmp_path):
    """As GDAL writes four bands of 8 bits, where nobody says what the fourth is."""
    rasterio = pytest.importorskip("rasterio", reason="the extra `geo` is not installed")
    values, path = rng.integers(0, 256, (8, 12, 4), "uint8"), tmp_path / "x.tif"
    shape = dict(
        driver="GTiff", count=4, height=8, width=12, dtype="uint8", transform=rasterio.Affine(2, 0, 9, 0, 2, 9)
    )
    with rasterio.open(path, "w", **shape) as file:
        file.write(values.transpose(2, 0, 1))
    (note,) = [line for line in validate(Folder(source_dir=tmp_path), show_progress=False).notes if "white" in line]
    assert "x.tif" in note and "-colorinterp_4 undefined" in note and ".npy" in note
    with rasterio.open(path, "r+") as file:  # what that command does
        file.colorinterp = [*file.colorinterp[:3], rasterio.enums.ColorInterp.undefined]
    source = Folder(source_dir=tmp_path)
    np.testing.assert_array_equal(source.load(0)["source"], values)
    assert not validate(source, show_progress=False).notes


def test_copies_of_one_folder_are_said(save, rng, tmp_path):
    for i in range(3):
        picture = rng.integers(0, 256, (4, 6, 3)).astype("uint8")
        save(f"a/{i}.png", picture), save(f"b/{i}.png", picture), save(f"c/{i}.png", picture if i else 255 - picture)
    lines = {side: check(Folder(source_dir=tmp_path / "a", image_dir=tmp_path / side)) for side in "bc"}
    assert "nothing to learn" in lines["b"] and str(tmp_path / "a") in lines["b"] and "nothing" not in lines["c"]


def test_pictures_of_one_pixel_are_named(save, tmp_path):
    save("a/x.png", np.zeros((1, 1), "uint8")), save("b/x.png", np.zeros((1, 1, 3), "uint8"))
    with pytest.raises(DataError, match="x has one pixel"):
        check(Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b"))
