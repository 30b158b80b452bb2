"""The networks, backend-neutral: generators, discriminators, and the VGG19 features of the perceptual loss."""

from hdsynth_tf.networks.coarse_to_fine import CoarseToFineGenerator, LocalEnhancer
from hdsynth_tf.networks.discriminators import MultiScaleDiscriminator, PatchDiscriminator
from hdsynth_tf.networks.generators import GlobalGenerator, UNetGenerator
from hdsynth_tf.networks.vgg import VGG19Features

__all__ = [
    "CoarseToFineGenerator",
    "GlobalGenerator",
    "LocalEnhancer",
    "MultiScaleDiscriminator",
    "PatchDiscriminator",
    "UNetGenerator",
    "VGG19Features",
]
