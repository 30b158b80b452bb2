"""Adversarial losses on patch scores. Each class is its paper's formula, summed over scales as the released code does.

Scores are lists, one tensor `(batch, height_k, width_k, 1)` for each scale of the discriminator, finest first. Losses
come back as `(batch,)` float32: the model takes the mean, so that it does not depend on how a batch is spread over
devices.
"""

import keras
from keras import ops

from hdsynth_tf.networks.precision import widen

PACKAGE = "hdsynth_tf"


def per_sample_mean(x):
    """Mean of everything but the batch: `(batch, ...)` -> `(batch,)`, in float32."""
    return ops.mean(ops.reshape(widen(x), (ops.shape(x)[0], -1)), axis=1)


class AdversarialLoss:
    """Base class. Subclasses define the loss of a score: `real_cost`, `fake_cost` and `generator_cost`.

    Attributes:
        verdict: String, what it reads of a discriminator, see `networks.discriminators.Discriminator`.
        discriminator_weights: Dict: names of the discriminator's terms, in their order -> their weights in its loss.
    """

    verdict = "scores"

    @property
    def discriminator_weights(self):
        return {"discriminator_real": 1.0, "discriminator_fake": 1.0}

    def discriminator_terms(self, real_scores, fake_scores):
        """Discriminator loss, equation 3: a pair `(real, fake)` of `(batch,)` float32."""
        real = sum(per_sample_mean(self.real_cost(widen(score))) for score in real_scores)
        fake = sum(per_sample_mean(self.fake_cost(widen(score))) for score in fake_scores)
        return real, fake

    def generator_term(self, fake_scores):
        """Generator loss: `(batch,)` float32."""
        return sum(per_sample_mean(self.generator_cost(widen(score))) for score in fake_scores)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package=PACKAGE)
class LeastSquaresLoss(AdversarialLoss):
    """`(D(x) - 1)^2 + D(G(s))^2` against `(D(G(s)) - 1)^2`: LSGAN, the released code's choice."""

    def real_cost(self, score):
        return ops.square(score - 1)

    def fake_cost(self, score):
        return ops.square(score)

    generator_cost = real_cost


@keras.saving.register_keras_serializable(package=PACKAGE)
class HingeLoss(AdversarialLoss):
    """`max(0, 1 - D(x)) + max(0, 1 + D(G(s)))` against `-D(G(s))`."""

    def real_cost(self, score):
        return ops.relu(1 - score)

    def fake_cost(self, score):
        return ops.relu(1 + score)

    def generator_cost(self, score):
        return -score


@keras.saving.register_keras_serializable(package=PACKAGE)
class LogisticLoss(AdversarialLoss):
    """`-log s(D(x)) - log(1 - s(D(G(s))))` against `-log s(D(G(s)))`, s the sigmoid: pix2pix's, on logits."""

    def real_cost(self, score):
        return ops.softplus(-score)

    def fake_cost(self, score):
        return ops.softplus(score)

    generator_cost = real_cost


ADVERSARIAL_LOSSES = {"least_squares": LeastSquaresLoss, "hinge": HingeLoss, "logistic": LogisticLoss}
