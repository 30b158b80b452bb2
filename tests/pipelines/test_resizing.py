"""Resizing by matrices: what TensorFlow's operation gives, on any backend."""

import keras
import numpy as np
import pytest

from pipelines.portable import portable
from pipelines.resizing import resize, resize_matrix

pytestmark = pytest.mark.backend
SIZES = [((21, 30), (48, 72)), ((64, 50), (16, 24)), ((17, 40), (34, 9)), ((8, 8), (8, 8))]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size, target", SIZES)
def test_matrices_and_the_operation_agree(rng, size, target, interpolation):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's operation is what all are compared with")
    x = rng.uniform(-1, 1, (2, *size, 3)).astype("float32")
    with portable():
        by_matrices = resize(x, target, interpolation)
    np.testing.assert_allclose(by_matrices, resize(x, target, interpolation), atol=1e-5)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_constants_stay_and_ramps_are_ramps(interpolation):
    assert np.allclose(resize_matrix(11, 30, interpolation).sum(axis=1), 1)
    ramp = np.broadcast_to(np.arange(40, dtype="float32")[:, None, None], (1, 40, 6, 1))
    with portable():
        smaller = keras.ops.convert_to_numpy(resize(keras.ops.convert_to_tensor(ramp), (20, 3), interpolation))
    np.testing.assert_allclose(smaller[0, 4:-4, 1, 0], 0.5 + 2 * np.arange(4, 16), atol=1e-4)
