"""CycleGAN equal to a reference in PyTorch: networks, and a training step with its pools."""

import keras
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs PyTorch")
import torch_reference as reference  # noqa: E402
from torch_reference import nchw, nhwc  # noqa: E402

from hdsynth_tf.convert.layout import assign, generator_layers  # noqa: E402
from hdsynth_tf.model import CycleGAN, Pix2PixHD  # noqa: E402
from hdsynth_tf.model.optimizers import Adam  # noqa: E402
from hdsynth_tf.networks import GlobalGenerator, PatchDiscriminator  # noqa: E402
from pipelines.conditioning import ImageConditioning  # noqa: E402

pytestmark = pytest.mark.torch
SIZE = 32, 48


def tensors(network):
    return {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}


def discriminator_layers(discriminator):
    return {f"model.{max(3 * i - 1, 0)}": group.conv for i, group in enumerate(discriminator.groups)}


def both(dtype, blocks=2):
    """A `CycleGAN` here, and the same networks there: dict of name -> module."""
    torch.manual_seed(0)
    theirs = {"ab": reference.GlobalGenerator(3, 4, 2, blocks), "ba": reference.GlobalGenerator(3, 4, 2, blocks)}
    theirs |= {side: reference.PatchGAN(3, 4) for side in "ab"}
    theirs = {name: reference.initialize(network).to(dtype) for name, network in theirs.items()}
    ab, ba = (Pix2PixHD(ImageConditioning(3), GlobalGenerator(4, 2, blocks)) for _ in range(2))
    model = CycleGAN(ab, ba, *(PatchDiscriminator(4, 3, pad=1) for _ in "ab"), training_size=SIZE, pool_size=3)
    for name, layers in (
        ("ab", generator_layers(ab.generator)),
        ("ba", generator_layers(ba.generator)),
        ("a", discriminator_layers(model.discriminator_a)),
        ("b", discriminator_layers(model.discriminator_b)),
    ):
        assign(layers, tensors(theirs[name]), name)
    return model, theirs


@pytest.mark.parametrize("blocks", [6, 9])
def test_forward_passes_equal(rng, blocks):
    model, theirs = both(torch.float32, blocks)
    image = rng.uniform(-1, 1, (2, 64, 80, 3)).astype("float32")
    for name, network in (("ab", model.ab.generator), ("ba", model.ba.generator)):
        np.testing.assert_allclose(network(image), nhwc(theirs[name](nchw(image, torch.float32))), atol=1e-4)
    for side, network in (("a", model.discriminator_a), ("b", model.discriminator_b)):
        scores = network(image)[-1]
        np.testing.assert_allclose(scores, nhwc(theirs[side](nchw(image, torch.float32))), atol=1e-4)
        assert tuple(scores.shape) == (2, 6, 8, 1)


def test_training_steps_equal(float64, rng):
    """Six steps, three of which find the pools full: the reference is given what ours draw."""
    model, theirs = both(torch.float64)
    model.compile(Adam(2e-4), Adam(2e-4), cycle_weight=10.0, identity_weight=5.0)
    training = reference.CycleTraining(*(theirs[name] for name in ("ab", "ba", "a", "b")))
    for step in range(6):
        source, image = (rng.integers(0, 256, (1, *SIZE, 3)).astype("uint8") for _ in range(2))
        draws = {side: getattr(model, f"pool_{side}")._draw(keras.ops.convert_to_tensor(step)) for side in "ab"}
        draws = {side: (int(slot), bool(new), bool(swapped)) for side, (slot, new, swapped) in draws.items()}
        logs = model.train_step(({"source": source}, image))
        real = [nchw(x / 127.5 - 1, torch.float64) for x in (source, image)]
        expected = training.step(*real, draws)
        for name, value in expected.items():
            total = sum(float(logs[f"{name}_{side}"]) for side in "ab") * (step + 1)  # trackers have means
            training.sums[name] = training.sums.get(name, 0.0) + value
            assert total == pytest.approx(training.sums[name], abs=1e-5), name
    pairs = {"ab": generator_layers(model.ab.generator), "ba": generator_layers(model.ba.generator)}
    pairs |= {side: discriminator_layers(getattr(model, f"discriminator_{side}")) for side in "ab"}
    for name, layers in pairs.items():
        found = tensors(theirs[name])
        for prefix, conv in layers.items():
            kernel = np.transpose(np.asarray(conv.kernel), (3, 2, 0, 1))
            np.testing.assert_allclose(kernel, found[f"{prefix}.weight"], atol=1e-5, rtol=0, err_msg=f"{name} {prefix}")
