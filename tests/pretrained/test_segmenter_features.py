"""The features of a segmenter: those that it computes itself, frozen, from its file alone."""

import keras
import numpy as np
import pytest
from tiny import compiled, semantic_batch, semantic_model

from hdsynth_tf.losses import PerceptualLoss
from hdsynth_tf.model.terms import Term
from hdsynth_tf.networks import SegmentationUNet
from hdsynth_tf.pretrained import SegmenterFeatures
from hdsynth_tf.pretrained.packages import WeightsError


@pytest.fixture
def segmenter(rng, tmp_path):
    """A segmenter whose batch normalisations know other statistics than at the start, and its file."""
    network = SegmentationUNet(4, 6, 2)
    network.build((None, None, None, 3))
    network.set_weights(
        [np.abs(rng.normal(0.5, 0.2, weight.shape)) * np.sign(weight + 1e-9) for weight in network.get_weights()]
    )
    network.save(tmp_path / "segmenter.keras")
    return network, tmp_path / "segmenter.keras"


def test_features_are_those_of_the_segmenter(segmenter, rng):
    network, path = segmenter
    image = rng.uniform(-1, 1, (2, 22, 36, 3)).astype("float32")
    features = SegmenterFeatures(str(path))(image)
    x, sizes = np.pad(image, [(0, 0), (0, 2), (0, 0), (0, 0)], mode="reflect"), []
    for down in network.downs:
        x = down(keras.ops.max_pool(x, 2) if sizes else x)
        sizes.append(tuple(x.shape))
        np.testing.assert_allclose(features[len(sizes) - 1], x, rtol=1e-5, atol=1e-5)
    assert sizes == [(2, 24, 36, 6), (2, 12, 18, 12), (2, 6, 9, 24)]
    np.testing.assert_allclose(network.head(features[-1]), network(image), rtol=1e-4, atol=1e-4)
    assert len(features) == SegmenterFeatures(str(path)).num_features == 4


def test_a_training_leaves_it_as_it_is(segmenter):
    _, path = segmenter
    features = SegmenterFeatures(str(path))
    before = features.get_weights()
    model = semantic_model()
    terms = [Term("perceptual", PerceptualLoss(features, (0.375,) * 4))]
    model.compile(keras.optimizers.Adam(1e-3), terms=terms)
    inputs, image = semantic_batch(2)
    values = [model.train_on_batch(inputs, image, return_dict=True)["perceptual"] for _ in range(30)]
    assert values[-1] < 0.9 * values[0]
    for a, b in zip(before, features.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_a_model_that_learns_from_it_is_saved_without_it(segmenter, tmp_path):
    _, path = segmenter
    model = semantic_model()
    terms = [Term("perceptual", PerceptualLoss(SegmenterFeatures(str(path)), (0.375,) * 4))]
    model.compile(keras.optimizers.Adam(1e-3), terms=terms)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    batch = semantic_batch(2)
    assert loaded.evaluate(*batch, verbose=0, return_dict=True)["perceptual"] == pytest.approx(
        model.evaluate(*batch, verbose=0, return_dict=True)["perceptual"]
    )


def test_other_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"no file.*train_segmenter"):
        SegmenterFeatures(str(tmp_path / "nothing.keras"))
    compiled(semantic_model()).save(tmp_path / "model.keras")
    with pytest.raises(WeightsError, match=r"a Pix2PixHD.*train_segmenter"):
        SegmenterFeatures(str(tmp_path / "model.keras"))
