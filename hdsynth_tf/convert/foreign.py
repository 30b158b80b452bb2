"""What models have that the released PyTorch codes, pix2pixHD's and CycleGAN's, do not."""

from hdsynth_tf.model import CycleGAN
from hdsynth_tf.networks import CoarseToFineGenerator, GlobalGenerator, MultiScaleDiscriminator


def foreign_to_released(model):
    """Features of a model that the code that it would be written for does not have, in words; empty if there are none.

    Args:
        model: `Pix2PixHD`, for pix2pixHD's code, or `CycleGAN`, for CycleGAN's.
    """
    if isinstance(model, CycleGAN):
        return next(filter(None, _foreign_to_cyclegan(model)), "")
    return (
        _foreign_networks(model.inference_generator, model.encoder)
        or _foreign_pictures(model.conditioning, (3,))
        or _foreign_discriminator(model.discriminator)
    )


def _foreign_to_cyclegan(model):
    for direction in (model.ab, model.ba):
        yield _foreign_networks(direction.inference_generator)
        yield _foreign_pictures(direction.conditioning, (1, 3))
        if direction.inference_generator.num_downsamples != 2:
            yield "a generator with another number of halvings than 2 (--num_downsamples=2 is CycleGAN's)"
    for patch in filter(None, (model.discriminator_a, model.discriminator_b)):
        if patch.norm != "instance":
            yield "a discriminator without instance norm (--discriminator_norm=instance is CycleGAN's)"
        if patch.pad != 1 or max(group.conv.filters for group in patch.groups) > 8 * patch.num_filters:
            yield "a discriminator padded otherwise, or of more than 8 times the filters of its first convolution"


def _foreign_networks(generator, encoder=None):
    if not isinstance(generator, (GlobalGenerator, CoarseToFineGenerator)):
        return f"a generator called {type(generator).__name__}"
    base = generator if isinstance(generator, GlobalGenerator) else generator.global_generator
    if not base.num_residual_blocks:
        return "a global generator without residual blocks"
    if base.norm != "instance":
        return "a generator without instance norm, such as one whose batch norm is a part of its convolutions"
    parts = [base, *getattr(generator, "enhancers", []), *([encoder] if encoder is not None else [])]
    if any(part.upsampling != "transposed" for part in parts):
        return "nearest-neighbour upsampling (--upsampling=transposed is the released code's)"
    if any(part.padding != "zero" for part in parts):
        return "reflected borders in strided convolutions (--padding=zero is the released code's)"
    if any(getattr(part, "skip_connections", False) for part in parts):
        return "skip connections (--noskip_connections is the released code's)"
    if base.input_features is not None:
        return "features of a pretrained network (--noinput_features is the released code's)"
    return "tone adjustment (--notone is the released code's)" if generator.tone is not None else ""


def _foreign_pictures(conditioning, channels):
    """`channels`: those that images to read or make may have."""
    if "source" in conditioning.input_formats and (
        conditioning.channels_in not in channels
        or tuple(conditioning.value_range) != (0, 255)
        or conditioning.percentiles
    ):
        return "an input other than label maps or 8-bit RGB images"
    if conditioning.image_channels not in channels or conditioning.image_dtype != "uint8":
        return "an image other than RGB to make"
    return "a row channel (--norow_channel is the released code's)" if conditioning.row_channel else ""


def _foreign_discriminator(discriminator):
    if not isinstance(discriminator, MultiScaleDiscriminator | None):
        return "another discriminator than of patches (--discriminator=patch is the released code's)"
    if discriminator is not None and discriminator.norm != "instance":
        return "a discriminator without instance norm (--discriminator_norm=instance is the released code's)"
    return ""
