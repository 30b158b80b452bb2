"""Pix2PixHD: its step against a plain computation, `fit` and its friends, saving, generating."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, image_model, round_trip, semantic_batch, semantic_model

from hdsynth_tf.losses import FeatureMatchingLoss, PerceptualLoss, PyramidLoss
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.terms import Term
from hdsynth_tf.pretrained.vgg19 import VGG19Features


def weights(network):
    return [np.array(weight) for weight in network.weights]


def moved(before, network):
    """For each weight that trains, whether it is another than in `before`."""
    return [not np.array_equal(a, b) for a, b in zip(before, network.weights) if b.trainable]


def test_a_step_equals_three_passes_and_plain_gradients():
    """The released code's way: D on the detached fake, the real, the fake again; both gradients of one forward."""
    model = compiled(semantic_model(), generator_optimizer=keras.optimizers.SGD(0.1),
                     discriminator_optimizer=keras.optimizers.SGD(0.1), pixel_weight=0)  # fmt: skip
    inputs, image = semantic_batch()
    x, real = model.conditioning(inputs), model.conditioning.target(inputs, image)
    generator, discriminator = model.generator, model.discriminator
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fake = generator(x, training=True)
        detached = discriminator(x, tf.stop_gradient(fake))
        on_real, on_fake = discriminator(x, real), discriminator(x, fake)
        d_loss = sum(
            0.5 * (tf.reduce_mean(f[-1] ** 2) + tf.reduce_mean((r[-1] - 1) ** 2)) for f, r in zip(detached, on_real)
        )
        matching = sum(
            0.5 * 4 / 2 * tf.reduce_mean(tf.abs(f - tf.stop_gradient(r)))
            for fs, rs in zip(on_fake, on_real)
            for f, r in list(zip(fs, rs))[:-1]
        )
        g_loss = sum(tf.reduce_mean((f[-1] - 1) ** 2) for f in on_fake) + 10 * matching
    expected_g = [
        w - 0.1 * g
        for w, g in zip(generator.trainable_variables, g_tape.gradient(g_loss, generator.trainable_variables))
    ]
    expected_d = [
        w - 0.1 * g
        for w, g in zip(discriminator.trainable_variables, d_tape.gradient(d_loss, discriminator.trainable_variables))
    ]
    logs = model.train_step((inputs, image))
    assert float(logs["feature_matching"]) == pytest.approx(float(matching), rel=1e-5)
    for network, expected in ((generator, expected_g), (discriminator, expected_d)):
        for weight, value in zip(network.trainable_variables, expected):
            np.testing.assert_allclose(weight, value, atol=1e-5)


def test_every_weight_learns():
    model = compiled(semantic_model())
    before = weights(model.generator), weights(model.discriminator)
    model.fit(*semantic_batch(), epochs=2, batch_size=2, verbose=0)
    assert all(moved(before[0], model.generator)) and all(moved(before[1], model.discriminator))


def test_one_picture_can_be_learnt():
    model = compiled(semantic_model(), rate=3e-3, adversarial=False)
    inputs, image = semantic_batch(1)
    image = np.array([[30, 90, 200], [200, 40, 40], [60, 160, 60], [240, 240, 240]], "uint8")[inputs["label_map"]]
    one = tf.data.Dataset.from_tensors((inputs, image)).repeat()
    first = model.fit(one, epochs=1, steps_per_epoch=1, verbose=0).history["pixel"][0]
    last = model.fit(one, epochs=20, steps_per_epoch=10, verbose=0).history["pixel"][-1]
    assert last < 0.25 * first


def test_without_adversarial_loss_the_discriminator_rests():
    model = compiled(semantic_model(), adversarial=False)
    before = weights(model.discriminator)
    history = model.fit(*semantic_batch(), batch_size=2, verbose=0).history
    assert set(history) == {"pixel", "loss"} and not any(moved(before, model.discriminator))


def test_evaluate_reports_the_terms_and_changes_nothing():
    model = compiled(semantic_model(norm="spectral"))
    before = weights(model)
    logs = model.evaluate(*semantic_batch(4), batch_size=2, verbose=0, return_dict=True)
    assert {"adversarial", "feature_matching", "pixel", "discriminator_real", "discriminator_fake"} <= set(logs)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model)))


def test_train_on_batch_is_a_step():
    model = compiled(semantic_model())
    before = weights(model.generator)
    assert np.isfinite(model.train_on_batch(*semantic_batch(), return_dict=True)["pixel"])
    assert any(moved(before, model.generator))


def test_predict_gives_images():
    images = semantic_model().predict(semantic_batch(3)[0], batch_size=2, verbose=0)
    assert images.shape == (3, 16, 24, 3) and images.dtype == np.float32 and np.abs(images).max() <= 1


