"""The terms that networks minimise: every sample counts alike, whatever a loss returns."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, semantic_batch, semantic_model

from hdsynth_tf.losses import FeatureMatchingLoss, HingeLoss, PyramidLoss
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.terms import Term, compute_terms, per_sample, pop_former_terms, weighted_sum
from hdsynth_tf.networks import GlobalGenerator
from hdsynth_tf.networks.tone import cosines
from pipelines.conditioning import ImageConditioning


@pytest.mark.parametrize("size", [(2, 8, 8), (4, 8, 4), (3, 4, 3)])  # batch 2; batch equal to the width, twice
def test_any_keras_loss_is_a_term(size):
    rng = np.random.default_rng(0)
    real, fake = rng.uniform(-1, 1, (2, *size, 3)).astype("float32")
    terms = [Term("mae", keras.losses.MeanAbsoluteError(), 3.0), Term("pixel", PyramidLoss())]
    values = compute_terms(terms, (real, fake))
    expected = np.abs(real - fake).mean(axis=(1, 2, 3))
    for name in ("mae", "pixel"):
        assert values[name].shape == (size[0],)
        np.testing.assert_allclose(values[name], expected, rtol=1e-5)
    np.testing.assert_allclose(weighted_sum(values, {"mae": 3.0, "pixel": 1.0}), 4 * expected, rtol=1e-5)


def test_a_plain_keras_loss_trains_a_model():
    model = semantic_model()
    model.compile(keras.optimizers.Adam(1e-3), terms=[Term("mae", keras.losses.MeanAbsoluteError())])
    inputs, image = semantic_batch(2)
    logs = model.train_on_batch(inputs, image, return_dict=True)
    assert set(logs) == {"mae", "loss"} and 0 < logs["mae"] < 2


def test_a_loss_of_one_number_is_refused():
    class Mean(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.mean(keras.ops.abs(y_true - y_pred))

    with pytest.raises(ValueError, match=r"term mine should return .*\(batch,\)"):
        compute_terms([Term("mine", Mean())], (np.zeros((2, 4, 4, 3)), np.ones((2, 4, 4, 3))))


def test_in_training_a_generator_is_told_the_tone_of_the_real_image(rng):
    generator = GlobalGenerator(4, 1, 1, tone_channels=1, tone_numbers=12)
    model = Pix2PixHD(ImageConditioning(1), generator)
    model.compile(keras.optimizers.Adam(1e-3), terms=[Term("mae", keras.losses.MeanAbsoluteError())])
    inputs, image = {"source": rng.integers(0, 256, (2, 16, 24, 1))}, rng.integers(90, 250, (2, 16, 24, 3))
    _, (real, fake) = model.learn_from(inputs, image)
    waves = np.asarray(cosines(16, 4))
    rows = np.arctanh(fake.numpy()).mean(2)
    np.testing.assert_allclose((waves.T @ rows / 16).reshape(2, 12), generator.tone.of(real), atol=1e-3)
    _, (_, expected) = model.learn_from(inputs, image, training=False)
    assert np.abs(expected.numpy().mean()) < 0.05 < np.abs(fake.numpy().mean())  # nothing was fitted: middle grey


def test_means_are_float32():
    value = per_sample(keras.ops.cast(np.full((2, 300, 3), 0.1), "float16"), "x")
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(value, np.float16(0.1), rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, message", [(("x", "wasserstein"), "hinge"), (("discriminator_real", PyramidLoss()), "another one")]
)
def test_terms_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Term(*arguments)


def test_terms_survive_their_config():
    for term in (Term("adversarial", "hinge", 0.5), Term("matching", FeatureMatchingLoss(relative=True), 3.0)):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(term))
        assert again.get_config() == term.get_config() and type(again.loss) is type(term.loss)


def test_former_compile_arguments_become_terms():
    losses = {"adversarial": HingeLoss(), "feature_matching": None, "perceptual": None, "pixel": PyramidLoss(3)}
    former = {f"{name}_loss": loss for name, loss in {**losses, "gradient": None}.items()}
    former |= {"adversarial_weight": 2.0, "pixel_weight": 7.0, "generator_optimizer": None, "discriminator_weight": 0.5}
    former |= {f"{name}_weight": 1.0 for name in ("feature_matching", "perceptual", "gradient")}
    terms = pop_former_terms(former)
    assert [(term.name, term.weight) for term in terms] == [("adversarial", 2.0), ("pixel", 7.0)]
    assert former == {"generator_optimizer": None, "discriminator_weight": 0.5}
    assert [(term.name, term.weight) for term in pop_former_terms({"pixel_loss": PyramidLoss()})] == [("pixel", 10.0)]


def test_keras_own_losses_property_is_not_hidden():
    assert compiled(semantic_model()).losses == []


class Network(keras.losses.Loss):
    """Compares what a network that could train makes of both images; samples are weighted by their content."""

    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.layers.Conv2D(5, 3, 2, activation="tanh"), keras.layers.Conv2D(4, 3)])
        self.network.build((None, None, None, 3))

    def call(self, y_true, y_pred):
        return keras.ops.abs(self.network(y_true) - self.network(y_pred))


@pytest.mark.parametrize("in_a_graph", [True, False])
def test_terms_one_by_one_have_the_same_values_and_gradients(in_a_graph, rng, float64):
    terms = [Term("mae", keras.losses.MeanAbsoluteError(), 3.0), Term("network", Network(), 0.5)]
    real, fake = (tf.constant(rng.uniform(-1, 1, (3, 11, 13, 3))) for _ in range(2))

    def judge(real, fake):
        return {"real": [[real[..., :1]]], "fake": [[keras.ops.tanh(fake[..., :1])]]}

    def value_and_gradient(one_by_one):
        with tf.GradientTape() as tape:
            tape.watch(fake)
            all_terms = [*terms, Term("adversarial", "least_squares")]
            values = compute_terms(all_terms, (real, fake), judge, one_by_one=one_by_one)
            weights = {"mae": 3.0, "network": 0.5, "adversarial": 2.0}
            total = tf.reduce_sum(weighted_sum(values, weights) * [0.2, 0.3, 0.5])
        return values, tape.gradient(total, fake)

    run = tf.function(value_and_gradient) if in_a_graph else value_and_gradient
    (values, gradient), (plain_values, plain_gradient) = run(True), run(False)
    assert list(values) == list(plain_values)
    for name, value in values.items():
        np.testing.assert_allclose(value, plain_values[name], rtol=1e-12)
    np.testing.assert_allclose(gradient, plain_gradient, rtol=1e-5)  # `per_sample` is in float32
