"""Keras' own layers equal those of TensorFlow Addons 0.23, by vectors that were made with it once."""

import keras
import numpy as np
import pytest
from places import TESTS

from hdsynth_tf.networks.normalization import InstanceNormalization

pytestmark = pytest.mark.backend
VECTORS = np.load(TESTS / "data" / "tfa_vectors.npz", allow_pickle=False)
numpy = keras.ops.convert_to_numpy


def test_instance_norm():
    np.testing.assert_allclose(numpy(InstanceNormalization()(VECTORS["image"])), VECTORS["instance_norm"], atol=1e-5)


def test_spectral_norm():
    conv = keras.layers.Conv2D(5, 3, use_bias=False)
    layer = keras.layers.SpectralNormalization(conv)
    layer.build(VECTORS["image"].shape)
    conv.kernel.assign(VECTORS["kernel"])
    layer.vector_u.assign(VECTORS["vector_u"])
    for expected in VECTORS["spectral_training"]:
        np.testing.assert_allclose(numpy(layer(VECTORS["image"], training=True)), expected, atol=1e-4)
    np.testing.assert_allclose(numpy(conv.kernel), VECTORS["spectral_kernel"], atol=1e-5)
    np.testing.assert_allclose(numpy(layer(VECTORS["image"], training=False)), VECTORS["spectral_inference"], atol=1e-4)
