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
    """A part of the training: what trains, on which losses, for how long. One `compile`, one `fit`.

    Attributes:
        name: String: "G1 warm start", "G1", "G2 warm start", "G2 alone", "G2 together", "G3 alone", ...
        level: Integer: 0 the global generator, 1 the first enhancer around it, ...
        constant_epochs, decay_epochs: Integers: epochs at the full rate, and epochs over which it falls to 0.
        adversarial: Boolean, whether the discriminator takes part. Without it: the pixel and perceptual terms.
        finest_only: Boolean, whether of the generator and the encoder the newest enhancer alone trains.
    """

    name: str
    level: int
    constant_epochs: int
    decay_epochs: int = 0
    adversarial: bool = True
    finest_only: bool = False

    @property
    def epochs(self):
        return self.constant_epochs + self.decay_epochs


@dataclasses.dataclass(frozen=True)
class Position:
    """How far a run has come: `step` steps of stage number `stage`, `total` steps of all stages together."""

    stage: int = 0
    step: int = 0
    total: int = 0


def plan_stages(levels, enhancer_epochs, adversarial=True, first_level=0):
    """All stages, coarse to fine: for each level a warm start, for enhancers training alone, then everything together.

    Args:
        levels: List of `(warm_start_epochs, constant_epochs, decay_epochs)`, one for each level.
        enhancer_epochs: Integer, epochs in which each new enhancer trains alone.
        adversarial: Boolean, whether there is a discriminator at all.
        first_level: Integer: earlier levels are trained already.

    Returns:
        List of `Stage`, none of which is empty.
    """
    stages = []
    for level, (warm_start, constant, decay) in list(enumerate(levels))[first_level:]:
        part, grown = f"G{level + 1}", level > 0
        stages.append(Stage(f"{part} warm start", level, warm_start, adversarial=False, finest_only=grown))
        if grown:
            stages.append(Stage(f"{part} alone", level, enhancer_epochs, adversarial=adversarial, finest_only=True))
        stages.append(Stage(f"{part} together" if grown else part, level, constant, decay, adversarial))
    return [stage for stage in stages if stage.epochs]
