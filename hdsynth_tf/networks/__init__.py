"""The networks, backend-neutral: generators, discriminators, and the VGG19 features of the perceptual loss."""

from hdsynth_tf.networks.discriminators import MultiScaleDiscriminator, PatchDiscriminator
from hdsynth_tf.networks.generators import GlobalGenerator, UNetGenerator
from hdsynth_tf.networks.vgg import vgg19_features

__all__ = ["GlobalGenerator", "MultiScaleDiscriminator", "PatchDiscriminator", "UNetGenerator", "vgg19_features"]
