"""Segmenters of each kind, on tiny ones made here: how they see pictures, and what is said when they cannot be had."""

import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from hdsynth_tf.evaluate.segmenters import Segmenter, SegmenterError, load_segmenter
from hdsynth_tf.networks import SegmentationUNet
from pipelines.conditioning import resize_image


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (24, 40, 3)).astype("uint8")


def brightness_classes(image):
    """A network that tells the largest of the three colours: scores are the colours themselves."""
    return tf.cast(image, tf.float32)


def pixelwise(size=None, classes=3):
    """A Keras model of one convolution, of one size or of any."""
    image = keras.Input((*(size or (None, None)), 3))
    return keras.Model(image, keras.layers.Conv2D(classes, 1)(image))


def test_the_class_with_the_highest_score_is_taken(picture):
    segmenter = Segmenter("rgb", brightness_classes)
    np.testing.assert_array_equal(segmenter.label_map(picture), picture.argmax(-1))
    assert segmenter.num_classes(picture) == 3 and segmenter.label_map(picture).dtype == np.int32


def test_pictures_are_brought_to_the_size_and_scores_back(picture):
    seen = []

    def network(image):
        seen.append(tuple(image.shape))
        return image

    found = Segmenter("rgb", network, size=(12, 20), scale=2 / 255, offset=-1).label_map(picture)
    small = resize_image(picture[None], (12, 20)) * (2 / 255) - 1
    expected = tf.image.resize(small, (24, 40), "bilinear").numpy()[0].argmax(-1)
    assert seen[0][1:3] == (12, 20)
    np.testing.assert_array_equal(found, expected)


def test_windows_cover_the_picture_and_are_averaged(picture):
    """Of a pixelwise network the windows make no difference; one that counts them shows that all was covered."""
    whole, parts = Segmenter("rgb", brightness_classes), Segmenter("rgb", brightness_classes, window=(24, 16))
    np.testing.assert_array_equal(parts.label_map(picture), whole.label_map(picture))

    def where(image):  # scores depend on the place in the window
        return tf.ones_like(image) * tf.reshape(tf.range(16.0), (1, 1, 16, 1))

    scores = Segmenter("place", where, window=(24, 16))._scores(tf.zeros((1, 24, 40, 3))).numpy()[0, 0, :, 0]
    starts, total, count = (0, 12, 24), np.zeros(40), np.zeros(40)
    for start in starts:
        total[start : start + 16] += np.arange(16)
        count[start : start + 16] += 1
    np.testing.assert_allclose(scores, total / count)


def test_a_window_larger_than_the_picture_enlarges_it(picture):
    seen = []

    def network(image):
        seen.append(tuple(image.shape))
        return image

    assert Segmenter("rgb", network, window=(48, 48)).label_map(picture).shape == (24, 40)
    assert set(seen) == {(1, 48, 48, 3)}


def test_a_file_of_train_segmenter_knows_its_protocol(tmp_path, picture):
    network = SegmentationUNet(4, 4, 2, list("abcd"), (16, 24))
    network.build((None, None, None, 3))
    network.save(tmp_path / "s.keras")
    segmenter = load_segmenter(str(tmp_path / "s.keras"))
    assert segmenter.class_names == tuple("abcd") and segmenter.size == (16, 24)
    assert "brought to 24x16" in segmenter.protocol() and "become -1 and 1" in segmenter.protocol()
    small = resize_image(picture[None], (16, 24)) / 127.5 - 1
    expected = tf.image.resize(network(small), (24, 40)).numpy()[0].argmax(-1)
    np.testing.assert_array_equal(segmenter.label_map(picture), expected)
    np.testing.assert_allclose(segmenter.features(picture), network.features(small).numpy().mean((0, 1, 2)), rtol=1e-4)
    other = load_segmenter(str(tmp_path / "s.keras"), (31, 45))
    assert other.size == (31, 45) and other.features(picture).shape == (4,)


def test_any_keras_file(tmp_path, picture):
    model = pixelwise()
    model.save(tmp_path / "m.keras")
    segmenter = load_segmenter(str(tmp_path / "m.keras"))
    expected = model(picture[None].astype("float32")).numpy()[0].argmax(-1)
    np.testing.assert_array_equal(segmenter.label_map(picture), expected)
    assert "as they are" in segmenter.protocol() and "become 0 and 255" in segmenter.protocol()
    scaled = load_segmenter(str(tmp_path / "m.keras"), value_range=(0, 1))
    expected = model(picture[None].astype("float32") / 255).numpy()[0].argmax(-1)
    np.testing.assert_array_equal(scaled.label_map(picture), expected)


def test_a_keras_file_of_one_size_reads_windows(tmp_path, picture):
    pixelwise((16, 16)).save(tmp_path / "m.keras")
    segmenter = load_segmenter(str(tmp_path / "m.keras"))
    assert segmenter.window == (16, 16) and "windows of 16x16" in segmenter.protocol()
    assert segmenter.label_map(picture).shape == (24, 40)
    with pytest.raises(SegmenterError, match=r"should not be smaller. Received: 20x12"):
        load_segmenter(str(tmp_path / "m.keras"), (12, 20))


