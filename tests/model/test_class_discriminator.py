"""Models whose discriminator knows the classes: their step, files, precision, levels; what does not fit is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import class_model, compiled, compiled_classes, image_model, semantic_batch, semantic_model

from hdsynth_tf.losses import SegmentationLoss
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.terms import Term, adversarial_values
from hdsynth_tf.networks import GlobalGenerator, SegmentationDiscriminator
from pipelines.conditioning import SemanticConditioning

NAMES = {"adversarial", "discriminator_real", "discriminator_fake", "discriminator_mix", "feature_matching", "pixel"}


def arrays(variables):
    return [np.array(variable) for variable in variables]


def test_a_step_is_that_of_the_equations():
    """Both players' weights after plain gradient descent, from three passes over kernels that rest."""
    optimizers = [keras.optimizers.SGD(0.1) for _ in range(2)]
    model = compiled_classes(class_model(window=None), generator_optimizer=optimizers[0],
                             discriminator_optimizer=optimizers[1], run_eagerly=True,
                             terms=[Term("adversarial", SegmentationLoss(3.0), 2.0)])  # fmt: skip
    inputs, image = semantic_batch()
    x, real = model.conditioning(inputs), model.conditioning.target(inputs, image)
    network, generator = model.discriminator, model.generator
    network(real, training=True)
    start = network.get_weights()
    network(real, training=True)  # the kernels that a step will see
    moved = network.get_weights()
    mask = np.array(network.judge(x, real, real)["mask"])
    network.set_weights(moved)
    labels, count = inputs["label_map"], inputs["label_map"].size
    found = np.bincount(labels.ravel(), minlength=4)
    weights = (count / (4 * found))[labels]

    def cross_entropy(scores, target):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(target, scores)

    with tf.GradientTape(persistent=True) as tape:
        fake = generator(x, training=True)
        on_real, on_fake, on_mix = (network(i)[0][-1] for i in (real, fake, mask * real + (1 - mask) * fake))
        mixed = tf.reduce_mean((on_mix - mask * on_real - (1 - mask) * on_fake) ** 2)
        d_loss = tf.reduce_mean(weights * cross_entropy(on_real, labels + 1))
        d_loss += tf.reduce_mean(cross_entropy(on_fake, 0 * labels)) + 3 * mixed
        g_loss = 2 * tf.reduce_mean(weights * cross_entropy(on_fake, labels + 1))
    expected = [
        [weight - 0.1 * rate * gradient for weight, gradient in zip(variables, tape.gradient(loss, variables))]
        for rate, loss, variables in (
            (0.5, d_loss, network.trainable_variables),
            (1, g_loss, generator.trainable_variables),
        )
    ]
    network.set_weights(start)
    network.seed_generator = 0  # as without training, where the mask above comes from
    logs = model.train_step((inputs, image))
    assert float(logs["discriminator_mix"]) == pytest.approx(float(mixed), rel=1e-4)
    for part, values in zip((network, generator), expected):
        for weight, value in zip(part.trainable_variables, values, strict=True):
            np.testing.assert_allclose(weight, value, atol=2e-5, err_msg=weight.path)


@pytest.mark.slow
def test_every_weight_learns_and_every_term_is_logged():
    model = compiled_classes(class_model())
    networks = model.generator, model.discriminator
    before = [arrays(network.trainable_variables) for network in networks]
    history = model.fit(*semantic_batch(), epochs=2, batch_size=2, verbose=0).history
    assert set(history) == {*NAMES, "loss"} and all(np.isfinite(values).all() for values in history.values())
    for old, network in zip(before, networks):
        for value, weight in zip(old, network.trainable_variables, strict=True):
            assert not np.array_equal(value, weight), weight.path