def test_average_follows_the_generator():
    model = compiled(semantic_model(ema_momentum=0.9))
    start = weights(model.generator)
    np.testing.assert_array_equal(start[0], weights(model.average_generator)[0])
    average = start
    batch = semantic_batch()
    for step in range(1, 4):
        model.train_step(batch)
        momentum = min(0.9, (1 + step) / (10 + step))
        average = [momentum * a + (1 - momentum) * w for a, w in zip(average, weights(model.generator))]
    for a, b in zip(average, weights(model.average_generator)):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert model.inference_generator is model.average_generator


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(precision):
    from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator
    from pipelines.conditioning import SemanticConditioning

    model = Pix2PixHD(
        SemanticConditioning(4, dtype=precision),
        GlobalGenerator(4, 2, 1, dtype=precision),
        MultiScaleDiscriminator(2, 4, 1, dtype=precision),
    )
    scaled = [keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3)) for _ in range(2)]
    compiled(model, generator_optimizer=scaled[0], discriminator_optimizer=scaled[1])
    logs = model.fit(*semantic_batch(), epochs=3, batch_size=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert logs["pixel"][-1] < logs["pixel"][0]


@pytest.mark.parametrize(
    "terms, message",
    [
        ([Term("adversarial", "hinge")], "needs a model with a discriminator"),
        ([Term("matching", FeatureMatchingLoss()), Term("pixel", PyramidLoss())], "needs an adversarial one"),
        ([], r"one `Term` or more.*\[\]"),
        ([Term("pixel", PyramidLoss()), Term("pixel", PyramidLoss(2))], r"another name.*'pixel', 'pixel'"),
        ([Term("a", "hinge"), Term("b", "logistic")], "one adversarial term at most"),
    ],
)
def test_compile_refuses_what_cannot_train(terms, message):
    with pytest.raises(ValueError, match=message):
        image_model().compile(keras.optimizers.Adam(), terms=terms)


def test_keras_file_round_trip(tmp_path):
    model = compiled(semantic_model(ema_momentum=0.9), pixel_weight=3.0)
    batch = semantic_batch()
    model.fit(*batch, batch_size=2, verbose=0)
    loaded = round_trip(model, batch, tmp_path / "m.keras")
    for a, b in zip(weights(model.generator), weights(loaded.generator)):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_an_uncompiled_model_is_saved_without_optimizers(tmp_path):
    model = semantic_model()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.generate(semantic_batch()[0]), model.generate(semantic_batch()[0]))


