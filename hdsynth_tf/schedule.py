"""The order of training: stages, each with its own losses, rates and length."""

import dataclasses

import keras
from keras import ops


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
        epoch = ops.floor(ops.cast(step, "float32") / self.steps_per_epoch)  # from 0
        past = ops.maximum(epoch - self.constant_epochs, 0.0)
        return self.rate * ops.maximum(1.0 - past / max(self.decay_epochs, 1), 0.0)

    def get_config(self):
        return {
            "rate": self.rate,
            "constant_epochs": self.constant_epochs,
            "decay_epochs": self.decay_epochs,
            "steps_per_epoch": self.steps_per_epoch,
        }


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training: one `compile`, one `fit`.

    Attributes:
        name: String.
        epochs: Integer.
        compile_arguments: Dict for `Pix2PixHD.compile`; optimizers are fresh in every stage.
    """

    name: str
    epochs: int
    compile_arguments: dict
