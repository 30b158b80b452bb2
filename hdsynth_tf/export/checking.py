"""What was exported against Keras: on the same scenes, by its own runtime."""

import dataclasses
import time

import numpy as np

from hdsynth_tf.evaluate.perceptual import lpips, lpips_nets
from hdsynth_tf.export.errors import ExportError

LEVELS = 255  # from the lowest to the highest value, whatever the depth
TOLERANCE = 3  # levels that a pixel of a float32 export may differ: runtimes round otherwise, and then to whole numbers
REPEATS = 2  # runs of a scene, of which the fastest counts


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How an export did.

    Attributes:
        largest, mean: Floats, differences in grey levels of 255.
        lpips: Dict of net -> mean distance; empty where none is installed.
        milliseconds: Float, of a picture.
        keras_milliseconds: Float, the same in Keras.
    """

    largest: float
    mean: float
    lpips: dict
    milliseconds: float
    keras_milliseconds: float

    def __str__(self):
        distances = "".join(f", {name} {value:.4f}" for name, value in self.lpips.items())
        return (
            f"{self.milliseconds:.0f} ms a picture (Keras {self.keras_milliseconds:.0f}); from Keras' pictures, in "
            f"grey levels: largest {self.largest:.3g}, mean {self.mean:.2g}{distances}"
        )

    def check(self, name):
        """Raises `ExportError` if it gives other pictures: of exports in float32."""
        if not self.largest <= TOLERANCE:
            raise ExportError(
                f"{name} gives other pictures than Keras: up to {self.largest:.3g} grey levels, {self.mean:.2g} in the "
                "mean. It was removed."
            )


def compare(run, reference, scenes, image_range):
    """Runs an export on scenes.

    Args:
        run, reference: Functions from a dict of arrays, a batch of one, to the picture: the export, and Keras.
        scenes: List of such dicts.
        image_range: `(low, high)` of the pictures.

    Returns:
        `Comparison`.
    """
    made = [_timed(run, scene) for scene in scenes]
    wanted = [_timed(reference, scene) for scene in scenes]
    low, high = image_range
    levels = [[(np.float64(x) - low) * LEVELS / (high - low) for x, _ in both] for both in (made, wanted)]
    differences = np.array([np.abs(a - b) for a, b in zip(*levels)])
    differences = np.where(np.isnan(differences), np.inf, differences)
    nets = lpips_nets()
    distances = [lpips(np.float32(a), np.float32(b), nets) for a, b in zip(*levels)]
    means = {name: float(np.mean([d[name] for d in distances])) for name in distances[0]}
    times = (min(seconds for _, seconds in results) * 1000 for results in (made, wanted))
    return Comparison(differences.max(), differences.mean(), means, *times)


def _timed(run, scene):
    """The picture, and the seconds that the fastest run took."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        picture = run(scene)
        seconds.append(time.perf_counter() - start)
    return picture, min(seconds)
