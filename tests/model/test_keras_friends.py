"""Keras' own callbacks, weights of samples, metrics and mixed precision, on a model with two optimizers."""

import copy
import pickle

import keras
import numpy as np
import pytest
from tiny import compiled, cycle_model, semantic_batch, semantic_model

from hdsynth_tf.losses import PyramidLoss
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.model.optimizers import Players
from hdsynth_tf.model.terms import Term
from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator
from pipelines.conditioning import SemanticConditioning


def rates(model):
    return [float(o.learning_rate) for o in (model.generator_optimizer, model.discriminator_optimizer) if o is not None]


def unequal(**options):
    """A model whose discriminator learns four times as fast."""
    return compiled(semantic_model(), discriminator_optimizer=keras.optimizers.Adam(4e-3, 0.5), **options)


def test_a_rate_sets_both_in_proportion():
    generator, discriminator = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.4)
    both = Players(generator, discriminator)
    for rate in (0.05, 0.0, 0.2):  # none is lost where the rate was 0
        both.learning_rate = rate
        np.testing.assert_allclose([generator.learning_rate, discriminator.learning_rate], [rate, 4 * rate], rtol=1e-6)
    alone = Players(keras.optimizers.SGD(0.1))
    alone.learning_rate = 0.3
    assert float(alone.learning_rate) == pytest.approx(0.3)


def test_a_schedule_keeps_its_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(TypeError, match="LearningRateSchedule"):
        Players(keras.optimizers.SGD(schedule)).learning_rate = 0.1


def test_callbacks_find_rate_and_loss(tmp_path):
    model = unequal(pixel_weight=10.0)
    halves = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=0, min_delta=1e9)
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    batch = semantic_batch()
    history = model.fit(*batch, validation_data=batch, epochs=2, verbose=0, callbacks=[halves, plateau, table]).history
    np.testing.assert_allclose(history["learning_rate"], [1e-3 / 2, 1e-3 / 4], rtol=1e-5)
    np.testing.assert_allclose(rates(model), [1e-3 / 8, 4e-3 / 8], rtol=1e-5)
    total = history["adversarial"][0] + 10 * history["feature_matching"][0] + 10 * history["pixel"][0]
    assert history["loss"][0] == pytest.approx(total, rel=1e-5)
    head = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert {"epoch", "loss", "val_loss", "val_pixel", "learning_rate"} <= set(head)


