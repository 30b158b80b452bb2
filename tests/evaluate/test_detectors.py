"""Detectors of each kind, on small ones made here that find bright squares; what is said when they cannot be had."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from square_detectors import (
    LAYOUTS,
    NAMES,
    SIDE,
    keras_detector,
    objects_of,
    picture_of,
    write_onnx,
)

from hdsynth_tf.evaluate import onnx_detectors
from hdsynth_tf.evaluate.detector_files import load_detector
from hdsynth_tf.evaluate.detectors import Detector, DetectorError
from pipelines.errors import DataError

SQUARES = [(3, 1, 0), (2, 6, 1), (5, 5, 2), (5, 2, 0)]  # row, column, colour
METADATA = {"names": str(dict(enumerate(NAMES))), "stride": "32", "task": "detect", "imgsz": "[64, 64]"}


@pytest.fixture
def onnx_file(tmp_path):
    """A function that writes a detector and gives its path."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")

    def write(layout="yolov8", **options):
        write_onnx(tmp_path / "d.onnx", layout, **options)
        return str(tmp_path / "d.onnx")

    return write


def assert_finds_squares(detector, scale=1, top=0):
    """Corners to a hundredth of a pixel."""
    found = detector.objects(picture_of(SQUARES, scale=scale, top=top))
    assert {tuple(one[[0, 1, 2, 3, 5]].round(2)) for one in found} == objects_of(SQUARES, scale, top)
    assert len(found) == len(SQUARES) and (np.diff(found[:, 4]) <= 0).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_onnx_in_each_layout(onnx_file, layout):
    detector = load_detector(onnx_file(layout))
    assert_finds_squares(detector)
    assert detector.objects(np.zeros((SIDE, SIDE, 3), "uint8")).shape == (0, 6)
    assert "brought to 64x64" in detector.protocol() and "become 0 and 1" in detector.protocol()


@pytest.mark.parametrize(
    "shape, dtype",
    [
        ((1, 3, 64, 64), "float16"),
        ((1, 3, 64, 64), "uint8"),
        ((3, 64, 64), "float32"),
        ((1, 64, 64, 3), "float32"),
        ((64, 64, 3), "uint8"),
        (("batch", 3, "height", "width"), "float32"),
    ],
)
def test_onnx_of_any_form_of_input(onnx_file, shape, dtype):
    detector = load_detector(onnx_file(shape=shape, dtype=dtype))
    assert_finds_squares(detector)
    assert detector.size == (None if "batch" in shape else (64, 64))
    assert f"become 0 and {255 if dtype == 'uint8' else 1}. " in detector.protocol()


@pytest.mark.parametrize("scale, top", [(2, 0), (2, 2), (1, 2), (3, 1)])
def test_pictures_of_other_sizes_are_brought_to_the_detectors_in_their_proportions(onnx_file, scale, top):
    """Wide ones lie in the middle, between grey that is nothing."""
    assert_finds_squares(load_detector(onnx_file()), scale, top)


def test_what_sticks_out_of_a_picture_is_cut_off_and_what_lies_beside_it_is_nothing():
    rows = np.array([[[-5, 10, 20, 40, 0.9, 0], [30, 30, 99, 99, 0.8, 0], [10, 0, 20, 15, 0.7, 0]]])
    detector = Detector("d", lambda image: {"0": rows}, size=(64, 64))
    found = detector.objects(np.zeros((32, 64, 3), "uint8"))  # from 16 to 48
    np.testing.assert_allclose(found[:, :4], [[0, 0, 20, 24], [30, 14, 64, 32]])


def test_the_best_of_very_many_objects_are_kept(rng):
    rows = np.tile([1.0, 1, 9, 9, 0, 0], (400, 1))
    rows[:, 4] = rng.permutation(400) / 400
    found = Detector("d", lambda image: {"0": rows[None]}, min_score=0.01).objects(np.zeros((32, 64, 3), "uint8"))
    np.testing.assert_allclose(found[:, 4], np.arange(399, 99, -1) / 400)


