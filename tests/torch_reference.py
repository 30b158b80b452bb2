"""The released pix2pixHD networks, losses and training step in PyTorch, written anew from a description of them.

Module names and positions give the state-dict keys of the released files. For tests and benchmarks; not part of the
package. Everything follows the default dtype of the module's weights, so that `.double()` gives a reference in float64.
"""

import itertools

import numpy as np
import torch
from torch import nn

VGG_WIDTHS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512, 512, 512, 512, "pool", 512)
CLASSES, FEATURES = 4, 3  # of the networks that `make_networks` makes
SLOPE = 0.20000000298023224  # 0.2 as float32 arithmetic has it, of which a reference in float64 should not differ
VGG_TAPS = (1, 6, 11, 20, 29)
VGG_LAYER_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


def nchw(x, dtype=torch.float32):
    """Ours -> PyTorch's."""
    return torch.from_numpy(np.moveaxis(np.asarray(x), -1, 1).copy()).to(dtype)


def nhwc(x):
    """PyTorch's -> ours."""
    return np.moveaxis(x.detach().numpy(), 1, -1)


def norm(channels):
    return nn.InstanceNorm2d(channels, affine=False)


class ResidualBlock(nn.Module):
    def __init__(self, channels, dropout=False):
        super().__init__()
        layers = []
        for between in ([nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])], []):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), norm(channels), *between]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


def stem(channels, width):
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), norm(width), nn.ReLU()]


def halve(width):
    return [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), norm(2 * width), nn.ReLU()]


def double(width):
    up = nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)
    return [up, norm(width), nn.ReLU()]


def head(width, channels):
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7), nn.Tanh()]


class GlobalGenerator(nn.Module):
    def __init__(self, in_channels, width=64, downsamples=4, blocks=9, out_channels=3, makes_image=True, dropout=False):
        super().__init__()
        layers = stem(in_channels, width)
        for i in range(downsamples):
            layers += halve(width * 2**i)
        layers += [ResidualBlock(width * 2**downsamples, dropout) for _ in range(blocks)]
        for i in reversed(range(downsamples)):
            layers += double(width * 2**i)
        self.model = nn.Sequential(*layers, *(head(width, out_channels) if makes_image else []))

    def forward(self, x):
        return self.model(x)


class LocalEnhancer(nn.Module):
    """`width` is that of the finest enhancer; with K of them the global network has `width * 2**K`."""

    def __init__(self, in_channels, width=32, downsamples=4, blocks=9, enhancers=1, enhancer_blocks=3, out_channels=3):
        super().__init__()
        self.enhancers = enhancers
        self.model = GlobalGenerator(in_channels, width * 2**enhancers, downsamples, blocks, makes_image=False).model
        for n in range(1, enhancers + 1):
            own = width * 2 ** (enhancers - n)
            back = [ResidualBlock(2 * own) for _ in range(enhancer_blocks)] + double(own)
            self.add_module(f"model{n}_1", nn.Sequential(*stem(in_channels, own), *halve(own)))
            self.add_module(f"model{n}_2", nn.Sequential(*back, *(head(own, out_channels) if n == enhancers else [])))

    def forward(self, x):
        pyramid = [x]
        for _ in range(self.enhancers):
            pyramid.append(half_size(pyramid[-1]))
        y = self.model(pyramid.pop())
        for n in range(1, self.enhancers + 1):
            y = self.get_submodule(f"model{n}_2")(self.get_submodule(f"model{n}_1")(pyramid.pop()) + y)
        return y


def half_size(x):
    return nn.functional.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class Encoder(nn.Module):
    def __init__(self, features=3, width=16, downsamples=4, in_channels=3):
        super().__init__()
        layers = stem(in_channels, width)
        for i in range(downsamples):
            layers += halve(width * 2**i)
        for i in reversed(range(downsamples)):
            layers += double(width * 2**i)
        self.model = nn.Sequential(*layers, *head(width, features))

    def forward(self, image, instances):
        features = self.model(image)
        means = features.clone()
        for sample in range(len(image)):
            for i in instances[sample].unique():
                inside = (instances[sample] == i)[None]
                for channel in range(features.shape[1]):
                    mean = features[sample, channel][inside[0]].mean()
                    means[sample, channel] = torch.where(inside[0], mean, means[sample, channel])
        return means


