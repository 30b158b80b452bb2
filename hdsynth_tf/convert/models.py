"""A folder of the released code's files <-> a model."""

from hdsynth_tf.convert import architecture, layout
from hdsynth_tf.convert.clusters import read_clusters, write_clusters
from hdsynth_tf.files.torch_files import WeightsFileError, read_tensors, write_tensors
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import CoarseToFineGenerator, GlobalGenerator, MultiScaleDiscriminator, StyleBank
from pipelines.cityscapes import Cityscapes
from pipelines.conditioning import ImageConditioning, SemanticConditioning
from pipelines.paths import as_path
from pipelines.source import class_colors


def read_model(folder, boundary=True, num_classes=0, image_size=None):
    """The model of `latest_net_G.pth` and, where they are there, of D's, E's and the styles' files.

    Args:
        folder: Path.
        boundary: Boolean, whether one of G's input channels is a boundary map.
        num_classes: Integer, classes of the label maps; 0: as many as channels are left, or, where one or three are,
            none: the input is an image.
        image_size: (height, width) at which its networks work, or `None`.

    Returns:
        `Pix2PixHD`, and a list of lines that say what was found.

    Raises:
        WeightsFileError: If a file is not what its name says, or the files do not belong together.
    """
    folder = as_path(folder)
    networks, lines = _read_networks(folder)
    generator, encoder, discriminator = (networks.get(name) for name in ("generator", "encoder", "discriminator"))
    channels = _input_channels(generator) - (encoder.feature_channels if encoder is not None else 0)
    _check_fit(folder, channels, generator, encoder, discriminator)
    conditioning, line = _conditioning(channels, boundary, num_classes, image_size)
    if encoder is None and discriminator is None:
        line += "; without the discriminator's file features of an encoder cannot be told from classes"
    lines.append(line)
    if encoder is not None and "instance_map" not in conditioning.input_formats:
        raise WeightsFileError(
            f"{folder} has an encoder, and its generator reads {channels} channels beside the features: no label maps "
            "with instance maps. Say how many classes there are: --num_classes=N."
        )
    style_bank, styles = None, folder / layout.CLUSTERS
    if encoder is not None and styles.is_file():
        style_bank, line = _read_styles(styles, conditioning.num_classes, encoder.feature_channels)
        lines.append(line)
    elif encoder is not None:
        lines.append(f"{layout.CLUSTERS} is not there: no styles; every object gets features of 0")
    return Pix2PixHD(conditioning, generator, discriminator, encoder=encoder, style_bank=style_bank), lines


def _read_networks(folder):
    """The networks whose files are there, by name, and a line for each."""
    networks, lines = {}, []
    for name, file in layout.FILES.items():
        path = folder / file
        if name != "generator" and not path.is_file():
            lines.append(f"{file} is not there: no {name}")
            continue
        build = getattr(architecture, f"build_{name}")
        networks[name], line = build(architecture.clean(read_tensors(path), path), path)
        lines.append(f"{file}: {line}")
    return networks, lines


def _conditioning(channels, boundary, num_classes, image_size):
    """What makes so many channels of maps or pictures, and a line about it."""
    if channels in (1, 3) and not num_classes:
        return ImageConditioning(channels, image_size=image_size), f"input: images of {channels} channel(s), 0 to 255"
    classes = num_classes or channels - int(boundary)
    if classes + int(boundary) != channels or classes < 1:
        raise WeightsFileError(
            f"The generator reads {channels} channels of maps, which are not {classes} classes"
            f"{' and a boundary map' if boundary else ''}: see --num_classes and --noboundary."
        )
    is_cityscapes = classes == Cityscapes.num_classes
    colors = Cityscapes.class_colors if is_cityscapes else class_colors(classes)
    names = Cityscapes.class_names if is_cityscapes else None
    line = f"input: {classes} classes" + (" (Cityscapes')" if is_cityscapes else "")
    line += " and a boundary map (if it was trained with --no_instance: --noboundary)" if boundary else ""
    return SemanticConditioning(classes, boundary, class_names=names, class_colors=colors, image_size=image_size), line


