"""The optimizer of all networks, how its rate falls, and what Keras' callbacks see of two of them."""

import math

import keras
from keras import ops

from hdsynth_tf.networks.precision import wide


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class Adam(keras.optimizers.Adam):
    """Adam as its authors' algorithm 1 and PyTorch have it: epsilon is added after the bias correction.

    Keras adds it before (their "epsilon hat"), which in the first step makes it 31 times as large: weights of small
    gradient then move otherwise. The defaults are the released code's.

    Args:
        learning_rate: Float or schedule.
        beta_1, beta_2, epsilon: Floats; the first two between 0 and 1.

    Reference:
        - [Kingma & Ba, 2014](https://arxiv.org/abs/1412.6980), algorithm 1
    """

    def __init__(self, learning_rate=2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8, name="adam", **kwargs):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        """One pass over the memory, by TensorFlow's own operation, whose epsilon comes before the bias correction."""
        import tensorflow as tf  # which models on their own do without

        index, dtype = self._get_variable_index(variable), tf.as_dtype(variable.dtype)
        betas = [float(dtype.as_numpy_dtype(beta)) for beta in (self.beta_1, self.beta_2)]  # as the operation has them
        step = ops.cast(self.iterations + 1, dtype.name)
        bias_1, bias_2 = (-ops.expm1(step * _log(beta)) for beta in betas)  # 1 - beta^step
        deviation = ops.sqrt(bias_2)
        nothing = tf.zeros((), dtype)  # the bias correction is in the rate: by powers of beta it would be rounded
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=nothing,
            beta2_power=nothing,
            lr=ops.cast(learning_rate, dtype.name) * deviation / bias_1,
            beta1=tf.constant(betas[0], dtype),
            beta2=tf.constant(betas[1], dtype),
            epsilon=self.epsilon * deviation,
            grad=ops.cast(gradient, dtype.name),
        )


def _log(x):
    return math.log(x) if x else -math.inf


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that is constant for some epochs, then falls to 0 in a line, a step down at the start of each epoch.

    Epoch `e` (from 1) has the factor `1 - max(0, e - 1 - constant_epochs) / decay_epochs`: with 100 and 100 epochs 1.00
    up to epoch 101, 0.99 in 102, 0.01 in 200, as in the released code. The epoch is a function of the optimizer's own
    step counter, so that a resumed run finds its place.

    Args:
        rate: Float, the learning rate at the start.
        constant_epochs, decay_epochs: Integers.
        steps_per_epoch: Integer.
    """

    def __init__(self, rate, constant_epochs, decay_epochs, steps_per_epoch):
        self.rate = rate
        self.constant_epochs = constant_epochs
        self.decay_epochs = decay_epochs
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step):
        epoch = ops.floor(ops.cast(step, wide(keras.backend.floatx())) / self.steps_per_epoch)  # from 0
        past = ops.maximum(epoch - self.constant_epochs, 0.0)
        return self.rate * ops.maximum(1.0 - past / max(self.decay_epochs, 1), 0.0)

    def get_config(self):
        return {
            "rate": self.rate,
            "constant_epochs": self.constant_epochs,
            "decay_epochs": self.decay_epochs,
            "steps_per_epoch": self.steps_per_epoch,
        }


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class Hastened(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that is passed through faster, or slower, than it was made for.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`.
        speed: Float, or a variable that may change under way: steps of the schedule in one step of the training.
    """

    def __init__(self, schedule, speed):
        self.schedule = schedule
        self.speed = speed

    def __call__(self, step):
        return self.schedule(ops.cast(step, wide(keras.backend.floatx())) * self.speed)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "speed": float(ops.convert_to_numpy(self.speed))}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["speed"])


class Players:
    """The optimizers of two networks as one, for Keras' callbacks: `ReduceLROnPlateau`, `LearningRateScheduler`.

    Setting the `learning_rate` sets the generator's; the discriminator's keeps its proportion to it.

    Args:
        generator_optimizer: Keras optimizer.
        discriminator_optimizer: Keras optimizer, or `None`.
    """

    built = True

    def __init__(self, generator_optimizer, discriminator_optimizer=None):
        self._generator = generator_optimizer
        self._discriminator = discriminator_optimizer
        self._proportion = 1.0

    @property
    def learning_rate(self):
        return self._generator.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        optimizers = [optimizer for optimizer in (self._generator, self._discriminator) if optimizer is not None]
        before = [float(ops.convert_to_numpy(optimizer.learning_rate)) for optimizer in optimizers]
        if before[0]:  # a rate of 0 has no proportion to it: the last one stays
            self._proportion = before[-1] / before[0]
        for optimizer, factor in zip(optimizers, (1.0, self._proportion)):
            optimizer.learning_rate = rate * factor

    @property
    def iterations(self):
        return self._generator.iterations

    @property
    def variables(self):
        others = [] if self._discriminator is None else self._discriminator.variables
        return [*self._generator.variables, *others]


def scaled(optimizer, network):
    """The optimizer of a network: where that computes in `mixed_float16`, it scales the loss, as Keras' own does."""
    is_narrow = network is not None and network.dtype_policy.name == "mixed_float16"
    if optimizer is None or not is_narrow or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
