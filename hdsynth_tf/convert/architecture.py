"""Names and shapes of tensors -> the network that they are the weights of."""

import re

from hdsynth_tf.convert import batch_norm, layout
from hdsynth_tf.files.torch_files import WeightsFileError
from hdsynth_tf.networks import (
    CoarseToFineGenerator,
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiScaleDiscriminator,
    UNetGenerator,
)


def clean(tensors, path):
    """Tensors under the names that the networks of today have.

    `DataParallel`'s prefix goes, and so do the place that dropout has in residual blocks and statistics that nothing
    uses.

    Raises:
        WeightsFileError: If the network has batch norms without their statistics.
    """
    tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    if not any(".conv_block.5.weight" in name for name in tensors):
        tensors = {re.sub(r"(\.conv_block)\.([67])\.", _one_less, name): tensor for name, tensor in tensors.items()}
    return batch_norm.without_unused_statistics(tensors, path)


def _one_less(match):
    return f"{match[1]}.{int(match[2]) - 1}."


def build_generator(tensors, path):
    """The generator of `latest_net_G.pth` with its weights, and a line that says what it is."""
    if "model.model.0.weight" in tensors:
        return _build_unet(tensors, path)
    blocks = _indices(tensors, r"model\.(\d+)\.conv_block\.")
    if not blocks or blocks[0] < 7:  # after a stem and at least one halving
        raise WeightsFileError(
            f"{path} holds no generator of pix2pixHD, CycleGAN or pix2pix: no tensor is called model.7.conv_block... "
            "or model.model.0.weight."
        )
    enhancers = max(_indices(tensors, r"model(\d+)_[12]\."), default=0)
    width, channels = _shape(tensors, "model.1.weight", path)[:2]
    options = dict(num_filters=width, num_downsamples=(blocks[0] - 4) // 3, num_residual_blocks=len(blocks))
    _check_widths(tensors, [(f"model.{i}.conv_block.{j}", options["num_downsamples"]) for i in blocks for j in (1, 5)],
                  width, path)  # fmt: skip
    if width % 2 ** min(enhancers, 64):
        raise WeightsFileError(f"{path}: {width} filters cannot be halved {enhancers} times, once for each enhancer.")
    line = f"{options['num_downsamples']} halvings, {len(blocks)} residual blocks, {width} filters"
    if not enhancers:
        head = f"model.{5 + 6 * options['num_downsamples'] + len(blocks)}.weight"
        generator = GlobalGenerator(**options, output_channels=_shape(tensors, head, path)[0], norm=_norm(tensors))
        line = f"global generator, {line}"
    else:
        _refuse_batch_norm(tensors, path, "local enhancers")
        counts = [len(_indices(tensors, rf"model{n}_2\.(\d+)\.conv_block\.")) for n in range(1, enhancers + 1)]
        head = f"model{enhancers}_2.{counts[-1] + 4}.weight"
        finer = [LocalEnhancer(width // 2**n, count) for n, count in enumerate(counts, start=1)]
        base = GlobalGenerator(**options, makes_image=False)
        generator = CoarseToFineGenerator(base, finer, _shape(tensors, head, path)[0])
        line = f"global generator ({line}) and {enhancers} enhancer(s) of {', '.join(map(str, counts))} residual blocks"
    return _with_weights(generator, channels, tensors, path, line)


def _with_weights(generator, channels, tensors, path, line):
    generator.build((None, None, None, channels))
    layers = layout.generator_layers(generator)
    layout.assign(layers, batch_norm.folded(tensors, layers, path), path)
    line = f"{line}; {channels} input channels, {generator.count_params():,} parameters"
    return generator, line + (f"; {batch_norm.SAID}" if batch_norm.batch_norms(tensors) else "")


def _build_unet(tensors, path):
    width, channels = _shape(tensors, "model.model.0.weight", path)[:2]
    downs = ["model.model.0"]
    while f"{layout.unet_place(len(downs))}.1.weight" in tensors:
        downs.append(f"{layout.unet_place(len(downs))}.1")
    _check_widths(tensors, list(zip(downs, range(len(downs)))), width, path, 8 * width)
    head = _shape(tensors, "model.model.3.weight", path)
    generator = UNetGenerator(width, len(downs), head[1], norm=_norm(tensors))
    line = f"U-Net, {len(downs)} halvings, {width} filters"
    return _with_weights(generator, channels, layout.exchanged(tensors), path, line)


def _norm(tensors):
    """What normalises here: nothing where batch norm becomes a part of the convolutions."""
    return None if batch_norm.batch_norms(tensors) else "instance"


def _refuse_batch_norm(tensors, path, what):
    norms = batch_norm.batch_norms(tensors)
    if norms:
        raise WeightsFileError(
            f"{path} is of a network with batch norm ({norms[0]}.weight is its scale). Here {what} have instance norm, "
            "the released code's default."
        )


def build_encoder(tensors, path):
    """The encoder of `latest_net_E.pth` with its weights, and a line that says what it is."""
    _refuse_batch_norm(tensors, path, "encoders")
    last = max(_indices(tensors, r"model\.(\d+)\."), default=0)
    if last % 6 == 4 and last > 4:
        raise WeightsFileError(
            f"{path} is of the old encoder layout: its last convolution is model.{last}, without the reflected border "
            f"that stands in front of it since (model.{last + 1}). Its features would be others than the generator "
            "learnt to read. Train it again."
        )
    if last % 6 != 5 or last < 11:
        raise WeightsFileError(f"{path} holds no encoder of pix2pixHD: its last tensor is model.{last}.")
    width, channels = _shape(tensors, "model.1.weight", path)[:2]
    _check_widths(tensors, [(f"model.{4 + 3 * i}", i + 1) for i in range(min((last - 5) // 6, 64))], width, path)
    features = _shape(tensors, f"model.{last}.weight", path)[0]
    encoder = FeatureEncoder(features, width, (last - 5) // 6)
    encoder.build((None, None, None, channels))
    layout.assign(layout.encoder_layers(encoder), tensors, path)
    return encoder, f"{(last - 5) // 6} halvings, {width} filters, {features} features"


def build_discriminator(tensors, path):
    """The discriminator of `latest_net_D.pth` with its weights, and a line that says what it is."""
    _refuse_batch_norm(tensors, path, "discriminators")
    if "model.0.weight" in tensors:
        return build_patch(tensors, path)
    named = _indices(tensors, r"scale(\d+)_layer")
    scales, matching = len(named or _indices(tensors, r"layer(\d+)\.")), bool(named)
    if not scales:
        raise WeightsFileError(
            f"{path} holds no discriminator of pix2pixHD, nor PatchGAN (--netD=pixel is none): no tensor is called "
            "scale0_layer0... or model.0.weight."
        )
    first = "scale0_layer0.0.weight" if matching else "layer0.0.weight"
    width, channels = _shape(tensors, first, path)[:2]
    layers = len(_indices(tensors, r"scale0_layer(\d+)\." if matching else r"layer0\.(\d+)\.")) - 2
    if layers < 1:
        raise WeightsFileError(f"{path}: its discriminators have {layers + 2} groups; there are no such.")
    for scale in range(scales):
        place = f"scale{scale}_layer{{}}.0" if matching else f"layer{scale}.{{}}"
        groups = [place.format(j if matching else max(3 * j - 1, 0)) for j in range(layers + 1)]
        _check_widths(tensors, [(group, j) for j, group in enumerate(groups)], width, path, 512)
    discriminator = MultiScaleDiscriminator(scales, width, layers)
    discriminator.build((None, None, None, channels), (None, None, None, 0))
    layout.assign(layout.discriminator_layers(discriminator, matching), tensors, path)
    names = "" if matching else ", named as without feature matching"
    return (
        discriminator,
        f"{scales} scale(s), {layers} strided groups, {width} filters, {channels} input channels{names}",
    )


def build_patch(tensors, path):
    """The PatchGAN of pix2pix or CycleGAN as a discriminator of one scale, and a line that says what it is."""
    width, channels = _shape(tensors, "model.0.weight", path)[:2]
    layers = len(_indices(tensors, r"model\.(\d+)\.")) - 2
    if layers < 1:
        raise WeightsFileError(f"{path} holds no PatchGAN: {layers + 2} convolutions are too few.")
    places = [(f"model.{max(3 * j - 1, 0)}", j) for j in range(layers + 1)]
    _check_widths(tensors, places, width, path, 512)
    discriminator = MultiScaleDiscriminator(1, width, layers, pad=1)
    discriminator.build((None, None, None, channels), (None, None, None, 0))
    layout.assign(layout.discriminator_layers(discriminator), tensors, path)
    return discriminator, f"PatchGAN, {layers} strided groups, {width} filters, {channels} input channels"


def _indices(tensors, pattern):
    """The different numbers that names have at the group of `pattern`, sorted."""
    matches = (re.match(pattern, name) for name in tensors)
    return sorted({int(match[1]) for match in matches if match})


def _shape(tensors, name, path):
    if name not in tensors or tensors[name].ndim != 4 or not tensors[name].size:
        raise WeightsFileError(f"{path} does not hold the network it seems to hold: the kernel {name} is missing.")
    return tensors[name].shape


def _check_widths(tensors, kernels, width, path, limit=None):
    """Raises `WeightsFileError` unless each of the kernels, `(prefix, doublings)`, has `width * 2**doublings` filters.

    Names alone must not decide how large a network is built: a small file could ask for any.
    """
    for prefix, doublings in kernels:
        expected, found = width * 2**doublings, _shape(tensors, f"{prefix}.weight", path)[0]
        expected = min(expected, limit) if limit and doublings else expected
        if found != expected:
            raise WeightsFileError(
                f"{path} does not hold the network it seems to hold: {prefix}.weight has {found} filters where "
                f"{width} at the first convolution and {doublings} doublings make {expected}"
                f"{f', at most {limit}' if limit else ''}."
            )
