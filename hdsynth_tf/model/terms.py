"""Loss terms of a training step: named, weighted, and checked against one another."""

import functools

import keras
from keras import ops

from hdsynth_tf.losses import ADVERSARIAL_LOSSES, AdversarialLoss, ContentLoss, FeatureMatchingLoss
from hdsynth_tf.model.one_by_one import after, with_gradient
from hdsynth_tf.networks.precision import widen

FORMER_TERMS = {"adversarial": 1.0, "feature_matching": 10.0, "perceptual": 10.0, "pixel": 10.0, "gradient": 1.0}
TOTAL = "loss"  # of all terms, in the logs


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class Term:
    """A summand of the generator's loss, equation 5 of the paper.

    Args:
        name: String, in the logs.
        loss: `losses.AdversarialLoss` or its name in `losses.ADVERSARIAL_LOSSES`: the discriminator trains, too, on its
            own side of it. `losses.FeatureMatchingLoss`: compares the discriminator's activations. Any other
            `keras.losses.Loss`: compares the real with the fake image, `(batch, height, width, channels)` float32 in
            [-1, 1]; `losses.ContentLoss(by_class=True)` class by class of the label map.
        weight: Float.

    Raises:
        ValueError: If `loss` is a name that is not known, or `name` begins as the discriminator's terms do.
    """

    def __init__(self, name, loss, weight=1.0):
        if isinstance(loss, str) and loss not in ADVERSARIAL_LOSSES:
            raise ValueError(
                f"`loss` should be a loss, or one of {sorted(ADVERSARIAL_LOSSES)}. Received: loss={loss!r}"
            )
        if name.startswith("discriminator_") or name == TOTAL:
            raise ValueError(
                f"`name` should be another one: so the discriminator's terms or their sum are called. Received: {name}"
            )
        self.name = name
        self.loss = ADVERSARIAL_LOSSES[loss]() if isinstance(loss, str) else loss
        self.weight = weight

    @property
    def is_adversarial(self):
        return isinstance(self.loss, AdversarialLoss)

    @property
    def compares_activations(self):
        return isinstance(self.loss, FeatureMatchingLoss)

    @property
    def reads_judgement(self):
        return self.is_adversarial or self.compares_activations

    @property
    def reads_classes(self):
        return isinstance(self.loss, ContentLoss) and self.loss.by_class

    def get_config(self):
        return {"name": self.name, "loss": keras.saving.serialize_keras_object(self.loss), "weight": self.weight}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def check_terms(terms, discriminator):
    """Raises `ValueError` unless terms can be trained on together.

    Args:
        terms: List of `Term`.
        discriminator: `Discriminator` that has an optimizer, or `None`.
    """
    names = [term.name for term in terms]
    if not terms or len(set(names)) < len(names):
        raise ValueError(f"`terms` should be one `Term` or more, each of another name. Received: {names}")
    adversarial = [term.loss for term in terms if term.is_adversarial]
    if len(adversarial) > 1:
        raise ValueError(f"`terms` should have one adversarial term at most. Received: {names}")
    if adversarial and discriminator is None:
        raise ValueError("An adversarial term needs a model with a discriminator, and `discriminator_optimizer`.")
    if adversarial and adversarial[0].verdict != discriminator.verdict:
        raise ValueError(
            f"{type(adversarial[0]).__name__} reads {adversarial[0].verdict}, which a {type(discriminator).__name__} "
            f"does not tell: it tells {discriminator.verdict}. `SegmentationLoss` is for the "
            "`SegmentationDiscriminator`, the other adversarial losses for those that tell scores."
        )
    if not adversarial and any(term.compares_activations for term in terms):
        raise ValueError(
            "A feature matching term compares the discriminator's activations: it needs an adversarial one."
        )


def compute_terms(terms, images, judge=None, classes=None, one_by_one=False):
    """The values of the terms and, with an adversarial one, of the discriminator's.

    Args:
        terms: List of `Term`.
        images: Pair (real, fake) of `(batch, height, width, channels)` float32 in [-1, 1].
        judge: Function of both images: dict of what `Discriminator.judge` tells. `None` without adversarial term.
        classes: One-hot label map `(batch, height, width, classes)`, or `None` where no term reads it.
        one_by_one: Boolean. If true, the terms that compare images come with their gradients, see `one_by_one`, and
            the discriminator after them: less memory, the same values.

    Returns:
        Dict: name -> `(batch,)` float32, not weighted.
    """
    real, fake = images
    values = {}
    for term in terms:
        if not term.reads_judgement:
            compute = functools.partial(_compare, term, (real, classes) if term.reads_classes else real)
            values[term.name] = (with_gradient(compute) if one_by_one else compute)(fake)
            if one_by_one:
                (fake,) = after([fake], [values[term.name]])
    return values | (judged_terms(terms, judge(real, fake)) if judge else {})


def _compare(term, real, fake):
    return per_sample(term.loss.call(real, fake), term.name)


def judged_terms(terms, judgement):
    """The values of the terms that read what the discriminator told, see `compute_terms`."""
    values = {}
    for term in terms:
        if term.is_adversarial:
            values |= adversarial_values(term, **judgement)
        elif term.compares_activations:
            values[term.name] = term.loss.call(judgement["real"], judgement["fake"])
    return {name: per_sample(value, name) for name, value in values.items()}


def adversarial_values(term, real, fake, **others):
    """Both sides of an adversarial term. `real`, `fake`, `others`: see `Discriminator.judge`."""
    real_scores, fake_scores = ([scale[-1] for scale in scales] for scales in (real, fake))
    of_discriminator = term.loss.discriminator_terms(real_scores, fake_scores, **others)
    return {
        term.name: term.loss.generator_term(fake_scores, **others),
        **dict(zip(term.loss.discriminator_weights, of_discriminator, strict=True)),
    }


def per_sample(value, name):
    """`(batch, ...)`, as any loss returns it -> its means `(batch,)` in float32: what Keras scales over replicas."""
    value = widen(value)
    if len(value.shape) == 0:
        raise ValueError(
            f"The loss of the term {name} should return a value for each sample, (batch,) or (batch, ...): the mean of "
            "a batch would count otherwise on several devices. Received: one number"
        )
    return ops.mean(value, axis=tuple(range(1, len(value.shape)))) if len(value.shape) > 1 else value


def weighted_sum(values, weights):
    """The sum of terms by their weights, `(batch,)`. `values`, `weights`: dicts of name -> `(batch,)` and floats."""
    return sum(weight * values[name] for name, weight in weights.items())


def pop_former_terms(arguments):
    """Takes the losses and weights of earlier versions, an argument each, out of a dict of compile arguments.

    Returns:
        List of `Term`.
    """
    losses = {name: arguments.pop(f"{name}_loss", None) for name in FORMER_TERMS}
    weights = {name: arguments.pop(f"{name}_weight", weight) for name, weight in FORMER_TERMS.items()}
    return [Term(name, loss, weights[name]) for name, loss in losses.items() if loss is not None]