def patch_groups(in_channels, width, layers):
    """Groups of convolution, norm and activation; the last makes scores."""
    groups = [[nn.Conv2d(in_channels, width, 4, stride=2, padding=2), nn.LeakyReLU(SLOPE)]]
    for i in range(1, layers + 1):
        before, after = min(width * 2 ** (i - 1), 512), min(width * 2**i, 512)
        conv = nn.Conv2d(before, after, 4, stride=2 if i < layers else 1, padding=2)
        groups.append([conv, norm(after), nn.LeakyReLU(SLOPE)])
    groups.append([nn.Conv2d(min(width * 2**layers, 512), 1, 4, padding=2)])
    return groups


class Discriminator(nn.Module):
    """Of many scales. `scale0` is the coarsest one. Returns the finest first."""

    def __init__(self, in_channels, width=64, layers=3, scales=2, feature_matching=True):
        super().__init__()
        self.scales, self.layers, self.feature_matching = scales, layers, feature_matching
        for s in range(scales):
            groups = patch_groups(in_channels, width, layers)
            if feature_matching:
                for j, group in enumerate(groups):
                    self.add_module(f"scale{s}_layer{j}", nn.Sequential(*group))
            else:
                self.add_module(f"layer{s}", nn.Sequential(*(layer for group in groups for layer in group)))

    def forward(self, x):
        results = []
        for s in reversed(range(self.scales)):
            activations, y = [], x
            names = [f"scale{s}_layer{j}" for j in range(self.layers + 2)] if self.feature_matching else [f"layer{s}"]
            for name in names:
                y = self.get_submodule(name)(y)
                activations.append(y)
            results.append(activations)
            x = half_size(x)
        return results


class VGG19(nn.Module):
    """torchvision's `features`, up to relu5_1."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width in VGG_WIDTHS:
            if width == "pool":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        taps = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in VGG_TAPS:
                taps.append(x)
        return taps


def initialize(module):
    """Kernels of N(0, 0.02); biases stay as PyTorch starts them."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return module


def boundary_map(instances):
    """`(batch, 1, height, width)` ids -> 0 or 1."""
    edges = torch.zeros(instances.shape, dtype=torch.bool)
    across, down = instances[..., 1:] != instances[..., :-1], instances[..., 1:, :] != instances[..., :-1, :]
    edges[..., 1:] |= across
    edges[..., :-1] |= across
    edges[..., 1:, :] |= down
    edges[..., :-1, :] |= down
    return edges


def semantic_input(labels, instances, num_classes, dtype):
    """`(batch, height, width)` labels and ids -> one-hot and boundary channels, `(batch, channels, height, width)`."""
    one_hot = nn.functional.one_hot(labels.long(), num_classes).permute(0, 3, 1, 2)
    return torch.cat([one_hot.to(dtype), boundary_map(instances[:, None]).to(dtype)], 1)