def test_save_replaces_only_what_is_complete(tmp_path, monkeypatch):
    model = semantic_model()
    model.save(tmp_path / "m.keras")
    whole = (tmp_path / "m.keras").read_bytes()

    def break_off(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", break_off)
    with pytest.raises(OSError, match="No space left"):
        model.save(tmp_path / "m.keras")
    assert (tmp_path / "m.keras").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def test_save_names_the_formats_it_knows(tmp_path):
    with pytest.raises(ValueError, match=r"NAME\.keras"):
        semantic_model().save(tmp_path / "m.h5")
    (tmp_path / "m.keras").write_bytes(b"")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        semantic_model().save(tmp_path / "m.keras", overwrite=False)


@pytest.mark.parametrize("size", [(16, 24), (13, 29), (40, 33)])
def test_generate_gives_the_size_it_got(size):
    inputs, _ = semantic_batch(2, *size)
    for model in (semantic_model(), semantic_model(image_size=(16, 24))):
        pictures = model.generate(inputs)
        assert pictures.shape == (2, *size, 3) and pictures.dtype == np.uint8
        alone = model.generate({key: value[1] for key, value in inputs.items()})
        np.testing.assert_allclose(alone, pictures[1], atol=1)  # batches may round otherwise


def test_generate_works_at_the_size_it_was_trained_at():
    """A picture twice as large, of the same content, gives the same picture enlarged."""
    model = semantic_model(image_size=(16, 24))
    inputs, _ = semantic_batch(1)
    large = {key: value.repeat(2, 1).repeat(2, 2) for key, value in inputs.items()}
    small_picture, large_picture = model.generate(inputs)[0], model.generate(large)[0]
    expected = tf.image.resize(small_picture, (32, 48), "bicubic", antialias=True).numpy()
    assert np.abs(large_picture - np.clip(expected, 0, 255)).mean() < 1


def test_generate_says_what_it_needs():
    with pytest.raises(ValueError, match=r"keys \['instance_map', 'label_map'\]"):
        semantic_model().generate({"label_map": np.zeros((4, 4))})
    with pytest.raises(ValueError, match=r"height, width, \.\.\.\)\. Received"):
        image_model().generate({"source": np.zeros((4, 4))})


def test_image_to_image(tmp_path):
    model = compiled(image_model(), adversarial=False)
    source = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    model.fit({"source": source}, np.repeat(source, 3, -1), verbose=0)
    assert model.generate({"source": source}).shape == (1, 16, 16, 3)


@pytest.mark.slow
@pytest.mark.parametrize("ema_momentum", [None, 0.9])
def test_growing_doubles_the_size_and_keeps_what_was_learnt(ema_momentum):
    model = compiled(semantic_model(ema_momentum=ema_momentum, image_size=(16, 24)))
    model.fit(*semantic_batch(), batch_size=2, verbose=0)
    grown = model.grow(num_residual_blocks=1)
    assert grown.level == 1 and model.level == 0
    assert grown.conditioning.image_size == (32, 48) and model.conditioning.image_size == (16, 24)
    trunk = [weight for layer in model.inference_generator.trunk for weight in weights(layer)]
    assert all(np.array_equal(a, b) for a, b in zip(trunk, weights(grown.generator.global_generator), strict=True))
    for old, new in zip(model.discriminator.discriminators, grown.discriminator.discriminators[1:], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(weights(old), weights(new), strict=True))
    assert (grown.average_generator is None) == (ema_momentum is None)


@pytest.mark.parametrize("ema_momentum", [None, 0.9])
def test_the_global_generator_rests_and_then_learns_again(ema_momentum):
    """The released code leaves it frozen for ever."""
    grown = semantic_model(ema_momentum=ema_momentum).grow(1)
    parts = grown.generator.global_generator, grown.generator.enhancers[0], grown.generator.head
    batch = semantic_batch()
    before = [weights(part) for part in parts]
    compiled(grown, train_finest_only=True, run_eagerly=True).fit(*batch, verbose=0)
    assert [any(moved(old, part)) for old, part in zip(before, parts)] == [False, True, True]
    before = [weights(part) for part in parts]
    compiled(grown, run_eagerly=True).fit(*batch, verbose=0)
    assert all(all(moved(old, part)) for old, part in zip(before, parts))


def test_only_grown_models_train_their_finest_part():
    with pytest.raises(ValueError, match="for models that have grown"):
        compiled(semantic_model(), train_finest_only=True)


@pytest.mark.parametrize(
    "norm, perceptual_weight, run_eagerly",
    [
        ("spectral", 0.0, False),
        ("instance", 10.0, True),
        pytest.param("spectral", 10.0, False, marks=pytest.mark.slow),
        pytest.param("instance", 10.0, False, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_rematerialized_steps_have_the_same_gradients(norm, perceptual_weight, run_eagerly):
    """Plain gradient descent of one step shows them; both networks, a perceptual term, a grown generator."""
    ends, more = [], []
    if perceptual_weight:
        more.append(Term("perceptual", PerceptualLoss(VGG19Features("random")), perceptual_weight))
    for rematerialize in (False, True):
        keras.utils.set_random_seed(0)
        model = semantic_model(norm=norm).grow(1)
        optimizers = [keras.optimizers.SGD(1.0) for _ in range(2)]
        compiled(model, generator_optimizer=optimizers[0], discriminator_optimizer=optimizers[1],
                 more_terms=more, rematerialize=rematerialize, run_eagerly=run_eagerly)  # fmt: skip
        model.train_on_batch(*semantic_batch(2, 32, 48))
        ends.append(weights(model))
    largest = max(np.abs(a).max() for a in ends[0])
    assert largest < 100
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_at_size_is_another_model_of_the_same_networks():
    """Set from outside, a size would change nothing for a model that has made a picture: its graph is kept."""
    model = semantic_model(ema_momentum=0.9, image_size=(16, 24))
    for weight in model.average_generator.weights:
        weight.assign(weight + 0.01)  # another one than the generator
    inputs, _ = semantic_batch(1, 32, 48)
    small = model.generate(inputs)
    large = model.at_size((32, 48))
    assert large.generator is model.generator and model.conditioning.image_size == (16, 24)
    assert not np.array_equal(large.generate(inputs), small)
    np.testing.assert_array_equal(model.generate(inputs), small)
    np.testing.assert_array_equal(large.at_size((16, 24)).generate(inputs), small)
    assert large.at_size(None).generate(semantic_batch(1, 20, 28)[0]).shape == (1, 20, 28, 3)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_jit_compile_survives(jit_compile, tmp_path):
    model = compiled(semantic_model(), jit_compile=jit_compile)
    model.save(tmp_path / "m.keras")
    assert keras.saving.load_model(tmp_path / "m.keras").jit_compile is jit_compile


@pytest.mark.parametrize("name", ["m.keras", "serving"])
def test_weights_that_are_not_finite_are_not_saved(name, tmp_path):
    model = semantic_model()
    model.save(tmp_path / name)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    kernel = model.generator.stem.conv.kernel
    kernel.assign(keras.ops.convert_to_numpy(kernel) * np.nan)
    with pytest.raises(ValueError, match=r"stem/conv/kernel .*not finite"):
        model.save(tmp_path / name)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
