"""What is exported makes the pictures that Keras makes, by its own runtime: labels, thermal counts and styles."""

import keras
import numpy as np
import pytest
from tiny import efficientnet, semantic_model, style_model

from hdsynth_tf.export.__main__ import megabytes
from hdsynth_tf.export.checking import compare
from hdsynth_tf.export.formats import FORMATS, is_installed
from hdsynth_tf.export.served import Served
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator, InputFeatures
from pipelines.conditioning import ImageConditioning

SIZE = (24, 40)


def thermal_model():
    rng = np.random.default_rng(0)
    conditioning = ImageConditioning(1, (27000, 31000), row_channel=True)
    generator = GlobalGenerator(
        4, 2, 1, upsampling="nearest", padding="reflect", tone_channels=1, tone_numbers=12, num_images=3,
        input_features=InputFeatures(efficientnet(rng, (2, 4, 8)), (8, 16)), kernel_initializer="he_normal",
    )  # fmt: skip
    model = Pix2PixHD(conditioning, generator)
    generator.tone.others.assign(rng.uniform(-0.5, 0.5, (3, 12)))
    return model


def windowed_model():
    conditioning = ImageConditioning(1, percentiles=(1, 99), image_dtype="uint16", image_range=(0, 65535))
    return Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1, kernel_initializer="he_normal"))


def styled_model():
    rng = np.random.default_rng(0)
    return style_model().with_styles({label: rng.uniform(-1, 1, (2 + label, 2)) for label in range(4)})


MODELS = {
    "labels": lambda: semantic_model(row_channel=True, image_size=(16, 24), ema_momentum=0.9),
    "thermal": thermal_model,
    "windowed": windowed_model,
    "styles": styled_model,
}


def scene(model, rng):
    seed = {"seed": np.array([2**31 - 7], "int32")} if model.reads_seed else {}
    if "source" in model.conditioning.input_formats:
        return {"source": rng.uniform(26000, 32000, (1, *SIZE, 1)).astype("float32"), **seed}
    label_map = rng.integers(0, 4, (1, 3, 5)).repeat(8, 1).repeat(8, 2).astype("int32")
    return {"label_map": label_map, "instance_map": label_map * 1000 + 1, **seed}


def installed(name):
    form = FORMATS[name]
    if not (form.runs_here and all(is_installed(module) for module in form.writers)):
        pytest.skip(f"{name} is not installed")
    return form


@pytest.mark.slow
@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", FORMATS)
def test_pictures_are_those_of_keras(name, kind, rng, tmp_path):
    form, model = installed(name), MODELS[kind]()
    served, inputs = Served(model, SIZE), scene(model, rng)
    form.write(served, tmp_path / f"model{form.suffix}", "float32")
    given = {key: array for key, array in inputs.items() if key != "seed"}
    at_size = model.at_size(None)
    found = compare(
        form.open(tmp_path / f"model{form.suffix}"),
        lambda _: at_size.generate(given, seed=inputs.get("seed", 0)),
        [inputs],
        model.conditioning.image_range,
    )
    found.check(name)
    assert found.mean < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name, weights", [(name, w) for name, form in FORMATS.items() for w in form.weights[1:]])
def test_smaller_weights_make_smaller_files_of_nearly_the_same_pictures(name, weights, rng, tmp_path):
    form = installed(name)
    model = Pix2PixHD(
        semantic_model().conditioning, GlobalGenerator(16, 2, 2, upsampling="nearest", kernel_initializer="he_normal")
    )
    served, inputs = Served(model, SIZE), scene(model, rng)
    sizes = []
    for kind in ("float32", weights):
        file = tmp_path / f"{kind}{form.suffix}"
        form.write(served, file, kind)
        sizes.append(sum(path.stat().st_size for path in tmp_path.glob(f"{kind}.*")))
    found = compare(form.open(file), model.generate, [inputs], (0, 255))
    assert sizes[1] < sizes[0] * (0.7 if weights == "float16" else 0.5)
    assert found.mean < (1 if weights == "float16" else 20)


@pytest.mark.parametrize("name, suffix", [("tf_saved_model", ""), ("onnx", ".onnx"), ("litert", ".tflite")])
def test_export_without_arguments(name, suffix, tmp_path):
    if name in FORMATS:
        installed(name)
    model = semantic_model(image_size=(16, 24))
    model.generate(scene(model, np.random.default_rng(0)))  # graphs that were made before are not exported
    model.export(str(tmp_path / f"city{suffix}"), format=name, verbose=False)
    assert (tmp_path / f"city{suffix}").exists()


def mixed(make):
    """A model that was trained in bfloat16."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return make()
    finally:
        keras.config.set_dtype_policy("float32")


def test_onnx_of_mixed_precision_with_styles_runs(rng, tmp_path):
    """In float32, and with the operations that styles are drawn by."""
    installed("onnx")
    model, inputs = mixed(styled_model), scene(styled_model(), rng)
    del inputs["seed"]
    model.at_size(SIZE).export(str(tmp_path / "city.onnx"), format="onnx", verbose=False)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "city.onnx"), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, inputs)[0], model.in_float32()(inputs), atol=1e-4)


def test_formats_of_one_size_ask_for_it(tmp_path):
    with pytest.raises(ValueError, match="at_size"):
        semantic_model().export(str(tmp_path / "city.onnx"), format="onnx")


def test_mixed_precision_becomes_float32():
    model = mixed(styled_model)
    single = model.in_float32()
    assert model.generator.compute_dtype == "bfloat16" and single.generator.compute_dtype == "float32"
    assert all(layer.compute_dtype == "float32" for layer in single._flatten_layers())
    np.testing.assert_array_equal(single.style_bank.styles, model.style_bank.styles)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.keras"
    semantic_model(image_size=SIZE).save(path)
    return path


def test_command_says_size_time_and_difference(model_file, command, tmp_path):
    code, output, error = command("export", f"--model={model_file}", "--format=litert", f"--output_dir={tmp_path}")
    assert code == 0, error
    assert (tmp_path / "model.tflite").exists()
    assert all(word in output for word in ("model.tflite", "MB", "ms", "largest"))


@pytest.mark.slow
def test_command_removes_what_gives_other_pictures(model_file, command, tmp_path, monkeypatch):
    monkeypatch.setattr("hdsynth_tf.export.checking.TOLERANCE", -1)
    code, _, error = command("export", f"--model={model_file}", "--format=litert", f"--output_dir={tmp_path}")
    assert code == 1 and "model.tflite" in error
    assert not (tmp_path / "model.tflite").exists()


def test_command_refuses_what_a_format_has_not(model_file, command, tmp_path):
    common = f"--model={model_file}", f"--output_dir={tmp_path}"
    code, _, error = command("export", *common, "--format=openvino", "--weights=int8")
    assert code == 2 and "int8" in error and "openvino" in error
    code, _, error = command("export", *common, "--weights=int8")
    assert code == 2 and "--weights" in error


def test_the_size_of_an_export_is_its_own(tmp_path):
    """Formats may lie side by side; OpenVINO's is of two files."""
    for name, count in {"model.onnx": 1000, "model.tflite": 2000, "model.xml": 10, "model.bin": 4000}.items():
        (tmp_path / name).write_bytes(bytes(count))
    found = {suffix: megabytes(tmp_path / f"model{suffix}") for suffix in (".onnx", ".tflite", ".xml")}
    assert found == pytest.approx({".onnx": 0.001, ".tflite": 0.002, ".xml": 0.00401})
    assert megabytes(tmp_path) == pytest.approx(0.00701)
