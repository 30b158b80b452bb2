"""Do two pictures of a pair lie on each other? The shift between them, estimated from their edges."""

import dataclasses

import numpy as np
from scipy.ndimage import uniform_filter

from pipelines.progress import in_threads

MOST_PIXELS = 500_000  # of a picture; larger ones are made smaller first, and their shifts found less exactly
FARTHEST = 32  # of these pixels: larger shifts are not looked for
NEIGHBOURHOOD = 31  # pixels: edges are strong or weak compared with those around them
NOTABLE = 4.0  # pixels; pairs that are shifted by more are named
CERTAIN = 5.0  # deviations by which the best shift must stand out of all others; pictures of two scenes have up to 4.6


@dataclasses.dataclass(frozen=True)
class Registration:
    """Registration of the two pictures of a pair.

    Attributes:
        down, right: Integers, pixels by which the second picture lies lower and farther right than the first.
        similarity: Float up to 1, agreement of the edges at that shift: 1 for equal pictures, about 0 for pictures of
            different scenes. Thermal and visible pictures of one scene have 0.05 to 0.3.
        certainty: Float, how far that stands out of all other shifts, in deviations. Below `CERTAIN` the shift is a
            guess: there is too little to see in one of the pictures.
        fraction: Two floats, parts of a pixel by which the best shift, down and right, is farther than those integers.
    """

    down: int
    right: int
    similarity: float
    certainty: float
    fraction: tuple = (0.0, 0.0)

    @property
    def shift(self):
        """Pixels, as a length."""
        return float(np.hypot(self.down, self.right))

    @property
    def residual(self):
        """`shift`, with its part of a pixel."""
        return float(np.hypot(self.down + self.fraction[0], self.right + self.fraction[1]))

    @property
    def words(self):
        """The shift as a person says it."""
        vertical = f"{abs(self.down)} pixels {'down' if self.down > 0 else 'up'}" if self.down else ""
        across = f"{abs(self.right)} pixels {'right' if self.right > 0 else 'left'}" if self.right else ""
        return " and ".join(filter(None, (vertical, across))) or "not shifted"

    @property
    def is_certain(self):
        return self.certainty >= CERTAIN


def register(first, second):
    """Estimates the shift between two pictures of one scene, whatever light they show.

    Edges are compared by their direction, which is the same whether warm things are bright or dark: gradients as
    complex numbers of twice their angle, strong or weak compared with their surroundings, correlated by a Fourier
    transform.

    Args:
        first, second: `(height, width, channels)` arrays of one size.

    Returns:
        `Registration`.
    """
    scale = max(round((first.shape[0] * first.shape[1] / MOST_PIXELS) ** 0.5), 1)
    a, b = (_edges(_shrink(picture.astype("float64").mean(-1), scale)) for picture in (first, second))
    size = [length + FARTHEST for length in a.shape]  # room for shifts, so that nothing comes in on the other side
    product = np.fft.ifft2(np.fft.fft2(b, size) * np.conj(np.fft.fft2(a, size))).real
    product /= max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12)
    reach = min(FARTHEST, min(a.shape) // 4)
    around = np.roll(product, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    row, column = np.unravel_index(around.argmax(), around.shape)
    best = around[row, column]
    others = np.delete(around.ravel(), np.ravel_multi_index((row, column), around.shape))
    certainty = (best - np.median(others)) / max(1.4826 * np.median(np.abs(others - np.median(others))), 1e-12)
    fraction = (_beyond(around[:, column], row) * scale, _beyond(around[row], column) * scale)
    return Registration(int(row - reach) * scale, int(column - reach) * scale, float(best), float(certainty), fraction)


def _beyond(scores, place):
    """How far, in steps, the top of the parabola through the best score and its neighbours lies from it."""
    if not 0 < place < len(scores) - 1:
        return 0.0
    before, here, after = scores[place - 1 : place + 2]
    bend = before - 2 * here + after
    return float((before - after) / (2 * bend)) if bend < 0 else 0.0


def _shrink(grey, scale):
    """Means over squares of `scale` pixels; what is left over at the lower and right edge is dropped."""
    height, width = (length // scale for length in grey.shape)
    return grey[: height * scale, : width * scale].reshape(height, scale, width, scale).mean((1, 3))


def register_all(source, indices, show_progress=True):
    """The `Registration` of the source and the image of each of these scenes, in their order."""

    def one(index):
        return register(*(source.load(index)[key] for key in ("image", "source")))

    return list(in_threads(one, indices, "pair", show_progress))


def describe(found, names, limit):
    """Lines to print about pairs, those named that are shifted by more than `limit` pixels, the worst first."""
    shifts = np.array([registration.shift for registration in found if registration.is_certain])
    unsure = len(found) - len(shifts)
    lines = [f"Registration of {len(found)} pairs: " + ("nothing can be told." if not len(shifts) else "")]
    if len(shifts):
        lines[0] += (
            f"half are shifted by {np.median(shifts):.1f} pixels or less, 90 % by {np.percentile(shifts, 90):.1f} or "
            f"less" + (f"; in {unsure} there is too little to see to tell." if unsure else ".")
        )
    for index in sorted(range(len(found)), key=lambda i: -found[i].shift):
        if found[index].is_certain and found[index].shift > limit:
            lines.append(f"  {names[index]}: {found[index].words}")
    return lines


def _edges(grey):
    """Complex `(height, width)`: twice the direction of each edge, and its strength beside that of its neighbours."""
    grey = uniform_filter(grey, 3, mode="nearest")
    down, right = np.gradient(grey)
    gradient = right + 1j * down
    strength = np.abs(gradient)
    usual = uniform_filter(strength, NEIGHBOURHOOD, mode="nearest") + 1e-3 * (strength.max() + 1e-12)
    edges = gradient**2 / np.maximum(strength, 1e-12) / usual
    return edges * np.hanning(edges.shape[0] + 2)[1:-1, None] * np.hanning(edges.shape[1] + 2)[1:-1]
