"""The device half against loops in NumPy, on made-up and on real Cityscapes maps."""

from fractions import Fraction
from math import floor

import keras
import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shared_data import CITYSCAPES, needs_cityscapes

from pipelines.conditioning import (
    ImageConditioning,
    SemanticConditioning,
    boundary_map,
    percentile_window,
    resize_nearest,
    row_coordinate,
)

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
id_maps = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**31 - 1))


def draw_map(shape):
    height, width, ids, seed = shape
    return np.random.default_rng(seed).integers(0, ids, (height, width)).astype("int32")


@settings(max_examples=40, deadline=None)
@given(id_maps)
def test_boundary_map_against_loops(shape):
    ids = draw_map(shape)
    np.testing.assert_array_equal(numpy(boundary_map(ids[None]))[0, :, :, 0], naive.boundary(ids))


@settings(max_examples=20, deadline=None)
@given(id_maps, st.integers(1, 2**30))
def test_boundary_map_does_not_care_for_names_and_commutes_with_mirrors(shape, offset):
    ids = draw_map(shape)[None]
    expected = numpy(boundary_map(ids))
    np.testing.assert_array_equal(numpy(boundary_map(offset + 7 * ids)), expected)
    np.testing.assert_array_equal(numpy(boundary_map(ids[:, :, ::-1].copy()))[:, :, ::-1], expected)


def test_boundary_map_of_a_drawing():
    ids = np.array([[1, 1, 1, 1, 1], [1, 40000, 40000, 1, 1], [1, 40000, 40000, 1, 1], [1, 1, 1, 1, 1]], "int32")
    expected = [[0, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [0, 1, 1, 0, 0]]
    np.testing.assert_array_equal(numpy(boundary_map(ids[None]))[0, :, :, 0], expected)
    assert numpy(boundary_map(np.full((1, 4, 4), 9, "int32"))).max() == 0


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(1, 40)] * 4))
def test_resize_nearest_takes_the_pixel_under_the_centre(sizes):
    height, width, to_height, to_width = sizes
    ids = np.random.default_rng(0).integers(0, 2**31 - 1, (height, width)).astype("int32")
    rows = [floor(Fraction(2 * i + 1, 2) * Fraction(height, to_height)) for i in range(to_height)]
    columns = [floor(Fraction(2 * j + 1, 2) * Fraction(width, to_width)) for j in range(to_width)]
    resized = resize_nearest(keras.ops.convert_to_tensor(ids[None]), (to_height, to_width))
    np.testing.assert_array_equal(numpy(resized)[0], ids[np.ix_(rows, columns)])


