"""Models with an encoder: what they learn, where features come from, what is saved and served."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, image_model, semantic_batch, style_model

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator
from pipelines.conditioning import SemanticConditioning

STYLES = {label: np.random.default_rng(label).uniform(-1, 1, (5, 2)) for label in range(4)}


def filled():
    model = style_model()
    model.style_bank.fill(STYLES)
    return model


def test_the_encoder_learns_with_the_generator_and_the_discriminator_sees_no_features():
    model = compiled(style_model(), run_eagerly=True)
    before = [weight.numpy() for weight in model.encoder.trainable_variables]
    model.fit(*semantic_batch(), batch_size=2, epochs=2, verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.encoder.trainable_variables, strict=True))
    assert model.generator.stem.conv.kernel.shape[2] == 5 + 2
    assert model.discriminator.discriminators[0].groups[0].conv.kernel.shape[2] == 5 + 3


def test_a_seed_names_a_picture():
    model, (inputs, _) = filled(), semantic_batch()
    pictures = [model.generate(inputs, seed=seed) for seed in (0, 1, 2)]
    assert len({picture.tobytes() for picture in pictures}) == 3
    np.testing.assert_array_equal(model.generate(inputs), pictures[0])
    both = model.generate({key: np.repeat(value[:1], 2, 0) for key, value in inputs.items()}, seed=[1, 2])
    np.testing.assert_allclose(both, [pictures[1][0], pictures[2][0]], atol=1)  # batches may round otherwise


def test_one_object_gets_another_style():
    """Its features change and no other's; the picture changes."""
    model, (inputs, _) = filled(), semantic_batch(1)
    styles = [model.generate(inputs, seed=1, styles={1001: style})[0] for style in range(5)]
    assert len({picture.tobytes() for picture in styles}) == 5
    assert sum(np.array_equal(model.generate(inputs, seed=1)[0], picture) for picture in styles) == 1
    with pytest.raises(ValueError, match="one for each of 1 pictures"):
        model.generate(inputs, styles=[{}, {}])


def test_styles_of_a_photograph():
    """The picture is what the networks, called one by one, make of it."""
    model, (inputs, image) = filled(), semantic_batch()
    real = image / np.float32(127.5) - 1
    features = model.encoder(real, inputs["instance_map"])
    fake = model.generator(keras.ops.concatenate([model.conditioning(inputs), features], -1))
    expected = np.clip(np.round((keras.ops.convert_to_numpy(fake) + 1) * 127.5), 0, 255)
    np.testing.assert_allclose(model.generate(inputs, style_image=image), expected, atol=1)
    assert (model.generate(inputs, style_image=image[:, :, ::-1]) != model.generate(inputs, style_image=image)).any()


@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.zeros((1, 16, 24, 3), "uint8"), r"one batch, height and width.*'style_image': \(1, 16, 24\)"),
        (np.zeros((2, 16, 24, 3), "float32"), "`style_image` should be uint8"),
    ],
)
def test_a_style_image_that_does_not_fit(wrong, message):
    with pytest.raises(ValueError, match=message):
        filled().generate(semantic_batch()[0], style_image=wrong)


def test_features_are_made_at_the_working_size():
    model = Pix2PixHD(
        SemanticConditioning(4, image_size=(16, 24)), GlobalGenerator(4, 2, 1), encoder=FeatureEncoder(2, 4, 2)
    )
    inputs, image = semantic_batch(2, 33, 50)
    assert model.generate(inputs, style_image=image).shape == (2, 33, 50, 3)
    assert compiled(model, adversarial=False).evaluate(inputs, image, verbose=0, return_dict=True)["pixel"] > 0


@pytest.mark.slow
def test_saved_and_served_with_its_styles(tmp_path):
    model, (inputs, image) = filled(), semantic_batch()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    for options in (dict(seed=5), dict(style_image=image)):
        np.testing.assert_array_equal(loaded.generate(inputs, **options), model.generate(inputs, **options))
    model.save(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    tensors = {key: tf.constant(value) for key, value in inputs.items()}
    pictures = served(**tensors, seed=tf.constant([5, 5]))["image"]
    np.testing.assert_array_equal(pictures, model.generate(inputs, seed=5))
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serve_styles"]
    choices = dict(chosen_ids=tf.constant([[1001], [2001]]), chosen_styles=tf.constant([[3], [4]]))
    pictures = served(**tensors, seed=tf.constant([5, 5]), **choices)["image"]
    np.testing.assert_array_equal(pictures, model.generate(inputs, seed=5, styles=[{1001: 3}, {2001: 4}]))


@pytest.mark.slow
def test_encoder_and_styles_grow_along():
    grown = filled().grow(1)
    inputs, image = semantic_batch(1, 32, 48)
    assert grown.generate(inputs, seed=3).shape == (1, 32, 48, 3)
    assert {label: len(styles) for label, styles in grown.style_bank.as_dict().items()} == dict.fromkeys(range(4), 5)
    logs = compiled(grown, train_finest_only=True, rematerialize=True).train_on_batch(inputs, image, return_dict=True)
    assert np.isfinite(logs["feature_matching"])


@pytest.mark.parametrize("train_encoder", [True, False])
def test_a_frozen_encoder_keeps_its_features(train_encoder):
    grown, (inputs, image) = filled().grow(1), semantic_batch(1, 32, 48)
    before = grown.encoder.get_weights()
    compiled(grown, train_encoder=train_encoder, run_eagerly=True).train_on_batch(inputs, image)
    changed = [not np.array_equal(old, new) for old, new in zip(before, grown.encoder.get_weights())]
    assert any(changed) == train_encoder
    assert grown.get_compile_config()["train_encoder"] == train_encoder


@pytest.mark.slow
def test_other_styles_for_the_same_networks():
    model = compiled(style_model(ema_momentum=0.5), run_eagerly=True)
    inputs, image = semantic_batch()
    model.fit(inputs, image, batch_size=2, verbose=0)
    styled = model.with_styles(STYLES, num_styles=7)
    np.testing.assert_array_equal(styled.generate(inputs, style_image=image), model.generate(inputs, style_image=image))
    assert (styled.generate(inputs) != model.generate(inputs)).any()


def test_an_encoder_needs_instances():
    conditioning = image_model().conditioning
    with pytest.raises(ValueError, match="needs label maps and instance maps"):
        Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1), encoder=FeatureEncoder(2, 4, 2))
