"""The discriminator on pretrained features: against loops, its random changes, a model that learns by it."""

import keras
import naive
import numpy as np
import pytest
from tiny import compiled, efficientnet, image_model

from hdsynth_tf import Pix2PixHD, Term, losses
from hdsynth_tf.networks import ProjectedDiscriminator
from hdsynth_tf.networks.projected_discriminator import augmented, cut_out, moved, recolored

pytestmark = pytest.mark.backend
numpy = keras.ops.convert_to_numpy
STRIDES = (4, 8, 16)


def discriminator(rng, strides=STRIDES, **options):
    """One of few filters, on an EfficientNet of weights that matter."""
    return ProjectedDiscriminator(efficientnet(rng, strides), 4, **options)


def built(rng, **options):
    network = discriminator(rng, **options)
    network.build((None, None, None, 2), (None, None, None, 3))
    return network


def scene(rng, batch=2, height=21, width=38):
    images = rng.uniform(-1, 1, (2, batch, height, width, 3)).astype("float32")
    return rng.uniform(-1, 1, (batch, height, width, 2)).astype("float32"), *images


# === Scores ===


def conv(x, layer, stride=1, pad=0):
    kernel = numpy(layer.kernel).astype("float64")
    bias = numpy(layer.bias).astype("float64") if layer.use_bias else np.zeros(kernel.shape[-1])
    return naive.conv(naive.pad(x, pad, "zero"), kernel, bias, stride)


def pooled(x, stride):
    """Means of squares of `stride` pixels; what is missing at the end is reflected."""
    missing = [-length % stride for length in x.shape[1:3]]
    x = np.pad(x.astype("float64"), [(0, 0), (0, missing[0]), (0, missing[1]), (0, 0)], "reflect")
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // stride, stride, width // stride, stride, channels).mean((2, 4))


def naive_scores(network, semantic_input, image):
    """Scores of each scale, by loops, of as many images as semantic inputs."""
    features = [numpy(x).astype("float64") for x in network.feature_extractor(image)]
    mixed, coarser = {}, None
    for i in reversed(range(len(features))):
        x = np.stack([sample / np.sqrt((sample**2).mean() + 1e-6) for sample in features[i]])
        x = conv(x, network.mix_channels[i])
        if coarser is not None:
            x = (x + coarser.repeat(2, 1).repeat(2, 2)[:, : x.shape[1], : x.shape[2]]) / np.sqrt(2)
        coarser = mixed[i] = conv(x, network.mix_scales[i], pad=1)
    scores = []
    for i, head in enumerate(network.heads):
        x = np.concatenate([pooled(semantic_input, STRIDES[i]), mixed[i]], -1)
        for group in head:
            x = conv(x, group.conv, group.strides, group.pad)
            x = x if group is head[-1] else np.where(x > 0, x, 0.2 * x)
        scores.append(x)
    return scores


def test_scores_equal_loops(rng):
    network = built(rng)
    semantic_input, image, _ = scene(rng)
    scales = network(semantic_input, image)
    assert [len(head) for head in network.heads] == [4, 3, 2]
    for (feature, scores), expected in zip(scales, naive_scores(network, semantic_input, image), strict=True):
        assert scores.shape == expected.shape and scores.shape[-1] == 1 and feature.shape[-1] > 1
        np.testing.assert_allclose(numpy(scores), expected, atol=1e-5)


def test_judging_is_scoring_both_images_where_nothing_is_random(rng):
    network = built(rng)
    semantic_input, real, fake = scene(rng)
    told = network.judge(semantic_input, real, fake)
    for name, image in (("real", real), ("fake", fake)):
        for got, expected in zip(told[name], network(semantic_input, image), strict=True):
            for a, b in zip(got, expected, strict=True):
                np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-5)


def test_only_the_heads_train_and_their_kernels_have_spectral_norm_1(rng):
    network = built(rng)
    semantic_input, real, fake = scene(rng)
    assert {id(v) for v in network.trainable_variables} == {
        id(v) for head in network.heads for group in head for v in group.trainable_variables
    }
    for _ in range(30):
        network.judge(semantic_input, real, fake, training=True)
    for head in network.heads:
        for group in head:
            kernel = numpy(group.conv.kernel)
            assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) == pytest.approx(1, abs=0.05)


# === Random changes ===


