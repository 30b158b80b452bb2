"""How steady a video is: flicker where its input stands still, pumping of its mean, and what is left of motion."""

import importlib

import numpy as np
from scipy.ndimage import map_coordinates

from pipelines.errors import UserError
from pipelines.pairing.pairs import sequence

STILL = 2.0  # deviations of the input's noise within which a pixel has not changed
LEAST_NOISE = 0.5  # values of the input: what rounding alone does


class NoFlowError(UserError, ImportError):
    """The library that finds the flow between frames is not installed. Says which extra brings it."""


class Steadiness:
    """Measures the frames of videos, each beside the one before it. Finds the flow between them by OpenCV.

    Raises:
        NoFlowError: If it is not installed.
    """

    def __init__(self):
        self.flow = _flow_finder()

    def of(self, before, now):
        """What has changed from a frame to the next.

        Args:
            before, now: Pairs: what tells what moves, `(height, width, channels)` of any kind, such as the input; and
                the picture, `(height, width, channels)` uint8.

        Returns:
            Dict of floats. `flicker`: mean absolute change of the picture, 0 to 255, where the input has not changed;
            NaN if it has everywhere. `pumping`: change of the picture's mean, 0 to 255; of a video, the deviation of
            that counts. `warping`: mean square of what differs when the frame is moved back along the input's flow,
            values from 0 to 1, where nothing is hidden; NaN if everywhere something is.
        """
        (input_before, picture_before), (input_now, picture) = (
            (np.asarray(values, "float32").mean(-1), shown.astype("float32")) for values, shown in (before, now)
        )
        return {
            "flicker": flicker(input_before, input_now, picture_before, picture),
            "pumping": float(picture.mean() - picture_before.mean()),
            "warping": warping(self.flow, input_before, input_now, picture_before / 255, picture / 255),
        }


def sequences_of(names, pattern=""):
    """The video that each frame is of, by the frames' names: what a pattern finds in them, or else their folder."""
    return [sequence(name, pattern) if pattern else name.rpartition("/")[0] for name in names]


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
