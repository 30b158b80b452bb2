"""Two cameras side by side: the transform between their frames, found from all their pairs, and its file."""

import dataclasses
import json

import numpy as np

from hdsynth_tf.files.run_folder import write_json
from hdsynth_tf.register.frames import apply, edges, grey, magnification, scaled_size, scaling, warp
from hdsynth_tf.register.refine import SIDES, density_of, refine
from hdsynth_tf.register.search import search
from pipelines.errors import DataError
from pipelines.source import spread

SEARCHED, REFINED = 8, 24  # pairs, at most, that the rough and the fine search look at
GUESSES = 10
SMALLEST = 32  # pixels: of less both cameras cannot be said to see something together
LATEST = 15  # frames by which one camera may lag behind the other
MAPS = "(x, y) of target pixels to source pixels; the centre of the first pixel is (0, 0)"


@dataclasses.dataclass(frozen=True)
class Rig:
    """How the frame of the targets' camera lies in that of the sources'.

    Attributes:
        model: String, of `refine.MODELS`: what kind of transform it is.
        matrix: `(3, 3)`, maps (x, y, 1) of target pixels to source pixels, centres of pixels being whole numbers.
        source_size, target_size: (height, width), of the largest frames.
        time_offset: Integer: source number i was taken when target number i + time_offset was.
        held_out: Dict: model -> agreement of the edges on pairs that it was not fitted to; empty if there were none.
    """

    model: str
    matrix: np.ndarray
    source_size: tuple
    target_size: tuple
    time_offset: int = 0
    held_out: dict = dataclasses.field(default_factory=dict)

    def crop(self, source_size, target_size):
        """Slices of rows and columns of a source that the whole of which its target shows, too.

        Raises:
            DataError: If that is next to nothing.
        """
        _, seen = warp(np.zeros(target_size, "float32"), self.matrix, source_size)
        top, bottom, left, right = 0, source_size[0], 0, source_size[1]
        while bottom - top >= SMALLEST <= right - left:
            part = seen[top:bottom, left:right]
            missing = [1 - side.mean() for side in (part[0], part[-1], part[:, 0], part[:, -1])]
            worst = int(np.argmax(missing))
            if missing[worst] == 0:
                return slice(top, bottom), slice(left, right)
            top, bottom, left, right = (
                top + (worst == 0),
                bottom - (worst == 1),
                left + (worst == 2),
                right - (worst == 3),
            )
        raise DataError(
            f"Both cameras see less than {SMALLEST} pixels of the same by this transform: {self.words}. Are the "
            "folders of one rig?"
        )

    def rectify(self, target, source_size):
        """A target (height, width, channels) as the sources' camera would see it: floats of `source_size`."""
        return warp(target.astype("float32"), self.matrix, source_size)[0]

    @property
    def words(self):
        """The transform as a person says it."""
        middle = (np.array(self.target_size[::-1]) - 1) / 2
        scale = magnification(self.matrix, middle)
        ahead, here = apply(self.matrix, np.array([(middle[0] + 1, middle[1]), middle]))
        turn = np.degrees(np.arctan2(*(ahead - here)[::-1]))
        off = here - (np.array(self.source_size[::-1]) - 1) / 2
        return (
            f"{self.model}: a target pixel is {scale:.4g} source pixels, turned by {turn:.2f} degrees; the middle of "
            f"targets lies {off[0]:+.1f}, {off[1]:+.1f} pixels from the middle of sources"
        )

    def save(self, path):
        """Writes the JSON file that `load` reads."""
        write_json(path, {**dataclasses.asdict(self), "matrix": self.matrix.tolist(), "maps": MAPS})

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Raises:
            DataError: If the file is another.
        """
        try:
            content = json.loads(path.read_text())
            matrix = np.array(content["matrix"], "float64")
            sizes = [tuple(int(length) for length in content[key]) for key in ("source_size", "target_size")]
            if (
                matrix.shape != (3, 3)
                or not abs(np.linalg.det(matrix)) > 0
                or not all(len(size) == 2 for size in sizes)
            ):
                raise ValueError("its matrix is no transform of pictures")
            return cls(content["model"], matrix, *sizes, int(content["time_offset"]), content.get("held_out", {}))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is no transform that register --rectify wrote: {type(error).__name__}: {error}."
            ) from error

    def check_sizes(self, source_size, target_size):
        """Raises `DataError` if frames are of other sizes than those that the transform was found for."""
        if (tuple(source_size), tuple(target_size)) != (self.source_size, self.target_size):
            shown = [f"{w}x{h}" for h, w in (self.source_size, self.target_size, source_size, target_size)]
            raise DataError(
                f"The transform is for sources of {shown[0]} and targets of {shown[1]}; these are of {shown[2]} and "
                f"{shown[3]}. Calibrate anew: leave --transform out."
            )


def largest(pictures):
    """(height, width) that no picture is beyond."""
    return tuple(int(length) for length in np.max([picture.shape[:2] for picture in pictures], axis=0))


def calibrate(sources, targets, time_offset=0):
    """The rig that took these pairs.

    Args:
        sources, targets: Lists of `(height, width, channels)` or grey `(height, width)` arrays, pairs.
        time_offset: Integer, to be kept with it.

    Returns:
        `Rig`. Of cameras that have nothing in common it is any.
    """
    a, b = ([one if one.ndim == 2 else grey(one) for one in own] for own in (sources, targets))
    few = spread(SEARCHED, len(a))
    guesses = search([a[i] for i in few], [b[i] for i in few])
    model, matrix, held_out = refine(a, b, [guess.matrix for guess in guesses[:GUESSES]])
    return Rig(model, matrix, largest(a), largest(b), time_offset, held_out)


def find_offset(rig, load_source, load_target, count):
    """The time offset at which frames agree best by a rig, of those up to `LATEST` and a third of the frames.

    Args:
        rig: `Rig`.
        load_source, load_target: Functions of an integer: a grey frame `(height, width)`.
        count: Integer, frames of each camera.
    """
    farthest = min(LATEST, (count - 1) // 3)
    density = density_of(rig.matrix, SIDES[0], rig.source_size, rig.target_size)
    size = scaled_size(rig.source_size, density)
    agreement, targets = {}, {}
    for i in (farthest + j for j in spread(REFINED, count - 2 * farthest)):
        field = edges(*warp(load_source(i), scaling(density), size))
        for offset in range(-farthest, farthest + 1):
            if i + offset not in targets:
                targets[i + offset] = edges(*warp(load_target(i + offset), scaling(density) @ rig.matrix, size))
            agreement[offset] = agreement.get(offset, 0) + np.vdot(targets[i + offset], field).real
        targets = {j: kept for j, kept in targets.items() if j > i - farthest}
    return max(agreement, key=lambda offset: (agreement[offset], -abs(offset)))
