"""Files of ours that are damaged: one line that names the file and what to do, or they are made again."""

import contextlib
import json
import zipfile

import numpy as np
import pytest
from mutate import damaged_bytes, damaged_json
from tiny import semantic_model

from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import form_of
from hdsynth_tf.evaluate import measurement
from hdsynth_tf.files.model_file import ModelFileError, load_model
from hdsynth_tf.files.run_folder import RunFolder, RunFolderError, read_settings
from hdsynth_tf.generate.picture_folder import MANIFEST, check_output
from hdsynth_tf.styles import clustering
from hdsynth_tf.train.pace import Pace
from hdsynth_tf.train.validation import Validation

DAMAGED = {
    "emptied": "", "cut short": '{"data": {"num_sc', "a list": "[]", "a number": "3", "null": "null",
    "not a number": "NaN", "nested": "[" * 100_000, "no text": "\udcff\udcfe",
}  # fmt: skip


def pace(path):
    return Pace([], [], path)


READERS = {
    "settings.json": lambda path: read_settings(path.parent, "data", form_of(DataSettings)),
    "windows.json": lambda path: RunFolder(path.parent).read_windows(),
    "precision.json": lambda path: RunFolder(path.parent).read_precision(),
    "steps.json": pace,
    MANIFEST: lambda path: check_output(path.parent, {}),
}
OF_WRONG_TYPES = {
    "settings.json": [{"data": {"num_scenes": "many"}}, {"data": {"num_scenes": True}}, {"data": {"dataset": "other"}},
                      {"data": {"dont_care": 3}}, {"data": {"split": None}}, {"data": []}, {}],
    "windows.json": [{"source": [0]}, {"source": ["a", "b"]}, {"image": 3}, {"image": [255, 0]}],
    "precision.json": [{}, {"precision": "float4"}, {"precision": "float32", "rematerialize": ["x"]}],
    "steps.json": [{"G1": 0}, {"G1": "ten"}],
    MANIFEST: [{}, {"model": 3}],
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_record_is_told_of_in_one_line_that_names_it(name, tmp_path):
    texts = [*DAMAGED.values(), *map(json.dumps, OF_WRONG_TYPES[name])]
    for text in texts:
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
        if name == "steps.json" and text == "{}":
            continue
        with pytest.raises(RunFolderError) as caught:
            READERS[name](tmp_path / name)
        message = str(caught.value)
        assert str(tmp_path / name) in message and "\n" not in message and len(message) < 400, text


@pytest.mark.parametrize("name", ["settings.json", "windows.json", "precision.json", "steps.json", MANIFEST])
def test_mutated_records_are_read_or_refused(name, tmp_path, rng):
    whole = {
        "settings.json": {"data": {"num_scenes": 3, "dont_care": [255], "source_range": [0, 1.5], "split": "val"}},
        "windows.json": {"source": [0, 300.5], "image": []},
        "precision.json": {"precision": "float32", "why": "", "rematerialize": ["true", "false"]},
        "steps.json": {"G1": 20, "G2": 30},
        MANIFEST: {"model": "abc", "style_from": "", "source_video": ""},
    }
    for _ in range(200):
        (tmp_path / name).write_bytes(damaged_json(json.dumps(whole[name]), rng))
        with contextlib.suppress(RunFolderError):
            READERS[name](tmp_path / name)


def test_settings_that_are_compared_are_checked(tmp_path):
    folder = RunFolder(tmp_path)
    for text in DAMAGED.values():
        folder.settings.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(RunFolderError, match=r"settings\.json"):
            folder.check({"data": DataSettings()}, ())


def test_the_record_of_the_best_model_is_made_again(tmp_path, capsys):
    for text in (*DAMAGED.values(), '{"stage": 3}', '{"stage": "G1", "epoch": 1, "psnr": "high"}'):
        (tmp_path / "best.json").write_bytes(text.encode(errors="surrogateescape"))
        assert Validation([], "G1", tmp_path / "best.json", None).best is None
        assert "best.json" in capsys.readouterr().out


def test_parts_that_are_damaged_are_made_again(tmp_path, rng, capsys):
    """Of styles and of measurements: as if they were not there."""
    styles, measured = tmp_path / "scenes.npz", tmp_path / "000000.npz"
    np.savez(
        styles, scene=np.arange(3), instance=np.arange(3), label=np.arange(3), area=np.ones(3), features=np.ones((3, 2))
    )
    measurement._keep(measurement.Measured(psnr=np.ones(5), ssim=np.ones(5)), measured, "digest")
    assert clustering._read(styles) is not None and measurement._kept(measured, "digest", 5) is not None
    whole = {path: path.read_bytes() for path in (styles, measured)}
    for i in range(150):
        for path, content in whole.items():
            path.write_bytes(damaged_bytes(content, rng) if i else b"")
        clustering._read(styles)
        found = measurement._kept(measured, "digest", 5)
        assert found is None or len(found.psnr) == 5
    assert "made again" in capsys.readouterr().out


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.keras"
    semantic_model().save(path)
    return path


def rewritten(path, target, change):
    """A model file with another config."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(
                info.filename, change(content.decode()).encode() if info.filename == "config.json" else content
            )
    return target


@pytest.mark.parametrize("key, count", [("num_filters", 10**5), ("num_filters", 3 * 10**9), ("num_downsamples", 24)])
def test_a_model_that_asks_for_absurdly_many_weights_gets_none(model_file, tmp_path, key, count):
    def change(config):
        config = json.loads(config)
        config["config"]["generator"]["config"][key] = count
        return json.dumps(config)

    with pytest.raises(ModelFileError, match=r"big\.keras"):
        load_model(rewritten(model_file, tmp_path / "big.keras", change))


def test_models_that_are_damaged_are_refused_in_one_line(model_file, tmp_path, rng):
    path, content = tmp_path / "model.keras", model_file.read_bytes()
    for damage in (b"", b"PK", content[: len(content) // 2], *(damaged_bytes(content, rng) for _ in range(6))):
        path.write_bytes(damage)
        try:
            load_model(path)
        except ModelFileError as error:
            assert str(path) in str(error) and "\n" not in str(error)
    assert load_model(model_file).conditioning.num_classes == 4


def test_a_finished_run_whose_model_or_scores_are_damaged_is_not_finished(model_file, tmp_path):
    folder = RunFolder(tmp_path)
    folder.model.write_bytes(model_file.read_bytes())
    folder.scores.write_text('{"unseen": true}')
    assert folder.is_finished
    folder.scores.write_text("")
    assert not folder.is_finished
    folder.scores.write_text("{}")
    folder.model.write_bytes(model_file.read_bytes()[:-100])
    assert not folder.is_finished