@pytest.mark.slow
def test_the_discriminator_learns_the_classes():
    """Of pictures in the colours of their classes, against noise."""
    labels = np.random.default_rng(0).integers(0, 4, (2, 4, 6)).repeat(8, 1).repeat(8, 2)
    colors = np.array([[30, 90, 200], [200, 40, 40], [60, 160, 60], [240, 240, 240]]) / 127.5 - 1
    real, classes = tf.constant(colors[labels], "float32"), tf.one_hot(labels, 4)
    network, optimizer = SegmentationDiscriminator(4, 4, 2), keras.optimizers.Adam(1e-2, 0.5)
    network.build(real.shape)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            told = network.judge(classes, real, tf.random.uniform(real.shape, -1, 1), training=True)
            values = adversarial_values(Term("adversarial", SegmentationLoss()), **told)
            loss = tf.reduce_mean(values["discriminator_real"] + values["discriminator_fake"])
        optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)

    for _ in range(250):
        step()
    assert (np.argmax(network(real)[0][-1], -1) == labels + 1).mean() > 0.95
    assert (np.argmax(network(tf.random.uniform(real.shape, -1, 1))[0][-1], -1) == 0).mean() > 0.95


def test_evaluate_is_the_same_twice_and_changes_nothing():
    model = compiled_classes(class_model())
    before = arrays(model.variables)
    logs = [model.evaluate(*semantic_batch(4), batch_size=2, verbose=0, return_dict=True) for _ in range(2)]
    assert logs[0] == logs[1] and set(logs[0]) >= NAMES
    metrics = {id(variable) for variable in model.metrics_variables}
    for value, variable in zip(before, model.variables, strict=True):
        assert np.array_equal(value, variable) or id(variable) in metrics


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(precision):
    model = class_model(dtype=precision)
    scaled = [keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3)) for _ in range(2)]
    compiled_classes(model, generator_optimizer=scaled[0], discriminator_optimizer=scaled[1])
    logs = model.fit(*semantic_batch(), epochs=3, batch_size=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert logs["pixel"][-1] < logs["pixel"][0]


@pytest.mark.slow
@pytest.mark.parametrize("rematerialize", [False, True])
def test_keras_file_round_trip(rematerialize, tmp_path):
    model = compiled_classes(class_model(ema_momentum=0.9), rematerialize=rematerialize)
    batch = semantic_batch()
    model.fit(*batch, batch_size=2, verbose=0)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert loaded.discriminator.get_config() == model.discriminator.get_config()
    assert loaded.terms[0].get_config() == model.terms[0].get_config()
    seeds = loaded.discriminator.seed_generator, model.discriminator.seed_generator
    seeds[0].state.assign(seeds[1].state)  # which Keras keeps in no file; checkpoints have it
    for m in (model, loaded):
        m.train_step(batch)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, err_msg=a.path)


@pytest.mark.slow
def test_it_grows_and_learns_at_twice_the_size():
    model = class_model(image_size=(16, 24))
    grown = model.grow(1)
    assert all(np.array_equal(a, b) for a, b in zip(model.discriminator.weights, grown.discriminator.weights))
    before = arrays(model.discriminator.weights)
    compiled_classes(grown).fit(*semantic_batch(2, 32, 48), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.discriminator.weights))
    assert not np.array_equal(before[0], grown.discriminator.weights[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Pix2PixHD(SemanticConditioning(5), GlobalGenerator(4, 1, 1), SegmentationDiscriminator(4, 2, 1)),
        lambda: Pix2PixHD(image_model().conditioning, GlobalGenerator(4, 1, 1), SegmentationDiscriminator(4, 2, 1)),
    ],
)
def test_inputs_of_other_classes_are_refused(make):
    with pytest.raises(ValueError, match=r"4 classes.* (5|no) classes"):
        make()


def test_a_loss_of_another_discriminator_is_refused():
    with pytest.raises(ValueError, match=r"HingeLoss.*SegmentationDiscriminator"):
        compiled(class_model(), terms=[Term("adversarial", "hinge")])
    with pytest.raises(ValueError, match=r"SegmentationLoss.*MultiScaleDiscriminator"):
        compiled(semantic_model(), terms=[Term("adversarial", SegmentationLoss())])
