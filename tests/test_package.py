"""What is installed: the wheel has every file that the package needs, and its commands run from any folder."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from places import ROOT

from hdsynth_tf import cli

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
ENTRY = "import sys; from hdsynth_tf.cli import main; sys.argv[0] = '/usr/bin/hdsynth'; main()"


def files(*places):
    """Paths of the repository's files below some places, as strings; what Python and tools leave there is none."""
    found = [path for place in places for path in (ROOT / place).rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package's wheel, built from a copy: the repository stays as it is."""
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in files("hdsynth_tf", "pipelines", "experiments"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for name in ("pyproject.toml", "setup.py", PROJECT["readme"], "LICENSE", "THIRD_PARTY.md"):
        shutil.copy(ROOT / name, source)
    subprocess.run([sys.executable, "-c", BUILD, output], cwd=source, check=True, capture_output=True, timeout=120)
    (path,) = output.iterdir()
    return path


def test_every_file_of_the_package_is_in_its_wheel(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    flags = {f"hdsynth_tf/{name}" for name in files("experiments") if name.endswith(".flags")}
    assert len(flags) > 10
    assert inside == files("hdsynth_tf", "pipelines") | flags


def test_every_dependency_has_both_bounds():
    bounded = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["ui"]]
    assert not [name for name in bounded if not (">=" in name and ",<" in name)]


def run(code, arguments, folder, **environment):
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *code, *arguments],
        cwd=folder, env={**own, **environment}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_hdsynth_lists_every_verb(capsys, monkeypatch):
    assert PROJECT["scripts"] == {"hdsynth": f"{cli.__name__}:{cli.main.__name__}"}
    monkeypatch.setattr(sys, "argv", ["hdsynth"])
    cli.main()
    output = capsys.readouterr().out
    assert all(f"  {verb} " in output and text in output for verb, text in cli.verbs().items())


def test_hdsynth_names_a_verb_that_is_none(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["hdsynth", "trian"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and "trian" in error and "train_segmenter" in error


@pytest.mark.slow
@pytest.mark.parametrize("arguments, code", [(["export", "--help"], 0), (["export", "--nonsense"], 2)])
def test_hdsynth_is_the_command(tmp_path, arguments, code):
    done = run(["-c", ENTRY], arguments, tmp_path, PYTHONPATH=str(ROOT))
    module = run(["-m", f"hdsynth_tf.{arguments[0]}"], arguments[1:], tmp_path, PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stdout) == (code, module.stdout) and module.returncode == code
    told = [[line for line in one.stderr.splitlines() if "Error" in line] for one in (done, module)]  # not TensorFlow's
    assert told[0] == told[1] and bool(told[0]) == bool(code)


def test_hdsynth_names_a_backend_that_it_cannot_use(tmp_path):
    done = run(["-c", ENTRY.replace("; from", "; sys.argv[0] = 'hdsynth'; from", 1)], ["export", "--help"], tmp_path,
               PYTHONPATH=str(ROOT), KERAS_BACKEND="jax")  # fmt: skip
    assert done.returncode == 1 and "KERAS_BACKEND" in done.stderr


@pytest.mark.slow
def test_the_quickstart_runs_from_the_wheel_in_another_folder(wheel, tmp_path):
    site, place = tmp_path / "site", tmp_path / "elsewhere"
    place.mkdir()
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    done = run(install, [], place)
    assert done.returncode == 0, done.stderr
    script = [str(site / "bin" / "hdsynth")]
    flags = ["train", "--flagfile=experiments/quickstart.flags", "--run_dir=runs/quickstart"]
    few = ["--num_scenes=8", "--steps_per_epoch=2", "--max_steps=3", "--image_height=64", "--image_width=128"]
    for arguments in ([*flags, "--dry_run"], [*flags, *few]):
        done = run(script, arguments, place, PYTHONPATH=str(site))
        assert done.returncode == 0, done.stderr
    pictures = ["generate", "--model=runs/quickstart", "--num_scenes=2", "--output_dir=runs/quickstart/pictures"]
    done = run(script, pictures, place, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    assert (place / "runs/quickstart/pictures/index.html").is_file()
    assert len(list(place.glob("runs/quickstart/pictures/*.png"))) >= 2
