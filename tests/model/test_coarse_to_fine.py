"""Coarse-to-fine generators: their parts in NumPy, their counts, and growing, which keeps what was learnt."""

import keras
import naive
import numpy as np
import pytest

from hdsynth_tf.networks import (
    CoarseToFineGenerator,
    GlobalGenerator,
    LocalEnhancer,
    MultiScaleDiscriminator,
    UNetGenerator,
)
from hdsynth_tf.networks.coarse_to_fine import grow

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy


def built(network, *channels):
    network.build(*[(None, None, None, count) for count in channels])
    return network


def enhanced(*filters, num_filters=64):
    """Of zeros, of which millions are quickly made."""
    base = GlobalGenerator(num_filters, makes_image=False, kernel_initializer="zeros")
    return CoarseToFineGenerator(base, [LocalEnhancer(width, kernel_initializer="zeros") for width in filters])


@pytest.mark.slow
def test_parameter_counts_of_the_released_networks():
    assert built(enhanced(32), 36).count_params() == 182_857_059
    assert built(enhanced(32), 3).count_params() == 182_701_827
    assert built(enhanced(32, 16), 36).count_params() == 182_947_699


def test_enhancer_against_numpy(rng):
    enhancer = LocalEnhancer(2, 1, kernel_initializer="he_normal")
    x = rng.standard_normal((1, 8, 6, 3)).astype("float32")
    coarse = rng.standard_normal((1, 4, 3, 4)).astype("float32")
    y = numpy(enhancer(x, coarse))
    weights = [numpy(weight).astype("float64") for weight in enhancer.weights]
    kernels, biases = weights[::2], weights[1::2]

    def norm_relu(h):
        return np.maximum(naive.instance_norm(h), 0)

    h = norm_relu(naive.conv(naive.pad(x, 3, "reflect"), kernels[0], biases[0]))
    h = norm_relu(naive.conv(naive.pad(h, 1, "zero"), kernels[1], biases[1], 2)) + coarse
    inner = norm_relu(naive.conv(naive.pad(h, 1, "reflect"), kernels[2], biases[2]))
    h = h + naive.instance_norm(naive.conv(naive.pad(inner, 1, "reflect"), kernels[3], biases[3]))
    h = norm_relu(naive.transposed_conv(h, kernels[4], biases[4]))
    np.testing.assert_allclose(y, h, atol=2e-5)


def test_features_are_the_parts_on_a_pyramid(rng):
    generator = grow(grow(built(GlobalGenerator(8, 1, 1), 3)))
    x = rng.standard_normal((1, 16, 24, 3)).astype("float32")
    half = numpy(generator.halve(x))
    quarter = numpy(generator.halve(half))
    features = generator.global_generator.features(quarter)
    features = generator.enhancers[0](half, features)
    features = generator.enhancers[1](x, features)
    np.testing.assert_allclose(numpy(generator(x)), np.tanh(numpy(generator.head(features))), atol=1e-6)


def same(a, b):
    return all(np.array_equal(numpy(x), numpy(y)) for x, y in zip(a, b, strict=True))


def test_growing_keeps_all_that_was_learnt(rng):
    start = built(GlobalGenerator(8, 2, 1, upsampling="nearest", padding="reflect", skip_connections=True), 5)
    start.set_weights([rng.standard_normal(weight.shape).astype("float32") for weight in start.weights])
    once = grow(start, num_residual_blocks=2)
    twice = grow(once)
    old = [weight for layer in start.trunk for weight in layer.weights]
    assert same(old, once.global_generator.weights) and same(old, twice.global_generator.weights)
    assert same(once.enhancers[0].weights, twice.enhancers[0].weights)
    assert [part.num_filters for part in twice.enhancers] == [4, 2]
    assert len(once.enhancers[0].residuals) == 2 and once.enhancers[0].upsampling == "nearest"
    x = rng.standard_normal((1, 16, 16, 5)).astype("float32")
    np.testing.assert_array_equal(  # the coarse part computes what it did
        numpy(start.features(x)), numpy(once.global_generator.features(x))
    )


def test_finest_variables_are_what_growing_added():
    twice = grow(grow(built(GlobalGenerator(8, 2, 1), 3)))
    added = {variable.path for variable in twice.finest_variables}
    rest = {variable.path for variable in twice.trainable_variables} - added
    assert added and all("local_enhancer" in path or "head" in path for path in added)
    assert len(rest) + len(added) == len(twice.trainable_variables)
    assert sum(int(np.prod(v.shape)) for v in twice.finest_variables) == sum(
        int(np.prod(v.shape)) for v in twice.enhancers[1].trainable_variables + twice.head.trainable_variables
    )


@pytest.mark.parametrize("size", [(32, 48), (37, 21)])
def test_any_size_comes_back(size, rng):
    generator = grow(built(GlobalGenerator(4, 2, 1), 3))
    assert numpy(generator(rng.standard_normal((1, *size, 3)).astype("float32"))).shape == (1, *size, 3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="half the filters"):
        enhanced(16)
    with pytest.raises(ValueError, match="makes_image=False"):
        CoarseToFineGenerator(GlobalGenerator(8), [LocalEnhancer(4)])
    with pytest.raises(ValueError, match="num_filters=3"):
        grow(built(GlobalGenerator(3, 1, 1), 3))
    with pytest.raises(ValueError, match="UNetGenerator"):
        grow(UNetGenerator(4, 2))


@pytest.mark.parametrize("norm", ["instance", "spectral"])
def test_grown_discriminators_go_on_at_their_sizes(norm, rng):
    old = built(MultiScaleDiscriminator(2, 4, 1, norm), 3, 3)
    new = old.grown()
    assert new.num_scales == 3
    for before, after in zip(old.discriminators, new.discriminators[1:]):
        assert same(before.weights, after.weights)
    fine = [rng.standard_normal((1, 32, 32, 3)).astype("float32") for _ in range(2)]
    coarse = [numpy(old.halve(x)) for x in fine]
    for a, b in zip(old(*coarse), new(*fine)[1:]):
        np.testing.assert_allclose(numpy(a[-1]), numpy(b[-1]), atol=1e-5)
