"""One device and two give the same training."""

import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from places import ROOT
from tiny import (
    class_model,
    compiled,
    compiled_classes,
    cycle_model,
    semantic_batch,
    semantic_model,
    style_model,
    unpaired_batch,
)

from hdsynth_tf.assemble import check_replicas
from hdsynth_tf.config.groups import TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model.optimizers import Adam


@pytest.fixture(scope="module")
def two():
    """One strategy for all tests here: TensorFlow numbers collectives by process, and two would share numbers."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def trained(strategy, steps=3, make=semantic_model, run_eagerly=False, **options):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = compiled(make(**options), run_eagerly=run_eagerly)
    inputs, image = semantic_batch(4 * steps)
    dataset = tf.data.Dataset.from_tensor_slices((inputs, image)).batch(4)
    history = model.fit(dataset, verbose=0, shuffle=False).history
    return model, history


ALL = {"make": style_model, "norm": "spectral", "ema_momentum": 0.9}
ALONE = [{}, {"norm": "spectral", "ema_momentum": 0.9}, {"make": style_model}]


@pytest.mark.parametrize(
    "options",
    [pytest.param(ALL, marks=pytest.mark.slow), *(pytest.param(each, marks=pytest.mark.slow) for each in ALONE)],
)
def test_one_and_two_replicas_end_with_the_same_weights(options, two):
    assert two.num_replicas_in_sync == 2
    model_1, history_1 = trained(tf.distribute.get_strategy(), run_eagerly=True, **options)
    model_2, history_2 = trained(two, **options)
    for a, b in zip(model_1.weights, model_2.weights):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-5, err_msg=a.path)
    for name in history_1:
        np.testing.assert_allclose(history_1[name], history_2[name], rtol=1e-4)


@pytest.mark.slow
def test_nothing_but_rounding_is_between_one_replica_and_two(float64, two):
    """Nothing on the way is narrower than the policy says."""
    options = {**ALL, "image_size": (16, 24), "row_channel": True}
    model_1, history_1 = trained(tf.distribute.get_strategy(), run_eagerly=True, **options)
    model_2, history_2 = trained(two, **options)
    assert {weight.dtype for weight in model_1.trainable_weights} == {"float64"}
    for a, b in zip(model_1.weights, model_2.weights):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-10, rtol=0, err_msg=a.path)
    for name in history_1:
        np.testing.assert_allclose(history_1[name], history_2[name], rtol=1e-10)


@pytest.mark.slow
def test_replicas_draw_the_same_windows_and_masks(two):
    """Where all samples have as many pixels of each class, which a replica counts in its own part of the batch."""
    rng = np.random.default_rng(0)
    label_map = np.stack([rng.permutation(np.arange(384) % 4).reshape(16, 24) for _ in range(12)]).astype("int32")
    inputs = {"label_map": label_map, "instance_map": label_map}
    dataset = tf.data.Dataset.from_tensor_slices((inputs, semantic_batch(12)[1])).batch(4)
    ends = []
    for strategy in (tf.distribute.get_strategy(), two):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = compiled_classes(class_model(window=None))
        history = model.fit(dataset, verbose=0, shuffle=False).history
        ends.append((model, history))
    for a, b in zip(ends[0][0].variables, ends[1][0].variables, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-5, err_msg=a.path)
    for name in ends[0][1]:
        np.testing.assert_allclose(ends[0][1][name], ends[1][1][name], rtol=1e-4)


def batches_of(count):
    return types.SimpleNamespace(training=TrainingSettings(batch_size=count))


def test_a_batch_that_cannot_be_shared_is_refused(two):
    with pytest.raises(SettingsError, match="batch_size=3 and 2 devices"):
        check_replicas([batches_of(3)], two)
    check_replicas([batches_of(4)], two)


TWO = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from hdsynth_tf.config import commands
from hdsynth_tf.train import __main__ as train
commands.run(train.main, "train")
"""
TOY = [
    "--num_scenes=6", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=1",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1",
    "--warm_start_epochs=1", "--epochs=1", "--decay_epochs=0", "--steps_per_epoch=1", "--sample_epochs=9",
    "--strategy=mirrored", "--batch_size=2",
]  # fmt: skip


def test_the_plan_is_for_all_devices(command, tmp_path):
    code, output, error = command("train", *TOY, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 0 and "2 pictures of 64x32 a step, on 2 device(s)" in output, error
    code, _, error = command("train", *TOY, "--dry_run", "--batch_size=3", f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "batch_size=3" in error


@pytest.mark.slow
def test_two_devices_train_both_stages(tmp_path):
    """In a process of its own, for the reason given above."""
    done = subprocess.run(
        [sys.executable, "-c", TWO, *TOY, f"--run_dir={tmp_path / 'run'}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and "on 2 device(s)" in done.stdout, done.stderr
    assert (tmp_path / "run" / "serving" / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_replicas_share_one_pool(two):
    """What it holds and gives does not depend on how a batch is spread."""
    ends = []
    for strategy in (tf.distribute.get_strategy(), two):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = cycle_model((1, 3), ema_momentum=0.9)
            model.compile(Adam(1e-3), Adam(1e-3), identity_weight=0.0)
        batches = tf.data.Dataset.from_tensor_slices(unpaired_batch(16, channels=(1, 3))).batch(4)
        history = model.fit(batches, verbose=0, shuffle=False).history
        ends.append((model, history))
    assert int(np.array(ends[1][0].pool_b.seen)) == 16
    for a, b in zip(ends[0][0].weights, ends[1][0].weights, strict=True):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-4, err_msg=a.path)
    for name in ends[0][1]:
        np.testing.assert_allclose(ends[0][1][name], ends[1][1][name], rtol=1e-3)
