"""What people pass to a model by hand: learnt right, or refused by name before anything is learnt."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, cycle_model, image_model, semantic_batch, semantic_model, style_model

from hdsynth_tf.model.checks import checked_batch
from pipelines.conditioning import ImageConditioning, SemanticConditioning


def changed(**arrays):
    inputs, image = semantic_batch(2)
    return {**inputs, **{name: change(inputs[name]) for name, change in arrays.items()}}, image


LABEL_MAP = semantic_batch()[0]["label_map"]
LABELS = SemanticConditioning(4, dont_care=(255, -1))
WRONG_KINDS = {
    "float labels": (changed(label_map=lambda a: a.astype("float32")), "`label_map`.*int32.*float32"),
    "halves": (changed(label_map=lambda a: a / 2.0), "`label_map`.*float64"),
    "masks": (changed(label_map=lambda a: a > 1), "`label_map`.*bool"),
    "float ids": (changed(instance_map=lambda a: a.astype("float32")), "`instance_map`.*float32"),
    "a channel axis": (changed(label_map=lambda a: a[..., None]), r"`label_map`.*batch, height, width\).*16, 24, 1"),
    "smaller ids": (changed(instance_map=lambda a: a[:, :8, :20]), r"one batch, height and width.*16, 24.*8, 20"),
    "fewer maps": (changed(instance_map=lambda a: a[:1]), r"one batch, height and width"),
    "[-1, 1]": ((semantic_batch()[0], (semantic_batch()[1] / 127.5 - 1).astype("float32")), "`image`.*uint8.*float32"),
    "[0, 1]": ((semantic_batch()[0], semantic_batch()[1] / 255), "`image`.*uint8.*float64"),
    "deeper": ((semantic_batch()[0], semantic_batch()[1].astype("uint16")), "`image`.*uint8.*uint16"),
    "grey": ((semantic_batch()[0], semantic_batch()[1][..., :1]), r"`image`.*width, 3\).*24, 1\)"),
    "alpha": ((semantic_batch()[0], semantic_batch()[1][..., [0, 1, 2, 0]]), r"`image`.*width, 3\)"),
    "smaller photographs": ((semantic_batch()[0], semantic_batch()[1][:, ::2]), "one batch, height and width.*image"),
    "no photographs": ((semantic_batch()[0],), "no image"),
    "no ids": (
        ({"label_map": LABEL_MAP}, semantic_batch()[1]),
        r"instance_map.*\['label_map'\]",
    ),
    "an array": ((LABEL_MAP, semantic_batch()[1]), "dict.*keys"),
}


@pytest.mark.parametrize("name", WRONG_KINDS)
def test_wrong_kinds_are_named(name):
    batch, message = WRONG_KINDS[name]
    with pytest.raises(ValueError, match=rf"(?s){message}"):
        checked_batch(LABELS, tuple(batch))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "uint32", "int64", "uint64"])
def test_maps_of_any_integers(dtype):
    (inputs, image), expected = changed(label_map=lambda a: a.astype(dtype)), semantic_batch()[0]
    inputs["instance_map"] = (expected["label_map"] + 7).astype(dtype)
    read, _, _ = checked_batch(LABELS, (inputs, image))
    for name, ids in (("label_map", expected["label_map"]), ("instance_map", expected["label_map"] + 7)):
        assert read[name].dtype == tf.int32
        np.testing.assert_array_equal(read[name], ids)


@pytest.mark.parametrize("id, dtype", [(4, "uint8"), (200, "uint8"), (-2, "int32"), (2**32 + 1, "int64")])
def test_ids_that_are_no_class(id, dtype):
    batch = changed(label_map=lambda a: np.where(a == 3, np.array(id, dtype), a.astype(dtype)))
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"(?s)label_map.*0 to 3, or 255, -1 .*{id}"):
        checked_batch(LABELS, batch)
    with pytest.raises(ValueError, match=rf"`label_map`.*0 to 3.*{id}"):
        semantic_model().generate(batch[0])


def test_ids_of_no_class_that_are_named_may_be():
    inputs = changed(label_map=lambda a: np.where(a == 3, 255, a - (a == 2) * 3))[0]
    checked_batch(LABELS, (inputs, semantic_batch()[1]))
    semantic_model(dont_care=(255, -1)).generate(inputs)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)0 to 3\..*-1.*255"):
        checked_batch(SemanticConditioning(4), (inputs, semantic_batch()[1]))


def test_ids_of_objects_that_would_be_cut():
    batch = changed(instance_map=lambda a: a.astype("int64") + 2**31)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"instance_map.*32 bits"):
        checked_batch(LABELS, batch)
    with pytest.raises(ValueError, match=r"instance_map.*32 bits"):
        semantic_model().generate(batch[0])


def test_sizes_that_no_graph_knows_are_compared_when_it_runs():
    free = {"label_map": tf.TensorSpec((None,) * 3, "uint8"), "instance_map": tf.TensorSpec((None,) * 3, "int32")}
    free = free, tf.TensorSpec((None, None, None, 3), "uint8")
    look = tf.function(lambda *batch: checked_batch(LABELS, batch)[1], input_signature=free)
    inputs, image = changed(label_map=lambda a: a.astype("uint8"))
    look(inputs, image)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)label_map and instance_map.*16 24.*8 24"):
        look({**inputs, "instance_map": inputs["instance_map"][:, :8]}, image)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)label_map and image"):
        look(inputs, image[:, :8])


def test_images_of_any_kind_where_the_conditioning_says_so():
    source = np.zeros((2, 8, 8, 1))
    for dtype in ("uint8", "uint16", "float32", "float16"):
        conditioning = ImageConditioning(1, (0, 255), image_channels=1, image_dtype="float32", image_range=(-1, 1))
        checked_batch(conditioning, ({"source": source.astype(dtype)}, source.astype("float32")))
    with pytest.raises(ValueError, match=r"`image`.*float32.*uint8"):
        checked_batch(conditioning, ({"source": source}, source.astype("uint8")))
    with pytest.raises(ValueError, match=r"`source`.*width, 1\).*8, 3\)"):
        checked_batch(conditioning, ({"source": np.zeros((2, 8, 8, 3))}, source))


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16", "float64"])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_weights_of_any_numbers(dtype, shape):
    given = np.array([1, 0], dtype).reshape(shape)
    for weights in (given, tf.constant(given)):
        _, _, read = checked_batch(LABELS, (*semantic_batch(2), weights))
        assert read.dtype == tf.float32 and read.numpy().tolist() == [1, 0]
    for wrong in (np.array(1.0), np.ones((2, 2)), np.ones((2, 1, 1))):
        with pytest.raises(ValueError, match=r"`sample_weight`.*\(batch,\)"):
            checked_batch(LABELS, (*semantic_batch(2), wrong))


@pytest.mark.slow
@pytest.mark.parametrize("model", [semantic_model, style_model])
def test_fit_takes_small_integers(model):
    """As NumPy's and Pillow's arrays come: ids would overflow where styles are pooled."""
    trained = []
    for dtype in ("int32", "uint8"):
        keras.utils.set_random_seed(0)
        inputs, image = semantic_batch(2)
        inputs = {name: (inputs["label_map"] + 60 * (name == "instance_map")).astype(dtype) for name in inputs}
        made = compiled(model(), adversarial=False)
        made.fit(inputs, image, verbose=0)
        trained.append(made.generator.get_weights())
    for a, b in zip(*trained):
        np.testing.assert_array_equal(a, b)


def test_fit_and_its_kin_refuse_ids_that_are_no_class():
    model = compiled(semantic_model(), adversarial=False)
    inputs, image = changed(label_map=lambda a: a + 1)
    before = model.generator.get_weights()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)label_map.*0 to 3.*4"):
        model.fit(inputs, image, batch_size=2, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="label_map"):
        model.predict(inputs, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.generator.get_weights()) and len(before)


def test_generate_refuses_what_it_would_change():
    inputs, _ = semantic_batch(2)
    with pytest.raises(ValueError, match=r"`label_map`.*float64"):
        semantic_model().generate({**inputs, "label_map": inputs["label_map"] / 2})
    with pytest.raises(ValueError, match="one batch, height and width"):
        semantic_model().generate({**inputs, "instance_map": inputs["instance_map"][:, :8, :20]})
    with pytest.raises(ValueError, match=r"`source`.*width, 1\)"):
        image_model().generate({"source": np.zeros((4, 4, 3))})


def test_sources_that_are_scaled_already_are_refused():
    source = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1)).astype("uint8")
    image, counts = np.repeat(source, 3, -1), image_model().conditioning
    for scaled in (source / 255, (source / 127.5 - 1).astype("float32")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"`source`.*value_range"):
            checked_batch(counts, ({"source": scaled}, image))
        with pytest.raises(ValueError, match=r"`source`.*value_range"):
            image_model().generate({"source": scaled})
        checked_batch(ImageConditioning(1, (-1, 1)), ({"source": scaled}, image))
        checked_batch(ImageConditioning(1, percentiles=(1, 99)), ({"source": scaled}, image))
    for known in (source, source.astype("float32"), source * 0.0, source / 200):  # black, and dark, is no fraction of 1
        checked_batch(counts, ({"source": known}, image))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(value):
    source = np.linspace(0, 250, 128, dtype="float32").reshape(2, 8, 8, 1)
    image, counts = np.repeat(source / 250, 3, -1), {"image_dtype": "float32", "image_range": (0, 1)}
    hole = np.where(source > 200, value, source)
    for wrong in (({"source": hole}, image), ({"source": source}, np.where(image > 0.5, value, image))):
        with pytest.raises(tf.errors.InvalidArgumentError, match="no numbers"):
            checked_batch(ImageConditioning(1, **counts), wrong)
        with pytest.raises(tf.errors.InvalidArgumentError, match="no numbers"):
            colors = {"source": np.repeat(wrong[0]["source"], 3, -1)}
            cycle_model(image_dtype="float32", image_range=(0, 1)).read((colors, wrong[1]))
    for model in (image_model(), image_model(percentiles=(1, 99))):
        with pytest.raises(ValueError, match=r"`source`.*no numbers"):
            model.generate({"source": hole})


@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint64"])
def test_sources_of_more_bits_than_the_window_are_refused(dtype):
    source = np.arange(128, dtype=dtype).reshape(2, 8, 8, 1)
    image = np.zeros((2, 8, 8, 3), "uint8")
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"`source`.*8 bits.*\(0, 255\).*{dtype}"):
        checked_batch(ImageConditioning(1), ({"source": source * 257}, image))
    checked_batch(ImageConditioning(1), ({"source": source}, image))  # 8 bits in wider numbers
    for of_its_own in ({"value_range": (0, 65535)}, {"percentiles": (1, 99)}):
        checked_batch(ImageConditioning(1, **of_its_own), ({"source": source * 257}, image))
