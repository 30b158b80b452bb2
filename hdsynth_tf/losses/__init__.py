"""What the networks minimise. Backend-neutral; networks are passed in."""

from hdsynth_tf.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, HingeLoss, LeastSquaresLoss, LogisticLoss
from hdsynth_tf.losses.reconstruction import FeatureMatchingLoss, PerceptualLoss, PyramidLoss

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "FeatureMatchingLoss",
    "HingeLoss",
    "LeastSquaresLoss",
    "LogisticLoss",
    "PerceptualLoss",
    "PyramidLoss",
]