class Training:
    """The released code's step: losses of equation 5 as its code has them, both updates by Adam.

    Args:
        generator, discriminator, encoder, vgg: Modules of one dtype; the last two may be `None`.
    """

    def __init__(self, generator, discriminator, encoder=None, vgg=None, rate=2e-4, matching_weight=10.0, fused=False):
        self.generator, self.discriminator, self.encoder, self.vgg = generator, discriminator, encoder, vgg
        self.matching_weight = matching_weight
        own = [*generator.parameters(), *(encoder.parameters() if encoder is not None else [])]
        self.generator_optimizer = torch.optim.Adam(own, rate, betas=(0.5, 0.999), fused=fused)
        self.discriminator_optimizer = torch.optim.Adam(
            discriminator.parameters(), rate, betas=(0.5, 0.999), fused=fused
        )

    def losses(self, semantic, real, instances):
        """The terms as the released code prints them, with their weights in them."""
        features = [self.encoder(real, instances)] if self.encoder is not None else []
        fake = self.generator(torch.cat([semantic, *features], 1))
        fake_detached = self.discriminator(torch.cat([semantic, fake.detach()], 1))
        on_real = self.discriminator(torch.cat([semantic, real], 1))
        on_fake = self.discriminator(torch.cat([semantic, fake], 1))
        terms = {
            "discriminator_fake": sum((scale[-1] ** 2).mean() for scale in fake_detached),
            "discriminator_real": sum(((scale[-1] - 1) ** 2).mean() for scale in on_real),
            "adversarial": sum(((scale[-1] - 1) ** 2).mean() for scale in on_fake),
        }
        matching = 0
        for real_scale, fake_scale in zip(on_real, on_fake):
            for a, b in list(zip(real_scale, fake_scale))[:-1]:
                matching = matching + 4 / (len(real_scale) - 1) / len(on_real) * (b - a.detach()).abs().mean()
        terms["feature_matching"] = matching * self.matching_weight
        if self.vgg is not None:
            pairs = zip(VGG_LAYER_WEIGHTS, self.vgg(fake), self.vgg(real))
            terms["perceptual"] = 10 * sum(w * (a - b.detach()).abs().mean() for w, a, b in pairs)
        return terms

    def step(self, semantic, real, instances):
        """One step; returns the terms as they were before it."""
        terms = self.losses(semantic, real, instances)
        generator_loss = sum(terms[name] for name in ("adversarial", "feature_matching", "perceptual") if name in terms)
        discriminator_loss = 0.5 * (terms["discriminator_fake"] + terms["discriminator_real"])
        for optimizer, loss in (
            (self.generator_optimizer, generator_loss),
            (self.discriminator_optimizer, discriminator_loss),
        ):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return {name: term.item() for name, term in terms.items()}


# === CycleGAN and pix2pix ===


class UNet(nn.Module):
    """The generator of pix2pix: one halving within another, each passing on what went in beside what came of it."""

    def __init__(self, in_channels=3, out_channels=3, width=64, downsamples=8, dropout=True):
        super().__init__()
        widths = [min(width * 2**i, width * 8) for i in range(downsamples)]
        inner = None
        for i in reversed(range(downsamples)):
            inner = UNetLevel(widths, i, in_channels, out_channels, inner, dropout and 4 <= i < downsamples - 1)
        self.model = inner

    def forward(self, x):
        return self.model(x)


class UNetLevel(nn.Module):
    def __init__(self, widths, i, in_channels, out_channels, inner, dropout):
        super().__init__()
        self.outermost, own = not i, widths[i]
        read, made = (widths[i - 1], widths[i - 1]) if i else (in_channels, out_channels)
        back = nn.ConvTranspose2d(2 * own if inner else own, made, 4, stride=2, padding=1)
        layers = [nn.LeakyReLU(SLOPE)] if i else []
        layers += [nn.Conv2d(read, own, 4, stride=2, padding=1)]
        if inner is not None:
            layers += [norm(own), inner] if i else [inner]
        layers += [nn.ReLU(), back, norm(made) if i else nn.Tanh()]
        self.model = nn.Sequential(*layers, *([nn.Dropout(0.5)] if dropout else []))

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def with_batch_norm(network, channels, size=64):
    """A network with batch norm where it had instance norm, of random scales and the statistics of random pictures."""
    sequences = [module for module in network.modules() if isinstance(module, nn.Sequential)]
    for sequence in sequences:
        for i, layer in enumerate(sequence):
            if isinstance(layer, nn.InstanceNorm2d):
                sequence[i] = batch = nn.BatchNorm2d(layer.num_features)
                batch.weight.data.uniform_(0.5, 1.5)
                batch.bias.data.normal_(0, 0.2)
        for layer, following in itertools.pairwise(sequence):
            if isinstance(following, nn.BatchNorm2d) or (isinstance(network, UNet) and isinstance(layer, nn.Conv2d)):
                layer.bias = None
    for _ in range(20):
        network(torch.rand(2, channels, size, size) * 2 - 1)
    return network.eval()


