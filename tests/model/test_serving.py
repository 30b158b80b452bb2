"""The SavedModel, in processes that know nothing of this package: the same bytes as in Keras."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image
from tiny import compiled, image_model, semantic_batch, semantic_model, style_model

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.serving import input_signature
from hdsynth_tf.networks import GlobalGenerator, convolution
from pipelines.conditioning import ImageConditioning, SemanticConditioning

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
    outputs = [output for serve in signatures.values() for output in serve.structured_outputs.items()]
    assert all(name.endswith("_bytes") == (spec.dtype == tf.string) for name, spec in outputs)  # so TF Serving knows


def test_no_discriminator_is_served(served):
    model, path, _ = served
    variables = tf.saved_model.load(path).variables
    assert sum(int(tf.size(v)) for v in variables) == model.generator.count_params()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("has_avx512", [True, False])
def test_graphs_are_for_other_machines_too(tmp_path, monkeypatch, has_avx512):
    """Whatever the CPU on which they were made computes convolutions by."""
    monkeypatch.setattr(convolution, "on_cpu", lambda with_avx512: with_avx512 is has_avx512)
    monkeypatch.setattr(convolution, "DEEP", convolution.THIN)
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
        pictures = [tf.io.decode_png(png).numpy() for png in serve(**files)["png_bytes"].numpy()]
        alone = [model.generate({name: array[i] for name, array in batch.items()}) for i in range(size)]
        np.testing.assert_array_equal(pictures, alone)  # as the server makes them; batches may round otherwise


def test_pictures_of_different_sizes_in_one_request(served):
    model, path, inputs = served
    serve = tf.saved_model.load(path).signatures["serve_png"]
    scenes = [{name: array[0] for name, array in batch.items()} for batch in inputs]
    files = {name: tf.constant([encode(scene[name]) for scene in scenes]) for name in scenes[0]}
    pictures = [tf.io.decode_png(png).numpy() for png in serve(**files)["png_bytes"].numpy()]
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
        r"(?s)label_map.*7.*0 to 3": {**scene, "label_map": scene["label_map"] + 4},
        r"(?s)instance_map.*8.*20.*label_map.*16.*24": {**scene, "instance_map": scene["instance_map"][:8, :20]},
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
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"source.*PNG"):
        serve(source=tf.constant([b"no picture"]))


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resized", "image"])
def test_what_does_not_convert_names_what_does(all_served, name):
    """Sizes that are free need a resizing that telephones have not; the converter's own message tells the way."""
    path = all_served[name][1]
    converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    try:
        converter.convert()
    except Exception as error:
        assert "serve_fixed" in str(error)


def test_export_needs_no_call_before_it(tmp_path):
    model, inputs = semantic_model(), semantic_batch(2, 13, 29)[0]
    model.export(tmp_path / "exported", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "exported")
    made = loaded.serve({name: tf.constant(ids) for name, ids in inputs.items()})
    np.testing.assert_allclose(made, model(inputs), atol=1e-4)


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="holds other things than a SavedModel"):
        semantic_model().save(tmp_path / "photos")
    assert (tmp_path / "photos" / "holiday.jpg").read_bytes() == b"precious"


# === What is refused ===

CLASSES = SemanticConditioning(4, dont_care=(255,))
DEEP = ImageConditioning(1, (7000, 30000))


