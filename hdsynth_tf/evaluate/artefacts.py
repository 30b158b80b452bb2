"""What generators make on plain surfaces that no photograph has: a weave at the networks' strides, and spots."""

import numpy as np
from scipy import ndimage

PERIODS = (2, 4, 8)  # pixels: strides of the networks and of those they are trained on
WINDOW = 16  # pixels a side over which a weave is looked for, whole periods of each
WAYS = [(axis, period) for axis in (0, 1) for period in PERIODS]
PLAIN = 21  # pixels a side of the surroundings in which the real picture must be plain,
FLAT = 8.0  # grey levels of standard deviation at most
SPOT = 5  # pixels a side
OUTLIER = 12.0  # grey levels that a spot is lighter or darker than its surroundings


def artefacts(fake, real):
    """Two measures of what is wrong where the real picture is plain, as sky and roads are.

    Args:
        fake, real: `(height, width, channels)`, 0 to 255.

    Returns:
        Dict. `weave`: grey levels of amplitude of the strongest stripes of 2, 4 or 8 pixels, across or down, in the
        worst hundredth of the surface; `spots`: percent of it that is lighter or darker than its surroundings. What the
        real picture has of either is taken off. Empty where it has no plain surface.
    """
    fake, real = (np.asarray(picture, "float64").mean(-1) for picture in (fake, real))
    surroundings = ndimage.uniform_filter(real, PLAIN)
    deviation = ndimage.uniform_filter(np.square(real), PLAIN) - np.square(surroundings)
    plain = ndimage.minimum_filter(deviation < FLAT**2, WINDOW)  # as far as what is looked for around a pixel
    if not plain.any():
        return {}
    flat = [grey - ndimage.uniform_filter(grey, WINDOW + 1) for grey in (fake, real)]  # without slopes
    stripes = [np.subtract(*(_stripes(grey, *way)[plain] for grey in flat)) for way in WAYS]
    spots = _outliers(fake, ndimage.uniform_filter(fake, PLAIN))[plain].mean()
    return {
        "weave": float(max(np.quantile(stripe, 0.99) for stripe in stripes)),
        "spots": float(100 * (spots - _outliers(real, surroundings)[plain].mean())),
    }


def _stripes(grey, axis, period):
    """Local amplitude of a wave along an axis: `(height, width)`."""
    wave = np.exp(2j * np.pi * np.arange(grey.shape[axis]) / period)
    turned = grey * np.expand_dims(wave, 1 - axis)
    mean = ndimage.uniform_filter(turned.real, WINDOW) + 1j * ndimage.uniform_filter(turned.imag, WINDOW)
    return np.abs(mean) * (1 if period == 2 else 2)


def _outliers(grey, surroundings):
    return np.abs(ndimage.uniform_filter(grey, SPOT) - surroundings) > OUTLIER
