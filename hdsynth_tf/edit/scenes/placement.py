"""How large things are where they stand: farther up in a street scene is farther away."""

import dataclasses

import numpy as np
from scipy import stats

FEWEST = 20  # objects of a class; fewer say nothing
SMALLEST, LARGEST = 0.25, 4.0  # factors; beyond, the model has not seen the object at such a scale


@dataclasses.dataclass(frozen=True)
class SizeByPlace:
    """Of one class: an object's height is proportional to how far its lowest row is below a row, the horizon.

    Attributes:
        horizon: Float, that row as a share of the picture's height.
    """

    horizon: float

    def factor(self, from_row, to_row, height):
        """How much larger an object gets when its lowest row moves; rows in pixels of a picture of `height`."""
        before, after = from_row - self.horizon * height, to_row - self.horizon * height
        if before <= 0:
            return 1.0  # it stands above the horizon: the rule is not about it
        return float(np.clip(after / before, SMALLEST, LARGEST))


def fit_sizes(feet, heights):
    """The rule of one class, from its objects, by the median of slopes (Theil-Sen).

    Args:
        feet, heights: Arrays of floats: lowest rows and heights of objects, as shares of their picture's height.

    Returns:
        `SizeByPlace`, or `None` where there are too few objects, or one size for all fits better.
    """
    feet, heights = np.asarray(feet, "float64"), np.asarray(heights, "float64")
    if len(feet) < FEWEST or np.ptp(feet) == 0:
        return None
    slope, intercept, *_ = stats.theilslopes(heights, feet)
    if slope <= 0:
        return None
    rule = SizeByPlace(float(-intercept / slope))
    expected = slope * np.maximum(feet - rule.horizon, 1e-3)
    return rule if _error(heights, expected) < _error(heights, np.median(heights)) else None


def _error(heights, expected):
    """Median of the factor by which heights are off, as a logarithm."""
    return np.median(np.abs(np.log(heights / expected)))