def test_pictures_stay_as_they_are_where_any_size_can_be_read():
    seen = []

    def network(image):
        seen.append(image)
        return {"0": np.array([[[5, 6, 20, 30, 0.9, 0]]])}

    picture = np.full((40, 70, 3), 200, "uint8")
    np.testing.assert_allclose(Detector("d", network).objects(picture)[0, :4], [5, 6, 20, 30])
    np.testing.assert_allclose(seen[0], picture[None])
    found = Detector("d", network, multiple=32, scale=1 / 255).objects(picture)
    assert seen[1].shape == (1, 64, 96, 3)
    np.testing.assert_allclose(seen[1][:, 12:52, 13:83], picture[None] / 255, rtol=1e-6)
    np.testing.assert_allclose(seen[1][:, :12], 114 / 255, rtol=1e-6)
    np.testing.assert_allclose(found[0, :4], [0, 0, 7, 18])


def test_the_metadata_say_names_size_and_stride(onnx_file):
    free = (1, 3, "height", "width")
    detector = load_detector(onnx_file(shape=free, metadata=METADATA))
    assert detector.class_names == dict(enumerate(NAMES)) and detector.size == (64, 64)
    assert_finds_squares(detector, scale=2)
    named = {detector.name_of(one) for one in detector.objects(picture_of([(1, 1, 2)]))}
    assert named == {"blue"}
    detector = load_detector(onnx_file(shape=free, metadata={"names": str(list(NAMES)), "stride": "32"}))
    assert detector.class_names == dict(enumerate(NAMES)) and (detector.size, detector.multiple) == (None, 32)


def test_the_metadata_say_what_else_a_table_has(onnx_file):
    """As Ultralytics writes them."""
    assert load_detector(onnx_file(metadata={"kpt_shape": "[17, 3]"})).layout["num_keypoints"] == 51
    assert load_detector(onnx_file(metadata={"head": "RTDETRDecoder"})).layout["box_format"] == "center_xywh"


@pytest.mark.parametrize("text", ["__import__('os').abort()", "{0: ", "person, car", "7", "[" * 9999, "{'a': 1}", ""])
def test_metadata_are_literals_or_nothing(onnx_file, text):
    detector = load_detector(onnx_file(metadata=dict.fromkeys(("names", "stride", "imgsz", "kpt_shape"), text)))
    assert detector.class_names == {} and detector.multiple in (1, 7)
    assert_finds_squares(detector)
    assert detector.name_of(np.array([0, 0, 1, 1, 0.9, 2])) == "2"


def test_names_in_a_file_go_before_those_in_the_metadata(onnx_file, tmp_path):
    (tmp_path / "names.txt").write_text("rouge\n\nbleu \n")
    detector = load_detector(onnx_file(metadata=METADATA), names=str(tmp_path / "names.txt"))
    assert detector.class_names == {0: "rouge", 2: "bleu"}
    with pytest.raises(DataError, match="list of class names"):
        load_detector(onnx_file(), names=str(tmp_path / "none.txt"))


def test_scores_and_range_are_as_asked(onnx_file):
    assert len(load_detector(onnx_file(), min_score=0.99).objects(picture_of(SQUARES))) == 0
    detector = load_detector(onnx_file(), value_range=(0, 0.7))
    assert detector.objects(picture_of(SQUARES))[0, 4] == pytest.approx(0.7 * 250 / 255, abs=1e-4)
    with pytest.raises(DetectorError, match=r"d.onnx is not understood. Scores should be 0 to 1. Received: up to 250"):
        load_detector(onnx_file(), value_range=(0, 255)).objects(picture_of(SQUARES))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"shape": (8, 3, 64, 64)}, r"Received: image \[8, 3, 64, 64\] of tensor\(float\).*batch of 1"),
        ({"shape": (1, 6, 64, 64)}, "should have one input, a picture"),
        ({"metadata": {"task": "obb"}}, r"one of the tasks detect, .* of the task obb"),
    ],
)
def test_onnx_that_is_no_detector_of_pictures_is_refused(onnx_file, options, message):
    with pytest.raises(DetectorError, match=message):
        load_detector(onnx_file("torchvision", **options))


