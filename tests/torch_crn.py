"""Cascaded refinement networks and their training in PyTorch, written anew from the paper and its authors' definition.

For tests; not part of the package. Everything follows the default dtype of the module's weights.
"""

import torch
from torch import nn
from torch.nn import functional as F

SLOPE = 0.20000000298023224  # see torch_reference
RELEASED_SCALES = (1.0, 1.6, 2.3, 1.8, 2.8, 0.08)


class LayerNorm(nn.Module):
    """Over all but the batch; a scale and an offset for each channel."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        y = F.layer_norm(x, x.shape[1:], eps=1e-12)
        return y * self.weight[:, None, None] + self.bias[:, None, None]


class Module(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        layers = []
        for before in (channels, width):
            conv = nn.Conv2d(before, width, 3, padding=1, bias=False)
            layers += [conv, LayerNorm(width), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


class Cascade(nn.Module):
    def __init__(self, channels, widths, images=1):
        super().__init__()
        before = (0, *widths)
        self.refinements = nn.ModuleList(Module(channels + b, w) for b, w in zip(before, widths))
        self.head = nn.Conv2d(widths[-1], 3 * images, 1)

    def forward(self, labels):
        height, width = labels.shape[2:]
        features = None
        for i, module in enumerate(self.refinements):
            shrunk = 2 ** (len(self.refinements) - 1 - i)
            seen = F.interpolate(labels, size=(height // shrunk, width // shrunk), mode="area")
            if features is not None:
                features = F.interpolate(features, size=seen.shape[2:], mode="bilinear", align_corners=True)
                seen = torch.cat([features, seen], 1)
            features = module(seen)
        return self.head(features)


class Features(nn.Module):
    """VGG19 with average pooling: its input, then the second convolution of each group."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers  # torchvision's `features`

    def forward(self, x):
        found, group, number = [x], 0, 0
        for layer in self.layers:
            if isinstance(layer, nn.MaxPool2d):
                x, group, number = F.avg_pool2d(x, 2), group + 1, 0
                continue
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                number += 1
                if number == 2:
                    found.append(x)
        return found


def content_loss(features, real, fake, scales=RELEASED_SCALES):
    pairs = zip(scales, features(real), features(fake))
    return sum((a.detach() - b).abs().mean() / s for s, a, b in pairs)


def diverse_content_loss(features, real, images, classes, scales=RELEASED_SCALES):
    """Of one sample: for each class, the best of the images counts, and a thousandth of the mean of all."""
    classes = torch.cat([classes, 1 - classes.sum(1, keepdim=True)], 1)
    costs = []
    for image in images.split(3, 1):
        cost = 0
        for scale, a, b in zip(scales, features(real), features(image)):
            masks = F.interpolate(classes, size=a.shape[2:], mode="area")
            cost = cost + (masks * (a.detach() - b).abs().mean(1, keepdim=True)).mean((0, 2, 3)) / scale
        costs.append(cost)
    costs = torch.stack(costs)
    return 0.999 * costs.min(0).values.sum() + 0.001 * costs.mean(0).sum()
