"""The commands evaluate and train_segmenter as a user runs them, on tiny models and folders."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from places import ROOT
from shared_data import CITYSCAPES, needs_cityscapes
from tiny import image_model, semantic_model, style_model

from hdsynth_tf.evaluate import measurement
from hdsynth_tf.evaluate.page import Shown, write_page
from hdsynth_tf.evaluate.quality import diversity
from hdsynth_tf.evaluate.report import NONE
from hdsynth_tf.evaluate.segmentation import EvaluatedClasses, confusion_matrix, scores
from hdsynth_tf.evaluate.segmenters import load_segmenter
from hdsynth_tf.networks import SegmentationUNet
from hdsynth_tf.train_segmenter.training import Backup
from pipelines.folder import Folder
from pipelines.packed import Packed, write_packed
from pipelines.paths import as_path
from pipelines.toy_street import ToyStreet


@pytest.fixture
def scenes(label_folders):
    """Five scenes, a folder `theirs` with a picture of each, and a segmenter of four classes."""
    (label_folders / "theirs").mkdir()
    for i in range(5):
        real = Image.open(label_folders / "photo" / f"s{i}.jpg")
        Image.fromarray(255 - np.asarray(real)).save(label_folders / "theirs" / f"s{i}.png")
    save_segmenter(label_folders / "segmenter.keras")
    return label_folders


def save_segmenter(path, classes=4):
    network = SegmentationUNet(classes, 4, 2)
    network.build((None, None, None, 3))
    network.save(path)


def data_flags(root):
    return [
        "--dataset=folder", f"--label_dir={root / 'label'}", f"--instance_dir={root / 'inst'}",
        f"--target_dir={root / 'photo'}", "--num_classes=4", "--split=test",
    ]  # fmt: skip


def evaluate(command, root, *methods, features="none", **options):
    given = [f"--method={method}" for method in methods]
    options = {"segmenter": root / "segmenter.keras", "output_dir": root / "out", **options}
    flags = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return command("evaluate", *given, *data_flags(root), f"--features={features}", *flags)


def table(root):
    return json.loads((root / "out" / "table.json").read_text())["methods"]


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def expected_scores(root, folder, suffix):
    """What the segmenter makes of the pictures of a folder, computed here."""
    segmenter, total = load_segmenter(str(root / "segmenter.keras")), 0
    for i in range(5):
        truth = np.asarray(Image.open(root / "label" / f"s{i}.png")).astype(int)
        total = total + confusion_matrix(truth, segmenter.label_map(read(root / folder / f"s{i}{suffix}")), 4)
    return scores(total)


def test_a_model_and_a_folder_beside_the_oracle(command, scenes):
    semantic_model().save(scenes / "ours.keras")
    methods = f"ours={scenes / 'ours.keras'}", f"theirs={scenes / 'theirs'}"
    code, output, error = evaluate(command, scenes, *methods, features="segmenter")
    assert code == 0, error
    found = table(scenes)
    assert list(found) == ["ours", "theirs", "real images (oracle)"]
    places = {
        "ours": ("out/pictures/ours", ".png"),
        "theirs": ("theirs", ".png"),
        "real images (oracle)": ("photo", ".jpg"),
    }
    for name, (folder, suffix) in places.items():
        expected = expected_scores(scenes, folder, suffix)
        for key in ("pixel_accuracy", "class_accuracy", "mean_iou"):
            assert found[name][key]["value"] == pytest.approx(float(expected[key]))
            assert found[name][key]["low"] <= found[name][key]["high"]
        known = [0 if value is None else value for value in found[name]["class_iou"].values()]
        np.testing.assert_allclose(known, np.nan_to_num(expected["class_iou"]))
    errors = [
        np.mean((read(scenes / f"theirs/s{i}.png").astype(float) - read(scenes / f"photo/s{i}.jpg")) ** 2)
        for i in range(5)
    ]
    assert found["theirs"]["psnr"]["value"] == pytest.approx(
        np.mean(10 * np.log10(255**2 / np.array(errors))), abs=1e-3
    )
    assert found["theirs"]["fid"]["value"] > 0 and "fid" not in found["real images (oracle)"]
    assert "FEWER THAN 2,048 IMAGES" in output and "become -1 and 1" in output and "| theirs " in output
    assert (scenes / "out" / "table.md").read_text() in output


def test_the_page_shows_everything_and_nothing_from_elsewhere(command, scenes):
    evaluate(command, scenes, f"theirs={scenes / 'theirs'}", num_pictures=3)
    page = (scenes / "out" / "index.html").read_text()
    assert page.count("<section>") == 3 and page.count("<table>") == 2 and "http" not in page.replace("http-equiv", "")
    assert "seen in theirs" in page and "repeat(3, 1fr)" in page
    pictures = sorted((scenes / "out" / "page").glob("*.webp"))
    assert len(pictures) == 3 * 6
    np.testing.assert_array_equal(read(scenes / "out" / "page" / "000_02.webp"), read(scenes / "theirs" / "s0.png"))
    assert Image.open(scenes / "out" / "pictures.png").width > 3 * 32


@pytest.mark.slow
def test_what_is_done_is_not_done_again(command, scenes, monkeypatch):
    semantic_model().save(scenes / "ours.keras")
    methods = f"ours={scenes / 'ours.keras'}", f"theirs={scenes / 'theirs'}"
    assert evaluate(command, scenes, *methods)[0] == 0
    before, times = table(scenes), {p: p.stat().st_mtime_ns for p in (scenes / "out" / "pictures").rglob("*.png")}
    measured, measure = [], measurement.Instruments.measure
    monkeypatch.setattr(
        measurement.Instruments, "measure", lambda self, s, i, m, bar: measured.append(m) or measure(self, s, i, m, bar)
    )
    assert evaluate(command, scenes, *methods)[0] == 0
    assert measured == [] and table(scenes) == before
    assert {p: p.stat().st_mtime_ns for p in (scenes / "out" / "pictures").rglob("*.png")} == times
    Image.new("RGB", (32, 24)).save(scenes / "theirs" / "s3.png")
    assert evaluate(command, scenes, *methods)[0] == 0
    assert [m.name for m in measured] == ["theirs"] and table(scenes)["theirs"] != before["theirs"]
    save_segmenter(scenes / "segmenter.keras")
    assert evaluate(command, scenes, *methods)[0] == 0
    assert [m and m.name for m in measured] == ["theirs", "ours", "theirs", None]


def test_measuring_goes_on_after_an_interruption(command, scenes, monkeypatch):
    """Parts of two scenes, stopped in the second one; what was measured is not measured again, and joined in order."""
    methods, looked = [f"theirs={scenes / 'theirs'}"], []
    assert evaluate(command, scenes, *methods, output_dir=scenes / "whole")[0] == 0
    picture = measurement.Instruments.picture

    def look(self, source, path, real):
        looked.append(path.stem)
        if len(looked) == 4:
            raise KeyboardInterrupt
        return picture(self, source, path, real)

    monkeypatch.setattr(measurement, "PART", 2)
    monkeypatch.setattr(measurement.Instruments, "picture", look)
    assert evaluate(command, scenes, *methods)[0] == 130
    assert evaluate(command, scenes, *methods, num_pictures=1)[0] == 0
    assert looked == ["s0", "s1", "s2", "s3", "s2", "s3", "s4", "s0"]  # the last for the page
    whole = json.loads((scenes / "whole" / "table.json").read_text())
    assert table(scenes) == whole["methods"]


def test_numbers_that_are_none_are_null_in_json(command, scenes):
    """Label 3 occurs nowhere."""
    for path in (scenes / "label").iterdir():
        Image.fromarray(np.asarray(Image.open(path)).clip(0, 2)).save(path)
    save_segmenter(scenes / "segmenter.keras", classes=1)
    code, output, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}", evaluated_labels="3")
    assert code == 0, error
    assert table(scenes)["theirs"]["mean_iou"] == {"value": None, "low": None, "high": None}
    assert "NaN" not in (scenes / "out" / "table.json").read_text() and "nan" not in output


def test_a_bucket_takes_everything(command, scenes, tmp_path):
    out = f"ram://{tmp_path.name}/out"
    for _ in range(2):
        code, _, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}", output_dir=out)
        assert code == 0, error
    assert as_path(f"{out}/index.html").is_file() and as_path(f"{out}/page/000_02.webp").is_file()


def test_large_photographs_are_made_smaller_smoothly_and_label_maps_keep_their_colours(tmp_path):
    """Stripes of single pixels become grey; classes have no middle."""
    stripes = np.zeros((8, 2048, 3), "uint8")
    stripes[:, ::2] = 255
    write_page([Shown("s", [stripes] * 3, [stripes] * 3)], ["m"], [], [], tmp_path)
    pictures = [read(tmp_path / "page" / f"000_{i:02d}.webp")[:, 8:-8] for i in range(6)]
    assert all(picture.shape == (4, 1008, 3) for picture in pictures)
    assert all(((picture > 100) & (picture < 156)).all() for picture in pictures[1:3])
    assert all(np.isin(pictures[i], (0, 255)).all() for i in (0, 3, 4, 5))


def test_the_input_itself_is_a_method_where_it_is_an_image(command, tmp_path):
    """16-bit counts from black to white, as the page shows them; measured once."""
    data = ["--dataset=toy_street", "--toy_thermal", "--num_scenes=2", "--image_height=32", "--image_width=64"]
    given = [f"--output_dir={tmp_path / 'out'}", "--features=none", "--num_pictures=1"]
    for i in range(2):
        (tmp_path / "theirs").mkdir(exist_ok=True)
        Image.new("RGB", (64, 32)).save(tmp_path / "theirs" / f"street_00000{i}.png")
    for _ in range(2):
        code, output, error = command("evaluate", f"--method=black={tmp_path / 'theirs'}", "--input", *data, *given)
        assert code == 0, error
    assert "input:" not in output  # which shows that it is being measured
    assert list(table(tmp_path)) == ["input", "black", "real images (oracle)"]
    grey = np.asarray(Image.open(tmp_path / "out" / "pictures" / "input" / "street_000001.png"))
    assert grey.shape == (32, 64, 3) and (grey[..., 0] == grey[..., 2]).all() and grey.min() == 0 and grey.max() == 255
    thermal = ToyStreet(2, 32, 64, "val", thermal=True).load(1)["source"][..., 0].astype(float)
    assert np.corrcoef(thermal.ravel(), grey[..., 0].ravel())[0, 1] > 0.9


def test_label_maps_are_no_method(command, scenes):
    code, _, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}", input="true")
    assert code == 2 and "--input" in error


@pytest.mark.slow
def test_another_model_does_not_take_over_pictures(command, scenes):
    semantic_model().save(scenes / "ours.keras")
    assert evaluate(command, scenes, f"ours={scenes / 'ours.keras'}")[0] == 0
    semantic_model().save(scenes / "ours.keras")
    code, _, error = evaluate(command, scenes, f"ours={scenes / 'ours.keras'}")
    assert code == 1 and "holds pictures of another model" in error


FAULTS = {
    "a missing picture": (lambda f: (f / "s2.png").unlink(), ["theirs: 1 of 5 scenes have no picture", "\n  s2\n"]),
    "another size": (
        lambda f: Image.new("RGB", (16, 12)).save(f / "s1.png"),
        ["theirs: 1 pictures have another size", "s1.png is 16x12, the scene is 32x24", "--resize"],
    ),
    "other names": (
        lambda f: [path.rename(path.with_name(f"fake_{path.name}")) for path in sorted(f.iterdir())],
        ["theirs: 5 of 5 scenes have no picture", "and 2 more", "There are files of other names, such as fake_s0"],
    ),
    "no picture at all": (lambda f: [path.unlink() for path in f.iterdir()], ["theirs holds no picture"]),
    "no folder": (lambda f: f.rename(f.with_name("elsewhere")), ["theirs is no folder"]),
    "a broken picture": (lambda f: (f / "s1.png").write_bytes(b"no"), ["s1.png cannot be read as a picture"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_methods_with_faults_are_an_error_before_anything_is_written(command, scenes, name):
    spoil, messages = FAULTS[name]
    spoil(scenes / "theirs")
    code, _, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}")
    assert code == 1 and "Traceback" not in error
    for message in messages:
        assert message in error
    assert not (scenes / "out").exists()


def test_faults_of_all_methods_are_said_at_once(command, scenes):
    (scenes / "theirs" / "s2.png").unlink()
    code, _, error = evaluate(
        command, scenes, f"theirs={scenes / 'theirs'}", f"labels={scenes / 'label'}", f"x={scenes}"
    )
    assert code == 1 and "theirs: 1 of 5 scenes" in error and "x: 5 of 5 scenes" in error


def test_files_of_no_scene_are_named_and_left_out(command, scenes):
    Image.new("RGB", (32, 24)).save(scenes / "theirs" / "other.png")
    code, output, _ = evaluate(command, scenes, f"theirs={scenes / 'theirs'}")
    assert code == 0 and "theirs: 1 files are of no scene and are left out, such as " in output
    assert "of no scene" in (scenes / "out" / "table.md").read_text()


def test_resize_brings_pictures_to_the_real_size_and_says_so(command, scenes):
    for i in range(5):
        picture = Image.open(scenes / "theirs" / f"s{i}.png")
        picture.resize((64, 48), Image.NEAREST).save(scenes / "theirs" / f"s{i}.png")
    code, output, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}", resize="true")
    assert code == 0, error
    assert "were brought to it" in output and table(scenes)["theirs"]["psnr"]["value"] > 0


def test_a_folder_that_generate_made(command, scenes):
    semantic_model().save(scenes / "ours.keras")
    made = scenes / "made"
    assert command("generate", f"--model={scenes / 'ours.keras'}", f"--output_dir={made}", *data_flags(scenes))[0] == 0
    methods = f"folder={made}", f"model={scenes / 'ours.keras'}"
    code, output, error = evaluate(command, scenes, *methods)
    assert code == 0, error
    assert "of no scene" not in output and table(scenes)["folder"] == table(scenes)["model"]


@pytest.mark.slow
def test_styles_give_diversity(command, scenes):
    model = style_model()
    model.with_styles({0: [[1.0, 1.0], [-1.0, 0.5]], 1: [[0.2, -1.0], [2.0, 0.0]]}, 2).save(scenes / "ours.keras")
    methods = f"ours={scenes / 'ours.keras'}", f"theirs={scenes / 'theirs'}"
    code, output, error = evaluate(command, scenes, *methods, styles=3)
    assert code == 0, error
    made = [[read(scenes / f"out/pictures/ours/s{i}_{seed}.png") for seed in range(3)] for i in range(5)]
    expected = np.mean([diversity(own) for own in made])
    assert expected > 0 and table(scenes)["ours"]["diversity"]["value"] == pytest.approx(expected)
    assert "diversity" not in table(scenes)["theirs"] and f"| {NONE}" in output
    assert "has no styles" not in output
    style_model().save(scenes / "plain.keras")
    _, output, _ = evaluate(command, scenes, f"plain={scenes / 'plain.keras'}", output_dir=scenes / "plain")
    assert "has no styles: every object gets features of 0" in output
    code, _, error = evaluate(command, scenes, methods[1], styles=3, output_dir=scenes / "other")
    assert code == 2 and "--styles is for models with an encoder" in error


@pytest.mark.slow
def test_thermal_pictures_have_no_segmentation_scores(command, scenes, rng, save):
    for i in range(5):
        save(f"thermal/s{i}.png", rng.integers(0, 255, (24, 32)).astype("uint8"))
    image_model().save(scenes / "night.keras")
    data = [
        "--dataset=folder",
        f"--source_dir={scenes / 'thermal'}",
        f"--target_dir={scenes / 'photo'}",
        "--split=test",
    ]
    common = [f"--method=night={scenes / 'night.keras'}", *data, "--features=none", f"--output_dir={scenes / 'out'}"]
    code, output, error = command("evaluate", *common)
    assert code == 0, error
    assert set(table(scenes)["night"]) == {"psnr", "ssim"} and "IoU" not in output
    code, _, error = command("evaluate", *common, f"--segmenter={scenes / 'segmenter.keras'}")
    assert code == 1 and "no label maps" in error


def test_deep_targets_are_compared_in_their_window(command, scenes, rng, save):
    for i in range(5):
        deep = rng.integers(1000, 3000, (24, 32)).astype("uint16")
        save(f"deep/s{i}.png", deep), save(f"same/s{i}.png", deep)
    data = ["--dataset=folder", f"--source_dir={scenes / 'photo'}", f"--target_dir={scenes / 'deep'}", "--split=test"]
    output_dir = f"--output_dir={scenes / 'out'}"
    code, _, error = command("evaluate", f"--method=same={scenes / 'same'}", *data, "--features=none", output_dir)
    assert code == 0, error
    assert table(scenes)["same"]["ssim"]["value"] == pytest.approx(1)
    assert table(scenes)["same"]["psnr"] == {"value": 120, "low": 120, "high": 120}
    for i in range(5):
        save(f"bytes/s{i}.png", rng.integers(0, 255, (24, 32)).astype("uint8"))
    code, _, error = command("evaluate", f"--method=m={scenes / 'bytes'}", *data, "--features=none", output_dir)
    assert code == 1 and "s0.png has 1 channels of uint8, the real images have 1 of uint16" in error
    shown = read(scenes / "out" / "page" / "000_01.webp")
    assert shown.min() < 10 and shown.max() > 245


def test_a_segmenter_of_label_ids_is_translated(command, scenes):
    """It tells all four classes; two of them are scored."""
    code, output, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}", evaluated_labels="3,1")
    assert code == 0, error
    segmenter, total, classes = load_segmenter(str(scenes / "segmenter.keras")), 0, EvaluatedClasses((3, 1), (), ())
    for i in range(5):
        truth = classes(np.asarray(Image.open(scenes / "label" / f"s{i}.png")).astype(int))
        total = total + confusion_matrix(truth, classes(segmenter.label_map(read(scenes / f"theirs/s{i}.png"))), 2)
    assert table(scenes)["theirs"]["mean_iou"]["value"] == pytest.approx(float(scores(total)["mean_iou"]))
    assert "2 classes, as the data name them" in output


def test_a_segmenter_of_other_classes_is_refused(command, scenes):
    save_segmenter(scenes / "segmenter.keras", classes=7)
    code, _, error = evaluate(command, scenes, f"theirs={scenes / 'theirs'}")
    assert code == 2 and "tells 7 classes apart; the data have 4, of which 4 are scored" in error
    assert not (scenes / "out").exists()


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "--method=NAME=RUN_OR_FOLDER"),
        (["--method=ours"], "should be NAME=PLACE"),
        (["--method=../up=x"], "should be NAME=PLACE"),
        (["--method=..=x"], "should be NAME=PLACE"),
        (["--method=a=x", "--method=a=y"], "each name once"),
        (["--method=a=x", "--features=segmenter"], "needs --segmenter"),
        (["--method=a=x", "--segmenter_height=4"], "given together"),
        (["--method=a=x", "--evaluated_labels=1,1"], "different whole numbers"),
        (["--method=a=x", "--resamples=0"], "--resamples should be 1 or more"),
    ],
)
def test_wrong_use(command, tmp_path, flags, message):
    code, _, error = command("evaluate", *flags, f"--output_dir={tmp_path / 'out'}")
    assert code == 2 and message in error and not (tmp_path / "out").exists()


def test_a_run_that_is_not_finished(command, scenes):
    (scenes / "run").mkdir()
    (scenes / "run" / "settings.json").write_text('{"data": {}}')
    code, _, error = evaluate(command, scenes, f"ours={scenes / 'run'}")
    assert code == 1 and "Give a run folder that is finished" in error


def test_a_packed_dataset_knows_what_is_scored(scenes):
    source = Folder(label_dir=scenes / "label", image_dir=scenes / "photo", num_classes=4)
    source.evaluated_labels = (2, 0)
    write_packed(source, scenes / "packed")
    assert EvaluatedClasses.of(Packed(scenes / "packed")).labels == (2, 0)


@pytest.mark.long
@needs_cityscapes
def test_real_cityscapes_in_its_19_classes(command, tmp_path):
    """Photographs of full size, softened a little, under the names of their scenes."""
    save_segmenter(tmp_path / "s.keras", classes=19)
    for path in sorted((CITYSCAPES / "train_img").iterdir()):
        picture = Image.open(path).resize((512, 256)).resize((2048, 1024))
        (tmp_path / "soft").mkdir(exist_ok=True)
        picture.save(tmp_path / "soft" / f"{path.stem.removesuffix('_leftImg8bit')}.jpg")
    data = ["--dataset=cityscapes", f"--data_dir={CITYSCAPES}", "--split=train", "--features=none"]
    options = [f"--segmenter={tmp_path / 's.keras'}", "--segmenter_height=128", "--segmenter_width=256"]
    code, output, error = command(
        "evaluate", f"--method=soft={tmp_path / 'soft'}", *data, *options, f"--output_dir={tmp_path / 'out'}"
    )
    assert code == 0, error
    found = json.loads((tmp_path / "out" / "table.json").read_text())["methods"]
    assert len(found["soft"]["class_iou"]) == 19 and 20 < found["soft"]["psnr"]["value"] < 45
    assert "brought to 256x128" in output and "Scored: 19 classes" in output


# === train_segmenter ===

SMALL = ["--num_scenes=12", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=1"]


@pytest.mark.slow
def test_train_segmenter_writes_one_file_that_evaluate_takes(command, tmp_path):
    path = tmp_path / "s.keras"
    code, output, error = command("train_segmenter", *SMALL, "--epochs=2", "--steps_per_epoch=3", f"--output={path}")
    assert code == 0, error
    assert "On the real images of 12 unseen scenes: mean IoU" in output and "  road " in output
    network = keras.saving.load_model(path)
    assert network.class_names == ToyStreet(1, 16, 32).class_names and network.image_size == (32, 64)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.keras"]  # the backup is gone
    before = path.read_bytes()
    code, _, error = command("train_segmenter", *SMALL, f"--output={path}")
    assert code == 1 and "is there already" in error and path.read_bytes() == before


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--output=s.h5"], "NAME.keras. Received: 's.h5'"),
        (["--output=s.keras", "--split=val"], "Train it on another one"),
        (["--output=s.keras", "--epochs=0"], "--epochs should be 1 or more"),
    ],
)
def test_wrong_use_of_train_segmenter(command, flags, message):
    code, _, error = command("train_segmenter", *flags)
    assert code == 2 and message in error


@pytest.mark.slow
def test_train_segmenter_goes_on_after_an_interruption(command, tmp_path, monkeypatch):
    """Stopped in the third of four epochs; only what is left is trained."""
    epochs, flags = [], [*SMALL, "--epochs=4", "--steps_per_epoch=2", f"--output={tmp_path / 's.keras'}"]

    def begin(self, epoch, logs=None):
        epochs.append(epoch)
        if len(epochs) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Backup, "on_epoch_begin", begin)
    assert command("train_segmenter", *flags)[0] == 130
    assert not (tmp_path / "s.keras").exists()
    code, _, error = command("train_segmenter", *flags, "--num_filters=8")
    assert code == 1 and "holds another run: --num_filters was 4, is 8" in error
    code, _, error = command("train_segmenter", *flags)
    assert code == 0, error
    assert epochs == [0, 1, 2, 2, 3]


@pytest.mark.slow
def test_train_segmenter_on_folders_of_its_own_labels(command, scenes):
    data = [flag for flag in data_flags(scenes) if "split" not in flag]
    size = ["--image_height=32", "--image_width=32", "--num_filters=4", "--num_downsamples=1", "--epochs=1"]
    size += ["--steps_per_epoch=2"]
    path = scenes / "own.keras"
    code, _, error = command("train_segmenter", *data, *size, "--evaluated_labels=2,0", f"--output={path}")
    assert code == 0, error
    assert keras.saving.load_model(path).class_names == ("class 2", "class 0")


@pytest.mark.long
def test_the_papers_tables_on_streets(tmp_path):
    """The whole experiment, with hardly any training; started again, nothing is done anew."""
    flags = ["--steps=16", "--scenes=10", "--segmenter_epochs=1"]
    command = [sys.executable, "experiments/paper_tables.py", str(tmp_path), *flags]
    options = dict(cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stderr
    assert "Table 4: discriminators" in done.stdout and "of the oracle's mean IoU" in done.stdout
    assert (tmp_path / "paper_tables.jpg").exists() and "no instance maps: trained" in done.stderr
    again = subprocess.run(command, **options)
    assert again.stdout == done.stdout and "trained" not in again.stderr
    other = subprocess.run([*command, "--seed=2"], **options)
    assert other.returncode == 1 and "was begun with" in other.stderr


@pytest.mark.long
def test_the_segmenter_learns_streets(command, tmp_path):
    flags = ["--nohidden_modes", "--noflip", "--image_height=64", "--image_width=128", "--epochs=4"]
    code, output, error = command("train_segmenter", *flags, f"--output={tmp_path / 's.keras'}")
    assert code == 0, error
    assert float(output.split("mean IoU ")[1].split(",")[0]) > 0.75


def test_transparent_parts_are_those_of_the_real_images(save, tmp_path, rng, command):
    """Scored against itself, a folder of pictures with alpha is what it is."""
    for i in range(2):
        picture = rng.integers(0, 256, (32, 48, 4), "uint8")
        picture[:, :24, 3] = 0
        save(f"b/{i}.png", picture), save(f"a/{i}.png", picture[..., 0])
    places = [f"--source_dir={tmp_path / 'a'}", f"--target_dir={tmp_path / 'b'}", "--dataset=folder", "--split=test"]
    flags = [f"--method=itself={tmp_path / 'b'}", "--features=none", f"--output_dir={tmp_path / 'out'}"]
    code, output, errors = command("evaluate", *places, *flags)
    assert code == 0 and "transparent parts" in output, errors
    scores = json.loads((tmp_path / "out" / "table.json").read_text())["methods"]["itself"]
    assert scores["ssim"]["value"] == pytest.approx(1)