class PatchGAN(nn.Module):
    """The 70x70 discriminator of pix2pix and CycleGAN: padding of one, scores alone."""

    def __init__(self, in_channels, width=64, layers=3):
        super().__init__()
        groups = patch_groups(in_channels, width, layers)
        for group in groups:
            group[0].padding = (1, 1)
        self.model = nn.Sequential(*(layer for group in groups for layer in group))

    def forward(self, x):
        return self.model(x)


class CycleTraining:
    """The step of CycleGAN's code: least squares, cycle 10, identity 5, generators first, pools of earlier fakes.

    Args:
        ab, ba, a, b: Generators and discriminators.
    """

    def __init__(self, ab, ba, a, b, rate=2e-4):
        self.ab, self.ba, self.critics = ab, ba, {"a": a, "b": b}
        self.pools, self.sums = {"a": {}, "b": {}}, {}
        self.generator_optimizer, self.discriminator_optimizer = (
            torch.optim.Adam([*first.parameters(), *second.parameters()], rate, betas=(0.5, 0.999))
            for first, second in ((ab, ba), (a, b))
        )

    def query(self, side, fake, draw):
        """What a pool gives for a fake; `draw`: (place, whether it is empty, whether both are exchanged)."""
        slot, is_new, is_swapped = draw
        given = self.pools[side][slot] if is_swapped else fake
        if is_new or is_swapped:
            self.pools[side][slot] = fake
        return given

    def step(self, real_a, real_b, draws):
        """One step; returns its sums over both kinds, not weighted."""
        fake_b, fake_a = self.ab(real_a), self.ba(real_b)
        for parameter in [p for critic in self.critics.values() for p in critic.parameters()]:
            parameter.requires_grad_(False)
        terms = {
            "adversarial": sum(((self.critics[s](f) - 1) ** 2).mean() for s, f in (("a", fake_a), ("b", fake_b))),
            "cycle": (self.ba(fake_b) - real_a).abs().mean() + (self.ab(fake_a) - real_b).abs().mean(),
            "identity": (self.ba(real_a) - real_a).abs().mean() + (self.ab(real_b) - real_b).abs().mean(),
        }
        self.generator_optimizer.zero_grad()
        (terms["adversarial"] + 10 * terms["cycle"] + 5 * terms["identity"]).backward()
        self.generator_optimizer.step()
        for parameter in [p for critic in self.critics.values() for p in critic.parameters()]:
            parameter.requires_grad_(True)
        self.discriminator_optimizer.zero_grad()
        for side, real, fake in (("a", real_a, fake_a), ("b", real_b, fake_b)):
            earlier, critic = self.query(side, fake.detach(), draws[side]), self.critics[side]
            (0.5 * (((critic(real) - 1) ** 2).mean() + (critic(earlier) ** 2).mean())).backward()
        self.discriminator_optimizer.step()
        return {name: term.item() for name, term in terms.items()}


# === Small networks in files ===


def make_networks(enhancers=0, width=4, scales=2, encoder=True, seed=0, layers=3, matching=True, classes=CLASSES):
    """Narrow networks with random weights, for label maps of few classes: dict of G, D, E."""
    torch.manual_seed(seed)
    channels = classes + 1 + (FEATURES if encoder else 0)
    if enhancers:
        generator = LocalEnhancer(channels, width, 2, 2, enhancers, 2)
    else:
        generator = GlobalGenerator(channels, width, 2, 2)
    networks = {"G": generator, "D": Discriminator(classes + 4, width, layers, scales, matching)}
    if encoder:
        networks["E"] = Encoder(FEATURES, width, 2)
    return {name: initialize(network) for name, network in networks.items()}


def save_networks(networks, folder):
    """Writes them as the released code does; returns `folder`."""
    for name, network in networks.items():
        torch.save(network.state_dict(), folder / f"latest_net_{name}.pth")
    return folder
