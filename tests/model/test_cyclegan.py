"""CycleGAN: its step against a plain computation, `fit` and its friends, saving, both directions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import cycle_model, direction, round_trip, semantic_model, unpaired_batch

from hdsynth_tf.model import CycleGAN
from hdsynth_tf.model.optimizers import Adam
from hdsynth_tf.networks import GlobalGenerator, PatchDiscriminator

TERMS = {
    f"{name}_{side}" for name in ("adversarial", "cycle", "identity") for side in "ab"
} | {f"discriminator_{side}_{kind}" for side in "ab" for kind in ("real", "fake")}  # fmt: skip


def weights(network):
    return [np.array(weight) for weight in network.weights]


def compiled(model, rate=1e-3, **options):
    model.compile(Adam(rate), Adam(rate), **options)
    return model


def test_a_step_equals_a_plain_computation():
    """Each discriminator apart on real, earlier and new fakes; the pool full of known pictures."""
    model = cycle_model()
    model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    (inputs, image), rng = unpaired_batch(1), np.random.default_rng(1)
    pools = {}
    for side in "ab":
        pool = getattr(model, f"pool_{side}")
        pool.images.assign(rng.uniform(-1, 1, pool.images.shape))
        seen = next(n for n in range(3, 99) if bool(pool._draw(tf.constant(n))[2]))  # an earlier one comes back
        pool.seen.assign(seen)
        pools[side] = np.array(pool.images)[int(pool._draw(tf.constant(seen))[0])][None]
    real_a, real_b = (tf.constant(x / 127.5 - 1, tf.float32) for x in (inputs["source"], image))
    ab, ba, d_a, d_b = model.ab.generator, model.ba.generator, model.discriminator_a, model.discriminator_b
    with tf.GradientTape(persistent=True) as tape:
        fake_b, fake_a = ab(real_a), ba(real_b)
        again_a, again_b = ba(fake_b), ab(fake_a)
        same_a, same_b = ba(real_a), ab(real_b)
        adversarial = tf.reduce_mean((d_b(fake_b)[-1] - 1) ** 2) + tf.reduce_mean((d_a(fake_a)[-1] - 1) ** 2)
        cycle = tf.reduce_mean(tf.abs(again_a - real_a)) + tf.reduce_mean(tf.abs(again_b - real_b))
        identity = tf.reduce_mean(tf.abs(same_a - real_a)) + tf.reduce_mean(tf.abs(same_b - real_b))
        g_loss = adversarial + 10 * cycle + 5 * identity
        d_loss = sum(
            0.5 * (tf.reduce_mean((d(real)[-1] - 1) ** 2) + tf.reduce_mean(d(pools[side])[-1] ** 2))
            for side, d, real in (("a", d_a, real_a), ("b", d_b, real_b))
        )
    expected = {}
    for name, network in model.trained_networks().items():
        loss, variables = g_loss if "generator" in name else d_loss, network.trainable_variables
        expected[name] = [w - 0.1 * g for w, g in zip(variables, tape.gradient(loss, variables))]
    logs = model.train_step((inputs, image))
    assert set(logs) == TERMS | {"loss"}
    assert float(logs["cycle_a"] + logs["cycle_b"]) == pytest.approx(float(cycle), rel=1e-5)
    for name, values in expected.items():
        for weight, value in zip(model.trained_networks()[name].trainable_variables, values, strict=True):
            np.testing.assert_allclose(weight, value, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_pools_hold_the_new_fakes_of_both_kinds():
    model = compiled(cycle_model((1, 3)), identity_weight=0)
    batches = tf.data.Dataset.from_tensor_slices(unpaired_batch(5, channels=(1, 3))).batch(1)
    model.fit(batches, verbose=0, shuffle=False)
    assert [int(np.array(pool.seen)) for pool in (model.pool_a, model.pool_b)] == [5, 5]
    assert [pool.images.shape for pool in (model.pool_a, model.pool_b)] == [(3, 16, 24, 1), (3, 16, 24, 3)]
    assert all(np.abs(np.array(pool.images)).max(axis=(1, 2, 3)).all() for pool in (model.pool_a, model.pool_b))


@pytest.mark.slow
def test_the_cycle_can_be_learnt():
    model = compiled(cycle_model(), rate=3e-3)
    one = tf.data.Dataset.from_tensors(unpaired_batch(1)).repeat()
    history = model.fit(one, epochs=10, steps_per_epoch=10, verbose=0).history
    assert history["cycle_a"][-1] < 0.7 * history["cycle_a"][0]
    assert history["identity_b"][-1] < 0.7 * history["identity_b"][0]


@pytest.mark.slow
def test_every_network_learns_and_evaluate_changes_nothing():
    model = compiled(cycle_model(norm="spectral", ema_momentum=0.9))
    start = {name: weights(network) for name, network in model.trained_networks().items()}
    model.fit(*unpaired_batch(), batch_size=1, verbose=0)
    for name, network in model.trained_networks().items():
        assert all(not np.array_equal(a, b) for a, b in zip(start[name], network.weights) if b.trainable), name
    before = weights(model)
    logs = model.evaluate(*unpaired_batch(), batch_size=1, verbose=0, return_dict=True)
    assert set(logs) >= TERMS and all(np.array_equal(a, b) for a, b in zip(before, weights(model)))


@pytest.mark.slow
def test_averages_make_the_pictures():
    model = compiled(cycle_model(ema_momentum=0.9))
    model.fit(*unpaired_batch(), batch_size=1, verbose=0)
    inputs = unpaired_batch(1)[0]
    for name in ("ab", "ba"):
        made = model.generate(inputs, name)
        assert not np.array_equal(
            np.array(model.averages()[f"average_{name}"].weights[0]), weights(model.direction(name).generator)[0]
        )
        np.testing.assert_array_equal(model.finished().generate(inputs, name), made)
    assert not model.finished().averages() and model.finished().pool_a.capacity == 0


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(precision):
    model = cycle_model(dtype=precision)
    model.compile(*(keras.optimizers.LossScaleOptimizer(Adam(1e-3)) for _ in range(2)))
    logs = model.fit(*unpaired_batch(), epochs=3, batch_size=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in logs.values())
    assert logs["cycle_a"][-1] < logs["cycle_a"][0]
    assert model.pool_a.images.dtype == "float32" and model.reading.compute_dtype == "float32"


def test_keras_file_round_trip(tmp_path):
    """Both directions, the pools and the optimizers are in one file: training goes on alike."""
    model = compiled(cycle_model((1, 3)), identity_weight=0.0)
    batch = unpaired_batch(channels=(1, 3))
    model.fit(*batch, batch_size=1, verbose=0)
    loaded = round_trip(model, batch, tmp_path / "m.keras")
    for a, b in zip(weights(model), weights(loaded), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_both_directions_are_served(tmp_path):
    model = cycle_model((1, 3), pool_size=0)
    model.save(tmp_path / "ab" / "1")
    model.ba.save(tmp_path / "ba" / "1")
    for name, channels in (("ab", 1), ("ba", 3)):
        served = tf.saved_model.load(str(tmp_path / name / "1"))
        source = np.full((1, 10, 12, channels), 100, "float32")
        made = served.signatures["serving_default"](source=tf.constant(source))["image"].numpy()
        np.testing.assert_allclose(made, model.generate({"source": source}, name), atol=1)
        assert made.shape == (1, 10, 12, 4 - channels)


def test_rematerialized_steps_have_the_same_gradients():
    ends = []
    for rematerialize in (False, True):
        keras.utils.set_random_seed(0)
        model = cycle_model()
        model.compile(
            keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), rematerialize=rematerialize, run_eagerly=True
        )
        model.train_on_batch(*unpaired_batch(1))
        ends.append(weights(model))
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_what_does_not_fit_is_refused():
    critics = [PatchDiscriminator(4, 1) for _ in "ab"]
    with pytest.raises(ValueError, match=r"\[1, 3\] and \[1, 1\]"):
        CycleGAN(direction(1, 1), direction(3, 1))
    with pytest.raises(ValueError, match="row_channel=True"):
        CycleGAN(direction(row_channel=True), direction())
    with pytest.raises(ValueError, match="SemanticConditioning"):
        CycleGAN(semantic_model(), direction())
    with pytest.raises(ValueError, match="training_size"):
        CycleGAN(direction(), direction(), *critics)
    with pytest.raises(ValueError, match="discriminator_a"):
        compiled(CycleGAN(direction(), direction()))
    with pytest.raises(ValueError, match="1 and 3 channels"):
        compiled(cycle_model((1, 3)))
    with pytest.raises(ValueError, match="'ac'"):
        cycle_model().generate(unpaired_batch()[0], "ac")


def test_the_networks_of_the_paper():
    """Nine blocks: c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-3. The discriminator: C64-C128-C256-C512."""
    generator = GlobalGenerator(64, 2, 9)
    generator.build((None, None, None, 3))
    assert generator.count_params() == 11_378_179
    discriminator = PatchDiscriminator(64, 3, pad=1)
    discriminator.build((None, None, None, 3))
    assert discriminator.count_params() == 2_764_737
    assert discriminator.compute_output_shape((1, 256, 256, 3))[-1] == (1, 30, 30, 1)