def test_images_of_a_sample_change_alike(rng):
    semantic_input, image, _ = scene(rng)
    first, (a, b) = augmented(semantic_input, [image, image], keras.random.SeedGenerator(3))
    second, (c,) = augmented(semantic_input, [image], keras.random.SeedGenerator(4))
    np.testing.assert_array_equal(numpy(a), numpy(b))
    assert not np.array_equal(numpy(a), numpy(c)) and not np.array_equal(numpy(first), numpy(second))


def test_colours_change_by_brightness_colourfulness_and_contrast_alone(rng):
    image = rng.uniform(-1, 1, (3, 6, 8, 3)).astype("float32")
    (changed,) = recolored([image], keras.random.SeedGenerator(5))
    for old, new in zip(image.astype("float64"), numpy(changed).astype("float64")):
        grey_old, grey_new = old.mean(-1), new.mean(-1)
        gain = (grey_new - grey_new.mean()).std() / (grey_old - grey_old.mean()).std()
        np.testing.assert_allclose(grey_new - grey_new.mean(), gain * (grey_old - grey_old.mean()), atol=1e-5)
        colour = (new - grey_new[..., None]).std() / (old - grey_old[..., None]).std()
        np.testing.assert_allclose(new - grey_new[..., None], colour * (old - grey_old[..., None]), atol=1e-5)
        assert 0.7 <= gain <= 1.3 and 0.4 <= colour / gain <= 1.6 and abs((new - old).mean()) <= 0.3


@pytest.mark.parametrize("seed", range(4))
def test_maps_move_together_by_an_eighth_at_most(rng, seed):
    maps = [rng.uniform(1, 2, (2, 17, 24, channels)).astype("float32") for channels in (1, 3)]
    made = [numpy(x) for x in moved(maps, keras.random.SeedGenerator(seed))]
    shifts = set()
    for old, new in zip(maps, made):
        padded = np.pad(old, [[0, 0], [2, 2], [3, 3], [0, 0]])
        places = [(row, column) for row in range(5) for column in range(7)]
        found = [(i, j) for i, j in places if np.array_equal(padded[:, i : i + 17, j : j + 24], new)]
        assert len(found) == 1
        shifts |= set(found)
    assert len(shifts) == 1


def test_a_rectangle_is_cut_out_of_all_maps(rng):
    maps = [np.ones((5, 20, 30, channels), "float32") for channels in (1, 3)]
    first, second = (numpy(x) for x in cut_out(maps, keras.random.SeedGenerator(7)))
    for i in range(5):
        empty = first[i, ..., 0] == 0
        rows, columns = np.flatnonzero(empty.any(1)), np.flatnonzero(empty.any(0))
        assert empty.sum() == len(rows) * len(columns) and 3 <= len(rows) <= 8 and 5 <= len(columns) <= 12
        np.testing.assert_array_equal(second[i] == 0, np.repeat(empty[..., None], 3, -1))
    assert len({first[i].tobytes() for i in range(5)}) > 1


# === Models ===


def learning_model(rng, dtype=None):
    model = image_model()
    network = discriminator(rng, dtype=dtype)
    model = Pix2PixHD(model.conditioning, model.generator, network)
    terms = [Term("adversarial", losses.HingeLoss()), Term("feature_matching", losses.FeatureMatchingLoss(True), 4.0)]
    return compiled(model, adversarial=False, more_terms=terms, discriminator_optimizer=keras.optimizers.Adam(1e-3))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="training is TensorFlow's")
def test_a_model_learns_by_it_and_is_saved_with_its_features(rng, tmp_path):
    model = learning_model(rng)
    inputs = {"source": rng.integers(0, 256, (2, 16, 24, 1)).astype("uint8")}
    image = rng.integers(0, 256, (2, 16, 24, 3)).astype("uint8")
    frozen = [v.numpy() for v in model.discriminator.non_trainable_variables if "mix" in v.path or "conv" in v.path]
    values = model.train_on_batch(inputs, image, return_dict=True)
    assert {"adversarial", "feature_matching", "discriminator_real", "discriminator_fake", "pixel"} <= set(values)
    after = [v.numpy() for v in model.discriminator.non_trainable_variables if "mix" in v.path or "conv" in v.path]
    assert frozen and all(np.array_equal(a, b) for a, b in zip(frozen, after))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    for a, b in zip(model.discriminator.get_weights(), again.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.generate(inputs), again.generate(inputs))


def test_a_grown_one_is_a_copy(rng):
    network = built(rng)
    semantic_input, image, _ = scene(rng)
    for old, new in zip(network(semantic_input, image), network.grown()(semantic_input, image), strict=True):
        np.testing.assert_array_equal(numpy(old[-1]), numpy(new[-1]))
