"""What a frozen network sees in the input: against plain NumPy, in a generator, grown, and never trained."""

import keras
import numpy as np
import pytest
from tiny import compiled, efficientnet

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator, InputFeatures
from hdsynth_tf.networks.coarse_to_fine import grow
from hdsynth_tf.networks.layers import pad_to_multiple
from hdsynth_tf.networks.tone import STATISTICS, tone_statistics
from pipelines.conditioning import ImageConditioning

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
STRIDES = (2, 4, 8)


def naive_feature(x, conv, strength):
    """Mean square 1, a 1x1 convolution, instance norm; of each sample by itself."""
    made = []
    for sample in numpy(x).astype("float64"):
        sample = sample / np.sqrt((sample**2).mean() + 1e-6)
        sample = sample @ numpy(conv.conv.kernel)[0, 0]
        sample = sample - sample.mean((0, 1))
        made.append(strength * sample / np.sqrt((sample**2).mean((0, 1)) + 1e-5))
    return np.stack(made)


@pytest.mark.parametrize("channels, size", [(1, (16, 24)), (2, (16, 24)), (3, (13, 18))])
def test_features_equal_numpys(rng, channels, size):
    layer = InputFeatures(efficientnet(rng, STRIDES), (5, 7), channels, strength=0.5)
    x = rng.uniform(-1, 1, (2, *size, channels + 1)).astype("float32")
    first, second = (numpy(feature) for feature in layer(x))
    image = x[..., :channels] if channels != 2 else x[..., :2].mean(-1, keepdims=True)
    seen = layer.feature_extractor(image)
    expected = [naive_feature(feature, conv, 0.5) for feature, conv in zip(seen, layer.convs, strict=True)]
    np.testing.assert_allclose(first, expected[0], atol=1e-4)
    enlarged = expected[2].repeat(2, 1).repeat(2, 2)[:, : second.shape[1], : second.shape[2]]
    np.testing.assert_allclose(second, expected[1] + enlarged, atol=1e-4)
    assert first.std() == pytest.approx(0.5, rel=0.01)


def test_fewer_sizes_than_stages(rng):
    layer = InputFeatures(efficientnet(rng, (2,)), (5, 7))
    assert [feature.shape for feature in layer(np.zeros((1, 8, 8, 1), "float32"))] == [(1, 4, 4, 5)]
    with pytest.raises(ValueError, match=r"strides 2, 4, 8, \.\.\. Received: \[4, 8\]"):
        InputFeatures(efficientnet(rng, (4, 8)), (5, 7))


def generator(rng, strength=0.3, **options):
    return GlobalGenerator(
        4, 2, 1, input_features=InputFeatures(efficientnet(rng, STRIDES), (8, 16), strength=strength), **options
    )


def test_a_generator_sees_them(rng):
    """Of strength 0 they are not there; else another picture comes out, of any size."""
    x = rng.uniform(-1, 1, (1, 21, 34, 2)).astype("float32")
    plain, blind, seeing = GlobalGenerator(4, 2, 1), generator(rng, 0.0), generator(rng)
    for network in (plain, blind, seeing):
        network.build(x.shape)
    for network in (blind, seeing):
        for layer, source in zip(network.trunk, plain.trunk, strict=True):
            layer.set_weights(source.get_weights())
        network.head.set_weights(plain.head.get_weights())
    images = [numpy(network(x)) for network in (plain, blind, seeing)]
    np.testing.assert_array_equal(images[0], images[1])
    assert np.abs(images[2] - images[0]).max() > 1e-3 and images[2].shape == (1, 21, 34, 3)


def test_the_tone_is_read_from_their_means_too(rng):
    """Means of the two coarsest features, of the input as it is padded, behind the input's own statistics."""
    network = generator(rng, tone_channels=1)
    x = rng.uniform(-1, 1, (2, 20, 32, 2)).astype("float32")
    network.build(x.shape)
    found = numpy(network.statistics(x))
    np.testing.assert_array_equal(found[:, :STATISTICS], numpy(tone_statistics(x[..., :1])))
    means = [numpy(feature).mean((1, 2)) for feature in network.input_features.feature_extractor(x[..., :1])[-2:]]
    np.testing.assert_allclose(found[:, STATISTICS:], np.concatenate(means, 1), atol=1e-4)

    odd = x[:, :19]
    np.testing.assert_allclose(
        numpy(network.statistics(odd))[:, STATISTICS:],
        numpy(network.statistics(pad_to_multiple(odd, 4)))[:, STATISTICS:],
        atol=1e-5,
    )
    network.tone.set_weights([rng.normal(0, 1, weight.shape) for weight in network.tone.get_weights()])
    np.testing.assert_allclose(numpy(network(x)), numpy(network(x, tone=network.tone.read(found))), atol=1e-5)


def test_they_grow_with_the_generator(rng):
    """What they say of the whole input is what they say of its half."""
    start = generator(rng, tone_channels=1)
    start.build((None, None, None, 2))
    grown = grow(start, 1)
    for a, b in zip(start.input_features.get_weights(), grown.input_features.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    x = rng.uniform(-1, 1, (1, 16, 24, 2)).astype("float32")
    whole, half = (
        numpy(statistics)[:, STATISTICS:] for statistics in (grown.statistics(x), start.statistics(grown.halve(x)))
    )
    np.testing.assert_allclose(whole, half, atol=1e-5)
    assert grown(x).shape == (1, 16, 24, 3)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="training is TensorFlow's")
def test_the_network_does_not_train_and_is_saved(rng, tmp_path):
    model = compiled(Pix2PixHD(ImageConditioning(1), generator(rng)), adversarial=False)
    features = model.generator.input_features
    frozen, convs = features.feature_extractor.get_weights(), features.convs[0].get_weights()
    inputs = {"source": rng.integers(0, 256, (2, 16, 16, 1)).astype("uint8")}
    model.fit(inputs, rng.integers(0, 256, (2, 16, 16, 3)).astype("uint8"), batch_size=2, epochs=2, verbose=0)
    for before, after in zip(frozen, features.feature_extractor.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any((a != b).any() for a, b in zip(convs, features.convs[0].get_weights()))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.generate(inputs), loaded.generate(inputs))
