"""Where one camera's frame lies in another's, roughly, from nothing: all scales, turns and shifts are tried."""

import dataclasses

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates

from hdsynth_tf.register.frames import corners, edges, scaled_size, scaling, warp

SIDE = 64  # pixels that the narrower of both views has here, as the root of its area
RATIOS = np.geomspace(0.25, 4.0, 32)  # of what the target's frame is as large as, beside the source's
TURNS = np.radians((-4, 0, 4))
LEAST_OVERLAP = 0.3  # of the largest that a scale and a turn allow


@dataclasses.dataclass(frozen=True)
class Guess:
    """One way in which the frames may lie.

    Attributes:
        score: Float, deviations by which the edges agree better than edges of any directions would.
        matrix: `(3, 3)`, maps pixels of targets to pixels of sources.
    """

    score: float
    matrix: np.ndarray


def search(sources, targets):
    """The best guess for each ratio of sizes, of all pairs together, the best of all first.

    Args:
        sources, targets: Lists of `(height, width)` float arrays, pairs.

    Returns:
        List of `Guess`.
    """
    source_size, target_size = (np.max([picture.shape for picture in own], axis=0) for own in (sources, targets))
    usual = np.sqrt(np.prod(source_size) / np.prod(target_size))  # scale at which both frames are as large
    guesses = []
    for ratio in RATIOS:
        density = min(SIDE / min(ratio, 1) / np.sqrt(np.prod(source_size)), 1)
        scale = usual * ratio * density
        a = [_scaled_edges(picture, density) for picture in sources]
        b = [_scaled_edges(picture, scale) for picture in targets]
        best = max((_correlate(a, b, turn) for turn in TURNS), key=lambda guess: guess.score)
        matrix = np.linalg.inv(scaling(density)) @ best.matrix @ scaling(scale)
        guesses.append(Guess(best.score, matrix))
    return sorted(guesses, key=lambda guess: -guess.score)


def _scaled_edges(picture, factor):
    return edges(*warp(picture, scaling(factor), scaled_size(picture.shape, factor)))


def _correlate(a, b, turn):
    """The best shift of fields of edges `b`, turned, in the frame of `a`."""
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    ends = corners(np.max([field.shape for field in b], axis=0)) @ rotation[:2, :2].T
    start = np.floor(ends.min(0))
    rotation[:2, 2] = -start
    size = tuple(int(length) + 1 for length in (np.ceil(ends.max(0)) - start)[::-1])
    room = [fft.next_fast_len(int(own) + length) for own, length in zip(np.max([f.shape for f in a], axis=0), size)]
    product, weight = np.zeros(room, "complex64"), np.zeros(room, "complex64")
    for first, second in zip(a, b):
        turned = _turned(second, rotation, turn, size)
        product += fft.fft2(first, room).conj() * fft.fft2(turned, room)
        weight += fft.fft2(np.abs(first) ** 2, room).conj() * fft.fft2(np.abs(turned) ** 2, room)
    weight = fft.ifft2(weight).real
    score = fft.ifft2(product).real / np.sqrt(np.maximum(weight, LEAST_OVERLAP * weight.max()) / 2 + 1e-9)
    down, right = np.unravel_index(score.argmax(), score.shape)
    shift = [own - length if own >= limit else own for own, length, limit in zip((right, down), room[::-1], size[::-1])]
    matrix = rotation.copy()
    matrix[:2, 2] -= shift
    return Guess(float(score[down, right]), matrix)


def _turned(field, rotation, turn, size):
    """A field of edges, turned: it and the directions in it."""
    if not turn:
        return field
    rows, columns = np.indices(size, "float32")
    inverse = np.linalg.inv(rotation)
    x, y = (inverse[axis, 0] * columns + inverse[axis, 1] * rows + inverse[axis, 2] for axis in range(2))
    return map_coordinates(field, (y, x), order=1, mode="constant") * np.exp(2j * turn).astype("complex64")
