"""Confidence intervals by bootstrap: what a score would have been, had the images been other ones of their kind."""

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95


def resampled_sums(per_image, resamples=RESAMPLES, seed=0):
    """Sums over as many images as there are, drawn from them with replacement, again and again.

    The same number of images and the same seed draw the same images: two methods are resampled alike.

    Args:
        per_image: Array `(images, ...)`.
        resamples, seed: Integers.

    Returns:
        float64 array `(resamples, ...)`.
    """
    per_image = np.asarray(per_image, "float64")
    count = len(per_image)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)  # how often each
    return np.tensordot(drawn.astype("float64"), per_image, 1)


def interval(values, level=LEVEL):
    """`(low, high)`: between them lies the middle part `level` of the values of all resamples, but NaN."""
    if np.isnan(values).all():
        return float("nan"), float("nan")
    return tuple(float(x) for x in np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2]))


def mean_interval(per_image, resamples=RESAMPLES, seed=0):
    """The interval of a mean over images. `per_image`: `(images,)`."""
    return interval(resampled_sums(per_image, resamples, seed) / len(per_image))
