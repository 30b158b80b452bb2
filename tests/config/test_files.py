"""Whole files or none, flags and settings, pictures and pages."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.config import flags, groups
from hdsynth_tf.config.groups import DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.recipes import RECIPES
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.run_folder import RunFolder, RunFolderError, check_space, find_model, read_settings
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import CAPTION_HEIGHT, color_labels, grid, show_image, show_inputs, show_values
from pipelines.conditioning import ImageConditioning

GROUPS = (DataSettings, TrainingSettings)


def test_replacing_a_file(tmp_path):
    target = tmp_path / "deep" / "x.txt"
    with replacing(target) as temporary:
        temporary.write_text("one")
        assert not target.exists() and temporary.suffix == ".txt"
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "one" and [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_replacing_a_folder(tmp_path):
    target = tmp_path / "1"
    for content in ("one", "two"):
        with replacing(target) as temporary:
            temporary.mkdir()
            (temporary / "x").write_text(content)
        assert (target / "x").read_text() == content
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert (target / "x").read_text() == "two" and [p.name for p in tmp_path.iterdir()] == ["1"]


def parse(*arguments, defaults=None):
    return flags.parse(["train", *arguments], GROUPS, "usage", defaults)


def test_flags_become_settings():
    data, training = parse(
        "--dataset=folder", "--source_dir=x", "--dont_care=255,-1", "--noflip", "--learning_rate=1e-3"
    )
    assert data == DataSettings(dataset="folder", source_dir="x", dont_care=(255, -1), flip=False)
    assert training.learning_rate == 1e-3
    assert parse("--source_range=0.5,2")[0].source_range == (0.5, 2)


def test_every_setting_has_help_and_survives_the_command_line():
    for group in (DataSettings, groups.NetworkSettings, LossSettings, TrainingSettings):
        for field in dataclasses.fields(group):
            assert len(field.metadata["help"]) > 10
            value = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            (read,) = flags.parse(["x", f"--{field.name}={value}"], (group,), "usage")
            assert read == group()


def test_flag_files_nest_and_later_flags_win(tmp_path):
    (tmp_path / "inner.flags").write_text("# a comment\n--epochs=5\n--batch_size=3\n")
    (tmp_path / "outer.flags").write_text("--flagfile=inner.flags\n\n--epochs=7\n")
    training = parse(f"--flagfile={tmp_path / 'outer.flags'}", "--batch_size=4")[1]
    assert (training.epochs, training.batch_size) == (7, 4)


def test_a_recipe_gives_defaults_that_flags_win_over():
    groups = (NetworkSettings, LossSettings, TrainingSettings)
    fields = {field.name for group in groups for field in dataclasses.fields(group)}
    assert all(set(recipe) <= fields for recipe in RECIPES.values())
    networks, losses, _ = flags.parse(["train", "--recipe=released", "--padding=reflect"], groups, "usage")
    assert networks.padding == "reflect" and networks.upsampling == "transposed" and losses.pixel_weight == 0
    assert flags.parse(["train", "--recipe=better"], groups, "usage") == [group() for group in groups]


def test_keras_weights_are_not_fed_raw_pictures():
    with pytest.raises(SettingsError, match="are for --perceptual_weights=torchvision"):
        LossSettings(perceptual_weights="imagenet", perceptual_input="raw")


def test_defaults_of_a_run_can_be_overruled():
    defaults = {"dataset": "cityscapes", "data_dir": "/data", "image_height": 512, "image_width": 1024}
    assert parse(defaults=defaults)[0].image_height == 512
    assert parse("--image_height=0", "--image_width=0", defaults=defaults)[0].image_height == 0


def test_help_names_every_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for group in GROUPS:
        for field in dataclasses.fields(group):
            assert f"--{field.name}=" in text


def test_unknown_flags_are_named():
    with pytest.raises(SettingsError, match="Unknown command line flag 'colour'"):
        parse("--colour=red")


def test_settings_of_a_run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    begun = {"data": DataSettings(num_scenes=7)}
    folder.check(begun, may_change=())
    folder.create(begun)
    assert read_settings(folder.path, "data")["num_scenes"] == 7
    assert read_settings(tmp_path / "other.keras", "data") == {}
    folder.check(begun, may_change=())
    changed = {"data": DataSettings(num_scenes=8, data_dir="elsewhere")}
    with pytest.raises(
        RunFolderError, match="holds another run: --data_dir was , is elsewhere; --num_scenes was 7, is 8"
    ):
        folder.check(changed, may_change=())
    with pytest.raises(RunFolderError, match="holds another run: --num_scenes was 7, is 8"):
        folder.check(changed, may_change=("data_dir",))
    with pytest.raises(RunFolderError, match=r"is no model"):
        find_model(folder.path)
    with pytest.raises(RunFolderError, match="MiB left"):
        check_space(tmp_path, 10**18)
    json.loads(folder.settings.read_text())


def test_label_colours():
    labels = np.array([[0, 1], [1, 255]])
    rgb = color_labels(labels, [(10, 20, 30), (200, 100, 50)])
    np.testing.assert_array_equal(rgb, [[(10, 20, 30), (200, 100, 50)], [(200, 100, 50), (0, 0, 0)]])
    edged = color_labels(np.zeros((2, 2), int), [(100, 100, 100)], np.array([[1, 2], [1, 2]]))
    np.testing.assert_array_equal(edged[:, :, 0], [[100, 50], [100, 50]])


def test_sources_are_shown_through_their_window():
    source = np.array([[[0], [1000], [3000]]], "uint16")
    np.testing.assert_array_equal(show_values(source, (0, 2000))[0, :, 0], [0, 128, 255])
    conditioning = ImageConditioning(1, (0, 2000), image_channels=1, image_dtype="uint16", image_range=(1000, 2000))
    np.testing.assert_array_equal(show_inputs({"source": source}, conditioning)[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(show_image(source, conditioning)[0, :, 0], [0, 0, 255])


def test_grid_keeps_pictures_apart_and_whole():
    pictures = [np.full((20, 30, 3), value, "uint8") for value in (50, 100, 150)]
    sheet = grid([pictures, pictures], ["a", "b", "c"])[CAPTION_HEIGHT:]
    for value in (50, 100, 150):
        assert (sheet == value).all(-1).sum() == 2 * 4 * 20 * 30  # small pictures are enlarged twice
    large = grid([[np.zeros((1024, 2048, 3), "uint8")] * 2], ["a", "b"])
    assert large.shape[1] < 1100


def test_gallery_escapes_names(tmp_path):
    write_gallery(tmp_path / "index.html", "T", "a < b", ["input"], [("<script>", ["a%20b.png"])])
    page = (tmp_path / "index.html").read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page and "http" not in page.replace("http-equiv", "")


def test_saved_previews_are_lossless(tmp_path):
    from hdsynth_tf.generate.picture_folder import save_preview

    array = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype("uint8")
    save_preview(array, tmp_path / "x.webp")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.webp")), array)
