"""Settings -> a discriminator, and the adversarial loss that goes with it."""

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.losses import ADVERSARIAL_LOSSES, SegmentationLoss
from hdsynth_tf.networks import MultiScaleDiscriminator, ProjectedDiscriminator, SegmentationDiscriminator
from hdsynth_tf.networks.generators import RELEASED_INITIALIZER
from hdsynth_tf.pretrained import EfficientNetLite0Features

STRIDES = (4, 8, 16, 32)  # of the features that a projected discriminator sees


def build_discriminator(networks, source, dtype):
    """The discriminator for scenes such as `source`'s; see `NetworkSettings`.

    Raises:
        SettingsError: If it needs label maps, and there are none.
        WeightsError: If it needs a pretrained network whose weights cannot be had.
    """
    return BUILDERS[networks.discriminator](networks, source, dtype)


def adversarial_loss(networks, losses):
    """Its `AdversarialLoss`."""
    if networks.discriminator == "segmentation":
        return SegmentationLoss(losses.label_mix_weight)
    return ADVERSARIAL_LOSSES[losses.adversarial_loss]()


def _patch(networks, source, dtype):
    return MultiScaleDiscriminator(
        networks.num_scales,
        networks.discriminator_filters,
        networks.discriminator_layers,
        networks.discriminator_norm,
        kernel_initializer="he_normal" if networks.discriminator_norm == "spectral" else RELEASED_INITIALIZER,
        dtype=dtype,
    )


def _segmentation(networks, source, dtype):
    if "label_map" not in source.formats:
        raise SettingsError(
            "--discriminator=segmentation finds the classes of label maps, and the data have none: take "
            "--discriminator=patch."
        )
    return SegmentationDiscriminator(
        source.num_classes,
        networks.discriminator_filters,
        2 * networks.discriminator_layers,
        networks.discriminator_window if all(networks.discriminator_window) else None,
        dtype=dtype,
    )


def _projected(networks, source, dtype):
    features = EfficientNetLite0Features.to_keep(STRIDES, dtype)
    return ProjectedDiscriminator(features, networks.discriminator_filters, dtype=dtype)


BUILDERS = {"patch": _patch, "segmentation": _segmentation, "projected": _projected}
