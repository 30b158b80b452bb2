"""A folder of CycleGAN's files <-> a model. `latest_net_G_A.pth` makes B of A, and `latest_net_D_A.pth` judges B."""

from hdsynth_tf.convert import architecture, layout
from hdsynth_tf.convert.parts import input_channels, read_parts
from hdsynth_tf.files.torch_files import WeightsFileError
from hdsynth_tf.model import CycleGAN, Pix2PixHD
from pipelines.conditioning import ImageConditioning

FILES = {
    "generator_ab": "latest_net_G_A.pth",
    "generator_ba": "latest_net_G_B.pth",
    "discriminator_b": "latest_net_D_A.pth",
    "discriminator_a": "latest_net_D_B.pth",
}
BUILDERS = {
    "generator_ab": architecture.build_generator,
    "generator_ba": architecture.build_generator,
    "discriminator_b": architecture.build_patch,
    "discriminator_a": architecture.build_patch,
}


def is_there(folder):
    """Whether a folder has a generator of CycleGAN."""
    return any((folder / file).is_file() for name, file in FILES.items() if "generator" in name)


def read_cyclegan(folder, image_size=None):
    """The model of CycleGAN's files: of both directions, or of the one whose generator is there.

    Args:
        folder: `Path`.
        image_size: (height, width) at which its networks work, or `None`.

    Returns:
        `CycleGAN` or, of one direction, `Pix2PixHD`; and a list of lines that say what was found.

    Raises:
        WeightsFileError: If a file is not what its name says, or the files do not belong together.
    """
    networks, lines = read_parts(folder, FILES, BUILDERS)
    _check_fit(folder, networks)
    directions = {
        name.removeprefix("generator_"): _direction(network, image_size)
        for name, network in networks.items()
        if name.startswith("generator")
    }
    if len(directions) == 1:
        ((name, model),) = directions.items()
        return model, [*lines, f"A model of one direction, {name}, without discriminators, which see no inputs"]
    critics = {name: network.discriminators[0] for name, network in networks.items() if "discriminator" in name}
    return CycleGAN(**directions, **critics, pool_size=0), [*lines, "CycleGAN, of both directions: --direction=ab|ba"]


def _direction(generator, image_size):
    channels = input_channels(generator)
    return Pix2PixHD(
        ImageConditioning(channels, image_size=image_size, image_channels=generator.output_channels), generator
    )


def _check_fit(folder, networks):
    """Raises `WeightsFileError` unless all networks read and make pictures of one or three channels, and fit."""
    kinds = {"a": {}, "b": {}}  # a kind of picture -> file of a network -> channels that it reads or makes of it
    for name, network in networks.items():
        read, made = name[-2:] if "generator" in name else (name[-1], None)
        kinds[read][FILES[name]] = input_channels(network)
        if made:
            kinds[made][FILES[name]] = network.output_channels
    for kind, counts in kinds.items():
        if len(set(counts.values())) > 1 or not set(counts.values()) <= {1, 3}:
            found = ", ".join(f"{count} by {file}" for file, count in counts.items())
            raise WeightsFileError(
                f"In {folder}, pictures of {kind.upper()} should have 1 channel or 3, the same for all networks. "
                f"Received: {found}."
            )


def cyclegan_layers(model):
    """Of a `CycleGAN`: dict of file -> convolutions by prefix, see `layout`."""
    layers = {
        FILES[f"generator_{name}"]: layout.generator_layers(model.direction(name).inference_generator)
        for name in ("ab", "ba")
    }
    for name in ("discriminator_b", "discriminator_a"):
        patch = getattr(model, name)
        layers |= {} if patch is None else {FILES[name]: layout.patch_layers(patch)}
    return layers
