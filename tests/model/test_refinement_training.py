"""Cascaded refinement here and in a reference in PyTorch: the forward pass, the loss and a training step."""

import numpy as np
import pytest
import tensorflow as tf
from tiny import semantic_batch

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
import torch_crn as crn  # noqa: E402
import torch_reference as reference  # noqa: E402
from torch_reference import nchw  # noqa: E402

from hdsynth_tf.losses import ContentLoss  # noqa: E402
from hdsynth_tf.model import Pix2PixHD  # noqa: E402
from hdsynth_tf.model.optimizers import Adam  # noqa: E402
from hdsynth_tf.model.terms import Term  # noqa: E402
from hdsynth_tf.networks import RefinementGenerator  # noqa: E402
from hdsynth_tf.pretrained.vgg19 import SECOND_TAPS, VGG19Features  # noqa: E402
from pipelines.conditioning import SemanticConditioning  # noqa: E402

pytestmark = pytest.mark.torch
CLASSES, WIDTHS = 4, (12, 8, 6)


def vgg19(path):
    """torchvision's layers up to relu5_2 with random weights, in a file as torchvision has it."""
    torch.manual_seed(7)
    layers, channels = [], 3
    for width in (*reference.VGG_WIDTHS, 512):
        layers.append(torch.nn.MaxPool2d(2) if width == "pool" else torch.nn.Conv2d(channels, width, 3, padding=1))
        if width != "pool":
            torch.nn.init.kaiming_normal_(layers[-1].weight)
            layers.append(torch.nn.ReLU())
            channels = width
    layers = torch.nn.Sequential(*layers)
    torch.save({f"features.{name}": tensor for name, tensor in layers.state_dict().items()}, path)
    return layers


def twin(generator, images, dtype):
    """The reference with a generator's weights."""
    theirs = crn.Cascade(CLASSES + 1, WIDTHS, images).to(dtype)
    for ours, parameter in zip(ordered(generator), theirs.parameters(), strict=True):
        parameter.data = torch.from_numpy(as_theirs(ours)).to(dtype)
    return theirs


def ordered(generator):
    """Weights in the reference's order."""
    modules = [layer for module in generator.refinements for layer in module.chain] + [generator.head]
    return [weight for layer in modules for weight in layer.trainable_weights]


def as_theirs(weight):
    value = np.asarray(weight)
    return value.transpose(3, 2, 0, 1).copy() if value.ndim == 4 else value


def scene(number):
    """Inputs and an image of 2 scenes, made of blocks of 4 pixels, and the reference's form of them."""
    inputs, image = semantic_batch(2, 8, 12, seed=number)
    inputs, image = ({k: v.repeat(4, 1).repeat(4, 2) for k, v in inputs.items()}, image.repeat(4, 1).repeat(4, 2))
    return inputs, image


def both_sides(folder, images, dtype):
    generator = RefinementGenerator(WIDTHS, num_images=images)
    model = Pix2PixHD(SemanticConditioning(CLASSES), generator)
    layers = vgg19(folder / "vgg.pth").to(dtype)
    features = VGG19Features(folder / "vgg.pth", taps=SECOND_TAPS, average_pooling=True, with_input=True)
    loss = ContentLoss(features, crn.RELEASED_SCALES, by_class=images > 1)
    model.compile(Adam(1e-4, 0.9), terms=[Term("content", loss)])
    return model, twin(generator, images, dtype), crn.Features(layers)


def normalized(image):
    mean, deviation = (
        torch.tensor(v, dtype=image.dtype)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    return ((image + 1) / 2 - mean) / deviation


def their_loss(features, theirs, inputs, image, images, dtype):
    semantic = reference.semantic_input(
        *(torch.from_numpy(inputs[name]) for name in ("label_map", "instance_map")), CLASSES, dtype
    )
    fake, real = theirs(semantic), nchw(image, dtype) / 127.5 - 1

    def seen(x):
        return features(normalized(x))

    if images == 1:
        return crn.content_loss(seen, real, fake)
    samples = range(len(real))
    one = [slice(n, n + 1) for n in samples]
    return sum(crn.diverse_content_loss(seen, real[n], fake[n], semantic[n, :CLASSES]) for n in one) / len(real)


def test_the_forward_pass(rng):
    generator = RefinementGenerator(WIDTHS, num_images=3)
    x = rng.uniform(0, 1, (2, 16, 24, CLASSES + 1)).astype("float32")
    ours = np.asarray(generator(x, training=True))
    theirs = twin(generator, 3, torch.float32)(nchw(x, torch.float32)).detach().numpy()
    assert np.abs(ours - np.moveaxis(theirs, 1, -1)).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("images", [1, 3])
def test_training_steps_in_float64(tmp_path, float64, images):
    """The losses of five steps, and all weights after them, to 1e-8."""
    model, theirs, features = both_sides(tmp_path, images, torch.float64)
    optimizer = torch.optim.Adam(theirs.parameters(), 1e-4, betas=(0.9, 0.999))
    step = tf.function(model.train_step)
    for number in range(5):
        inputs, image = scene(number)
        loss = their_loss(features, theirs, inputs, image, images, torch.float64)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.reset_metrics()
        logs = step(({k: tf.constant(v) for k, v in inputs.items()}, tf.constant(image)))
        assert float(logs["content"]) == pytest.approx(loss.item(), rel=1e-8)
    for ours, parameter in zip(ordered(model.generator), theirs.parameters(), strict=True):
        assert np.abs(as_theirs(ours) - parameter.detach().numpy()).max() < 1e-8, ours.path


def test_a_step_in_float32(tmp_path):
    """To 1e-5, but for weights whose gradient is rounding noise, of which Adam makes full steps: one in a thousand."""
    model, theirs, features = both_sides(tmp_path, 1, torch.float32)
    inputs, image = scene(0)
    optimizer = torch.optim.Adam(theirs.parameters(), 1e-4, betas=(0.9, 0.999))
    loss = their_loss(features, theirs, inputs, image, 1, torch.float32)
    loss.backward()
    optimizer.step()
    logs = tf.function(model.train_step)(({k: tf.constant(v) for k, v in inputs.items()}, tf.constant(image)))
    assert float(logs["content"]) == pytest.approx(loss.item(), rel=1e-5)
    pairs = zip(ordered(model.generator), theirs.parameters(), strict=True)
    wrong = np.concatenate([np.abs(as_theirs(a) - b.detach().numpy()).ravel() > 1e-5 for a, b in pairs])
    assert wrong.mean() < 1e-3
