"""How steady a video is: flicker where its input stands still, pumping of its mean, and what is left of motion."""

import dataclasses
import importlib

import numpy as np
from scipy.ndimage import map_coordinates

from pipelines.errors import UserError

STILL = 2.0  # deviations of the input's noise within which a pixel has not changed
LEAST_NOISE = 0.5  # values of the input: what rounding alone does


class NoFlowError(UserError, ImportError):
    """The library that finds the flow between frames is not installed. Says which extra brings it."""


@dataclasses.dataclass(frozen=True)
class Steadiness:
    """Means over the frames of a video, each but the first beside the one before it.

    Attributes:
        flicker: Float, mean absolute change of the output, 0 to 255, where the input has not changed; NaN if it always
            has.
        pumping: Float, standard deviation of the change of a frame's mean, 0 to 255.
        warping: Float, mean square of what differs when a frame is moved back along the input's flow, values from 0 to
            1, where nothing is hidden; NaN if everywhere something is.
    """

    flicker: float
    pumping: float
    warping: float


def steadiness(inputs, outputs):
    """Measures a video beside what it was made of.

    Args:
        inputs: Sequence of `(height, width, channels)` arrays of any kind.
        outputs: Sequence of `(height, width, channels)` uint8 arrays, of the same length and size.

    Returns:
        `Steadiness`.

    Raises:
        NoFlowError: If OpenCV is not installed.
    """
    flow = _flow_finder()
    flickers, means, warpings, before = [], [], [], None
    for source, picture in zip(inputs, outputs):
        now = source.astype("float32").mean(-1), picture.astype("float32")
        if before is not None:
            flickers.append(flicker(before[0], now[0], before[1], now[1]))
            means.append(now[1].mean() - before[1].mean())
            warpings.append(warping(flow, before[0], now[0], before[1] / 255, now[1] / 255))
        before = now
    return Steadiness(_mean(flickers), float(np.std(means)) if means else float("nan"), _mean(warpings))


def _mean(values):
    """The mean of those that are numbers; NaN if none is."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def noise(before, now):
    """Deviation of the noise of one frame, from its change to the next: of the median pixel, which does not move."""
    return float(max(1.4826 * np.median(np.abs(now - before)) / 2**0.5, LEAST_NOISE))


def flicker(source_before, source, before, now):
    """Mean absolute change of the output where the input changed by less than its noise; NaN if it did everywhere."""
    still = np.abs(source - source_before) < STILL * noise(source_before, source)
    return float(np.abs(now - before)[still].mean()) if still.any() else float("nan")


def warping(flow, source_before, source, before, now):
    """Mean square difference of a frame, brought along the flow to the one before, where neither hides the other.

    Args:
        flow: Function of two grey uint8 frames: `(height, width, 2)`, where pixels of the first went, (x, y).
        source_before, source: `(height, width)`, the inputs.
        before, now: `(height, width, channels)`, 0 to 1.
    """
    low, high = min(source_before.min(), source.min()), max(source_before.max(), source.max())
    greys = [((one - low) / max(high - low, 1e-6) * 255).astype("uint8") for one in (source_before, source)]
    ahead, back = flow(*greys), flow(*greys[::-1])
    seen = ~hidden(ahead, back)
    rest = ((_along(now, ahead) - before) ** 2).mean(-1)
    return float(rest[seen].mean()) if seen.any() else float("nan")


def hidden(ahead, back):
    """Pixels whose way there and back does not lead home, or on borders of what moves: boolean `(height, width)`."""
    there = _along(back, ahead)
    lengths = (ahead**2).sum(-1), (there**2).sum(-1)
    lost = ((ahead + there) ** 2).sum(-1) > 0.01 * sum(lengths) + 0.5
    slopes = sum((np.gradient(ahead[..., axis])[side] ** 2) for axis in (0, 1) for side in (0, 1))
    rows, columns = np.indices(lost.shape)
    x, y = columns + ahead[..., 0], rows + ahead[..., 1]
    outside = (x < 0) | (y < 0) | (x > lost.shape[1] - 1) | (y > lost.shape[0] - 1)
    return lost | outside | (slopes > 0.01 * lengths[0] + 0.002)


def _along(values, flow):
    """What each pixel finds at the end of its way."""
    rows, columns = np.indices(values.shape[:2], "float32")
    places = rows + flow[..., 1], columns + flow[..., 0]
    moved = [map_coordinates(values[..., i], places, order=1, mode="nearest") for i in range(values.shape[-1])]
    return np.stack(moved, -1)


def _flow_finder():
    """OpenCV's dense inverse search, a function of two grey uint8 frames."""
    try:
        library = importlib.import_module("cv2")
    except ImportError as error:
        raise NoFlowError(
            "The flow between frames is found by OpenCV, which is not installed: pip install 'hdsynth_tf[video]'."
        ) from error
    finder = library.DISOpticalFlow_create(library.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return lambda first, second: finder.calc(first, second, None)
