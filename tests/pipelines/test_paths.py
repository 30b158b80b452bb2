"""Paths in buckets: what `pathlib` gives for a folder, `RemotePath` gives for TensorFlow's file system in memory."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.config import commands
from hdsynth_tf.files.storage import remove_leftovers, replacing
from hdsynth_tf.generate import __main__ as generate
from hdsynth_tf.train import __main__ as train
from hdsynth_tf.train.checkpoints import Checkpoints
from pipelines.paths import RemotePath, as_path

TOY = [
    "--num_scenes=3", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=1",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1",
    "--epochs=1", "--decay_epochs=1", "--steps_per_epoch=2", "--num_samples=1", "--sample_epochs=2",
]  # fmt: skip


@pytest.fixture(params=["local", "ram"])
def root(request, tmp_path):
    return tmp_path / "root" if request.param == "local" else as_path(f"ram://{tmp_path.name}/root")


def write(path, text):
    with replacing(path) as temporary:
        temporary.write_text(text)


def test_kinds():
    assert isinstance(as_path("a/b"), Path)
    remote = as_path("gs://bucket/folder//x.png")
    assert isinstance(remote, RemotePath) and as_path(remote) is remote
    assert (str(remote), remote.name, remote.stem, remote.suffix) == ("gs://bucket/folder/x.png", "x.png", "x", ".png")
    assert remote.parent == as_path("gs://bucket/folder") and str(remote.with_name("y")) == "gs://bucket/folder/y"
    assert remote.relative_to(as_path("gs://bucket")).as_posix() == "folder/x.png"


def test_looking_and_reading(root):
    write(root / "a.txt", "one")
    write(root / "sub" / "b.txt", "two")
    assert root.is_dir() and (root / "a.txt").is_file() and not (root / "c").exists()
    assert sorted(path.name for path in root.glob("*.txt")) == ["a.txt"]
    assert sorted(path.name for path in root.rglob("*.txt")) == ["a.txt", "b.txt"]
    assert (root / "a.txt").read_bytes() == b"one" and (root / "sub" / "b.txt").read_text() == "two"
    assert (root / "a.txt").stat().st_size == 3
    (root / "a.txt").unlink()
    (root / "a.txt").unlink(missing_ok=True)
    assert not (root / "a.txt").exists()
    for use in (Path.open, Path.read_bytes, Path.read_text, Path.stat, Path.unlink):
        with pytest.raises(FileNotFoundError, match=r"a\.txt"):
            getattr(root / "a.txt", use.__name__)()
    remove_leftovers(root)


def test_what_fails_changes_nothing(root):
    write(root / "a.txt", "old")
    with pytest.raises(RuntimeError), replacing(root / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (root / "a.txt").read_text() == "old"
    for text in ("first", "second"):
        with replacing(root / "folder") as temporary:
            temporary.mkdir()
            (temporary / f"{text}.txt").write_text(text)
    assert [path.name for path in (root / "folder").glob("*")] == ["second.txt"]


@pytest.mark.slow
def test_a_whole_run_in_a_bucket(tmp_path, monkeypatch, capsys):
    run_dir, out = f"ram://{tmp_path.name}/run", f"ram://{tmp_path.name}/out"

    def command(module, name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        commands.run(module.main, name)
        return capsys.readouterr().out

    command(train, "train", *TOY, "--max_steps=3", "--noexport", f"--run_dir={run_dir}")
    path, position = Checkpoints(f"{run_dir}/checkpoints").newest()
    assert position.total == 3
    assert f"Going on from {path}" in command(train, "train", *TOY, f"--run_dir={run_dir}")
    for name in ("model.keras", "samples.png", "serving/1/saved_model.pb", "logs/g1.csv", "README"):
        assert as_path(f"{run_dir}/{name}").is_file(), name
    assert json.loads(as_path(f"{run_dir}/scores.json").read_text())["scenes"] == 3
    assert "3 pictures made" in command(generate, "generate", f"--model={run_dir}", f"--output_dir={out}")
    with as_path(f"{out}/street_000002.png").open("rb") as file:
        assert np.asarray(Image.open(file)).shape == (32, 64, 3)
    assert "0 pictures made" in command(generate, "generate", f"--model={run_dir}", f"--output_dir={out}")
