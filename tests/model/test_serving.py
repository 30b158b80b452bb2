"""The SavedModel, in processes that know nothing of this package: the same bytes as in Keras."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, image_model, semantic_batch, semantic_model

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.serving import input_signature
from hdsynth_tf.networks import GlobalGenerator, convolution
from pipelines.conditioning import SemanticConditioning

LOAD_ALONE = """
import sys
class Nothing:  # of the package can be imported
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("hdsynth_tf", "pipelines"):
            raise ImportError(name)
sys.meta_path.insert(0, Nothing())
import numpy as np, tensorflow as tf
for path, given, made in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3]):
    inputs = np.load(given)
    serve = tf.saved_model.load(path).signatures["serving_default"]
    np.save(made, serve(**{k: tf.constant(inputs[k]) for k in inputs.files})["image"].numpy())
assert "hdsynth_tf" not in sys.modules
"""


def batches(kind):
    """Inputs at two sizes, batches of 1 and 3."""
    for batch, height, width in ((1, 16, 24), (3, 21, 30)):
        if kind == "semantic":
            yield semantic_batch(batch, height, width)[0]
        else:
            rng = np.random.default_rng(0)
            yield {"source": rng.integers(0, 256, (batch, height, width, 1)).astype("float32")}


MODELS = {
    "semantic": lambda: semantic_model(ema_momentum=0.9),
    "resized": lambda: semantic_model(image_size=(16, 24), row_channel=True),
    "image": image_model,
}


@pytest.fixture(scope="module")
def all_served(tmp_path_factory):
    """For each kind: model, path, inputs."""
    found = {}
    for name, make in MODELS.items():
        path = tmp_path_factory.mktemp("serving") / "city" / "1"
        model = make()
        model.save(path)
        found[name] = model, path, list(batches("image" if name == "image" else "semantic"))
    return found


@pytest.fixture(params=MODELS)
def served(request, all_served):
    return all_served[request.param]


def test_signatures(served):
    model, path, _ = served
    signatures = tf.saved_model.load(path).signatures
    fixed = {"serve_fixed"} if model.conditioning.image_size else set()
    assert set(signatures) == {"serving_default", "serve_png"} | fixed
    _, inputs = signatures["serving_default"].structured_input_signature
    assert set(inputs) == set(model.conditioning.input_formats)
    assert all(spec.shape[:3].as_list() == [None] * 3 for spec in inputs.values())


def test_no_discriminator_is_served(served):
    model, path, _ = served
    variables = tf.saved_model.load(path).variables
    assert sum(int(tf.size(v)) for v in variables) == model.generator.count_params()


def test_exported_by_the_command(all_served, command, tmp_path):
    model, _, inputs = all_served["image"]
    model.save(tmp_path / "m.keras")
    out = tmp_path / "serving" / "city" / "1"
    code, output, error = command("export", f"--model={tmp_path / 'm.keras'}", f"--output_dir={out}")
    assert code == 0 and str(out.parent) in output, error
    serve = tf.saved_model.load(out).signatures["serving_default"]
    pictures = serve(**{name: tf.constant(array) for name, array in inputs[1].items()})["image"]
    np.testing.assert_array_equal(pictures, model.generate(inputs[1]))


@pytest.mark.slow
def test_loaded_without_the_package(all_served, tmp_path):
    jobs = [(model, path, batch) for model, path, inputs in all_served.values() for batch in inputs]
    files = []
    for i, (_, path, batch) in enumerate(jobs):
        np.savez(tmp_path / f"{i}.npz", **batch)
        files += [str(path), str(tmp_path / f"{i}.npz"), str(tmp_path / f"{i}.npy")]
    subprocess.run([sys.executable, "-c", LOAD_ALONE, *files], check=True, cwd=tmp_path, timeout=120)
    for i, (model, _, batch) in enumerate(jobs):
        np.testing.assert_array_equal(np.load(tmp_path / f"{i}.npy"), model.generate(batch))


def test_loaded_through_the_c_api(served, tmp_path):
    """What TF Serving links against: no Python of TensorFlow takes part in the other process."""
    model, path, inputs = served
    signature = read_signature(path)
    for i, batch in enumerate(inputs):
        job = {"model": str(path), "output": signature.outputs["image"].name, "inputs": {}}
        for name, array in batch.items():
            np.save(tmp_path / f"{name}.npy", array)
            job["inputs"][signature.inputs[name].name] = str(tmp_path / f"{name}.npy")
        job["result"] = str(tmp_path / f"{i}.npy")
        script = Path(__file__).with_name("c_api_session.py")
        library = Path(tf.__file__).parent
        subprocess.run([sys.executable, script, str(library), json.dumps(job)], check=True, timeout=120)
        np.testing.assert_array_equal(np.load(tmp_path / f"{i}.npy"), model.generate(batch))


def read_signature(path):
    return read_graph(path).signature_def["serving_default"]


def read_graph(path):
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    return saved.meta_graphs[0]


def operations_in(path):
    """The kinds of operations in a SavedModel."""
    return {node.op for function in read_graph(path).graph_def.library.function for node in function.node_def}


def test_graphs_are_for_other_machines_too(tmp_path, monkeypatch):
    """Whatever the CPU on which they were made computes convolutions by."""
    monkeypatch.setattr(convolution, "is_slow_cpu", lambda: True)
    generator = GlobalGenerator(convolution.THIN, num_downsamples=1, num_residual_blocks=1)
    model = compiled(Pix2PixHD(SemanticConditioning(4), generator), adversarial=False)
    model.save(tmp_path / "1")
    model.export(tmp_path / "exported", input_signature=[input_signature(model)], verbose=False)
    for path in (tmp_path / "1", tmp_path / "exported"):
        assert "Conv2D" in operations_in(path) and "Conv3D" not in operations_in(path)

    inputs = {name: tf.TensorSpec((1, None, None), "int32") for name in model.conditioning.input_formats}
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function((inputs, tf.TensorSpec((1, None, None, 3), "uint8"))).graph
    assert "Conv3D" in {operation.type for operation in graph.get_operations()}  # its own way, here


def encode(array):
    """(height, width) or (height, width, channels) as a PNG of 8 or 16 bits."""
    array = array if array.ndim == 3 else array[..., None]
    return tf.io.encode_png(array.astype("uint16" if array.max() > 255 else "uint8")).numpy()


def test_pictures_as_png(served):
    model, path, inputs = served
    serve = tf.saved_model.load(path).signatures["serve_png"]
    for batch in inputs:
        size = len(next(iter(batch.values())))
        files = {name: tf.constant([encode(array[i]) for i in range(size)]) for name, array in batch.items()}
        pictures = [tf.io.decode_png(png).numpy() for png in serve(**files)["png"].numpy()]
        alone = [model.generate({name: array[i] for name, array in batch.items()}) for i in range(size)]
        np.testing.assert_array_equal(pictures, alone)  # as the server makes them; batches may round otherwise


def test_pictures_of_different_sizes_in_one_request(served):
    model, path, inputs = served
    serve = tf.saved_model.load(path).signatures["serve_png"]
    scenes = [{name: array[0] for name, array in batch.items()} for batch in inputs]
    files = {name: tf.constant([encode(scene[name]) for scene in scenes]) for name in scenes[0]}
    pictures = [tf.io.decode_png(png).numpy() for png in serve(**files)["png"].numpy()]
    for scene, picture in zip(scenes, pictures):
        np.testing.assert_array_equal(picture, model.generate(scene))


def test_maps_that_are_no_grey_png_are_refused(served):
    model, path, _ = served
    if "label_map" not in model.conditioning.input_formats:
        pytest.skip("sources may be anything")
    serve = tf.saved_model.load(path).signatures["serve_png"]
    colour = tf.io.encode_png(np.zeros((16, 24, 3), "uint8")).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected a grey PNG"):
        serve(label_map=tf.constant([colour]), instance_map=tf.constant([colour]))


def test_what_is_no_scene_is_refused(all_served):
    """Ids that are no class, maps of two sizes, bytes that are no picture: as arrays and as files."""
    _, path, (inputs, _) = all_served["semantic"]
    signatures = tf.saved_model.load(path).signatures
    scene = {name: array[0] % 200 for name, array in inputs.items()}
    wrong = {
        r"(?s)label_map.*0 to 3.*7": {**scene, "label_map": scene["label_map"] + 4},
        r"(?s)label_map and instance_map.*16 24.*8 20": {**scene, "instance_map": scene["instance_map"][:8, :20]},
    }
    for message, maps in wrong.items():
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            signatures["serving_default"](**{name: tf.constant(array[None], "int32") for name, array in maps.items()})
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            signatures["serve_png"](**{name: tf.constant([encode(array)]) for name, array in maps.items()})
    for name in scene:
        files = {key: tf.constant([b"GIF" if key == name else encode(array)]) for key, array in scene.items()}
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name}: expected a grey PNG"):
            signatures["serve_png"](**files)


def test_sources_that_cannot_be_read_are_refused(all_served):
    serve = tf.saved_model.load(all_served["image"][1]).signatures["serve_png"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="image file format"):
        serve(source=tf.constant([b"no picture"]))


@pytest.mark.parametrize("by", ["save", "export"])
def test_a_graph_of_fixed_size_converts_for_telephones(all_served, tmp_path, by):
    model, path, (inputs, _) = all_served["resized"]
    if by == "save":
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=["serve_fixed"])
        converted = converter.convert()
    else:
        model.export(tmp_path / "m.tflite", format="litert", verbose=False)
        converted = (tmp_path / "m.tflite").read_bytes()
    interpreter = tf.lite.Interpreter(model_content=converted)
    (name,) = interpreter.get_signature_list()
    (made,) = interpreter.get_signature_runner(name)(**inputs).values()
    expected = model.generate(inputs) if by == "save" else model(inputs)
    np.testing.assert_allclose(made.astype("float32"), expected, atol=1 if by == "save" else 1e-4)


def test_export_needs_no_call_before_it(tmp_path):
    model, inputs = semantic_model(), semantic_batch(2, 13, 29)[0]
    model.export(tmp_path / "exported", verbose=False)
    made = tf.saved_model.load(tmp_path / "exported").serve({name: tf.constant(ids) for name, ids in inputs.items()})
    np.testing.assert_allclose(made, model(inputs), atol=1e-4)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="holds other things than a SavedModel"):
        semantic_model().save(tmp_path / "photos")
    assert (tmp_path / "photos" / "holiday.jpg").read_bytes() == b"precious"
