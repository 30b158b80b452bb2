"""Commands run wherever they are started, and whatever Keras is set to there."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from places import ROOT

HELP = ["-m", "hdsynth_tf.export", "--help"]
SETTINGS = "import keras, hdsynth_tf; print(keras.backend.backend(), keras.config.image_data_format())"


def run(arguments, folder, **environment):
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    own = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    environment = {**own, "PYTHONPATH": paths, **environment}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("pipelines/__init__.py", marks=pytest.mark.slow),
        "pipelines.py",
        pytest.param("pipelines/other.py", marks=pytest.mark.slow),
    ],
)
def test_a_package_of_our_name_does_no_harm(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise RuntimeError('not this one')\n" if "other" not in name else "")
    code, output, errors = run(HELP, tmp_path)
    assert code == 0 and "--output_dir" in output, errors


def test_another_one_that_is_imported_already_is_named(tmp_path):
    (tmp_path / "pipelines.py").write_text("")
    code, _, errors = run(["-c", "import pipelines, hdsynth_tf"], tmp_path)
    assert code != 0 and errors.strip().splitlines()[-1].startswith("ImportError")
    assert str(tmp_path / "pipelines.py") in errors


@pytest.fixture
def keras_home(tmp_path):
    def write(**settings):
        settings = {"floatx": "float32", "backend": "tensorflow", "image_data_format": "channels_last", **settings}
        (tmp_path / "keras.json").write_text(json.dumps({**settings, "epsilon": 1e-7}))
        return str(tmp_path)

    return write


@pytest.mark.slow
def test_other_settings_of_keras_do_not_stop_commands(keras_home, tmp_path):
    home = keras_home(backend="torch", image_data_format="channels_first", floatx="float16")
    script = "import runpy, sys; sys.argv = ['-m']; " + SETTINGS.replace("keras, hdsynth_tf", "hdsynth_tf, keras")
    code, output, errors = run(["-c", script], tmp_path, KERAS_HOME=home)
    assert code == 0 and output.strip() == "tensorflow channels_last", errors
    code, _, errors = run(HELP, tmp_path, KERAS_HOME=home)
    assert code == 0 and "Warning" not in errors


def test_commands_name_a_backend_that_they_cannot_use(tmp_path):
    code, _, errors = run(HELP, tmp_path, KERAS_BACKEND="jax")
    assert code == 1 and len(errors.strip().splitlines()) == 1 and "KERAS_BACKEND" in errors and "jax" in errors


@pytest.mark.slow
def test_whoever_imports_the_package_is_told_in_a_line(keras_home, tmp_path):
    code, output, errors = run(["-c", SETTINGS], tmp_path, KERAS_HOME=keras_home(image_data_format="channels_first"))
    assert code == 0 and output.strip() == "tensorflow channels_first"
    assert "channels_first" in errors and "set_image_data_format('channels_last')" in errors


@pytest.mark.slow
def test_a_training_needs_no_home_and_no_language(tmp_path, save):
    for side in ("A", "B"):
        save(f"{side}/Straße 1.png", np.full((32, 32), ord(side), "uint8") + np.arange(32, dtype="uint8"))
    own = {name: value for name, value in os.environ.items() if name not in ("HOME", "KERAS_HOME", "LANG")}
    flags = [
        "--dataset=folder", "--source_dir=A", "--target_dir=B", "--run_dir=a run", "--num_filters=4",
        "--num_downsamples=2", "--num_residual_blocks=1", "--discriminator_filters=4", "--precision=float32",
        "--max_steps=1",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "hdsynth_tf.train", *flags], cwd=tmp_path, capture_output=True, timeout=600,
        env={**own, "LC_ALL": "C", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0 and b"Model: a run" in done.stdout, done.stderr
