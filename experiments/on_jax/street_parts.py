"""The networks of the preset of toy_street."""

from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator
from pipelines.conditioning import SemanticConditioning

CLASS_NAMES = ("sky", "building", "vegetation", "road", "sidewalk", "lane marking", "car", "person", "pole", "sign")
CLASS_COLORS = (
    (70, 130, 180), (120, 120, 130), (107, 142, 35), (128, 64, 128), (244, 35, 232),
    (255, 255, 255), (0, 0, 142), (220, 20, 60), (60, 60, 60), (220, 220, 0),
)  # fmt: skip


def make_parts():
    """The conditioning, the generator and the encoder, built: 4.5 million weights."""
    conditioning = SemanticConditioning(10, row_channel=True, class_names=CLASS_NAMES, class_colors=CLASS_COLORS)
    common = dict(upsampling="nearest", padding="reflect")
    generator = GlobalGenerator(24, 3, 6, skip_connections=True, **common)
    encoder = FeatureEncoder(3, 16, 2, **common)
    generator.build((None, None, None, conditioning.channels + encoder.feature_channels))
    encoder.build((None, None, None, 3))
    return conditioning, generator, encoder