def test_onnx_needs_onnxruntime_only_when_it_is_read(tmp_path, monkeypatch):
    assert "onnxruntime" not in vars(onnx_detectors)
    (tmp_path / "d.onnx").write_bytes(b"")
    monkeypatch.setattr(onnx_detectors, "is_installed", lambda name: False)
    with pytest.raises(DetectorError, match=r"onnxruntime, which is not installed: pip install -e .\[eval\]"):
        load_detector(str(tmp_path / "d.onnx"))


def test_broken_files(tmp_path):
    pytest.importorskip("onnxruntime")
    for name in ("d.onnx", "d.keras"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(DetectorError, match=f"{name} cannot be loaded"):
            load_detector(str(tmp_path / name))
    with zipfile.ZipFile(tmp_path / "d.keras", "w") as archive:
        archive.writestr("metadata.json", "{}")
    with pytest.raises(DetectorError, match=r"d.keras cannot be loaded"):
        load_detector(str(tmp_path / "d.keras"))
    (tmp_path / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(DetectorError, match=f"{tmp_path.name} cannot be loaded"):
        load_detector(str(tmp_path))
    (tmp_path / "d.pt").write_bytes(b"nothing")
    with pytest.raises(DetectorError, match=r"Received: .*d.pt, which is none of them: export it as ONNX"):
        load_detector(str(tmp_path / "d.pt"))
    with pytest.raises(DetectorError, match=r"Received: .*e.onnx, which is not there"):
        load_detector(str(tmp_path / "e.onnx"))


def test_a_picture_that_cannot_be_read_is_told_of(onnx_file):
    """Its table has as many places as 64x64 pixels have cells."""
    detector = load_detector(onnx_file(shape=(1, 3, "height", "width")))
    with pytest.raises(DetectorError, match=r"d.onnx cannot read a picture of 96x96: "):
        detector.objects(np.zeros((96, 96, 3), "uint8"))


# === Keras files and SavedModels ===


def test_a_keras_file(tmp_path):
    keras_detector().save(tmp_path / "d.keras")
    detector = load_detector(str(tmp_path / "d.keras"))
    assert_finds_squares(detector)
    assert_finds_squares(detector, scale=2, top=2)
    assert "become 0 and 255" in detector.protocol()


@keras.saving.register_keras_serializable("tests")
class Undecoded(keras.Model):
    """As the detectors of keras-hub: its outputs become objects in `predict` alone. Boxes have y first."""

    bounding_box_format = "yxyx"
    class_names = list(NAMES)
    value_range = (0, 1)

    def __init__(self, **options):
        super().__init__(**options)
        self.detect = keras_detector()

    def call(self, image):
        return {"logits": image * 255}

    def decode_predictions(self, predictions, data):
        found = self.detect(predictions["logits"])
        return {**found, "boxes": keras.ops.take(found["boxes"], [1, 0, 3, 2], -1)}


def test_a_detector_of_keras_hubs_kind(tmp_path):
    model = Undecoded()
    model(np.zeros((1, SIDE, SIDE, 3), "float32"))
    model.save(tmp_path / "d.keras")
    detector = load_detector(str(tmp_path / "d.keras"))
    assert_finds_squares(detector)
    assert detector.name_of(detector.objects(picture_of([(1, 1, 1)]))[0]) == "green"
    assert "become 0 and 1" in detector.protocol()


@pytest.mark.slow
@pytest.mark.parametrize("box_format", ["xyxy", "yxyx"])
def test_a_retinanet_of_keras_hub(tmp_path, rng, box_format):
    """A small one of random weights, beside what it predicts itself."""
    keras_hub = pytest.importorskip("keras_hub")
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[7], stackwise_num_filters=[64, 64, 64, 64],
        stackwise_num_blocks=[1, 1, 1, 1], stackwise_num_strides=[1, 2, 2, 2], block_type="basic_block",
        image_shape=(SIDE, SIDE, 3),
    )  # fmt: skip
    backbone = keras_hub.models.RetinaNetBackbone(encoder, 3, 5, use_p5=False, image_shape=(SIDE, SIDE, 3))
    converter = keras_hub.layers.RetinaNetImageConverter(image_size=(SIDE, SIDE), scale=1 / 255)
    preprocessor = keras_hub.models.RetinaNetObjectDetectorPreprocessor(converter)
    model = keras_hub.models.RetinaNetObjectDetector(backbone, 3, box_format, preprocessor=preprocessor)
    model.save(tmp_path / "d.keras")
    picture = rng.integers(0, 256, (SIDE, SIDE, 3)).astype("uint8")
    found = load_detector(str(tmp_path / "d.keras")).objects(picture)
    predicted = model.predict(picture[None], verbose=0)
    order = [0, 1, 2, 3] if box_format == "xyxy" else [1, 0, 3, 2]
    boxes = predicted["boxes"][0][:, order].clip(0, SIDE)
    seen = (predicted["confidence"][0] >= 0.5) & (boxes[:, 2:] > boxes[:, :2]).all(-1)
    expected = np.concatenate(
        [boxes, predicted["confidence"][0][:, None], predicted["labels"][0][:, None].astype("float32")], -1
    )[seen]
    assert len(found) > 0
    np.testing.assert_allclose(found, expected[np.argsort(-expected[:, 4], kind="stable")], atol=1e-3)


def test_a_keras_file_with_code_is_not_run(tmp_path):
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Lambda(lambda x: x)])
    model.save(tmp_path / "d.keras")
    with pytest.raises(DetectorError, match="cannot be loaded"):
        load_detector(str(tmp_path / "d.keras"))


