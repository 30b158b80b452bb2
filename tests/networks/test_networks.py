"""Whole networks: sizes, counts, and what they must not depend on."""

import itertools

import keras
import naive
import numpy as np
import pytest

from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator, PatchDiscriminator, UNetGenerator
from hdsynth_tf.pretrained.vgg19 import VGG19Features, WeightsError

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def count(network, *shapes):
    network.build(*[(None, None, None, channels) for channels in shapes])
    return network.count_params()


def test_parameter_counts_of_the_paper():
    assert count(GlobalGenerator(kernel_initializer="zeros"), 36) == 182_546_755
    assert count(GlobalGenerator(kernel_initializer="zeros"), 3) == 182_443_267
    assert count(MultiScaleDiscriminator(2), 36, 3) == 5_603_202
    assert count(MultiScaleDiscriminator(3), 36, 3) == 8_404_803
    assert count(MultiScaleDiscriminator(2), 3, 3) == 5_535_618


def test_unet_parameter_count():
    down = [3, 64, 128, 256, 512, 512, 512, 512, 512]
    up = [(512, 512), *[(1024, 512)] * 3, (1024, 256), (512, 128), (256, 64), (128, 3)]  # inputs: half from across
    expected = sum(16 * a * b + b for a, b in [*itertools.pairwise(down), *up])
    assert count(UNetGenerator(kernel_initializer="zeros"), 3) == expected


def test_upsampling_padding_and_skips_change_no_weight_shape():
    networks = [GlobalGenerator(4, 2, 1), GlobalGenerator(4, 2, 1, 3, "nearest", "reflect", skip_connections=True)]
    counts = [count(network, 5) for network in networks]
    assert counts[0] == counts[1]


def test_global_generator_against_numpy(rng):
    generator = GlobalGenerator(3, 1, 1, kernel_initializer="he_normal")
    x = rng.standard_normal((1, 6, 8, 2)).astype("float32")
    y = numpy(generator(x))
    weights = [numpy(weight).astype("float64") for weight in generator.weights]
    kernels, biases = weights[::2], weights[1::2]

    def norm_relu(h):
        return np.maximum(naive.instance_norm(h), 0)

    h = norm_relu(naive.conv(naive.pad(x, 3, "reflect"), kernels[0], biases[0]))
    h = norm_relu(naive.conv(naive.pad(h, 1, "zero"), kernels[1], biases[1], 2))
    r = norm_relu(naive.conv(naive.pad(h, 1, "reflect"), kernels[2], biases[2]))
    h = h + naive.instance_norm(naive.conv(naive.pad(r, 1, "reflect"), kernels[3], biases[3]))
    h = norm_relu(naive.transposed_conv(h, kernels[4], biases[4]))
    expected = np.tanh(naive.conv(naive.pad(h, 3, "reflect"), kernels[5], biases[5]))
    np.testing.assert_allclose(y, expected, atol=2e-5)


def test_generator_pads_what_is_no_multiple(rng):
    generator = GlobalGenerator(4, 3, 1)
    x = rng.standard_normal((1, 16, 24, 2)).astype("float32")
    cut = numpy(generator(x[:, :13, :17]))
    padded = np.pad(x[:, :13, :17], [(0, 0), (0, 3), (0, 7), (0, 0)], mode="reflect")
    np.testing.assert_allclose(cut, numpy(generator(padded))[:, :13, :17], atol=1e-6)


def test_pictures_of_a_batch_do_not_touch(rng):
    for generator in (GlobalGenerator(4, 2, 1), UNetGenerator(4, 3)):
        x = rng.standard_normal((3, 16, 16, 2)).astype("float32")
        alone = np.concatenate([numpy(generator(x[i : i + 1])) for i in range(3)])
        np.testing.assert_allclose(numpy(generator(x)), alone, atol=1e-5)


def test_patch_discriminator_sizes():
    shapes = PatchDiscriminator().compute_output_shape((1, 512, 1024, 39))
    assert shapes == [
        (1, 257, 513, 64), (1, 129, 257, 128), (1, 65, 129, 256), (1, 66, 130, 512), (1, 67, 131, 1),
    ]  # fmt: skip


@pytest.mark.slow
def test_patch_discriminator_sees_70_pixels():
    discriminator = PatchDiscriminator(4, 3, norm=None, kernel_initializer="ones")
    x = np.zeros((1, 160, 160, 1), "float32")
    still = numpy(discriminator(x)[-1])
    seen = [
        i for i in range(160) if not np.array_equal(numpy(discriminator(lit(x, i))[-1])[0, 10, 10], still[0, 10, 10])
    ]
    assert len(seen) == 70


def lit(x, i):
    x = x.copy()
    x[0, i, 80] = 1
    return x


def test_scales_are_finest_first_and_independent(rng):
    discriminator = MultiScaleDiscriminator(2, 4, 1)
    semantic, image = (rng.standard_normal((1, 16, 16, c)).astype("float32") for c in (2, 3))
    scales = discriminator(semantic, image)
    both = np.concatenate([semantic, image], -1)
    fine, coarse = discriminator.discriminators
    np.testing.assert_allclose(numpy(scales[0][-1]), numpy(fine(both)[-1]), atol=1e-6)
    np.testing.assert_allclose(numpy(scales[1][-1]), numpy(coarse(naive.halve(both).astype("float32"))[-1]), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_vgg_features_sizes_and_input(channels, rng):
    vgg = VGG19Features("random")
    image = rng.uniform(-1, 1, (1, 32, 48, channels)).astype("float32")
    features = vgg(image)
    assert [tuple(f.shape[1:]) for f in features] == [
        (32, 48, 64),
        (16, 24, 128),
        (8, 12, 256),
        (4, 6, 512),
        (2, 3, 512),
    ]
    assert not vgg.trainable_weights


def test_vgg_input_is_what_keras_preprocesses(rng):
    image = rng.integers(0, 256, (1, 4, 5, 3)).astype("float32")
    expected = keras.applications.vgg19.preprocess_input(image.copy())
    layer = VGG19Features("random").to_vgg_input
    np.testing.assert_allclose(numpy(layer(image / 127.5 - 1)), expected, atol=1e-4)


def test_vgg_weights_from_a_file(tmp_path, rng):
    original = keras.applications.VGG19(include_top=False, weights=None, input_shape=(None, None, 3))
    original.save_weights(tmp_path / "vgg.weights.h5")
    vgg = VGG19Features(str(tmp_path / "vgg.weights.h5"))
    image = rng.uniform(-1, 1, (1, 32, 32, 3)).astype("float32")
    taps = [original.get_layer(f"block{i}_conv1").output for i in range(1, 6)]
    expected = keras.Model(original.input, taps)(vgg.to_vgg_input(image))
    for a, b in zip(vgg(image), expected, strict=True):
        np.testing.assert_allclose(numpy(a), numpy(b), rtol=1e-5, atol=1e-6)


def test_vgg_weights_that_are_not_there(tmp_path):
    with pytest.raises(WeightsError, match="--perceptual_weights=none"):
        VGG19Features(str(tmp_path / "no.weights.h5"))
