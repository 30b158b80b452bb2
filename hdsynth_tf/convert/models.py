"""A folder of the released code's files <-> a model."""

from hdsynth_tf.convert import architecture, cyclegan, layout
from hdsynth_tf.convert.clusters import read_clusters, write_clusters
from hdsynth_tf.convert.foreign import foreign_to_released
from hdsynth_tf.convert.parts import input_channels, read_parts
from hdsynth_tf.files.torch_files import WeightsFileError, write_tensors
from hdsynth_tf.model import CycleGAN, Pix2PixHD
from hdsynth_tf.networks import StyleBank
from pipelines.cityscapes import Cityscapes
from pipelines.conditioning import ImageConditioning, SemanticConditioning
from pipelines.paths import as_path
from pipelines.source import class_colors

BUILDERS = {
    "generator": architecture.build_generator,
    "discriminator": architecture.build_discriminator,
    "encoder": architecture.build_encoder,
}


def read_model(folder, boundary=True, num_classes=0, image_size=None):
    """The model of `latest_net_G.pth` and, where they are there, of D's, E's and the styles' files; or of CycleGAN's.

    Args:
        folder: Path.
        boundary: Boolean, whether one of G's input channels is a boundary map.
        num_classes: Integer, classes of the label maps; 0: as many as channels are left, or, where one or three are,
            none: the input is an image.
        image_size: (height, width) at which its networks work, or `None`.

    Returns:
        `Pix2PixHD` or `CycleGAN`, and a list of lines that say what was found.

    Raises:
        WeightsFileError: If a file is not what its name says, or the files do not belong together.
    """
    folder = as_path(folder)
    if cyclegan.is_there(folder) and not (folder / layout.FILES["generator"]).is_file():
        return cyclegan.read_cyclegan(folder, image_size)
    networks, lines = read_parts(folder, layout.FILES, BUILDERS, needed=["generator"])
    generator, encoder, discriminator = (networks.get(name) for name in ("generator", "encoder", "discriminator"))
    channels = input_channels(generator) - (encoder.feature_channels if encoder is not None else 0)
    _check_fit(folder, channels, generator, encoder, discriminator)
    conditioning, line = _conditioning(channels, boundary, num_classes, image_size, generator.output_channels)
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


def _conditioning(channels, boundary, num_classes, image_size, image_channels):
    """What makes so many channels of maps or pictures, and a line about it."""
    common = dict(image_size=image_size, image_channels=image_channels)
    if channels in (1, 3) and not num_classes:
        return ImageConditioning(channels, **common), f"input: images of {channels} channel(s), 0 to 255"
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
    return SemanticConditioning(classes, boundary, class_names=names, class_colors=colors, **common), line


def _check_fit(folder, channels, generator, encoder, discriminator):
    """Raises `WeightsFileError` unless the networks' channels fit together."""
    judged, made = input_channels(discriminator), generator.output_channels
    if encoder is None and judged is not None and judged < channels + made:
        raise WeightsFileError(
            f"In {folder}, the generator reads {channels + made - judged} channels more than the discriminator knows "
            f"of: features of an encoder whose file, {layout.FILES['encoder']}, is not there. The released code does "
            "not write it in its 1024p stage: copy the one of the 512p stage that the features were made with."
        )
    wanted = {
        f"{layout.FILES['generator']} makes images of {{}} channels": (made, 1 if made == 1 else 3),
        f"{layout.FILES['discriminator']} reads {{}} channels": (judged, channels + made),
        f"{layout.FILES['encoder']} reads images of {{}} channels": (input_channels(encoder), made),
    }
    for text, (count, expected) in wanted.items():
        if count is not None and count != expected:
            raise WeightsFileError(f"In {folder}, {text.format(count)}; it should be {expected} for G to fit.")


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
    is_cyclegan = isinstance(model, CycleGAN)
    layers = cyclegan.cyclegan_layers(model) if is_cyclegan else _layers(model)
    styles = model.style_bank.as_dict() if not is_cyclegan and model.encoder is not None else {}
    files = [*layers] + [layout.CLUSTERS] * bool(styles)
    known = {*layout.FILES.values(), *cyclegan.FILES.values(), layout.CLUSTERS}
    stale = [name for name in known - set(files) if (folder / name).exists()]
    if stale:
        raise WeightsFileError(
            f"{folder} holds {stale[0]} of another model, which has no such part. Choose another folder."
        )
    for file, own in layers.items():
        write_tensors(folder / file, layout.to_tensors(own))
    if styles:
        write_clusters(folder / layout.CLUSTERS, styles)
    return [folder / name for name in files]


def _layers(model):
    """Of a `Pix2PixHD`: dict of file -> convolutions by prefix, see `layout`."""
    layers = {"generator": layout.generator_layers(model.inference_generator)}
    if model.discriminator is not None:
        layers["discriminator"] = layout.discriminator_layers(model.discriminator)
    if model.encoder is not None:
        layers["encoder"] = layout.encoder_layers(model.encoder)
    return {layout.FILES[name]: own for name, own in layers.items()}