def save_served(path, dtype, shape=(1, SIDE, SIDE, 3), factor=1):
    model = keras_detector()

    @tf.function(input_signature=[tf.TensorSpec(shape, dtype, name="image")])
    def serve(image):
        return model(tf.ensure_shape(tf.cast(image, "float32") * factor, (1, SIDE, SIDE, 3)))

    module = tf.Module()
    module.model, module.serve = model, serve
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


@pytest.mark.parametrize(
    "dtype, shape", [("float32", (1, SIDE, SIDE, 3)), ("uint8", (1, None, None, 3)), ("uint8", None)]
)
def test_a_saved_model(tmp_path, dtype, shape):
    save_served(tmp_path / "saved", dtype, shape)
    detector = load_detector(str(tmp_path / "saved"))
    assert detector.size == ((SIDE, SIDE) if shape and shape[1] else None)
    assert_finds_squares(detector)


def test_a_saved_model_of_ultralytics_reads_0_to_1(tmp_path):
    save_served(tmp_path / "saved", "float32", factor=255)
    (tmp_path / "saved" / "metadata.yaml").write_text("task: detect")
    assert_finds_squares(load_detector(str(tmp_path / "saved")))
    with pytest.raises(DetectorError, match="Scores should be 0 to 1"):
        load_detector(str(tmp_path / "saved"), value_range=(0, 255)).objects(picture_of(SQUARES))


def test_whole_numbers_are_rounded(tmp_path, onnx_file):
    save_served(tmp_path / "saved", "uint8")
    for place in (onnx_file(shape=(64, 64, 3), dtype="uint8"), str(tmp_path / "saved")):
        detector = load_detector(place, value_range=(0, 254.9))  # 250 becomes 249.9
        assert detector.objects(picture_of(SQUARES))[0, 4] == pytest.approx(250 / 255, abs=1e-4)


def test_what_is_no_detector_says_what_it_gives(tmp_path):
    image = keras.Input((SIDE, SIDE, 3))
    keras.Model(image, keras.layers.Conv2D(5, 1)(image)).save(tmp_path / "d.keras")
    with pytest.raises(DetectorError, match=r"d.keras is not understood.*0 \(1, 64, 64, 5\) of float32"):
        load_detector(str(tmp_path / "d.keras")).objects(picture_of(SQUARES))
