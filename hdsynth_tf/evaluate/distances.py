"""Distances between the distributions of two sets of images, by their features: FID and KID."""

import numpy as np

FEW_IMAGES = 2048  # with fewer, FID is far too large: its covariances have more numbers than the images tell
BLOCK = 2048  # rows of the kernel that are computed at a time


def frechet_distance(a, b):
    """FID: the Fréchet distance between two normal distributions with the means and covariances of the features.

    The trace of the square root of the covariances' product is the sum of the singular values of a product of their
    factors. So it is real and exact, also where there are fewer images than features, when `sqrtm` gives complex
    numbers.

    Args:
        a, b: `(images, features)` arrays, two images or more each.

    Returns:
        Float. It falls with the number of images: only distances of as many images can be compared.

    Reference:
        - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500)
    """
    (mean_a, factor_a), (mean_b, factor_b) = _moments(a), _moments(b)
    cross = np.linalg.svd(factor_a @ factor_b.T, compute_uv=False).sum()
    return float(np.square(mean_a - mean_b).sum() + np.square(factor_a).sum() + np.square(factor_b).sum() - 2 * cross)


def _moments(features):
    """Mean, and a factor F of the covariance: `F.T @ F`, of no more rows than there are features."""
    features = np.asarray(features, "float64")
    mean = features.mean(0)
    return mean, np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), mode="r")


def kernel_distance(a, b):
    """KID: the squared maximum mean discrepancy, with the kernel `(x . y / features + 1) ** 3`; unbiased.

    Over all pairs of images, where other code averages random subsets; both have the same expectation. Can be
    a little below 0 for sets that are alike.

    Args:
        a, b: `(images, features)` arrays, two images or more each.

    Returns:
        Float.

    Reference:
        - [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401)
    """
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return float(_mean_of_pairs(a) + _mean_of_pairs(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b)))


def _kernel_sum(a, b):
    blocks = (a[start : start + BLOCK] for start in range(0, len(a), BLOCK))
    return sum(((block @ b.T / a.shape[1] + 1) ** 3).sum() for block in blocks)


def _mean_of_pairs(a):
    """Mean of the kernel over all pairs of different images."""
    with_itself = ((np.square(a).sum(1) / a.shape[1] + 1) ** 3).sum()
    return (_kernel_sum(a, a) - with_itself) / (len(a) * (len(a) - 1))
