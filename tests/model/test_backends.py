"""A `.keras` file gives the same pictures on every backend; pictures were made on TensorFlow, by `python FILE`."""

import os
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from places import ROOT, TESTS
from tiny import semantic_batch, style_model

import hdsynth_tf  # noqa: F401
from hdsynth_tf import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator
from pipelines.conditioning import ImageConditioning

pytestmark = pytest.mark.backend
FOLDER = TESTS / "data" / "backends"  # two models, and images that they make


def image_inputs():
    return {"source": np.random.default_rng(1).uniform(26000, 32000, (1, 21, 30, 1)).astype("float32")}


def style_inputs():
    return {**semantic_batch(1, 21, 30)[0], "seed": np.array([2**31 - 9], "int32")}


CASES = {"styles": style_inputs, "thermal": image_inputs}


def make():
    """Writes the files anew."""
    rng = np.random.default_rng(0)
    styles = {label: rng.uniform(-1, 1, (2 + label, 2)) for label in range(4)}
    generator = GlobalGenerator(
        4, 2, 1, upsampling="nearest", padding="reflect", tone_channels=1, kernel_initializer="he_normal"
    )
    thermal = ImageConditioning(1, (27000, 31000), row_channel=True, image_size=(24, 40))
    FOLDER.mkdir(exist_ok=True)
    for name, model in (("styles", style_model().with_styles(styles)), ("thermal", Pix2PixHD(thermal, generator))):
        model.with_parts(discriminator=None).save(FOLDER / f"{name}.keras")
        np.save(FOLDER / f"{name}.npy", image_of(model, CASES[name]()))


def image_of(model, inputs):
    """The image in [-1, 1]."""
    return keras.ops.convert_to_numpy(model(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)))


@pytest.mark.parametrize("name", CASES)
def test_the_same_picture(name):
    model, inputs = keras.saving.load_model(FOLDER / f"{name}.keras"), CASES[name]()
    wanted = np.load(FOLDER / f"{name}.npy", allow_pickle=False)
    np.testing.assert_allclose(image_of(model, inputs), wanted, atol=1e-4)
    made = model.generate({key: array for key, array in inputs.items() if key != "seed"})
    assert made.dtype == np.uint8 and made.shape == (1, 21, 30, 3)


def test_a_model_trained_in_bfloat16_makes_the_same_picture_in_float32(tmp_path):
    with zipfile.ZipFile(FOLDER / "styles.keras") as whole, zipfile.ZipFile(tmp_path / "mixed.keras", "w") as mixed:
        for name in whole.namelist():
            content = whole.read(name)
            mixed.writestr(
                name, content.replace(b'"float32"', b'"mixed_bfloat16"') if name == "config.json" else content
            )
    model = keras.saving.load_model(tmp_path / "mixed.keras")
    wanted = np.load(FOLDER / "styles.npy", allow_pickle=False)
    assert np.abs(image_of(model, style_inputs()) - wanted).max() > 1e-4  # or nothing is shown
    np.testing.assert_allclose(image_of(model.in_float32(), style_inputs()), wanted, atol=1e-4)


def test_training_says_that_it_needs_tensorflow():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("it is here")
    with pytest.raises(RuntimeError, match="KERAS_BACKEND"):
        style_model().compile(keras.optimizers.Adam())


def test_a_machine_without_tensorflow_makes_pictures():
    if keras.backend.backend() == "tensorflow":
        pytest.skip("it is here")
    code = f"""
import sys
sys.modules["tensorflow"] = None  # an ImportError for whoever wants it
import hdsynth_tf, keras, numpy as np
model = keras.saving.load_model({str(FOLDER / "thermal.keras")!r})
assert model.generate({{"source": np.full((1, 20, 30, 1), 29000, "float32")}}).shape == (1, 20, 30, 3)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    sys.exit(make())
