"""Settings -> conditioning, networks and the model, at any level."""

import dataclasses

from hdsynth_tf.assemble.data import size_setting
from hdsynth_tf.assemble.discriminators import build_discriminator
from hdsynth_tf.assemble.training import compile_arguments
from hdsynth_tf.assemble.windows import percentiles
from hdsynth_tf.config import settings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator, InputFeatures, RefinementGenerator, UNetGenerator
from hdsynth_tf.networks.tone import NUM_COSINES
from hdsynth_tf.pretrained import EfficientNetLite0Features
from hdsynth_tf.show.pictures import compare
from pipelines.conditioning import ImageConditioning, SemanticConditioning
from pipelines.source import PHOTOGRAPH

WINDOW_FLAGS = {
    "value_range": "--source_range",
    "percentiles": "--source_window and --source_percentiles",
    "image_range": "--target_range",
}
NETWORK_FLAGS = {
    "encoder": "--feature_channels, --encoder_filters and --encoder_downsamples",
    "generator": "--num_filters, --num_downsamples, ..., --row_channel",
}


def build_conditioning(data, networks, source, dtype):
    """The device half for scenes such as `source`'s."""
    (image_channels,), image_dtype = source.formats.get("image", PHOTOGRAPH)
    common = dict(
        image_size=size_setting(data, "image"),
        row_channel=networks.row_channel,
        image_channels=image_channels,
        image_dtype=image_dtype,
        image_range=data.target_range or _full_range(image_dtype, "target"),
        dtype=dtype,
    )
    if "label_map" in source.formats:
        return SemanticConditioning(
            source.num_classes,
            boundary="instance_map" in source.formats,
            dont_care=sorted({*source.dont_care, *data.dont_care}),
            class_names=source.class_names,
            class_colors=source.class_colors,
            **common,
        )
    (channels,), source_dtype = source.formats["source"]
    if shares := percentiles(data):
        return ImageConditioning(channels, percentiles=shares, **common)
    return ImageConditioning(channels, data.source_range or _full_range(source_dtype, "source"), **common)


def _full_range(dtype, what):
    """All that 8 bits hold."""
    if dtype != "uint8":
        raise SettingsError(f"Of {dtype} nobody knows which values matter: give --{what}_range=low,high.")
    return 0, 255


def build_model(data, networks, losses, training, source):
    """Conditioning, generator, discriminator and encoder for scenes such as `source`'s; not compiled."""
    conditioning = build_conditioning(data, networks, source, training.precision)
    generator = build_generator(networks, conditioning, training.precision)
    discriminator = None
    if losses.adversarial_weight:
        discriminator = build_discriminator(networks, source, training.precision)
    encoder = _build_encoder(networks, source, training.precision)
    return Pix2PixHD(conditioning, generator, discriminator, training.ema_momentum or None, encoder)


def with_blocks(networks, size):
    """Network settings whose number of residual blocks is known: where it is left open, the CycleGAN paper's.

    Args:
        networks: `NetworkSettings`.
        size: (height, width) at which the global generator trains.
    """
    if networks.num_residual_blocks >= 0:
        return networks
    return dataclasses.replace(networks, num_residual_blocks=9 if min(size) >= 256 else 6)


def build_generator(networks, conditioning, dtype):
    """The generator for what a conditioning makes."""
    image_channels = conditioning.image_channels
    if networks.generator == "unet":
        return UNetGenerator(networks.num_filters, networks.num_downsamples, image_channels, dtype=dtype)
    if networks.generator == "crn":
        return RefinementGenerator(
            networks.refinement_filters, image_channels, networks.num_diverse_images, dtype=dtype
        )
    channels = conditioning.channels - conditioning.row_channel
    return GlobalGenerator(
        networks.num_filters,
        networks.num_downsamples,
        networks.num_residual_blocks,
        image_channels,
        upsampling=networks.upsampling,
        padding=networks.padding,
        skip_connections=networks.skip_connections,
        tone_channels=channels if networks.tone else 0,
        tone_numbers=NUM_COSINES * image_channels if networks.tone else 0,
        num_images=networks.num_tones,
        input_features=_input_features(networks, conditioning, channels, dtype) if networks.input_features else None,
        dtype=dtype,
    )


def _input_features(networks, conditioning, channels, dtype):
    """What a pretrained network sees in input images."""
    if "source" not in conditioning.input_formats:
        raise SettingsError("--input_features sees photographs and thermal images, and the inputs are label maps.")
    filters = [networks.num_filters * 2**i for i in range(1, networks.num_downsamples + 1)]
    return InputFeatures(EfficientNetLite0Features.to_keep(dtype=dtype), filters, channels, dtype=dtype)


def _build_encoder(networks, source, dtype):
    if not networks.feature_channels:
        return None
    if "instance_map" not in source.formats:
        raise SettingsError("--feature_channels needs instance maps, whose objects' features the encoder finds.")
    return FeatureEncoder(
        networks.feature_channels,
        networks.encoder_filters,
        networks.encoder_downsamples,
        upsampling=networks.upsampling,
        padding=networks.padding,
        dtype=dtype,
    )


