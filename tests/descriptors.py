"""One row for every class that a saved model can consist of; the conformance tests run over all of them."""

import dataclasses
from collections.abc import Callable

import keras

from hdsynth_tf.losses import (
    ContentLoss,
    DecibelLoss,
    DistanceLoss,
    FeatureMatchingLoss,
    GradientLoss,
    HingeLoss,
    LeastSquaresLoss,
    LogisticLoss,
    PerceptualLoss,
    PyramidLoss,
    SegmentationLoss,
)
from hdsynth_tf.networks import (
    CoarseToFineGenerator,
    FeatureEncoder,
    GlobalGenerator,
    InputFeatures,
    InstanceAveragePooling,
    LocalEnhancer,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    ProjectedDiscriminator,
    RefinementGenerator,
    SegmentationDiscriminator,
    SegmentationUNet,
    StyleBank,
    UNetGenerator,
)
from hdsynth_tf.networks.layers import (
    ConvBlock,
    DropFirst,
    HalveImage,
    Padding2D,
    ResidualBlock,
    UpsampleBlock,
)
from hdsynth_tf.networks.normalization import InstanceNormalization, LayerNormalization
from hdsynth_tf.networks.refinement import RefinementModule
from hdsynth_tf.networks.segmentation_discriminator import DoublingBlock, HalvingBlock
from hdsynth_tf.networks.tone import ToneAdjustment, ToneModulation
from hdsynth_tf.pretrained import EfficientNetLite0Features
from hdsynth_tf.pretrained.chain import ToVGGInput
from pipelines.conditioning import ImageConditioning, SemanticConditioning

IDS, SEED, CHOICE, TONE = "ids", "seed", "choice", "tone"


@dataclasses.dataclass(frozen=True)
class Row:
    """How to make a layer, what it reads, and how the output's size follows from the input's."""

    name: str
    create: Callable  # keyword arguments, such as dtype -> layer
    channels: object  # of the input (height, width, channels); a tuple for several inputs; a dict for conditionings;
    # IDS for a map of ids, SEED and CHOICE for a number a sample, TONE for twelve
    output_channels: object  # a number, or a list of lists of them
    size: Callable = int  # of the output, from the input's height or width
    float32: bool = False  # whether its output is float32 under any policy


def down(length):
    return length // 2 + 1


def coarse_to_fine(filters, name=None, dtype=None, tone_channels=0, num_images=1, **options):
    """A narrow coarse-to-fine generator with enhancers of so many filters."""
    options["dtype"] = dtype
    base = GlobalGenerator(2 * filters[0], 2, 1, makes_image=False, tone_numbers=12 if tone_channels else 0, **options)
    enhancers = [LocalEnhancer(width, 1, name=f"enhancer_{i}", **options) for i, width in enumerate(filters)]
    return CoarseToFineGenerator(
        base, enhancers, tone_channels=tone_channels, num_images=num_images, name=name, dtype=dtype
    )


def eyes(strides, **options):
    """An EfficientNet-Lite0 of zeros that sees as far."""
    return EfficientNetLite0Features(None, strides, **options)


def filled_style_bank(**options):
    bank = StyleBank(4, 2, 3, **options)
    bank.fill({0: [[0.5, -0.5]], 2: [[0.25, 0.25], [0.75, -1.0], [-0.5, 0.5]]})
    return bank


