"""Loss functions. Backend-neutral; networks are passed in."""

from hdsynth_tf.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    HingeLoss,
    LeastSquaresLoss,
    LogisticLoss,
)
from hdsynth_tf.losses.content import ContentLoss
from hdsynth_tf.losses.reconstruction import (
    DecibelLoss,
    DistanceLoss,
    FeatureMatchingLoss,
    GradientLoss,
    PerceptualLoss,
    PyramidLoss,
)
from hdsynth_tf.losses.segmentation import SegmentationLoss

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "ContentLoss",
    "DecibelLoss",
    "DistanceLoss",
    "FeatureMatchingLoss",
    "GradientLoss",
    "HingeLoss",
    "LeastSquaresLoss",
    "LogisticLoss",
    "PerceptualLoss",
    "PyramidLoss",
    "SegmentationLoss",
]
