"""From the objects of a dataset to the styles of its classes."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from tiny import style_model

from hdsynth_tf.show.pictures import box_around, titled_rows
from hdsynth_tf.styles.clustering import SCENES_PER_FILE, Instances, encode_instances, find_styles
from pipelines.paths import as_path
from pipelines.source import Source
from pipelines.toy_street import ToyStreet

FOLDERS = "label", "inst", "photo"


class Scenes(Source):
    """Scenes of four classes; the ids are the class times 1000 and a column."""

    formats = {"label_map": ((), "int32"), "instance_map": ((), "int32"), "image": ((3,), "uint8")}
    common_size = (16, 24)

    def __init__(self, count, fails_at=None):
        self.names = [f"scene_{i}" for i in range(count)]
        self.fails_at = fails_at

    def load(self, index):
        if index == self.fails_at:
            raise RuntimeError("pulled the plug")
        rng = np.random.default_rng(index)
        labels = rng.integers(0, 4, (2, 3)).repeat(8, 0).repeat(8, 1).astype("int32")
        ids = labels * 1000 + np.arange(24, dtype="int32") // 8
        return {"label_map": labels, "instance_map": ids, "image": rng.integers(0, 256, (16, 24, 3)).astype("uint8")}


def test_instances_are_what_the_encoder_finds(tmp_path):
    model, source = style_model(), Scenes(3)
    found = encode_instances(model, source, tmp_path / "instances")
    for number in range(3):
        scene = source.load(number)
        image = scene["image"][None] / np.float32(127.5) - 1
        features = keras.ops.convert_to_numpy(model.encoder(image, scene["instance_map"][None]))[0]
        own = found.scene == number
        assert sorted(found.instance[own]) == sorted(np.unique(scene["instance_map"]))
        for entry in np.flatnonzero(own):
            mask = scene["instance_map"] == found.instance[entry]
            assert found.label[entry] == scene["label_map"][mask][0]
            assert found.area[entry] == pytest.approx(mask.mean())
            np.testing.assert_allclose(found.features[entry], features[mask].mean(0), atol=1e-6)


def test_what_was_interrupted_goes_on(tmp_path):
    model, count = style_model(), SCENES_PER_FILE + 3
    folder = tmp_path / "instances"
    with pytest.raises(Exception, match="pulled the plug"):
        encode_instances(model, Scenes(count, fails_at=SCENES_PER_FILE + 1), folder)
    first = folder / "scenes_0000000.npz"
    written = first.stat().st_mtime_ns
    whole = encode_instances(model, Scenes(count), folder)
    assert first.stat().st_mtime_ns == written and set(whole.scene) == set(range(count))
    undisturbed = encode_instances(model, Scenes(count), tmp_path / "other")
    np.testing.assert_array_equal(whole.features, undisturbed.features)
    model.encoder.network.head.conv.bias.assign_add([1.0, 1.0])
    assert not np.array_equal(encode_instances(model, Scenes(count), folder).features, whole.features)


def instances(label, features, area=0.5):
    count = len(features)
    zeros = np.zeros(count, "int32")
    areas = np.full(count, area, "float32")
    return Instances(zeros, zeros, np.full(count, label, "int32"), areas, np.asarray(features, "float32"))


def test_clusters_are_found_and_counted(rng):
    centers = np.array([[0.8, 0.8], [-0.8, 0.8], [0.0, -0.8]])
    sizes = (50, 30, 20)
    cloud = np.concatenate([c + 0.01 * rng.standard_normal((n, 2)) for c, n in zip(centers, sizes)])
    everything = Instances.join(
        [
            instances(0, rng.permutation(cloud)),
            instances(0, np.full((500, 2), 0.1), area=0.001),  # too small to count
            instances(1, [[0.1, 0.3], [0.3, 0.5]], area=0.001),  # nothing but small ones
            instances(3, [[0.5, 0.5]] * 4),  # all alike
        ]
    )
    styles, counts = find_styles(everything, 4, num_styles=3)
    np.testing.assert_allclose(styles[0], centers, atol=0.01)
    assert counts == {0: [50, 30, 20], 1: [2], 3: [4]}
    np.testing.assert_allclose(styles[1], [[0.2, 0.4]], atol=1e-6)
    again, _ = find_styles(everything, 4, num_styles=3)
    np.testing.assert_array_equal(styles[0], again[0])


def test_the_part_of_a_picture_that_shows_an_object():
    mask = np.zeros((200, 300), bool)
    mask[100:200, 40:140] = True
    assert box_around(mask) == (slice(75, 200), slice(15, 165))
    tiny = np.zeros((200, 300), bool)
    tiny[50, 60] = True
    rows, columns = box_around(tiny)
    assert 60 <= rows.stop - rows.start <= 66 and 60 <= columns.stop - columns.start <= 66
    wide = np.zeros((200, 300), bool)
    wide[150:200, :] = True  # shown from its middle
    assert box_around(wide) == (slice(138, 200), slice(87, 211))
    assert box_around(np.zeros((4, 4), bool)) == (slice(None), slice(None))


def test_rows_of_any_length():
    red, wide = np.zeros((40, 40, 3), "uint8"), np.zeros((20, 90, 3), "uint8")
    red[..., 0] = 255
    sheet = titled_rows([("one", [(red, "a")]), ("two", [(wide, "b"), (red, "c")])], cell=60)
    assert sheet.shape[1] == 2 * 64 + 4 and (sheet == [255, 0, 0]).all(-1).sum() >= 2 * 55 * 55


@pytest.mark.parametrize("given", [[], ["--num_classes=4"]])  # which the model knows
def test_styles_of_a_model_file(command, label_folders, given):
    style_model().save(label_folders / "m.keras")
    folders = [f"--{flag}_dir={label_folders / name}" for flag, name in zip(("label", "instance", "target"), FOLDERS)]
    data = ["--dataset=folder", *folders, *given, "--val_share=0"]
    code, output, error = command("styles", f"--model={label_folders / 'm.keras'}", *data, "--num_styles=2")
    assert code == 0 and "2 styles of 5 of 5 instances" in output, error
    sizes = json.loads((label_folders / "m_styles" / "styles.json").read_text())
    found = keras.saving.load_model(label_folders / "m.keras").style_bank.as_dict()
    assert set(found) == {0, 1, 2, 3} and [len(styles) for styles in found.values()] == list(map(len, sizes.values()))
    assert np.asarray(Image.open(label_folders / "m_styles" / "sheet.png")).std() > 10


@pytest.mark.slow
def test_styles_command(command, tmp_path):
    small = ["--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--discriminator_filters=4"]
    small += ["--discriminator_layers=1", "--num_scales=1", "--feature_channels=2", "--encoder_filters=4"]
    small += ["--encoder_downsamples=1", "--num_scenes=5", "--image_height=32", "--image_width=64", "--epochs=1"]
    small += ["--decay_epochs=0", "--steps_per_epoch=2", "--noexport"]
    run = tmp_path / "run"
    assert command("train", *small, f"--run_dir={run}")[0] == 0
    code, output, error = command("styles", f"--model={run}", "--num_styles=3")
    assert code == 0 and "3 styles of 5 of 5 instances" in output, error
    styles = json.loads((run / "styles" / "styles.json").read_text())
    assert sum(styles["road"]) == 5 and len(styles["road"]) == 3
    assert np.asarray(Image.open(run / "styles" / "sheet.png")).std() > 10
    model = keras.saving.load_model(run / "model.keras")
    assert len(model.style_bank.as_dict()[3]) == 3
    code, output, _ = command("generate", f"--model={run}", f"--output_dir={tmp_path / 'out'}")
    assert code == 0 and "has no styles" not in output
    pictures(command, run, tmp_path, model)


def pictures(command, run, tmp_path, model):
    """Three photographs of every input in one gallery; one in the styles of a photograph."""
    options = [f"--model={run}", "--styles=3", "--seed=5", "--num_scenes=2"]
    code, output, error = command("generate", *options, f"--output_dir={tmp_path / 'three'}")
    assert code == 0 and "6 pictures made" in output, error
    made = [np.asarray(Image.open(tmp_path / "three" / f"street_000001_{seed}.png")) for seed in (5, 6, 7)]
    assert len({picture.tobytes() for picture in made}) == 3
    scene = ToyStreet(2, 32, 64, "test").load(1)
    np.testing.assert_array_equal(made[1], model.generate(scene, seed=6))
    page = (tmp_path / "three" / "index.html").read_text()
    assert page.count("<section>") == 2 and page.count("seed 6") == 4  # caption and alternative text
    (tmp_path / "three" / "street_000000_7.png").unlink()
    assert "1 pictures made, 5 were there" in command("generate", *options, f"--output_dir={tmp_path / 'three'}")[1]

    Image.fromarray(scene["image"]).save(tmp_path / "photo.png")
    options = [f"--model={run}", f"--style_from={tmp_path / 'photo.png'}", "--num_scenes=2"]
    assert command("generate", *options, f"--output_dir={tmp_path / 'alike'}")[0] == 0
    alike = np.asarray(Image.open(tmp_path / "alike" / "street_000001.png"))
    np.testing.assert_array_equal(alike, model.generate(scene, style_image=scene["image"]))
    code, _, error = command("generate", f"--model={run}", f"--output_dir={tmp_path / 'alike'}")
    assert code == 1 and "in other styles" in error


def test_styles_need_an_encoder(command, tmp_path):
    from tiny import semantic_model

    semantic_model().save(tmp_path / "m.keras")
    code, _, error = command("styles", f"--model={tmp_path / 'm.keras'}")
    assert code == 2 and "has no encoder" in error


def test_in_a_bucket():
    """TensorFlow's file system in memory stands for one."""
    model, folder = style_model(), as_path("ram://clustering/instances")
    first = encode_instances(model, Scenes(2), folder)
    assert (folder / "scenes_0000000.npz").exists()
    np.testing.assert_array_equal(encode_instances(model, Scenes(2), folder).features, first.features)
