"""The networks of the preset of toy_street."""

from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator
from pipelines.conditioning import SemanticConditioning


def make_parts(**tables):
    """The conditioning, the generator and the encoder, built: 4.5 million weights. `tables`: of the conditioning."""
    conditioning = SemanticConditioning(10, row_channel=True, **tables)
    common = dict(upsampling="nearest", padding="reflect")
    generator = GlobalGenerator(24, 3, 6, skip_connections=True, **common)
    encoder = FeatureEncoder(3, 16, 2, **common)
    generator.build((None, None, None, conditioning.channels + encoder.feature_channels))
    encoder.build((None, None, None, 3))
    return conditioning, generator, encoder