def test_a_broken_keras_file(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"nothing")
    with pytest.raises(SegmenterError, match="cannot be loaded"):
        load_segmenter(str(tmp_path / "m.keras"))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_saved_model(tmp_path, picture, dtype):
    model = pixelwise()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), dtype, name="image")])
    def serve(image):
        return {"scores": model(tf.cast(image, "float32"))}

    module = tf.Module()
    module.model, module.serve = model, serve
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": serve})
    segmenter = load_segmenter(str(tmp_path / "saved"))
    expected = model(picture[None].astype("float32")).numpy()[0].argmax(-1)
    np.testing.assert_array_equal(segmenter.label_map(picture), expected)


def test_a_saved_model_with_several_inputs_is_refused(tmp_path):
    module = tf.Module()
    spec = tf.TensorSpec((None,), "float32")
    module.serve = tf.function(lambda a, b: {"sum": a + b}, input_signature=[spec, spec])
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures={"serving_default": module.serve})
    with pytest.raises(SegmenterError, match="one input, the picture"):
        load_segmenter(str(tmp_path / "saved"))


def test_a_broken_saved_model(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(SegmenterError, match="cannot be loaded"):
        load_segmenter(str(tmp_path))


def test_presets_need_keras_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(SegmenterError, match=r"presets need keras-hub: pip install -e .\[eval\]"):
        load_segmenter("segformer_b5_cityscapes_1024")


def fake_hub(monkeypatch, from_preset):
    models = types.SimpleNamespace(ImageSegmenter=types.SimpleNamespace(from_preset=from_preset))
    monkeypatch.setitem(sys.modules, "keras_hub", types.SimpleNamespace(models=models))


def test_a_preset_whose_weights_cannot_be_had_names_the_ways_out(monkeypatch):
    def from_preset(name):
        raise ConnectionError("no route to host\nat all")

    fake_hub(monkeypatch, from_preset)
    with pytest.raises(SegmenterError, match=r"no route to host\n.*save_to_preset.*train_segmenter") as caught:
        load_segmenter("segformer_b0_cityscapes_1024")
    assert "at all" not in str(caught.value)


def test_a_preset_is_scaled_as_its_converter_says_and_read_in_windows(monkeypatch, picture):
    """Its own preprocessor would cut the sides of wide pictures off."""
    model = pixelwise((24, 24))
    converter = types.SimpleNamespace(scale=[0.1, 0.2, 0.3], offset=[-1.0, -2.0, -3.0])
    model.preprocessor = types.SimpleNamespace(image_converter=converter)
    asked = []
    fake_hub(monkeypatch, lambda name: asked.append(name) or model)
    segmenter = load_segmenter("some_preset")
    prepared = (picture * np.array([0.1, 0.2, 0.3]) - [1, 2, 3]).astype("float32")
    kernel, bias = model.layers[-1].get_weights()
    np.testing.assert_array_equal(segmenter.label_map(picture), (prepared @ kernel[0, 0] + bias).argmax(-1))
    assert asked == ["some_preset"] and segmenter.window == (24, 24) and "24.5, 49, 73.5" in segmenter.protocol()


@pytest.mark.slow
def test_a_segformer_of_keras_hub(tmp_path, picture):
    """A tiny one of random weights, saved as a preset's folder."""
    keras_hub = pytest.importorskip("keras_hub")
    encoder = keras_hub.models.MiTBackbone(
        layerwise_num_heads=[1, 1, 1, 1], layerwise_sr_ratios=[8, 4, 2, 1], layerwise_depths=[1, 1, 1, 1],
        num_layers=4, max_drop_path_rate=0.0,
        layerwise_patch_sizes=[7, 3, 3, 3], layerwise_strides=[4, 2, 2, 2],
        hidden_dims=[4, 8, 12, 16], image_shape=(64, 64, 3),
    )  # fmt: skip
    backbone = keras_hub.models.SegFormerBackbone(image_encoder=encoder, projection_filters=4)
    converter = keras_hub.layers.SegFormerImageConverter(image_size=(64, 64), scale=1 / 255, offset=-0.5)
    preprocessor = keras_hub.models.SegFormerImageSegmenterPreprocessor(converter)
    model = keras_hub.models.SegFormerImageSegmenter(backbone, 5, preprocessor)
    model.save_to_preset(str(tmp_path / "preset"))
    segmenter = load_segmenter(str(tmp_path / "preset"), size=(64, 64))
    image = resize_image(picture[None], (64, 64)) / 255 - 0.5
    expected = tf.image.resize(model(image, training=False), (24, 40), "bilinear").numpy()[0]
    found = segmenter.label_map(picture)
    assert segmenter.num_classes(picture) == 5 and segmenter.window == (64, 64)
    agreeing = (found == expected.argmax(-1)).mean()
    assert agreeing > 0.99
