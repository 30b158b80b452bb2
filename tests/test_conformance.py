"""Every registered class: config round trip, save and load, dtype policies, sizes known and unknown. On any backend."""

import keras
import numpy as np
import pytest
from descriptors import (
    CHOICE,
    CONDITIONINGS,
    DISCRIMINATORS,
    IDS,
    LAYERS,
    LOSSES,
    NETWORKS,
    SEED,
    SEGMENTERS,
    TESTED_ELSEWHERE,
    TONE,
)
from keras import tree

pytestmark = pytest.mark.backend
ROWS = LAYERS + NETWORKS + DISCRIMINATORS + SEGMENTERS + CONDITIONINGS
SIZES = (21, 26)


def arrays(row, rng, height=SIZES[0], width=SIZES[1], batch=2):
    """Inputs for a row, as positional arguments."""
    if isinstance(row.channels, dict):
        return [{name: rng.integers(0, 4, (batch, height, width, *rest)) for name, rest in row.channels.items()}]
    channels = row.channels if isinstance(row.channels, tuple) else (row.channels,)

    def array(c):
        if c == SEED:
            return rng.integers(0, 2**31 - 1, batch).astype("int32")
        if c == CHOICE:
            return rng.integers(0, 2, batch).astype("int32")
        if c == TONE:
            return rng.standard_normal((batch, 12)).astype("float32")
        if c == IDS:
            return rng.integers(0, 4, (batch, height, width)).astype("int32")
        return rng.standard_normal((batch, height, width, c)).astype("float32")

    return [array(c) for c in channels]


def numpy(outputs):
    return [keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")) for x in tree.flatten(outputs)]


def symbol(array):
    """What stands for an array while a functional model is made: its sizes are free."""
    free = (None,) * min(array.ndim - 1, 2) if array.ndim > 2 else array.shape[1:]
    return keras.Input((*free, *array.shape[3:]), dtype=array.dtype)


def last_axes(outputs):
    return tree.map_structure(lambda x: x.shape[-1], outputs)


@pytest.fixture(params=ROWS, ids=lambda row: row.name)
def row(request):
    return request.param


def test_every_registered_class_has_a_row():
    tested = {type(row.create()).__name__ for row in ROWS} | set(LOSSES) | TESTED_ELSEWHERE
    registered = {
        registered.__name__
        for name, registered in keras.saving.get_custom_objects().items()
        if name.startswith(("hdsynth_tf>", "pipelines>"))
    }
    assert registered <= tested


def test_config_round_trip(row, rng):
    layer = row.create(name="layer")
    before = layer.get_config()
    layer(*arrays(row, rng))
    assert layer.get_config() == before  # building changes no argument
    assert type(layer).from_config(before).get_config() == before


def test_save_and_load(row, rng, tmp_path):
    layer, inputs = row.create(), arrays(row, rng)
    expected = numpy(layer(*inputs))
    symbolic = tree.map_structure(symbol, inputs)
    model = keras.Model(symbolic, layer(*symbolic))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(expected, numpy(loaded(inputs))):
        np.testing.assert_array_equal(a, b)


def test_output_shape_at_two_sizes(row, rng):
    layer = row.create()
    for height, width in (SIZES, (32, 19)):
        inputs = arrays(row, rng, height, width, batch=1)
        outputs = layer(*inputs)
        assert last_axes(outputs) == row.output_channels
        shapes = tree.map_structure(lambda x: tuple(x.shape), inputs)
        assert tree.map_structure(lambda x: tuple(x.shape), outputs) == layer.compute_output_shape(*shapes)
        if not isinstance(row.output_channels, list):
            assert tuple(outputs.shape) == (1, row.size(height), row.size(width), row.output_channels)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_dtype_policy(row, rng, policy):
    if policy == "mixed_float16" and keras.backend.backend() == "torch":
        pytest.skip("PyTorch has no reflection padding in float16 on CPUs")
    layer = row.create(dtype=policy)
    outputs = tree.flatten(layer(*arrays(row, rng)))
    expected = (
        "float32" if row in NETWORKS or row.float32 else keras.DTypePolicy(policy).compute_dtype
    )  # images are float32 always
    assert {keras.backend.standardize_dtype(x.dtype) for x in outputs} == {expected}
    assert {weight.dtype for weight in layer.trainable_weights} <= {"float32"}
    assert all(np.isfinite(x).all() for x in numpy(outputs))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_config_round_trip(name):
    loss = LOSSES[name]()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert keras.saving.serialize_keras_object(again) == keras.saving.serialize_keras_object(loss)


def test_images_are_within_range_and_of_the_input_size(rng):
    for row in NETWORKS:
        first, *others = arrays(row, rng, 19, 23)
        image = numpy(row.create()(100 * first, *others))[0]
        assert image.shape[1:3] == (19, 23)
        assert np.abs(image).max() <= 1