def save_of(conditioning, path, encoder=False):
    generator = GlobalGenerator(4, 2, 1, kernel_initializer="he_normal")
    model = style_model(dont_care=(255,)) if encoder else Pix2PixHD(conditioning, generator, None)
    model.save(path)
    return tf.saved_model.load(path).signatures


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Signatures of a model of four classes, with styles."""
    return save_of(CLASSES, tmp_path_factory.mktemp("refused") / "1", encoder=True)


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """Signatures of a model of thermal counts."""
    return save_of(DEEP, tmp_path_factory.mktemp("refused") / "1")


def ask(serve, **inputs):
    return serve(**{name: tf.constant(value) for name, value in inputs.items()})


def refused(serve, *parts, **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        ask(serve, **inputs)
    assert all(str(part) in str(caught.value) for part in parts), caught.value


MAPS = np.ones((2, 16, 24), "int32")
SEEDS = np.zeros(2, "int32")


@pytest.mark.parametrize("label", [4, 99, -1, 2**31 - 1, -(2**31), 254])
def test_ids_of_no_class_are_refused(classes, label):
    maps = MAPS.copy()
    maps[1, 3, 5] = label
    for stray in (maps, MAPS * label):  # one pixel, or all
        refused(
            classes["serving_default"], "label_map", f" {label};", 255, label_map=stray, instance_map=MAPS, seed=SEEDS
        )
    if 0 <= label < 256:
        files = {"label_map": [encode(one) for one in maps], "instance_map": [encode(one) for one in MAPS]}
        refused(classes["serve_png"], "label_map", f" {label};", **files, seed=SEEDS)


def test_ids_that_mean_no_class_are_not(classes):
    made = ask(classes["serving_default"], label_map=MAPS * 255, instance_map=MAPS, seed=SEEDS)["image"]
    assert made.shape == (2, 16, 24, 3)
    files = [encode(one) for one in MAPS * 255]
    assert ask(classes["serve_png"], label_map=files, instance_map=files, seed=SEEDS)["png_bytes"].shape == (2,)


@pytest.mark.parametrize("instances", [MAPS[:, :8], MAPS[:, :, :23], MAPS[:1]])
def test_maps_of_unequal_size_or_number_are_refused(classes, instances):
    counts = {"label_map": MAPS, "instance_map": instances}
    refused(classes["serving_default"], "label_map", "instance_map", "2 x 16 x 24", **counts, seed=SEEDS)
    files = {name: [encode(one) for one in maps] for name, maps in counts.items()}
    refused(classes["serve_png"], "label_map", "instance_map", **files, seed=SEEDS)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_other_numbers_of_seeds_than_pictures_are_refused(classes, count):
    seeds = np.zeros(count, "int32")
    maps, files = dict(label_map=MAPS, instance_map=MAPS), [encode(one) for one in MAPS]
    refused(classes["serving_default"], "seed", count, **maps, seed=seeds)
    refused(classes["serve_png"], "seed", count, label_map=files, instance_map=files, seed=seeds)
    refused(classes["serve_styles"], "seed", **maps, seed=seeds, chosen_ids=MAPS[:, :, 0], chosen_styles=MAPS[:, :, 0])


def test_choices_without_a_style_are_refused(classes):
    maps, ids = dict(label_map=MAPS, instance_map=MAPS, seed=SEEDS), np.zeros((2, 3), "int32")
    refused(
        classes["serve_styles"], "chosen_styles", "2 x 3", "2 x 2", **maps, chosen_ids=ids, chosen_styles=ids[:, :2]
    )
    assert ask(classes["serve_styles"], **maps, chosen_ids=ids, chosen_styles=ids)["image"].shape == (2, 16, 24, 3)


def test_bytes_that_are_no_picture_are_refused(classes, deep):
    good = encode(MAPS[0])
    for bad in (b"", b"abc", good[:20], b"\xff\xd8\xff\xe0" + bytes(40)):
        refused(classes["serve_png"], "instance_map", "PNG", label_map=[good], instance_map=[bad], seed=SEEDS[:1])
    refused(deep["serve_png"], "source", "PNG", source=[b"abc"])
    refused(classes["serve_png"], "PNG", label_map=[good], instance_map=[good[:60]], seed=SEEDS[:1])  # cut short


def test_pictures_that_are_too_small_are_refused(classes):
    refused(classes["serving_default"], "3 x 24", label_map=MAPS[:, :3], instance_map=MAPS[:, :3], seed=SEEDS)


@pytest.fixture
def counts():
    """A thermal picture in 16 bits."""
    return np.linspace(6000, 20000, 16 * 24, dtype="float32").reshape(1, 16, 24, 1).round()


@pytest.mark.slow
def test_sources_of_the_wrong_depth_are_refused(deep, counts, tmp_path):
    grey = (counts[0] / 100).astype("uint8")
    for file in (tf.io.encode_png(grey), tf.io.encode_jpeg(grey)):
        refused(deep["serve_png"], "source", 16, 30000, source=[file.numpy()])
    refused(deep["serving_default"], "source", 60, 200, 7000, 30000, source=counts / 100)
    refused(deep["serving_default"], "source", source=np.concatenate([counts, counts / 100]))  # the second alone
    assert ask(deep["serve_png"], source=[encode(counts[0])])["png_bytes"].shape == (1,)
    assert ask(deep["serving_default"], source=counts)["image"].shape == (1, 16, 24, 3)

    plain = save_of(ImageConditioning(1), tmp_path / "plain")
    refused(plain["serve_png"], "source", 16, 255, source=[encode(counts[0])])
    whole = save_of(ImageConditioning(1, (0, 65535)), tmp_path / "whole")
    refused(whole["serving_default"], "source", 65535, source=np.round(counts / 100))  # dark, but no darker than others
    assert ask(whole["serving_default"], source=counts)["image"].shape == (1, 16, 24, 3)
    own = save_of(ImageConditioning(1, percentiles=(1, 99)), tmp_path / "own")  # each picture has its own window
    for picture in (counts[0], grey):
        assert ask(own["serve_png"], source=[encode(picture)])["png_bytes"].shape == (1,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(deep, counts, value):
    counts[0, 3, 5] = value
    refused(deep["serving_default"], "source", source=counts)


@pytest.fixture(scope="module")
def grey(all_served):
    """Signatures of a model of one channel of 8 bits."""
    return tf.saved_model.load(all_served["image"][1]).signatures


def test_sources_that_are_scaled_already_are_refused(grey, rng):
    counts = rng.integers(0, 256, (2, 16, 24, 1)).astype("float32")
    for scaled in (counts / 255, counts / 127.5 - 1, np.stack([counts[0], counts[1] / 255])):
        refused(grey["serving_default"], "`source`", "value_range", source=scaled)
    assert ask(grey["serving_default"], source=np.minimum(counts, 1))["image"].shape == (2, 16, 24, 3)  # black, or dark


def test_sources_of_other_channels_are_refused(grey, rng):
    colors = rng.integers(0, 256, (16, 24, 3)).astype("uint8")
    for file in (tf.io.encode_png(colors), tf.io.encode_jpeg(colors)):
        refused(grey["serve_png"], "source", "1 channel", "received 3", source=[file.numpy()])
    seen = [colors[..., :1], np.concatenate([colors[..., :1], np.full((16, 24, 1), 255, "uint8")], -1)]  # with alpha
    plain, with_alpha = ask(grey["serve_png"], source=[encode(picture) for picture in seen])["png_bytes"].numpy()
    assert plain == with_alpha


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("order", ["MM", "II"])
def test_files_that_are_turned_are_refused(grey, rng, kind, order):
    def file(orientation):
        tag = struct.pack(f"{'<' if order == 'II' else '>'}HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
        written = io.BytesIO()
        Image.fromarray(noise).save(written, kind, exif=b"Exif\0\0" + order.encode() + tag)
        return written.getvalue()

    noise = rng.integers(0, 256, (16, 24)).astype("uint8")
    for orientation in range(2, 9):
        assert Image.open(io.BytesIO(file(orientation))).getexif()[0x0112] == orientation
        refused(grey["serve_png"], "source", "EXIF", "turned", source=[file(orientation)])
    assert ask(grey["serve_png"], source=[file(1)])["png_bytes"].shape == (1,)


def test_of_no_pictures_there_are_none(classes, deep, counts):
    for maps in (MAPS[:0], np.zeros((0, 0, 0), "int32")):
        made = ask(classes["serving_default"], label_map=maps, instance_map=maps, seed=SEEDS[:0])["image"]
        assert made.shape == (*maps.shape, 3)
    assert ask(deep["serving_default"], source=counts[:0])["image"].shape == (0, 16, 24, 3)
    files = tf.zeros((0,), tf.string)
    nothing = classes["serve_png"](label_map=files, instance_map=files, seed=tf.constant(SEEDS[:0]))
    assert nothing["png_bytes"].shape == (0,)


# === Warm-up ===


def message(file, title, /, **fields):
    """A message of protobuf; fields: name -> number, and `string` or the name of a message, a list for several."""
    found = file.message_type.add(name=title)
    for field, (number, kind) in fields.items():
        one = found.field.add(name=field, number=number, label=3 if isinstance(kind, list) else 1)
        if kind == "string":
            one.type = 9
        else:
            one.type, one.type_name = 11, f".warmup_test.{kind[0] if isinstance(kind, list) else kind}"
    return found


@pytest.fixture(scope="module")
def prediction_log():
    """`PredictionLog` as tensorflow_serving/apis 2.21 describes it, in the fields that a request for a picture has."""
    pool = descriptor_pool.Default()
    file = descriptor_pb2.FileDescriptorProto(name="warmup_test.proto", package="warmup_test", syntax="proto3")
    file.dependency.append("tensorflow/core/framework/tensor.proto")
    message(file, "ModelSpec", name=(1, "string"), signature_name=(3, "string"))
    of_map = ["PredictRequest.InputsEntry"]
    request = message(file, "PredictRequest", model_spec=(1, "ModelSpec"), inputs=(2, of_map))
    entry = request.nested_type.add(name="InputsEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=1)
    entry.field.add(name="value", number=2, type=11, type_name=".tensorflow.TensorProto", label=1)
    message(file, "PredictLog", request=(1, "PredictRequest"))
    message(file, "PredictionLog", predict_log=(6, "PredictLog"))
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("warmup_test.PredictionLog"))


def requests_in(path, prediction_log):
    """The requests that TensorFlow Serving would answer to itself: name of a signature -> inputs."""
    found = {}
    for record in tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests")):
        log = prediction_log.FromString(record.numpy())
        request = log.predict_log.request
        assert request.model_spec.name == path.parent.name and log.ByteSize() == len(record.numpy())
        inputs = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
        found[request.model_spec.signature_name] = inputs
    return found


@pytest.mark.slow
def test_every_signature_has_a_request_that_it_answers(all_served, tmp_path, prediction_log):
    others = {
        "styles": style_model(),
        "deep": Pix2PixHD(DEEP, GlobalGenerator(4, 2, 1), None),
        "between": Pix2PixHD(ImageConditioning(1, (-3, 300)), GlobalGenerator(4, 2, 1), None),
        "percentiles": image_model(percentiles=(1, 99)),
    }
    for name, model in others.items():
        model.save(tmp_path / name / "1")
    paths = [path for _, path, _ in all_served.values()] + [tmp_path / name / "1" for name in others]
    for path in paths:
        signatures, requests = tf.saved_model.load(path).signatures, requests_in(path, prediction_log)
        assert set(requests) == set(signatures)
        for name, inputs in requests.items():
            (made,) = signatures[name](**inputs).values()
            assert len(made) == 1


def test_what_no_png_holds_has_no_request_as_a_file(tmp_path, prediction_log):
    kelvin = Pix2PixHD(ImageConditioning(1, (250.5, 330.5)), GlobalGenerator(4, 2, 1), None)
    kelvin.save(tmp_path / "kelvin" / "1")
    assert set(requests_in(tmp_path / "kelvin" / "1", prediction_log)) == {"serving_default"}
