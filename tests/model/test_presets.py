"""Presets: the same pictures from half floats, found by name, folder and hub; nothing in them is run."""

import json
import re
import sys

import numpy as np
import pytest
from tiny import semantic_batch, semantic_model, style_model

from hdsynth_tf.files import presets
from hdsynth_tf.files.presets import CARD, CONFIG, METADATA, WEIGHTS, PresetError
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator


def styled_model():
    rng = np.random.default_rng(0)
    return style_model().with_styles({label: rng.uniform(-1, 1, (2 + label, 2)) for label in range(4)})


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A model of styles, and its preset."""
    model, folder = styled_model(), tmp_path_factory.mktemp("presets") / "small_street"
    facts = {
        "data": {"dataset": "toy_street", "num_scenes": 7, "image_height": 16, "image_width": 24},
        "recipe": {"training": {"epochs": 5, "learning_rate": 0.0005}},
        "steps": 1234,
        "scores": {"psnr": 21.52},
    }
    model.save_to_preset(folder, facts)
    return model, folder


def test_the_same_pictures_from_half_floats(preset):
    model, folder = preset
    inputs, _ = semantic_batch()
    loaded = Pix2PixHD.from_preset(str(folder))
    assert loaded.discriminator is None and not loaded.compiled
    np.testing.assert_array_equal(loaded.style_bank.counts, model.style_bank.counts)
    made, wanted = (np.int32(one.generate(inputs, seed=5)) for one in (loaded, model))
    assert np.abs(made - wanted).mean() < 1


def test_the_average_is_what_is_kept(tmp_path):
    model = semantic_model(ema_momentum=0.9)
    model.generator.set_weights([0 * weight for weight in model.generator.get_weights()])
    model.save_to_preset(tmp_path / "p")
    kernel = Pix2PixHD.from_preset(tmp_path / "p").generator.get_weights()[0]
    np.testing.assert_allclose(kernel, model.average_generator.get_weights()[0], rtol=1e-3, atol=1e-6)


def test_large_weights_take_half_the_space(tmp_path):
    model = Pix2PixHD(semantic_model().conditioning, GlobalGenerator(16, 3, 2))
    model.save_to_preset(tmp_path / "p")
    assert (tmp_path / "p" / WEIGHTS).stat().st_size < 2.3 * model.count_params()


def test_card_tells_data_steps_recipe_and_scores(preset):
    _, folder = preset
    card = (folder / CARD).read_text()
    head = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert head and "library_name:" in head[1] and "license:" in head[1]
    for told in ("toy_street", "1234", "--epochs=5", "--learning_rate=0.0005", "psnr: 21.52"):
        assert told in card
    assert json.loads((folder / METADATA).read_text())["parameter_count"] > 0


def test_card_of_an_unknown_training_leaves_blanks(tmp_path):
    semantic_model().save_to_preset(tmp_path / "p")
    assert (tmp_path / "p" / CARD).read_text().count("left to fill in") >= 5


def test_built_in_names_are_folders_of_the_package(preset, monkeypatch):
    _, folder = preset
    monkeypatch.setattr(presets, "BUILT_IN", folder.parent)
    assert presets.built_in() == ["small_street"]
    assert Pix2PixHD.from_preset("small_street").encoder is not None
    with pytest.raises(PresetError, match="small_street"):
        Pix2PixHD.from_preset("large_street")


def test_presets_of_the_package_are_small():
    for name in presets.built_in():
        folder = presets.BUILT_IN / name
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 12e6
        assert (folder / CARD).is_file()


def test_other_folders_are_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        semantic_model().save_to_preset(tmp_path)
    assert (tmp_path / "holiday.jpg").read_bytes() == b"precious"


class Hub:
    """A client of a hub that gives a folder, or finds no network."""

    def __init__(self, folder):
        self.folder = folder

    def snapshot_download(self, handle, **_):
        if self.folder is None:
            raise ConnectionError("no route to the hub\nand more")
        return str(self.folder)

    model_download = snapshot_download


@pytest.mark.parametrize(
    "handle, package", [("hf://me/street", "huggingface_hub"), ("kaggle://me/s/keras/a", "kagglehub")]
)
def test_hubs(preset, monkeypatch, handle, package):
    monkeypatch.setattr(presets, "is_installed", lambda name: True)
    monkeypatch.setitem(sys.modules, package, Hub(preset[1]))
    assert presets.find_preset(handle) == preset[1]
    monkeypatch.setitem(sys.modules, package, Hub(None))
    with pytest.raises(PresetError) as raised:
        Pix2PixHD.from_preset(handle)
    assert handle in str(raised.value) and "\n" not in str(raised.value)
    monkeypatch.setattr(presets, "is_installed", lambda name: False)
    with pytest.raises(PresetError, match=package):
        Pix2PixHD.from_preset(handle)


def changed(folder, target, change):
    """A copy of a preset whose config is another."""
    target.mkdir()
    for name in (CONFIG, WEIGHTS):
        (target / name).write_bytes((folder / name).read_bytes())
    config = json.loads((target / CONFIG).read_text())
    change(config)
    (target / CONFIG).write_text(json.dumps(config))
    return target


def test_presets_run_no_code(preset, tmp_path):
    """Neither a lambda in the config, nor a class or a function of any module it names."""
    mark = tmp_path / "mark"
    call = {"module": "os", "class_name": "system", "config": f"touch {mark}", "registered_name": "system"}
    function = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}}
    for number, part in enumerate((call, {**layer, "registered_name": None})):
        folder = changed(preset[1], tmp_path / str(number), lambda c, part=part: c["config"].update(generator=part))
        with pytest.raises(PresetError):
            Pix2PixHD.from_preset(folder)
    other = changed(preset[1], tmp_path / "other", lambda config: config.update(call))
    with pytest.raises(PresetError, match="system"):
        Pix2PixHD.from_preset(other)
    assert not mark.exists()


def test_damaged_weights_are_told_in_a_line(preset, tmp_path):
    folder = changed(preset[1], tmp_path / "damaged", lambda config: None)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(PresetError) as raised:
        Pix2PixHD.from_preset(folder)
    assert "damaged" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.slow
def test_commands_take_presets(preset, command, tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "BUILT_IN", preset[1].parent)
    preset[0].save(tmp_path / "m.keras")
    model, out = f"--model={tmp_path / 'm.keras'}", f"--output_dir={tmp_path / 'p'}"
    code, output, error = command("export", model, "--format=preset", out)
    assert code == 0 and presets.is_preset(tmp_path / "p") and "MB" in output, error
    code, _, error = command("styles", "--model=small_street")
    assert code == 2 and "small_street" in error
    code, output, error = command("export", "--model=small_street", f"--output_dir={tmp_path / 'serving' / '1'}")
    assert code == 0 and "toy_street" in output, error
