"""Files of networks in a folder -> those networks, each with a line that says what it is."""

from hdsynth_tf.convert import batch_norm
from hdsynth_tf.convert.architecture import clean
from hdsynth_tf.files.torch_files import read_tensors
from hdsynth_tf.networks import MultiScaleDiscriminator, UNetGenerator


def read_parts(folder, files, builders, needed=()):
    """The networks whose files are there, by name, and lines on all of them.

    Args:
        folder: `Path`.
        files: Dict: name -> file.
        builders: Dict: name -> function of `architecture` that builds it.
        needed: Names that must be there.

    Raises:
        WeightsFileError: If a file is not what its name says.
    """
    networks, lines = {}, []
    for name, file in files.items():
        path = folder / file
        if name not in needed and not path.is_file():
            lines.append(f"{file} is not there: no {name}")
            continue
        tensors = clean(read_tensors(path), path)
        if "discriminator" in name and batch_norm.batch_norms(tensors):
            lines.append(f"{file} is left out: a discriminator with batch norm, which pictures are made without")
            continue
        networks[name], line = builders[name](tensors, path)
        lines.append(f"{file}: {line}")
    return networks, lines


def input_channels(network):
    """Integer, channels that a network reads; `None` of none."""
    if network is None:
        return None
    if isinstance(network, MultiScaleDiscriminator):
        first = network.discriminators[0].groups[0]
    elif isinstance(network, UNetGenerator):
        first = network.downs[0]
    else:
        first = getattr(network, "network", getattr(network, "global_generator", network)).stem  # E's, G1 in enhancers
    return first.conv.kernel.shape[2]
