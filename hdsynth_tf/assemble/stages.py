"""The order of training: stages, each with its own losses, rates and length."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training: what trains, on which losses, for how long. One `compile`, one `fit`.

    Attributes:
        name: String: "G1 warm start", "G1", "G1 rescaled", "G2 warm start", "G2 alone", "G2 together", ...
        level: Integer: 0 the global generator, 1 the first enhancer around it, ...
        constant_epochs, decay_epochs: Integers: epochs at the full rate, and epochs over which it falls to 0.
        adversarial: Boolean, whether the discriminator takes part. Without it: the pixel and perceptual terms.
        finest_only: Boolean, whether of the generator and the encoder the newest enhancer alone trains.
        rescaled: Boolean, whether the scales of the content loss are measured at its beginning.
    """

    name: str
    level: int
    constant_epochs: int
    decay_epochs: int = 0
    adversarial: bool = True
    finest_only: bool = False
    rescaled: bool = False

    @property
    def epochs(self):
        return self.constant_epochs + self.decay_epochs


def plan_stages(levels, enhancer_epochs, adversarial=True, first_level=0, rescale_epochs=0):
    """All stages, coarse to fine: for each level a warm start, for enhancers training alone, then everything together.

    Args:
        levels: List of `(warm_start_epochs, constant_epochs, decay_epochs)`, one for each level.
        enhancer_epochs: Integer, epochs in which each new enhancer trains alone.
        adversarial: Boolean, whether there is a discriminator at all.
        first_level: Integer: earlier levels are trained already.
        rescale_epochs: Integer, epochs of everything together after which the content loss gets other scales; 0: none.

    Returns:
        List of `Stage`, none of which is empty.
    """
    stages = []
    for level, (warm_start, constant, decay) in list(enumerate(levels))[first_level:]:
        part, grown = f"G{level + 1}", level > 0
        stages.append(Stage(f"{part} warm start", level, warm_start, adversarial=False, finest_only=grown))
        if grown:
            stages.append(Stage(f"{part} alone", level, enhancer_epochs, adversarial=adversarial, finest_only=True))
        name = f"{part} together" if grown else part
        if rescale_epochs:
            stages.append(Stage(name, level, rescale_epochs, adversarial=adversarial))
            name = f"{name} rescaled"
        rest = constant - rescale_epochs
        stages.append(Stage(name, level, rest, decay, adversarial, rescaled=bool(rescale_epochs)))
    return [stage for stage in stages if stage.epochs]
