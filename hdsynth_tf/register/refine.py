"""From a rough guess to the transform: tiles of the frame are matched in all pairs together, over a pyramid."""

import dataclasses

import numpy as np
from scipy import fft
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import minimize

from hdsynth_tf.register.frames import apply, corners, edges, magnification, scaled_size, scaling, warp

SIDES = (96, 160, 320)  # pixels, as the root of its area, of what both cameras see, level by level
TILE, STEP = 32, 24  # pixels
REACH = 8  # pixels by which a tile's match is looked for
DELTA = 1e-3  # pixels, of differences
EDGE = 4  # pixels around a tile's scores, so that their splines do not touch
FOLDS = 4
STANDARD_ERRORS = 1.0  # by which a transform of more freedom must be better on held-out pairs
MODELS = {"translation": 2, "similarity": 4, "affine": 6, "homography": 8}  # -> how many numbers it has


@dataclasses.dataclass(frozen=True)
class Tiles:
    """How well tiles of the sources match the targets, as a function of where these would lie.

    Attributes:
        centers: `(tiles, 2)`, (x, y) in the sources' frame.
        scores: `(pairs, tiles, 2 REACH + 1, 2 REACH + 1)`: at [d_y + REACH, d_x + REACH] how well the tile agrees with
            what is d farther in the target's frame; of all tiles of a pair at most 1.
        density: Float, pixels here for each of the sources' pixels.
        matrix: `(3, 3)`, the transform with which the targets were brought into the frame.
        size: (height, width) of the frame here.
    """

    centers: np.ndarray
    scores: np.ndarray
    density: float
    matrix: np.ndarray
    size: tuple

    def splines(self, pairs):
        """What `agreement` looks up: the mean of these pairs' scores."""
        mean = self.scores[list(pairs)].mean(0)
        padded = np.pad(mean, ((0, 0), (EDGE, EDGE), (EDGE, EDGE)), mode="edge")
        return spline_filter(padded.reshape(-1, padded.shape[-1]), order=3, output="float64")

    def places(self, matrix):
        """Where the tiles' centres lie in the targets, brought here by `matrix` in place of the tiles' own."""
        here = scaling(self.density) @ self.matrix @ np.linalg.inv(matrix) @ np.linalg.inv(scaling(self.density))
        return apply(here, self.centers)

    def agreement(self, splines, matrix):
        """How well pairs agree by another transform that is close to `matrix`, and how that changes as tiles move.

        Returns:
            Float, and `(tiles, 2)`: its derivatives by x and y, per pixel here, of where each tile lies in the targets.
        """
        moved = self.places(matrix) - self.centers
        within = np.abs(moved) < REACH
        moved = np.clip(moved, -REACH, REACH) + (REACH + EDGE)
        moved[:, 1] += np.arange(len(self.centers)) * (2 * (REACH + EDGE) + 1)
        steps = np.array([(0, 0), (-DELTA, 0), (DELTA, 0), (0, -DELTA), (0, DELTA)])
        places = (moved[None] + steps[:, None]).reshape(-1, 2).T[::-1]
        here, *around = map_coordinates(splines, places, order=3, prefilter=False).reshape(5, -1)
        slopes = np.stack([around[1] - around[0], around[3] - around[2]], -1) / (2 * DELTA)
        return here.sum(), slopes * within


def match_tiles(sources, targets, matrix, density):
    """`Tiles` of pairs at a resolution of so many pixels for each of the sources'."""
    size = scaled_size(np.max([picture.shape for picture in sources], axis=0), density)
    rows, columns = ([*range(0, max(length - TILE, 0) + 1, STEP)] for length in size)
    window = np.hanning(TILE + 2)[1:-1, None] * np.hanning(TILE + 2)[None, 1:-1]
    scores = []
    for source, target in zip(sources, targets):
        a = _fitted(edges(*warp(source, scaling(density), scaled_size(source.shape, density))), size)
        b = np.pad(edges(*warp(target, scaling(density) @ matrix, size)), REACH + TILE)
        scores.append(_pair_scores(a, b, rows, columns, window))
    centers = [(column + (TILE - 1) / 2, row + (TILE - 1) / 2) for row in rows for column in columns]
    return Tiles(np.array(centers), np.stack(scores), density, matrix, size)


def _fitted(field, size):
    """A field, with nothing beyond its lower and right end."""
    least = [max(length, TILE) for length in size]
    return np.pad(field, [(0, max(wanted - own, 0)) for own, wanted in zip(field.shape, least)])


def _pair_scores(a, b, rows, columns, window):
    """Scores of all tiles of one pair, see `Tiles`. `b` has a margin."""
    places = [(row, column) for row in rows for column in columns]
    side = TILE + 2 * REACH
    first = np.stack([a[row : row + TILE, column : column + TILE] * window for row, column in places])
    second = np.stack([b[r + TILE : r + TILE + side, c + TILE : c + TILE + side] for r, c in places])
    room = (side, side)
    found = fft.ifft2(fft.fft2(second, room) * fft.fft2(first, room).conj()).real
    strength = (np.abs(first) ** 2).sum() * (np.abs(second[:, REACH:-REACH, REACH:-REACH] * window) ** 2).sum()
    return (found[:, : 2 * REACH + 1, : 2 * REACH + 1] / max(np.sqrt(strength), 1e-9)).astype("float32")


