"""Models with an encoder: what they learn, where features come from, what is saved and served."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import (
    compiled,
    image_batch,
    picture_style_model,
    round_trip,
    semantic_batch,
    semantic_model,
    style_model,
)

from hdsynth_tf.model import CycleGAN, Pix2PixHD
from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator, RefinementGenerator, UNetGenerator
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
    conditioning = semantic_model(boundary=False).conditioning
    with pytest.raises(ValueError, match="beside label maps it needs instance maps"):
        Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1), encoder=FeatureEncoder(2, 4, 2))


# === Of whole pictures ===

PICTURE_STYLES = {0: np.random.default_rng(4).uniform(-1, 1, (4, 2))}


def filled_for_pictures(**options):
    return picture_style_model(**options).with_styles(PICTURE_STYLES)


def with_features(model, inputs, features):
    """What the generator makes of inputs and of features `(batch, 2)`, the same everywhere in a picture; uint8."""
    x = keras.ops.convert_to_numpy(model.conditioning(inputs))
    features = np.broadcast_to(features[:, None, None], (*x.shape[:3], 2)).astype("float32")
    fake = keras.ops.convert_to_numpy(model.generator(np.concatenate([x, features], -1)))
    return np.clip(np.round((fake + 1) * 127.5), 0, 255)


def test_features_of_a_picture_are_the_mean_over_it():
    model, (inputs, image) = filled_for_pictures(), image_batch()
    means = keras.ops.convert_to_numpy(model.encoder.network(image / np.float32(127.5) - 1)).mean(axis=(1, 2))
    made = model.generate(inputs, style_image=image)
    np.testing.assert_allclose(made, with_features(model, inputs, means), atol=1)
    assert (made != model.generate(inputs, style_image=255 - image)).any()


def test_features_of_a_picture_tell_how_light_it_is():
    """And of what colour; which is the same everywhere, so that instance norms take it away."""
    _, image = image_batch(1)
    real = image / np.float32(255) - 1  # the darker half of all values

    def differences(norm):
        encoder = FeatureEncoder(2, 4, 2, 0, "nearest", "reflect", "he_normal", norm)
        dark, light, red = (
            keras.ops.convert_to_numpy(encoder(real + np.array(colour, "float32"), image[..., 0] * 0))[0, 0, 0]
            for colour in ([0, 0, 0], [1, 1, 1], [1, 0, 0])
        )
        return [np.abs(a - b).max() for a, b in ((dark, light), (light, red), (red, dark))]

    assert min(differences(None)) > 5e-3 and max(differences("instance")) < 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: GlobalGenerator(4, 2, 1, style_channels=2, kernel_initializer="he_normal"),
        lambda: UNetGenerator(4, 4, kernel_initializer="he_normal"),
        lambda: RefinementGenerator((8, 8, 8)),
    ],
    ids=["global", "unet", "crn"],
)
def test_every_generator_takes_notice_of_a_pictures_features(make):
    encoder = FeatureEncoder(2, 4, 2, norm=None)
    model = Pix2PixHD(picture_style_model().conditioning, make(), encoder=encoder).with_styles(PICTURE_STYLES)
    inputs, _ = image_batch(1, 64, 64)
    dark, light = (model.generate(inputs, seed=seed).astype("float32") for seed in (0, 1))
    assert np.abs(dark - light).mean() > 1


@pytest.mark.parametrize("style_channels", [0, 3])
def test_features_that_a_generator_would_lose_are_told(style_channels):
    conditioning, encoder = picture_style_model().conditioning, FeatureEncoder(2, 4, 2, norm=None)
    with pytest.raises(ValueError, match=f"Received: {style_channels}, not 2"):
        Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1, style_channels=style_channels), encoder=encoder)
    with pytest.raises(ValueError, match="Received: 2, not 0"):
        Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1, style_channels=2))


def test_seeds_of_pictures_are_the_numbers_of_their_styles():
    """As many seeds as there are styles give all of them; a choice goes before the seed."""
    model, (inputs, _) = filled_for_pictures(), image_batch(1)
    made = [model.generate(inputs, seed=seed) for seed in range(6)]
    assert len({picture.tobytes() for picture in made}) == 4
    for seed, picture in enumerate(made):
        wanted = with_features(model, inputs, PICTURE_STYLES[0][[seed % 4]])
        np.testing.assert_allclose(picture, wanted, atol=1)
        np.testing.assert_array_equal(model.generate(inputs, seed=2, styles={0: seed}), picture)
    highest = 2**31 - 1
    np.testing.assert_array_equal(model.generate(inputs, seed=highest), made[highest % 4])


def test_the_tone_sees_no_features():
    model, (inputs, _) = filled_for_pictures(), image_batch(1)
    seen, tone = [], model.generator.tone
    tone.call = lambda image, x: seen.append(keras.ops.convert_to_numpy(x)) or image
    model({**inputs, "seed": np.array([1], "int32")})
    np.testing.assert_array_equal(seen[0], keras.ops.convert_to_numpy(model.conditioning(inputs))[..., :1])


@pytest.mark.slow
def test_pictures_train_the_encoder_at_a_working_size_grow_and_are_read_again(tmp_path):
    model, batch = compiled(filled_for_pictures(image_size=(16, 24))), image_batch(2, 33, 50)
    before = model.encoder.get_weights()
    model.fit(*batch, batch_size=2, verbose=0)
    assert any((old != new).any() for old, new in zip(before, model.encoder.get_weights()))
    assert model.discriminator.discriminators[0].groups[0].conv.kernel.shape[2] == 2 + 3
    loaded = round_trip(model, batch, tmp_path / "m.keras")
    assert loaded.style_bank.in_turn
    for seed in range(2):
        np.testing.assert_array_equal(loaded.generate(batch[0], seed), model.generate(batch[0], seed))
    grown = loaded.grow(1)
    assert grown.conditioning.image_size == (32, 48) and grown.generate(batch[0], seed=3).shape == (2, 33, 50, 3)
    assert (grown.generate(batch[0], 0) != grown.generate(batch[0], 1)).any()


@pytest.mark.slow
def test_pictures_in_mixed_precision():
    model, (inputs, image) = filled_for_pictures(dtype="mixed_bfloat16"), image_batch()
    single = model.in_float32()
    for options in (dict(seed=1), dict(style_image=image)):
        made, wanted = (m.generate(inputs, **options).astype("float32") for m in (model, single))
        assert 0 < np.abs(made - wanted).mean() < 4
    assert np.isfinite(list(compiled(model).train_on_batch(inputs, image, return_dict=True).values())).all()


@pytest.mark.slow
def test_styles_of_pictures_are_served(tmp_path):
    model, (inputs, _) = filled_for_pictures(), image_batch()
    model.save(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    source, seed = tf.constant(inputs["source"], tf.float32), tf.constant([5, 2])
    made = [model.generate(inputs, seed=seed) for seed in range(4)]
    pictures = served["serving_default"](source=source, seed=seed)["image"]
    np.testing.assert_array_equal(pictures, [made[1][0], made[2][1]])
    choices = dict(chosen_ids=tf.zeros((2, 1), tf.int32), chosen_styles=tf.constant([[3], [0]]))
    pictures = served["serve_styles"](source=source, seed=seed, **choices)["image"]
    np.testing.assert_array_equal(pictures, [made[3][0], made[0][1]])
    file = tf.stack([tf.io.encode_png(picture) for picture in inputs["source"]])
    png = served["serve_png"](source=file, seed=seed)["png_bytes"]
    np.testing.assert_array_equal(tf.io.decode_png(png[1]), made[2][1])


def test_directions_of_cyclegan_have_no_encoder():
    conditioning = picture_style_model().conditioning
    conditioning = type(conditioning)(3)
    model = Pix2PixHD(conditioning, GlobalGenerator(4, 2, 1, style_channels=2), encoder=FeatureEncoder(2, 4, 2))
    with pytest.raises(ValueError, match="have no encoder"):
        CycleGAN(model, model, None, None)
