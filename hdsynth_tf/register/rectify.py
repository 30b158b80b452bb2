"""Pairs as two cameras took them -> pairs that lie on each other, and how exactly each does."""

import dataclasses
import functools

import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.register.frames import grey
from hdsynth_tf.register.rig import REFINED, calibrate, find_offset, largest
from pipelines.checks.registration import Registration, register
from pipelines.errors import DataError
from pipelines.progress import in_threads
from pipelines.reading.depth import file_suffix, write_deep
from pipelines.source import spread

FAR = 8.0  # pixels: a pair that is off by more has not been taken by this rig at one time
LEAST_SHARE = 0.25  # of the pairs that must be less far off, or there is no rig
ROUNDS = 3  # of looking for the time offset and calibrating


@dataclasses.dataclass(frozen=True)
class Frames:
    """The frames of both cameras, in their order.

    Attributes:
        source: `FileSource` with `source` and `image`.
        time_offset: Integer: source number i belongs to target number i + time_offset.
    """

    source: object
    time_offset: int = 0

    def __len__(self):
        return len(self.source) - abs(self.time_offset)

    def numbers(self, index):
        """Which source and which target make pair number `index`."""
        return index + max(-self.time_offset, 0), index + max(self.time_offset, 0)

    def name(self, index):
        return self.source.names[self.numbers(index)[0]]

    def load(self, index):
        """Source and target of a pair, as their files are: two arrays `(height, width, channels)`."""
        first, second = self.numbers(index)
        return self.source.read("source", first), self.source.read("image", second)

    def sample(self):
        """Pairs to calibrate on: two lists of grey arrays."""
        pairs = [self.load(index) for index in spread(REFINED, len(self))]
        pairs = [pair for pair in pairs if not any(is_empty(picture) for picture in pair)]
        if not pairs:
            raise DataError("There is nothing to see in these pairs: in each, a picture has one value alone.")
        return [[grey(pair[i]) for pair in pairs] for i in (0, 1)]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a pair.

    Attributes:
        name: String.
        registration: `Registration` of the rectified pair, or `None` if there is nothing to see.
        left_out: String, why it was left out, or `""`.
    """

    name: str
    registration: Registration | None
    left_out: str = ""

    @property
    def residual(self):
        """Pixels of the source by which the pair is off, or `None` where that cannot be told."""
        known = self.registration is not None and self.registration.is_certain
        return self.registration.residual if known else None

    @property
    def words(self):
        shown = "residual cannot be told" if self.residual is None else f"residual {self.residual:.1f} pixels"
        return f"{self.name}: {f'left out, {self.left_out}' if self.left_out else shown}"


def is_empty(picture):
    """Whether a picture has one value alone, or none."""
    low, high = picture.min(), picture.max()
    return not np.isfinite([low, high]).all() or low == high


def find_rig(source, time_offset):
    """Calibrates the cameras, and finds by how many frames one lags behind.

    Args:
        source: `FileSource` with `source` and `image`.
        time_offset: Integer, or `None`: it is looked for.

    Returns:
        `Rig`.
    """
    frames = Frames(source, time_offset or 0)
    rig = calibrate(*frames.sample(), frames.time_offset)
    for _ in range(ROUNDS if time_offset is None else 0):
        loads = [functools.partial(_load_grey, source, key) for key in ("source", "image")]
        offset = find_offset(rig, *loads, len(source))
        if offset == rig.time_offset:
            break
        rig = calibrate(*Frames(source, offset).sample(), offset)
    return rig


def _load_grey(source, key, index):
    return grey(source.read(key, index))


def check_frames(rig, frames):
    """Raises `DataError` if the frames are not of the sizes that a rig was calibrated with."""
    pairs = [frames.load(index) for index in spread(REFINED, len(frames))]
    rig.check_sizes(*(largest([pair[i] for pair in pairs]) for i in (0, 1)))


def rectified(rig, first, second):
    """The part of a pair that both cameras see, in the source's pixels, both of the kind that they were."""
    rows, columns = rig.crop(first.shape[:2], second.shape[:2])
    warped = rig.rectify(second, first.shape[:2])[rows, columns]
    if second.dtype.kind in "ui":
        limits = np.iinfo(second.dtype)
        warped = np.clip(np.round(warped), limits.min, limits.max)
    return first[rows, columns], warped.astype(second.dtype)


def rectify_all(rig, frames, max_shift, keep_unsure, folder):
    """Writes every pair that lies on each other to `folder`/source and `folder`/target, and tells about all.

    Args:
        rig: `Rig`.
        frames: `Frames`.
        max_shift: Float, pixels by which a pair may be off.
        keep_unsure: Boolean, whether pairs of which that cannot be told are written.
        folder: `Path`.

    Returns:
        List of `Outcome`.

    Raises:
        DataError: If too few pairs lie on each other by this transform; nothing is written then.
    """
    with replacing(folder / "source") as sources, replacing(folder / "target") as targets:
        sources.mkdir()
        targets.mkdir()
        one = functools.partial(_rectify_one, rig, frames, max_shift, keep_unsure, (sources, targets))
        outcomes = list(in_threads(one, range(len(frames)), "pair"))
        _check_common(rig, outcomes)
    return outcomes


def _rectify_one(rig, frames, max_shift, keep_unsure, folders, index):
    first, second = frames.load(index)
    for what, picture in (("source", first), ("target", second)):
        if is_empty(picture):
            return Outcome(frames.name(index), None, f"its {what} has one value alone")
    try:
        pair = rectified(rig, first, second)
    except DataError:
        return Outcome(frames.name(index), None, "both cameras see next to nothing of the same in it")
    found = register(*pair)
    if found.is_certain and found.residual > max_shift:
        return Outcome(frames.name(index), found, f"it is off by {found.residual:.1f} pixels: {found.words}")
    if not (found.is_certain or keep_unsure) and found.residual > max_shift:
        return Outcome(frames.name(index), found, "its edges agree nowhere: another moment, or too little to see")
    for picture, folder in zip(pair, folders):
        path = folder / (frames.name(index) + file_suffix(picture.shape[-1], picture.dtype.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_deep(picture, path)
    return Outcome(frames.name(index), found)


def _check_common(rig, outcomes):
    near = sum(outcome.residual is not None and outcome.residual <= FAR for outcome in outcomes)
    if near < LEAST_SHARE * len(outcomes):
        raise DataError(
            f"These cameras have nothing in common that could be found: of {len(outcomes)} pairs {near} lie within "
            f"{FAR:g} pixels by the best transform ({rig.words}). Do the folders belong together, frame by frame? If "
            "one camera lags, give --time_offset=auto."
        )