def _step(model, numbers, half):
    """A small transform of a model around the middle of a frame; numbers in pixels at its end."""
    n = [*numbers, *[0] * (8 - len(numbers))]
    change = {
        "translation": [[0, 0, n[0]], [0, 0, n[1]], [0, 0, 0]],
        "similarity": [[n[2], -n[3], n[0]], [n[3], n[2], n[1]], [0, 0, 0]],
        "affine": [[n[2], n[3], n[0]], [n[4], n[5], n[1]], [0, 0, 0]],
        "homography": [[n[2], n[3], n[0]], [n[4], n[5], n[1]], [n[6], n[7], 0]],
    }[model]
    return np.eye(3) + np.array(change) / half


def fit(tiles, model, pairs, start):
    """The transform of a model by which these pairs agree best, from `start` on: `(3, 3)`."""
    splines, half = tiles.splines(pairs), max(tiles.size) / 2
    middle = [(length - 1) / 2 for length in tiles.size[::-1]]
    inward = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, half]]) / half @ scaling(tiles.density)

    def moved(numbers):
        return np.linalg.inv(inward) @ _step(model, numbers, half) @ inward @ start

    def loss(numbers):
        """The agreement, and its derivatives by the numbers: those of where tiles lie are taken by differences."""
        agreement, slopes = tiles.agreement(splines, moved(numbers))
        return -agreement, [
            -(slopes * (tiles.places(moved(numbers + step)) - tiles.places(moved(numbers - step)))).sum() / (2 * DELTA)
            for step in DELTA * np.eye(len(numbers))
        ]

    found = moved(minimize(loss, np.zeros(MODELS[model]), method="BFGS", jac=True, options={"gtol": 1e-4}).x)
    return found / found[2, 2]


def choose(tiles, start):
    """The simplest model that explains pairs which it was not fitted to as well as those of more freedom.

    Returns:
        Its name, its transform `(3, 3)` of all pairs, and dict: name -> agreement on pairs held out, a mean.
    """
    pairs = range(len(tiles.scores))
    if len(pairs) < 2:
        return "similarity", fit(tiles, "similarity", pairs, start), {}
    starts, held_out = {}, {}
    for model in MODELS:
        begin = _unscaled(start, tiles) if model == "translation" else starts.get("similarity", start)
        if begin is None:
            continue
        starts[model] = fit(tiles, model, pairs, begin)
        held_out[model] = np.array(_held_out(tiles, model, pairs, starts[model]))
    chosen, *others = held_out
    for model in others:
        gain = held_out[model] - held_out[chosen]
        if gain.mean() > STANDARD_ERRORS * gain.std(ddof=1) / len(gain) ** 0.5:
            chosen = model
    return chosen, starts[chosen], {model: float(own.mean()) for model, own in held_out.items()}


def _held_out(tiles, model, pairs, start):
    """How well each pair agrees by a transform that was fitted to others."""
    folds = min(FOLDS, len(pairs))
    fitted = [fit(tiles, model, [pair for pair in pairs if pair % folds != fold], start) for fold in range(folds)]
    return [tiles.agreement(tiles.splines([pair]), fitted[pair % folds])[0] for pair in pairs]


def _unscaled(matrix, tiles):
    """The translation nearest to a transform, or `None` if it is too far from any."""
    middle = apply(np.linalg.inv(matrix), np.array([(tiles.size[1] - 1, tiles.size[0] - 1)]) / 2 / tiles.density)
    shifted = np.eye(3)
    shifted[:2, 2] = (apply(matrix, middle) - middle)[0]
    ends = corners(tiles.size) / tiles.density
    off = apply(shifted @ np.linalg.inv(matrix), ends) - ends
    return shifted if np.abs(off).max() * tiles.density < REACH else None


def refine(sources, targets, guesses):
    """From guesses to a transform, over a pyramid.

    Args:
        sources, targets: Lists of `(height, width)` float arrays, pairs.
        guesses: List of `(3, 3)`, transforms from targets to sources; the one that agrees best is gone on with.

    Returns:
        What `choose` returns.
    """
    size, target_size = (np.max([picture.shape for picture in own], axis=0) for own in (sources, targets))
    begun = [_tried(sources, targets, guess, size, target_size) for guess in guesses]
    matrix = max(begun, key=lambda one: one[1])[0]
    for side in SIDES[1:]:
        tiles = match_tiles(sources, targets, matrix, density_of(matrix, side, size, target_size))
        model, matrix, held_out = choose(tiles, matrix)
    return model, matrix, held_out


def _tried(sources, targets, guess, size, target_size):
    """What `_at` gives at the second of `SIDES`: at the first, faint pictures agree by wrong guesses as well."""
    for side in SIDES[:2]:
        guess, agreement = _at(sources, targets, guess, side, size, target_size)
    return guess, agreement


def _at(sources, targets, matrix, side, size, target_size):
    """A similarity from a guess on, and how well the pairs agree by it."""
    for _ in range(2):
        tiles = match_tiles(sources, targets, matrix, density_of(matrix, side, size, target_size))
        matrix = fit(tiles, "similarity", range(len(sources)), matrix)
    return matrix, tiles.agreement(tiles.splines(range(len(sources))), matrix)[0]


def density_of(matrix, side, size, target_size):
    """Pixels for each of the sources' at which what both see is about `side` pixels high and wide."""
    scale = magnification(matrix, (np.array(target_size[::-1]) - 1) / 2)
    seen = min(np.prod(size), np.prod(target_size) * scale**2) ** 0.5
    return min(side / seen, 1.0, 1.5 / scale)