def check_inputs(model, source):
    """Raises `SettingsError` unless a source has what a model reads."""
    wanted = model.conditioning.input_formats
    missing = [name for name in wanted if name not in source.formats]
    if missing:
        raise SettingsError(f"The model reads {' and '.join(wanted)}; the data have no {' and no '.join(missing)}.")
    for name, (channels, _) in wanted.items():
        if channels != source.formats[name][0]:
            raise SettingsError(
                f"The model reads a {name} of {channels[0]} channel(s), as it was trained on; the data's has "
                f"{source.formats[name][0][0]}. Convert them, or name the right folder."
            )


def check_options(data, networks, training):
    """Raises `SettingsError` where settings of different groups contradict one another."""
    if networks.tone and (max(settings.values(data.crop_height)) or data.zoom):
        raise SettingsError(
            f"--tone reads how light a picture is from the whole input, which windows are not: leave out --crop_height "
            f"and --zoom. Received: crop_height={data.crop_height}, zoom={data.zoom}"
        )
    if training.rematerialize == "true" and networks.generator == "unet":
        raise SettingsError("--rematerialize is for --generator=global or crn.")


class ModelMaker:
    """Makes the models of the levels, and what they are compiled with.

    Args:
        levels: List of `Level`.
        networks, losses: `NetworkSettings`, `LossSettings`.
        given: `Pix2PixHD` of an earlier run to go on from, or `None`.

    Raises:
        SettingsError: If `given` has other networks than the settings say.
    """

    compare = staticmethod(compare)

    def __init__(self, levels, networks, losses, given=None):
        self.levels = levels
        self.networks = with_blocks(networks, levels[0].size)
        self.losses = losses
        self.given = given
        if given is not None:
            self._check_given()

    @property
    def first_level(self):
        """The first level that trains: the one after those of the given model, which is trained on if it has all."""
        return 0 if self.given is None else min(self.given.level + 1, len(self.levels) - 1)

    def make(self, level, model=None):
        """A model of a level: grown from `model`, or new. Call it in the strategy's scope."""
        if model is None:
            first = self.levels[0]
            model = build_model(first.data, self.networks, self.losses, first.training, first.source)
            if self.given is not None and self.given.encoder is not None and model.encoder is not None:
                model = model.with_styles(self.given.style_bank.as_dict(), self.given.style_bank.num_styles)
            self._copy_given(model)
        while model.level < level:
            model = model.grow(self.networks.num_enhancer_blocks)
            self._copy_given(model)
        return model

    def conditioning(self, level):
        """The conditioning of a `Level`, in single precision."""
        return build_conditioning(level.data, self.networks, level.source, "float32")

    def compile_arguments(self, stage, speed=None):
        """Arguments of `Pix2PixHD.compile` for a stage; `speed`: see `Hastened`. Call it in the strategy's scope."""
        level, losses = self.levels[stage.level], settings.at_level(self.losses, stage.level, len(self.levels))
        return compile_arguments(stage, self.networks, losses, level.training, level.steps_per_epoch, speed)

    def describe(self):
        """Lines on what is trained, beyond what the plan says of every model."""
        return []

    def _check_given(self):
        if self.given.level >= len(self.levels):
            raise SettingsError(
                f"The model of --init_from has {self.given.level} enhancers, more than "
                f"--num_enhancers={len(self.levels) - 1}."
            )

    def _copy_given(self, model):
        """Gives a model of the given one's level its weights; the discriminator's too, where both are alike."""
        if self.given is None or model.level != self.given.level:
            return
        check_same_weights(model, self.given)
        pairs = [(model.generator, self.given.generator), (model.average_generator, self.given.generator)]
        pairs.append((model.encoder, self.given.encoder))
        if shapes(model.discriminator) == shapes(self.given.discriminator):
            pairs.append((model.discriminator, self.given.discriminator))
        for network, source in pairs:
            if network is not None:
                network.set_weights(source.get_weights())
        if model.encoder is not None:
            model.encoder.num_halvings = self.given.encoder.num_halvings


def check_same_weights(model, given, networks=tuple(NETWORK_FLAGS)):
    """Raises `SettingsError` unless a `Pix2PixHD` can take another's weights: its window of values, and networks."""
    for name, flag in WINDOW_FLAGS.items():
        own, theirs = (getattr(m.conditioning, name, None) for m in (model, given))
        if own != theirs:
            raise SettingsError(
                f"The model of --init_from was trained with another window of values, {theirs}, than that of this "
                f"run, {own}: give its {flag}."
            )
    for name in networks:
        if shapes(getattr(model, name)) != shapes(getattr(given, name)):
            raise SettingsError(
                f"The model of --init_from has another {name} than the settings of this run: give its "
                f"{NETWORK_FLAGS[name]}."
            )
    if getattr(model.generator, "norm", None) != getattr(given.generator, "norm", None):
        raise SettingsError(
            "The model of --init_from has no norms, and trains no more: convert made batch norm a part of its "
            "convolutions."
        )


def shapes(network):
    """Shapes of a network's weights, a list; `None` of no network."""
    return None if network is None else [tuple(weight.shape) for weight in network.weights]
