"""The learning rate of every epoch, as the released code has it."""

import keras
import pytest
import tensorflow as tf

from hdsynth_tf.model.optimizers import Hastened, LinearDecay


def factor(schedule, epoch, steps=10):
    """Of epoch 1, 2, ...: the same at its first and its last step."""
    rates = {float(schedule((epoch - 1) * steps)), float(schedule(epoch * steps - 1))}
    assert len(rates) == 1
    return rates.pop()


@pytest.mark.parametrize(
    "epoch, expected", [(1, 1), (100, 1), (101, 1), (102, 0.99), (150, 0.51), (199, 0.02), (200, 0.01)]
)
def test_linear_decay_is_the_released_table(epoch, expected):
    assert factor(LinearDecay(1.0, 100, 100, 10), epoch) == pytest.approx(expected, abs=1e-6)


def test_linear_decay_without_decay_stays_and_never_is_negative():
    assert factor(LinearDecay(2e-4, 5, 0, 10), 5) == pytest.approx(2e-4)
    assert float(LinearDecay(2e-4, 5, 5, 10)(1000)) == 0


def test_linear_decay_is_saved_with_its_optimizer():
    optimizer = keras.optimizers.Adam(LinearDecay(1e-3, 1, 2, 5))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert float(again._learning_rate(10)) == pytest.approx(5e-4)


def test_hastened_is_the_schedule_at_another_step_and_follows_its_variable():
    plain, speed = LinearDecay(1.0, 1, 3, 10), keras.Variable(1.0, trainable=False)
    hastened = Hastened(plain, speed)
    rate = tf.function(lambda step: hastened(step))
    assert [float(rate(tf.constant(step))) for step in (5, 15, 35)] == [float(plain(step)) for step in (5, 15, 35)]
    speed.assign(2.5)  # epochs of 4 steps instead of 10
    for epoch in range(4):
        assert {float(rate(tf.constant(4 * epoch + i))) for i in range(4)} == {float(plain(10 * epoch))}


def test_hastened_is_saved_with_its_optimizer():
    optimizer = keras.optimizers.Adam(Hastened(LinearDecay(1e-3, 1, 2, 5), keras.Variable(2.0, trainable=False)))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(again._learning_rate(5)) == pytest.approx(5e-4)
