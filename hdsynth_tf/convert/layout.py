"""Which tensor of the released code's files is which convolution here, for networks of either side.

The released networks are numbered sequences in which padding, convolution, norm and activation each count: a stem of
four has its convolution at 1, a halving of three has its at 0.
"""

import keras
import numpy as np

from hdsynth_tf.files.torch_files import WeightsFileError
from hdsynth_tf.networks import GlobalGenerator, UNetGenerator

FILES = {"generator": "latest_net_G.pth", "discriminator": "latest_net_D.pth", "encoder": "latest_net_E.pth"}
CLUSTERS = "features_clustered_010.npy"
TO_KERAS, TO_TORCH = (2, 3, 1, 0), (3, 2, 0, 1)  # axes of a kernel, plain or transposed


def generator_layers(generator):
    """Prefix of the names in `latest_net_G.pth` -> convolution of a generator of pix2pixHD, CycleGAN or pix2pix."""
    if isinstance(generator, GlobalGenerator):
        return _trunk(generator)
    if isinstance(generator, UNetGenerator):
        return _unet(generator)
    layers, last = _trunk(generator.global_generator), len(generator.enhancers)
    for n, enhancer in enumerate(generator.enhancers, start=1):
        count = enhancer.num_residual_blocks
        layers |= {f"model{n}_1.1": enhancer.stem.conv, f"model{n}_1.4": enhancer.down.conv}
        layers |= _residuals(f"model{n}_2", enhancer.residuals, 0)
        layers[f"model{n}_2.{count}"] = enhancer.up.conv
        if n == last:
            layers[f"model{n}_2.{count + 4}"] = generator.head.conv
    return layers


def encoder_layers(encoder):
    """Prefix of the names in `latest_net_E.pth` -> convolution of a `FeatureEncoder`."""
    return _trunk(encoder.network)


def discriminator_layers(discriminator, feature_matching=True):
    """Prefix of the names in `latest_net_D.pth` -> convolution of a `MultiScaleDiscriminator`.

    Scale 0 is the coarsest there, the finest here.

    Args:
        feature_matching: Boolean, whether the file was written by a training with feature matching: its groups then
            have names, else they are counted through.
    """
    if discriminator.pad == 1:
        (patch,) = discriminator.discriminators
        return patch_layers(patch)
    layers = {}
    for scale, patch in enumerate(reversed(discriminator.discriminators)):
        for j, group in enumerate(patch.groups):
            place = f"scale{scale}_layer{j}.0" if feature_matching else f"layer{scale}.{max(3 * j - 1, 0)}"
            layers[place] = group.conv
    return layers


def patch_layers(patch):
    """Prefix of the names in pix2pix's and CycleGAN's files -> convolution of a `PatchDiscriminator`."""
    return {f"model.{max(3 * j - 1, 0)}": group.conv for j, group in enumerate(patch.groups)}


def _unet(generator):
    """Of a U-Net, whose released form is nested: each halving holds all that is within it, then its doubling."""
    count = generator.num_downsamples
    layers = {"model.model.0": generator.downs[0].conv, "model.model.3": generator.head}
    for depth, (down, up) in enumerate(zip(generator.downs[1:], reversed(generator.ups)), start=1):
        here = unet_place(depth)
        layers |= {f"{here}.1": down.conv, f"{here}.{5 if depth < count - 1 else 3}": up.chain[1]}
    return layers


def unet_place(depth):
    """The sequence of a halving within the first one, `depth` 1, or one further within."""
    return "model.model.1.model" + ".3.model" * (depth - 1)


def exchanged(tensors):
    """Tensors of a U-Net with the halves of what doublings read exchanged: copied, made there; made, copied here."""
    swapped = {
        name: np.roll(tensor, len(tensor) // 2, axis=0)
        for name, tensor in tensors.items()
        if name.endswith((".5.weight", "model.model.3.weight")) and tensor.ndim == 4
    }
    return {**tensors, **swapped}


def _trunk(network):
    """Of a global generator, with or without its last convolution."""
    halvings, residuals = len(network.downs), network.residuals
    layers = {"model.1": network.stem.conv}
    layers |= {f"model.{4 + 3 * i}": down.conv for i, down in enumerate(network.downs)}
    layers |= _residuals("model", residuals, 4 + 3 * halvings)
    first_up = 4 + 3 * halvings + len(residuals)
    layers |= {f"model.{first_up + 3 * i}": up.conv for i, up in enumerate(network.ups)}
    if network.head is not None:
        layers[f"model.{first_up + 3 * halvings + 1}"] = network.head.conv
    return layers


def _residuals(sequence, blocks, first):
    return {
        f"{sequence}.{first + i}.conv_block.{place}": block.chain[half].conv
        for i, block in enumerate(blocks)
        for half, place in enumerate((1, 5))
    }


def to_tensors(layers):
    """Named tensors as the released code's files hold them, of layers by prefix."""
    tensors = {}
    for prefix, conv in layers.items():
        kernel, bias = (keras.ops.convert_to_numpy(weight) for weight in (conv.kernel, conv.bias))
        tensors[f"{prefix}.weight"], tensors[f"{prefix}.bias"] = np.transpose(kernel, TO_TORCH), bias
    return tensors


def assign(layers, tensors, path):
    """Gives layers, by prefix, the values of named tensors.

    Raises:
        WeightsFileError: If a tensor is missing, is one too many, or has another shape. `path` is named in it. No layer
            has changed then.
    """
    expected = {name: tensor.shape for name, tensor in to_tensors(layers).items()}
    problems = [f"{name} is missing" for name in expected if name not in tensors]
    problems += [f"{name} belongs to no layer" for name in tensors if name not in expected]
    problems += [
        f"{name} has shape {tensors[name].shape}, not {shape}"
        for name, shape in expected.items()
        if name in tensors and tensors[name].shape != shape
    ]
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightsFileError(f"{path} does not hold the network it seems to hold: {'; '.join(problems[:5])}{more}.")
    for prefix, conv in layers.items():
        conv.kernel.assign(np.transpose(tensors[f"{prefix}.weight"], TO_KERAS))
        conv.bias.assign(tensors[f"{prefix}.bias"])