def test_early_stopping_and_best_checkpoint_as_they_come(tmp_path):
    model, batch = compiled(semantic_model(), rate=0.0, adversarial=False), semantic_batch()
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    stops = keras.callbacks.EarlyStopping(patience=1)
    history = model.fit(*batch, validation_data=batch, epochs=9, verbose=0, callbacks=[stops, best]).history
    assert len(history["val_loss"]) == 2 and (tmp_path / "best.keras").is_file()


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_samples_of_weight_0_teach_nothing(shape):
    batch = semantic_batch()
    model = compiled(semantic_model())
    before = [np.array(weight) for weight in model.trainable_weights]
    logs = model.train_on_batch(*batch, sample_weight=np.zeros(shape, "float32"), return_dict=True)
    assert logs["loss"] == 0
    for a, b in zip(before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_weighted_sample_counts_as_often():
    """One of weight 2 beside one of weight 0 is a batch of that one alone: plain gradient descent tells."""
    inputs, image = semantic_batch(2)
    alone = {name: array[:1] for name, array in inputs.items()}, image[:1]
    ends = []
    for batch, weight in (((inputs, image), [2.0, 0.0]), (alone, None)):
        keras.utils.set_random_seed(0)
        options = {f"{player}_optimizer": keras.optimizers.SGD(0.01) for player in ("generator", "discriminator")}
        model = compiled(semantic_model(), **options)
        model.train_on_batch(*batch, sample_weight=None if weight is None else np.array(weight, "float32"))
        ends.append(model.get_weights())
    for a, b in zip(*ends):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_weights_of_pixels_and_classes_are_refused():
    (inputs, image), model = semantic_batch(), compiled(semantic_model(), adversarial=False)
    with pytest.raises(ValueError, match=r"(?s)`sample_weight`.*\(batch,\).*16, 24"):
        model.fit(inputs, image, sample_weight=np.ones((2, 16, 24), "float32"), verbose=0)
    with pytest.raises(ValueError, match=r"`class_weight`.*`sample_weight`"):
        model.fit(inputs, image, class_weight={0: 1.0, 1: 2.0}, verbose=0)
    with pytest.raises(ValueError, match=r"`class_weight`.*`sample_weight`"):
        model.train_on_batch(inputs, image, class_weight={0: 1.0})


def test_metrics_compare_images(tmp_path):
    model = compiled(
        semantic_model(), adversarial=False, metrics=["mae", keras.metrics.MeanSquaredError("square")],
        weighted_metrics=["mse"],
    )  # fmt: skip
    inputs, image = semantic_batch()
    logs = model.evaluate(inputs, image, sample_weight=np.array([1.0, 0.0]), verbose=0, return_dict=True)
    fake, real = model(inputs), model.conditioning.target(inputs, image)
    errors = np.asarray(fake) - np.asarray(real)
    assert logs["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)
    assert logs["square"] == pytest.approx((errors**2).mean(), rel=1e-4)
    assert logs["mse"] == pytest.approx((errors[0] ** 2).mean(), rel=1e-4)
    assert {"mae", "val_mae"} <= set(model.fit(inputs, image, validation_data=(inputs, image), verbose=0).history)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras").evaluate(inputs, image, verbose=0, return_dict=True)
    assert again["mae"] == pytest.approx(model.evaluate(inputs, image, verbose=0, return_dict=True)["mae"], rel=1e-4)


def test_names_are_not_given_twice():
    with pytest.raises(ValueError, match=r"`metrics`.*'pixel'"):
        compiled(semantic_model(), metrics=[keras.metrics.MeanSquaredError("pixel")])
    with pytest.raises(ValueError, match="loss"):
        Term("loss", PyramidLoss())
    with pytest.raises(ValueError, match=r"`terms`.*`loss`"):
        compiled(semantic_model(), loss="mae")
    weights = r"Term\(.*weight.*cycle_weight.*loss_weights=\[2.0\]"
    with pytest.raises(ValueError, match=weights):
        compiled(semantic_model(), loss_weights=[2.0])
    with pytest.raises(ValueError, match=weights):
        cycle_model().compile("adam", "adam", loss_weights=[2.0])


def test_optimizers_by_name():
    model = semantic_model()
    model.compile("adam", {"class_name": "SGD", "config": {"learning_rate": 0.5}}, terms=[Term("adversarial", "hinge")])
    assert isinstance(model.generator_optimizer, keras.optimizers.Adam) and rates(model) == [pytest.approx(1e-3), 0.5]
    with pytest.raises(ValueError, match="adma"):
        compiled(semantic_model(), generator_optimizer="adma")


def narrow():
    policy = dict(dtype="mixed_float16")
    parts = GlobalGenerator(4, 2, 1, **policy), MultiScaleDiscriminator(2, 4, 1, **policy)
    return Pix2PixHD(SemanticConditioning(4, **policy), *parts)


def test_mixed_float16_scales_its_losses(tmp_path):
    scaling = keras.optimizers.LossScaleOptimizer
    model = compiled(narrow())
    assert isinstance(model.generator_optimizer, scaling) and isinstance(model.discriminator_optimizer, scaling)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    own = scaling(keras.optimizers.Adam(1e-3))
    assert compiled(narrow(), generator_optimizer=own).generator_optimizer is own
    plain = compiled(narrow(), auto_scale_loss=False)
    plain.save(tmp_path / "m.keras")
    for again in (plain, keras.saving.load_model(tmp_path / "m.keras")):
        assert type(again.generator_optimizer) is keras.optimizers.Adam
    assert type(compiled(semantic_model()).generator_optimizer) is keras.optimizers.Adam


def test_losses_as_earlier_versions_took_them():
    model = semantic_model()
    options = dict(adversarial_loss="hinge", pixel_loss=keras.losses.MeanAbsoluteError(), pixel_weight=3.0)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), **options)
    assert [(term.name, term.weight) for term in model.terms] == [("adversarial", 1.0), ("pixel", 3.0)]
    assert np.isfinite(model.train_on_batch(*semantic_batch())).all()


@pytest.mark.slow
def test_what_keras_models_can_do(tmp_path):
    model, batch = compiled(semantic_model(), adversarial=False, steps_per_execution=2), semantic_batch(4)
    friends = keras.callbacks.BackupAndRestore(tmp_path / "backup"), keras.callbacks.TensorBoard(tmp_path / "logs")
    model.fit(*batch, batch_size=1, epochs=2, verbose=0, callbacks=list(friends))
    assert list((tmp_path / "logs").rglob("events*"))
    lines = []
    model.summary(print_fn=lines.append)
    assert "global_generator" in "".join(lines)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.generate(batch[0]), model.generate(batch[0]))
    compiled(model, adversarial=False).fit(*batch, verbose=0)


@pytest.mark.slow
def test_a_step_compiled_by_xla_is_the_same_step():
    logs = []
    for jit_compile in (False, True):
        keras.utils.set_random_seed(0)
        model = compiled(semantic_model(), rate=1e-4, jit_compile=jit_compile)
        logs.append([model.train_on_batch(*semantic_batch(), return_dict=True) for _ in range(2)])
    for plain, by_xla in zip(*logs):
        assert plain.keys() == by_xla.keys()
        np.testing.assert_allclose([*by_xla.values()], [*plain.values()], rtol=1e-2)
