"""Settings -> the perceptual loss, with the pretrained network it compares by."""

from hdsynth_tf.config.settings import SettingsError, values
from hdsynth_tf.losses import ContentLoss, DistanceLoss, PerceptualLoss
from hdsynth_tf.losses.content import SCALES_256P
from hdsynth_tf.pretrained import (
    LPIPS,
    AlexNetFeatures,
    EfficientNetLite0Features,
    SegmenterFeatures,
    VGG16Features,
    VGG19Features,
)
from hdsynth_tf.pretrained.lpips import SMALLEST
from hdsynth_tf.pretrained.vgg16 import SECOND_TAPS as VGG16_TAPS
from hdsynth_tf.pretrained.vgg19 import SECOND_TAPS as VGG19_TAPS

FEATURES = {"vgg19": VGG19Features, "vgg16": VGG16Features, "alex": AlexNetFeatures}
CONTENT_TAPS = {"vgg19": VGG19_TAPS, "vgg16": VGG16_TAPS}
SUM = 1.5  # of the weights of layers that count alike, about that of VGG's
STRIDE = {"alex": 4, "lpips_alex": 4, "efficientnet": 2}  # of the first convolution; VGG's is 1


def build_perceptual_loss(losses, dtype):
    """The perceptual loss of `LossSettings`. `dtype`: the networks' policy.

    Raises:
        WeightsError: If the network's weights cannot be had.
    """
    name, weights = losses.perceptual_network, losses.perceptual_source
    if name.startswith("lpips_"):
        network = LPIPS(name.removeprefix("lpips_"), weights, dtype=dtype)
        return DistanceLoss(network, STRIDE.get(name, 1), name="perceptual")
    if name == "efficientnet":
        features = EfficientNetLite0Features(weights, dtype=dtype)
    elif name == "segmenter":
        features = SegmenterFeatures(weights, dtype=dtype)
    else:
        features = FEATURES[name](weights, raw_input=losses.perceptual_input == "raw", dtype=dtype)
    count = features.num_features
    layer_weights = {} if name.startswith("vgg") else {"layer_weights": (SUM / count,) * count}
    return PerceptualLoss(features, relative=losses.relative_perceptual, shifts=STRIDE.get(name, 1), **layer_weights)


def build_content_loss(losses, dtype, by_class):
    """The content loss of `LossSettings`.

    Args:
        dtype: The networks' policy.
        by_class: Boolean, see `ContentLoss`.

    Raises:
        WeightsError: If the network's weights cannot be had.
    """
    name, raw_input = losses.perceptual_network, losses.perceptual_input == "raw"
    options = dict(taps=CONTENT_TAPS[name], raw_input=raw_input, average_pooling=True, with_input=True, dtype=dtype)
    features = FEATURES[name](losses.perceptual_source, **options)
    return ContentLoss(features, losses.content_scales or SCALES_256P, by_class)


def check_diverse(networks, losses, source):
    """Raises `SettingsError` where several images of one input are asked for that cannot be learnt."""
    if networks.num_tones > len(source):
        raise SettingsError(
            f"--num_tones needs as many scenes, whose light it learns. Received: {networks.num_tones}, of {len(source)}"
        )
    if networks.num_diverse_images == 1:
        return
    others = ("adversarial", "feature_matching", "pixel", "gradient")
    used = [f"--{name}_weight" for name in others if max(values(getattr(losses, f"{name}_weight")))]
    used += ["--perceptual_weight"] if losses.uses_perceptual else []
    if used or "label_map" not in source.formats:
        raise SettingsError(
            "--num_diverse_images needs label maps, and learns by the content loss alone, which knows several images "
            f"of one input. Received: {', '.join([*used, ' and '.join(source.formats)])}"
        )


def check_perceptual_size(levels, losses):
    """Raises `SettingsError` unless every level's pictures are large enough for the network."""
    if not losses.compares_features:
        return
    is_alex = losses.perceptual_network in ("alex", "lpips_alex")
    least = SMALLEST["alex"] + STRIDE["alex"] - 1 if is_alex else SMALLEST["vgg"]  # with what a shift cuts off
    for level in levels:
        if level.shortest_side < least:
            raise SettingsError(
                f"--perceptual={losses.perceptual_network} needs pictures of {least} pixels a side or more. "
                f"Received: {level.shortest_side}"
            )
