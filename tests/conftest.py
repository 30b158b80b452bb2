"""Shared by all tests: two CPU devices, so that replicas can be tried anywhere, and small datasets in files."""

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import io
import runpy
import sys

import hdsynth_tf  # noqa: F401  isort: skip  before TensorFlow, which it sets up, here and for processes started here

import keras
import numpy as np
import pytest
from PIL import Image
from places import ROOT

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
if ON_TENSORFLOW:
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_collection_modifyitems(items):
    """On another backend only what is marked for it can run; everything else needs TensorFlow."""
    for item in items:
        if not ON_TENSORFLOW and "backend" not in item.keywords:
            item.add_marker(pytest.mark.skip(reason="needs Keras on TensorFlow"))


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def float64():
    """Keras computes in float64 for one test."""
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    yield
    keras.config.set_dtype_policy("float32")
    keras.config.set_floatx("float32")


@pytest.fixture
def save(tmp_path):
    """A function that writes an array as a picture below the test's folder and returns the path."""

    def write(name, array, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(array)).save(path, **options)
        return path

    return write


@pytest.fixture
def label_folders(save, rng, tmp_path):
    """Five scenes of 24x32 pixels with 4 classes in `label`, `inst` and `photo` below the test's folder."""
    for i in range(5):
        label = rng.integers(0, 4, (3, 4)).repeat(8, 0).repeat(8, 1).astype("uint8")
        save(f"label/s{i}.png", label)
        save(f"inst/s{i}.png", (label.astype("uint16") * 1000 + 7))
        save(f"photo/s{i}.jpg", np.stack([label * 60] * 3, -1))
    return tmp_path


@pytest.fixture(scope="session")
def command():
    """Runs a command in this process: (exit code, standard output, standard error).

    What bfloat16 is worth here is measured once: of two runs that are compared, both take it, or none.
    """
    from hdsynth_tf.assemble import precision
    from hdsynth_tf.config import commands

    measured_once = functools.cache(precision.speed_of_bfloat16)

    def run(name, *arguments):
        output, errors = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            patch.setattr(sys, "argv", [name, *map(str, arguments)])
            patch.setattr(precision, "speed_of_bfloat16", measured_once)
            try:
                commands.run(importlib.import_module(f"hdsynth_tf.{name}.__main__").main, name)
                code = 0
            except SystemExit as stop:
                code = stop.code or 0
        return code, output.getvalue(), errors.getvalue()

    return run


@pytest.fixture
def script(monkeypatch):
    """Runs a script of the repository in this process, as `python PATH ...` does; gives its standard output."""

    def run(path, *arguments):
        monkeypatch.setattr(sys, "argv", [path, *map(str, arguments)])
        with contextlib.redirect_stdout(io.StringIO()) as output:
            runpy.run_path(str(ROOT / path), run_name="__main__")
        return output.getvalue()

    return run


@pytest.fixture
def lpips_weights(tmp_path_factory, monkeypatch):
    """A function that puts small LPIPS networks in the place of the package's, or says that there are none."""
    from weight_files import lpips_content, write_lpips

    from hdsynth_tf.evaluate import perceptual
    from hdsynth_tf.pretrained import lpips_files
    from hdsynth_tf.pretrained.lpips import lpips_network

    def forget():
        perceptual.lpips_nets.cache_clear()
        perceptual._distance.cache_clear()

    def put(present=True):
        forget()
        folder = tmp_path_factory.mktemp("packages")
        for net in perceptual.NETS:
            path = write_lpips(folder / f"{net}.ckpt", lpips_content(net, np.random.default_rng(0)))
            found = dataclasses.replace(
                lpips_files.FILES[lpips_network(net)], module=folder.name, path=path.name,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )  # fmt: skip
            monkeypatch.setitem(lpips_files.FILES, lpips_network(net), found)
        if present:
            monkeypatch.syspath_prepend(folder.parent)

    yield put
    forget()


@pytest.fixture
def efficientnet_weights(tmp_path_factory, monkeypatch, rng):
    """A function that puts an EfficientNet-Lite0 of random weights in the place of the package's; or takes it away."""
    from weight_files import efficientnet_tensors, write_old_tensors

    from hdsynth_tf.pretrained import efficientnet

    folder = tmp_path_factory.mktemp("efficientnet")
    tensors = efficientnet_tensors(rng, (32, 16, 24, 40, 80, 112, 192, 320), expansion=6)
    path = write_old_tensors(folder / "weights.pth", tensors)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.syspath_prepend(folder.parent)

    def put(present=True):
        module = folder.name if present else "there_is_no_such_package"
        found = dataclasses.replace(efficientnet.FILE, module=module, path=path.name, sha256=sha256)
        monkeypatch.setattr(efficientnet, "FILE", found)

    return put