def test_semantic_conditioning_channels(rng):
    labels, ids = rng.integers(0, 5, (2, 6, 8)).astype("int32"), rng.integers(0, 9, (2, 6, 8)).astype("int32")
    labels[0, 0, :2] = (255, 3)
    x = numpy(SemanticConditioning(5, dont_care=(255, 3), row_channel=True)({"label_map": labels, "instance_map": ids}))
    np.testing.assert_array_equal(x[..., :5], naive.one_hot(labels, 5, dont_care=(3,)))
    assert x[0, 0, :2, :5].sum() == 0
    for i in range(2):
        np.testing.assert_array_equal(x[i, :, :, 5], naive.boundary(ids[i]))
    np.testing.assert_allclose(
        x[..., 6], np.broadcast_to(np.linspace(-5 / 6, 5 / 6, 6)[None, :, None], (2, 6, 8)), atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64"])
@pytest.mark.parametrize("dont_care", [(), (0, 4), (-1, 2, 3, 255, 2**40), range(-3, 300)])
def test_labels_of_no_class_against_loops(rng, dtype, dont_care):
    labels = rng.choice([0, 1, 2, 3, 4, 5, 200, 255, *([-1, -7] if dtype != "uint8" else [])], (2, 9, 11)).astype(dtype)
    x = numpy(SemanticConditioning(5, boundary=False, dont_care=dont_care)({"label_map": labels}))
    np.testing.assert_array_equal(x, naive.one_hot(labels, 5, dont_care))


def test_labels_of_no_class_cost_no_pass_over_the_class_channels():
    """They are taken out of the map: the classes' channels are computed once, however many labels there are."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("reads TensorFlow's graph")
    import tensorflow as tf

    def passes(dont_care):
        layer = SemanticConditioning(9, boundary=False, dont_care=dont_care)
        spec = {"label_map": tf.TensorSpec((2, 6, 8), "int32")}
        graph = tf.function(layer).get_concrete_function(spec).graph
        return sum(tensor.shape == (2, 6, 8, 9) for op in graph.get_operations() for tensor in op.outputs)

    assert passes(range(8)) == passes(())


def test_semantic_conditioning_resizes_whole_pictures_and_no_crops(rng):
    labels = rng.integers(0, 5, (1, 12, 16)).astype("int32")
    layer = SemanticConditioning(5, boundary=False, image_size=(6, 8))
    assert layer({"label_map": labels}).shape == (1, 6, 8, 5)
    crop = {"label_map": labels, "rows": np.array([[0.0, 0.5]], "float32")}
    assert layer(crop).shape == (1, 12, 16, 5)
    image = rng.integers(0, 256, (1, 12, 16, 3)).astype("uint8")
    assert layer.target({"label_map": labels}, image).shape == (1, 6, 8, 3)
    np.testing.assert_allclose(numpy(layer.target(crop, image)), image / 127.5 - 1, atol=1e-6)


def test_target_is_resized_like_pillow(rng):
    layer = SemanticConditioning(2, boundary=False, image_size=(32, 64))
    smooth = np.asarray(
        Image.fromarray(rng.integers(0, 256, (12, 20, 3)).astype("uint8")).resize((128, 64), Image.BICUBIC)
    )
    resized = (numpy(layer.target({}, smooth[None]))[0] + 1) * 127.5
    expected = np.asarray(Image.fromarray(smooth).resize((64, 32), Image.BICUBIC)).astype("float32")
    assert np.abs(resized - expected).mean() < 0.5 and np.abs(resized - expected).max() < 4


def test_rows_of_a_crop_are_those_of_the_picture():
    whole = numpy(row_coordinate(np.zeros((1, 10, 3, 1), "float32")))
    crop = numpy(row_coordinate(np.zeros((1, 4, 3, 1), "float32"), np.array([[0.3, 0.7]], "float32")))
    np.testing.assert_allclose(crop, whole[:, 3:7], atol=1e-6)


def test_class_tables_must_fit():
    with pytest.raises(ValueError, match=r"`class_names` should have 3 entries\. Received: 2"):
        SemanticConditioning(3, class_names=("a", "b"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_image_conditioning_maps_its_window(dtype):
    low, high = 20, 220
    source = np.array([0, 20, 70, 120, 220, 255], dtype)[None, None, :, None]
    x = numpy(ImageConditioning(1, (low, high))({"source": source}))[0, 0, :, 0]
    np.testing.assert_allclose(x, [-1, -1, -0.5, 0, 1, 1], atol=1e-6)


def test_image_conditioning_keeps_sixteen_bits():
    ramp = np.arange(65536, dtype="uint16").reshape(1, 256, 256, 1)
    x = numpy(ImageConditioning(1, (0, 65535))({"source": ramp}))
    assert len(np.unique(x)) == 65536
    with pytest.raises(ValueError, match="low < high"):
        ImageConditioning(1, (5, 5))


@needs_cityscapes
def test_conditioning_of_real_cityscapes_maps():
    name = CITYSCAPES / "train_label" / "aachen_000000_000019_gtFine_labelIds.png"
    labels = np.asarray(Image.open(name)).astype("int32")
    ids = np.asarray(
        Image.open(str(name).replace("train_label", "train_inst").replace("labelIds", "instanceIds"))
    ).astype("int32")
    half = [np.asarray(Image.fromarray(m).resize((1024, 512), Image.NEAREST)) for m in (labels, ids)]
    layer = SemanticConditioning(35, image_size=(512, 1024))
    x = numpy(layer({"label_map": labels[None], "instance_map": ids[None]}))[0]
    np.testing.assert_array_equal(x[..., :35], naive.one_hot(half[0], 35))
    np.testing.assert_array_equal(x[..., 35], naive.boundary(half[1]))


@pytest.mark.backend
@pytest.mark.parametrize("percentiles", [None, (0, 100)])
def test_counts_survive_low_precision(percentiles):
    """Floats that come in are not rounded before the window is taken: 4,000 counts stay 256 levels and more."""
    counts = np.arange(27000, 31000, 4, dtype="float32").reshape(1, 20, 50, 1)
    options = dict(value_range=(27000, 30996), percentiles=percentiles, row_channel=True)
    inputs = {"source": counts, "rows": np.array([[0.25, 0.75]], "float32")}
    low = numpy(keras.ops.cast(ImageConditioning(1, dtype="mixed_bfloat16", **options)(inputs), "float32"))
    high = numpy(ImageConditioning(1, **options)(inputs))
    np.testing.assert_allclose(low, high, atol=1 / 128)
    assert len(np.unique(low[..., 0])) >= 256


@pytest.mark.backend
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (300, 400)])
def test_percentiles_of_each_picture(rng, size):
    image = rng.uniform(-3, 9, (2, *size, 2)).astype("float32") * np.array([1, 5], "float32").reshape(2, 1, 1, 1)
    expected = np.percentile(image.reshape(2, -1), (2, 90), axis=1).T
    tolerance = 1e-4 if image[0].size <= 65536 else 0.1
    np.testing.assert_allclose(numpy(percentile_window(image, (2, 90))), expected, atol=tolerance)