def _check_fit(folder, channels, generator, encoder, discriminator):
    """Raises `WeightsFileError` unless the networks' channels fit together."""
    judged = _input_channels(discriminator)
    if encoder is None and judged is not None and judged < channels + 3:
        raise WeightsFileError(
            f"In {folder}, the generator reads {channels + 3 - judged} channels more than the discriminator knows of: "
            f"features of an encoder whose file, {layout.FILES['encoder']}, is not there. The released code does not "
            "write it in its 1024p stage: copy the one of the 512p stage that the features were made with."
        )
    wanted = {
        f"{layout.FILES['generator']} makes images of {{}} channels": (generator.output_channels, 3),
        f"{layout.FILES['discriminator']} reads {{}} channels": (judged, channels + 3),
        f"{layout.FILES['encoder']} reads images of {{}} channels": (_input_channels(encoder), 3),
    }
    for text, (count, expected) in wanted.items():
        if count is not None and count != expected:
            raise WeightsFileError(f"In {folder}, {text.format(count)}; it should be {expected} for G to fit.")


def _input_channels(network):
    if network is None:
        return None
    if isinstance(network, MultiScaleDiscriminator):
        return network.discriminators[0].groups[0].conv.kernel.shape[2]
    network = getattr(network, "network", getattr(network, "global_generator", network))  # E's, or G1 in enhancers
    return network.stem.conv.kernel.shape[2]


def _read_styles(path, num_classes, feature_channels):
    styles = read_clusters(path)
    bank = StyleBank(num_classes, feature_channels, max(map(len, styles.values()), default=1))
    try:
        bank.fill(styles)
    except ValueError as error:
        raise WeightsFileError(f"{path} does not fit the other files. {error}") from error
    return bank, f"{path.name}: {sum(map(len, styles.values()))} styles of {len(styles)} classes"


def write_model(model, folder):
    """Writes the files that the released code loads; returns their paths.

    Raises:
        WeightsFileError: If the model has what the released code has not. Nothing is written then.
    """
    reason = foreign_to_released(model)
    if reason:
        raise WeightsFileError(f"The released code has no such network: {reason}.")
    folder = as_path(folder)
    layers = {"generator": layout.generator_layers(model.inference_generator)}
    if model.discriminator is not None:
        layers["discriminator"] = layout.discriminator_layers(model.discriminator)
    if model.encoder is not None:
        layers["encoder"] = layout.encoder_layers(model.encoder)
    styles = model.style_bank.as_dict() if model.encoder is not None else {}
    files = [layout.FILES[name] for name in layers] + [layout.CLUSTERS] * bool(styles)
    stale = [name for name in {*layout.FILES.values(), layout.CLUSTERS} - set(files) if (folder / name).exists()]
    if stale:
        raise WeightsFileError(
            f"{folder} holds {stale[0]} of another model, which has no such part. Choose another folder."
        )
    for name, own in layers.items():
        write_tensors(folder / layout.FILES[name], layout.to_tensors(own))
    if styles:
        write_clusters(folder / layout.CLUSTERS, styles)
    return [folder / name for name in files]


def foreign_to_released(model):
    """Features of a model that the released code does not have, in words; an empty string if there are none."""
    generator = model.inference_generator
    if not isinstance(generator, (GlobalGenerator, CoarseToFineGenerator)):
        return f"a generator called {type(generator).__name__}"
    base = generator if isinstance(generator, GlobalGenerator) else generator.global_generator
    if not base.num_residual_blocks:
        return "a global generator without residual blocks"
    conditioning = model.conditioning
    if "source" in conditioning.input_formats and (
        (conditioning.channels_in, *conditioning.value_range) != (3, 0, 255) or conditioning.percentiles
    ):
        return "an input other than label maps or 8-bit RGB images"
    if conditioning.image_channels != 3:
        return "an image other than RGB to make"
    parts = [base, *getattr(generator, "enhancers", []), *([model.encoder] if model.encoder is not None else [])]
    if any(part.upsampling != "transposed" for part in parts):
        return "nearest-neighbour upsampling (--upsampling=transposed is the released code's)"
    if any(part.padding != "zero" for part in parts):
        return "reflected borders in strided convolutions (--padding=zero is the released code's)"
    if any(getattr(part, "skip_connections", False) for part in parts):
        return "skip connections (--noskip_connections is the released code's)"
    if model.generator.tone is not None:
        return "tone adjustment (--notone is the released code's)"
    if model.conditioning.row_channel:
        return "a row channel (--norow_channel is the released code's)"
    if not isinstance(model.discriminator, MultiScaleDiscriminator | None):
        return "a discriminator that finds classes (--discriminator=patch is the released code's)"
    if model.discriminator is not None and model.discriminator.norm != "instance":
        return "a discriminator without instance norm (--discriminator_norm=instance is the released code's)"
    return ""