LAYERS = [
    Row("Padding2D reflect", lambda **kw: Padding2D(3, **kw), 2, 2, lambda n: n + 6),
    Row("Padding2D zero", lambda **kw: Padding2D(1, "zero", **kw), 2, 2, lambda n: n + 2),
    Row("ConvBlock", lambda **kw: ConvBlock(5, 3, strides=2, pad=1, **kw), 3, 5, lambda n: (n - 1) // 2 + 1),
    Row("ConvBlock spectral", lambda **kw: ConvBlock(5, 4, pad=2, norm="spectral", **kw), 3, 5, lambda n: n + 1),
    Row("InstanceNormalization", lambda **kw: InstanceNormalization(**kw), 3, 3),
    Row("LayerNormalization", lambda **kw: LayerNormalization(**kw), 3, 3),
    Row("RefinementModule", lambda **kw: RefinementModule(4, **kw), 5, 4),
    Row("ResidualBlock", lambda **kw: ResidualBlock(4, **kw), 4, 4),
    Row("UpsampleBlock transposed", lambda **kw: UpsampleBlock(3, **kw), 6, 3, lambda n: 2 * n),
    Row("UpsampleBlock nearest", lambda **kw: UpsampleBlock(3, "nearest", **kw), 6, 3, lambda n: 2 * n),
    Row("HalvingBlock", lambda **kw: HalvingBlock(4, **kw), 4, 4, lambda n: n // 2),
    Row("HalvingBlock of images", lambda **kw: HalvingBlock(4, activates_input=False, **kw), 3, 4, lambda n: n // 2),
    Row("DoublingBlock", lambda **kw: DoublingBlock(3, **kw), 6, 3, lambda n: 2 * n),
    Row("DropFirst", lambda **kw: DropFirst(**kw), 3, 3, lambda n: n - 1),
    Row("HalveImage", lambda **kw: HalveImage(**kw), 3, 3, lambda n: (n + 1) // 2),
    Row("InstanceAveragePooling", lambda **kw: InstanceAveragePooling(**kw), (3, IDS), 3, float32=True),
    Row("ToneAdjustment", lambda **kw: ToneAdjustment(8, **kw), (3, TONE), 3, float32=True),
    Row(
        "ToneAdjustment of many", lambda **kw: ToneAdjustment(8, num_images=3, **kw), (3, TONE, CHOICE), 3, float32=True
    ),
    Row("ToneModulation", lambda **kw: ToneModulation(**kw), (3, TONE), 3),
    Row("InputFeatures", lambda **kw: InputFeatures(eyes((2, 4, 8), **kw), (4, 6), **kw), 2, [4, 6]),
    Row("StyleBank", filled_style_bank, (IDS, IDS, SEED), 2, float32=True),
    Row("ToVGGInput", lambda **kw: ToVGGInput(**kw), 3, 3),
    Row("ToVGGInput torchvision", lambda **kw: ToVGGInput("torchvision", **kw), 1, 3),
]
NETWORKS = [
    Row("GlobalGenerator", lambda **kw: GlobalGenerator(4, 2, 2, **kw), 5, 3),
    Row(
        "GlobalGenerator better",
        lambda **kw: GlobalGenerator(
            4,
            3,
            1,
            1,
            upsampling="nearest",
            padding="reflect",
            skip_connections=True,
            tone_channels=5,
            tone_numbers=4,
            kernel_initializer="he_normal",
            **kw,
        ),
        5,
        1,
    ),
    Row(
        "GlobalGenerator with input features",
        lambda **kw: GlobalGenerator(
            4, 2, 1, tone_channels=1, input_features=InputFeatures(eyes((2,), **kw), (8,), **kw), **kw
        ),
        5,
        3,
    ),
    Row("FeatureEncoder", lambda **kw: FeatureEncoder(2, 4, 2, **kw), (3, IDS), 2),
    Row("FeatureEncoder, grown", lambda **kw: FeatureEncoder(2, 4, 1, num_halvings=1, **kw), (3, IDS), 2),
    Row("UNetGenerator", lambda **kw: UNetGenerator(4, 4, **kw), 5, 3),
    Row("GlobalGenerator without norms", lambda **kw: GlobalGenerator(4, 1, 1, norm=None, **kw), 5, 3),
    Row("UNetGenerator without norms", lambda **kw: UNetGenerator(4, 2, norm=None, **kw), 5, 3),
    Row("RefinementGenerator", lambda **kw: RefinementGenerator((8, 6, 4), **kw), 5, 3),
    Row("RefinementGenerator of many", lambda **kw: RefinementGenerator((4, 4), 1, num_images=3, **kw), (5, CHOICE), 1),
    Row("CoarseToFineGenerator one", lambda **kw: coarse_to_fine([2], **kw), 5, 3),
    Row(
        "CoarseToFineGenerator two",
        lambda **kw: coarse_to_fine(
            [2, 1], upsampling="nearest", padding="reflect", skip_connections=True, tone_channels=2, num_images=2, **kw
        ),
        (5, CHOICE),
        3,
    ),
]
DISCRIMINATORS = [
    Row("PatchDiscriminator of pix2pix", lambda **kw: PatchDiscriminator(4, 2, pad=1, **kw), 5, [4, 8, 16, 1]),
    Row("PatchDiscriminator", lambda **kw: PatchDiscriminator(4, 2, **kw), 5, [4, 8, 16, 1]),
    Row(
        "MultiScaleDiscriminator",
        lambda **kw: MultiScaleDiscriminator(2, 4, 1, norm="spectral", **kw),
        (5, 3),
        [[4, 8, 1], [4, 8, 1]],
    ),
    Row(
        "MultiScaleDiscriminator of pix2pix",
        lambda **kw: MultiScaleDiscriminator(1, 4, 1, pad=1, **kw),
        (5, 3),
        [[4, 8, 1]],
    ),
    Row(
        "ProjectedDiscriminator",
        lambda **kw: ProjectedDiscriminator(eyes((4, 8), **kw), 4, **kw),
        (5, 3),
        [[24, 1], [40, 1]],
    ),
    Row("SegmentationDiscriminator", lambda **kw: SegmentationDiscriminator(5, 2, 3, (8, 16), **kw), 3, [[4, 4, 8, 6]]),
]
SEGMENTERS = [
    Row("SegmentationUNet", lambda **kw: SegmentationUNet(5, 4, 2, list("abcde"), (24, 32), **kw), 3, 5, float32=True),
]
CONDITIONINGS = [
    Row(
        "SemanticConditioning",
        lambda **kw: SemanticConditioning(4, dont_care=(255,), class_names=list("abcd"), row_channel=True, **kw),
        {"label_map": (), "instance_map": ()},
        6,
    ),
    Row("SemanticConditioning plain", lambda **kw: SemanticConditioning(4, boundary=False, **kw), {"label_map": ()}, 4),
    Row(
        "ImageConditioning",
        lambda **kw: ImageConditioning(1, (0, 65535), row_channel=True, **kw),
        {"source": (1,)},
        2,
    ),
]


def tiny_features():
    """A small stand-in for VGG19: two features."""
    image = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(2, 3, name="first")(image)
    return keras.Model(image, [first, keras.layers.Conv2D(2, 3, strides=2, name="second")(first)])


@keras.saving.register_keras_serializable(package="tests")
class OfPairs(keras.Model):
    """A small stand-in for LPIPS: the mean absolute difference of a network's last features."""

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network

    def call(self, a, b):
        return keras.ops.mean(keras.ops.abs(self.network(a)[-1] - self.network(b)[-1]), axis=(1, 2, 3))

    def get_config(self):
        return {**super().get_config(), "network": keras.saving.serialize_keras_object(self.network)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "network": keras.saving.deserialize_keras_object(config["network"])})


LOSSES = {
    "LeastSquaresLoss": LeastSquaresLoss,
    "HingeLoss": HingeLoss,
    "LogisticLoss": LogisticLoss,
    "FeatureMatchingLoss": lambda: FeatureMatchingLoss(relative=True),
    "PerceptualLoss": lambda: PerceptualLoss(tiny_features(), (0.5, 1.0)),
    "ContentLoss": lambda: ContentLoss(tiny_features(), (1.0, 0.5), by_class=True),
    "DistanceLoss": lambda: DistanceLoss(OfPairs(tiny_features()), shifts=4),
    "PyramidLoss": lambda: PyramidLoss(3),
    "DecibelLoss": lambda: DecibelLoss(),
    "SegmentationLoss": lambda: SegmentationLoss(5.0),
    "GradientLoss": lambda: GradientLoss(2, (1, 3)),
}
TESTED_ELSEWHERE = {
    "Adam",
    "AlexNetFeatures",
    "CycleGAN",
    "EfficientNetLite0Features",
    "FIDInception",
    "Hastened",
    "ImagePool",
    "LinearDecay",
    "LocalEnhancer",
    "LPIPS",
    "Pix2PixHD",
    "SegmenterFeatures",
    "Term",
    "VGG16Features",
    "VGG19Features",
}
