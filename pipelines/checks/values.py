"""Value statistics of a dataset's images: range, histogram, and broken frames."""

import dataclasses
import functools

import numpy as np

from pipelines.source import PHOTOGRAPH, spread

NO_VALUES = (999, 9999, 99999, 32768, 1e20, float(np.finfo("float32").max), float(np.float32(9.96921e36)))
OFTEN, SEVERAL = 0.001, 16  # any value may mean "no value": in this share of the pixels, among so many other values
SAMPLED = 2048  # pixels of each frame, about, that the histogram is made of


@dataclasses.dataclass(frozen=True)
class Frame:
    """The values of one image.

    Attributes:
        low, high: Floats.
        sample: float32 array, some of the values, evenly spread over the picture.
    """

    low: float
    high: float
    sample: np.ndarray

    @classmethod
    def of(cls, image):
        """Of an array (height, width, channels)."""
        stride = max(int((image.shape[0] * image.shape[1] / SAMPLED) ** 0.5), 1)
        sample = image[::stride, ::stride].reshape(-1).astype("float32")
        return cls(float(image.min()), float(image.max()), sample)

    @property
    def broken(self):
        """Says that there are values that are no numbers; an empty string if there are none."""
        return "" if np.isfinite([self.low, self.high]).all() else "has values that are no numbers (NaN or infinite)"

    @property
    def constant(self):
        """Says that all values are the same; an empty string if they differ."""
        return f"is {self.low:g} everywhere" if self.low == self.high else ""


def survey(source, limit=64):
    """The values of some scenes of a source, spread over it, that are not plain photographs: dict as `validate` has."""
    frames = {}
    for index in spread(limit, len(source)):
        scene = source.load(index)
        for key in ("source", "image"):
            if key in scene and source.formats[key] != PHOTOGRAPH:
                frames.setdefault(key, []).append(Frame.of(scene[key]))
    return {key: Values(own, source.formats[key][1]) for key, own in frames.items()}


class Values:
    """The values of all images of one kind, source or target, of a dataset.

    Args:
        frames: List of `Frame`.
        dtype: String.
    """

    def __init__(self, frames, dtype):
        self.dtype = dtype
        self.low, self.high = min(frame.low for frame in frames), max(frame.high for frame in frames)
        self.sample = np.sort(np.concatenate([frame.sample for frame in frames]))

    def clipped(self, window):
        """Shares of the values, 0 to 1, that lie below and above a window `(low, high)`."""
        below = np.searchsorted(self.sample, window[0], "left") / len(self.sample)
        above = 1 - np.searchsorted(self.sample, window[1], "right") / len(self.sample)
        return float(below), float(above)

    def percentiles(self, *shares):
        """The values below which so many percent of the values lie."""
        return tuple(float(value) for value in np.percentile(self.sample, shares))

    @functools.cached_property
    def nodata(self):
        """The lowest or highest value if it seems to mean "no value", such as -9999: it stands far from all others."""
        above, below = self.sample[self.sample > self.low], self.sample[self.sample < self.high]
        if self.dtype == "uint8" or not len(above):
            return None
        may_be = [
            abs(end) in NO_VALUES or self._is_often(others) for end, others in ((self.low, above), (self.high, below))
        ]
        if may_be[0] and above[0] - self.low > above[-1] - above[0]:
            return self.low
        if may_be[1] and self.high - below[-1] > below[-1] - below[0]:
            return self.high
        return None

    def _is_often(self, others):
        """Whether a value is that of many pixels, and `others`, all that differ from it, are many values."""
        return len(self.sample) - len(others) >= OFTEN * len(self.sample) and len(np.unique(others)) >= SEVERAL

    @property
    def without_nodata(self):
        """The lowest and the highest value but for `nodata`."""
        others = self.sample[self.sample != self.nodata] if self.nodata is not None else self.sample
        return float(others[0]), float(others[-1])

    def describe(self):
        """One line for people."""
        low, middle, high = self.percentiles(1, 50, 99)
        return (
            f"{self.dtype}, {self.low:g} to {self.high:g}; 1 % are below {low:g}, half below {middle:g}, 99 % below "
            f"{high:g}"
        )
