"""One writer for each folder: others are refused by name, readers are not, and no lock outlives its process."""

import os
import signal
import subprocess
import sys
import time

import pytest
from places import ROOT
from tiny import semantic_model

from hdsynth_tf.files import lock
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolderError
from hdsynth_tf.files.storage import TEMPORARY, remove_leftovers
from pipelines.paths import RemotePath

HOLD = """
import sys, time
from pathlib import Path
from hdsynth_tf.files.lock import only_writer
with only_writer(Path(sys.argv[1]), "holding"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def held(tmp_path):
    """A folder, and the other process that writes to it."""
    folder = tmp_path / "new" / "folder"
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield folder, process
    process.kill()
    process.communicate()


COMMANDS = {
    "train": "--run_dir={held} --num_scenes=2",
    "study": "--method=a={pictures} --method=b={pictures} --output_dir={held}",
    "evaluate": "--method=a={pictures} --output_dir={held}",
    "generate": "--model={held} --output_dir={held}",
    "styles": "--model={held}",
}


def test_others_are_refused_until_the_process_ends_however_it_ends(held, command, tmp_path):
    folder, process = held
    (folder / "model.keras").write_text("no model, but nobody comes to read it")
    for name, line in COMMANDS.items():
        code, _, error = command(name, *line.format(held=folder, pictures=tmp_path).split())
        assert code == 1 and all(part in error for part in (str(folder), f"process {process.pid} ", "(holding)")), error
    (folder / "settings.json").write_text('{"data": {}}')
    assert f"process {process.pid} " in command("styles", f"--model={folder / 'model.keras'}")[2]  # the run's, too
    process.send_signal(signal.SIGKILL)
    process.wait()
    with only_writer(folder, "the next"):
        assert f"process {os.getpid()} " in (folder / lock.NAME).read_text()
    assert {path.name for path in folder.iterdir()} == {"model.keras", "settings.json"}


def test_who_only_reads_is_not_refused(held, command, label_folders, tmp_path):
    folder, _ = held
    semantic_model().save(folder / "model.keras")
    maps = [
        "--dataset=folder",
        "--num_classes=4",
        f"--label_dir={label_folders / 'label'}",
        f"--instance_dir={label_folders / 'inst'}",
    ]
    code, _, error = command("generate", f"--model={folder}", *maps, f"--output_dir={tmp_path}/out")
    assert code == 0 and len(list((tmp_path / "out").glob("s*.png"))) == 5, error
    assert not (tmp_path / "out" / lock.NAME).exists()


def test_nothing_stays_of_a_block_that_writes_nothing(tmp_path):
    with only_writer(tmp_path / "a" / "b", "nothing"):
        with pytest.raises(RunFolderError), only_writer(tmp_path / "a" / "b", "another"):
            pass
        assert (tmp_path / "a" / "b" / lock.NAME).exists()
    assert not list(tmp_path.iterdir())


def test_where_there_are_no_locks_a_line_says_so(tmp_path, monkeypatch, capsys):
    def flock(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    for folder in (tmp_path, RemotePath("gs://bucket/run")):
        with only_writer(folder, "train"):
            assert str(folder) in capsys.readouterr().out


def test_leftovers_of_the_dead_alone_are_removed(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    paths = {number: tmp_path / f"{TEMPORARY}{number}.x" for number in (os.getppid(), ended.pid, os.getpid())}
    for path in paths.values():
        path.mkdir()
    remove_leftovers(tmp_path)  # the one of our number is of before the machine began to count again
    assert list(tmp_path.iterdir()) == [paths[os.getppid()]]


TOY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=1",
    "--num_residual_blocks=1", "--adversarial_weight=0", "--warm_start_epochs=0", "--epochs=100",
    "--steps_per_epoch=20", "--num_samples=1", "--noexport", "--checkpoint_steps=1",
]  # fmt: skip


@pytest.mark.slow
def test_a_second_training_leaves_the_first_one_alone(command, tmp_path):
    arguments = [*TOY, f"--run_dir={tmp_path / 'run'}"]
    with subprocess.Popen([sys.executable, "-m", "hdsynth_tf.train", *arguments], cwd=ROOT) as first:
        while not list((tmp_path / "run" / "checkpoints").glob("step_*")):
            assert first.poll() is None
            time.sleep(0.1)
        code, _, error = command("train", *arguments)
        assert code == 1 and f"process {first.pid} " in error and "(train)" in error
        assert first.poll() is None
        first.kill()
    code, output, error = command("train", *arguments, "--max_steps=1")
    assert code == 0 and "Going on from" in output, error


def test_where_the_system_has_no_locks_a_line_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lock, "fcntl", None)
    with only_writer(tmp_path / "run", "testing"):
        assert "cannot be locked" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
