"""The networks, backend-neutral: generators, discriminators, the encoder, a segmenter."""

from hdsynth_tf.networks.coarse_to_fine import CoarseToFineGenerator, LocalEnhancer
from hdsynth_tf.networks.discriminators import MultiScaleDiscriminator, PatchDiscriminator
from hdsynth_tf.networks.encoder import FeatureEncoder, InstanceAveragePooling
from hdsynth_tf.networks.generators import GlobalGenerator, UNetGenerator
from hdsynth_tf.networks.input_features import InputFeatures
from hdsynth_tf.networks.pool import ImagePool
from hdsynth_tf.networks.projected_discriminator import ProjectedDiscriminator
from hdsynth_tf.networks.refinement import RefinementGenerator
from hdsynth_tf.networks.segmentation import SegmentationUNet
from hdsynth_tf.networks.segmentation_discriminator import SegmentationDiscriminator
from hdsynth_tf.networks.styles import StyleBank

__all__ = [
    "CoarseToFineGenerator",
    "FeatureEncoder",
    "GlobalGenerator",
    "ImagePool",
    "InputFeatures",
    "InstanceAveragePooling",
    "LocalEnhancer",
    "MultiScaleDiscriminator",
    "PatchDiscriminator",
    "ProjectedDiscriminator",
    "RefinementGenerator",
    "SegmentationDiscriminator",
    "SegmentationUNet",
    "StyleBank",
    "UNetGenerator",
]
