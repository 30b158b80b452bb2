"""One device and two give the same training."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny import compiled, semantic_batch, semantic_model, style_model

from hdsynth_tf.assemble import check_replicas
from hdsynth_tf.config.groups import TrainingSettings
from hdsynth_tf.config.settings import SettingsError


@pytest.fixture(scope="module")
def two():
    """One strategy for all tests here: TensorFlow numbers collectives by process, and two would share numbers."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def trained(strategy, steps=3, make=semantic_model, **options):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = compiled(make(**options))
    inputs, image = semantic_batch(4 * steps)
    dataset = tf.data.Dataset.from_tensor_slices((inputs, image)).batch(4)
    history = model.fit(dataset, verbose=0, shuffle=False).history
    return model, history


@pytest.mark.parametrize("options", [{}, {"norm": "spectral", "ema_momentum": 0.9}, {"make": style_model}])
def test_one_and_two_replicas_end_with_the_same_weights(options, two):
    assert two.num_replicas_in_sync == 2
    model_1, history_1 = trained(tf.distribute.get_strategy(), **options)
    model_2, history_2 = trained(two, **options)
    for a, b in zip(model_1.weights, model_2.weights):
        np.testing.assert_allclose(np.array(a), np.array(b), atol=1e-5, err_msg=a.path)
    for name in history_1:
        np.testing.assert_allclose(history_1[name], history_2[name], rtol=1e-4)


def batches_of(count):
    return types.SimpleNamespace(training=TrainingSettings(batch_size=count))


def test_a_batch_that_cannot_be_shared_is_refused(two):
    with pytest.raises(SettingsError, match="batch_size=3 and 2 devices"):
        check_replicas([batches_of(3)], two)
    check_replicas([batches_of(4)], two)
