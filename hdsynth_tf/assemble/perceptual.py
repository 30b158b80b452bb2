"""Settings -> the perceptual loss, with the pretrained network it compares by."""

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.losses import DistanceLoss, PerceptualLoss
from hdsynth_tf.pretrained import LPIPS, AlexNetFeatures, EfficientNetLite0Features, VGG16Features, VGG19Features
from hdsynth_tf.pretrained.lpips import SMALLEST

FEATURES = {"vgg19": VGG19Features, "vgg16": VGG16Features, "alex": AlexNetFeatures}
ALL_ALIKE = {"layer_weights": (0.3,) * 5}  # with the sum of VGG's
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
    else:
        features = FEATURES[name](weights, raw_input=losses.perceptual_input == "raw", dtype=dtype)
    layer_weights = {} if name.startswith("vgg") else ALL_ALIKE
    return PerceptualLoss(features, relative=losses.relative_perceptual, shifts=STRIDE.get(name, 1), **layer_weights)


def check_perceptual_size(levels, losses):
    """Raises `SettingsError` unless every level's pictures are large enough for the network."""
    if not losses.uses_perceptual:
        return
    is_alex = losses.perceptual_network in ("alex", "lpips_alex")
    least = SMALLEST["alex"] + STRIDE["alex"] - 1 if is_alex else SMALLEST["vgg"]  # with what a shift cuts off
    for level in levels:
        if level.shortest_side < least:
            raise SettingsError(
                f"--perceptual={losses.perceptual_network} needs pictures of {least} pixels a side or more. "
                f"Received: {level.shortest_side}"
            )
