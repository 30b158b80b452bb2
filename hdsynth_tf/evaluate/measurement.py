"""Measures a method's pictures, one after the other; what was measured is kept, so that it is done once."""

import dataclasses
import hashlib
import io
import json

import keras
import numpy as np

from hdsynth_tf.evaluate import perceptual, quality
from hdsynth_tf.evaluate.methods import read_picture
from hdsynth_tf.evaluate.objects import padded
from hdsynth_tf.evaluate.segmentation import confusion_matrix
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.show.pictures import show_values
from pipelines.dataset import make_eval
from pipelines.paths import as_path

REAL = "real images"  # the oracle's name
PART = 50  # scenes whose measurements are kept together: what an interruption loses at most
EQUAL_PSNR = 120.0  # decibels that equal pictures get, instead of infinitely many, which have no mean


@dataclasses.dataclass(frozen=True)
class Measured:
    """Measurements of a method, a row for each scene; `None` where not asked for, or not possible.

    Attributes:
        confusion: int64 `(scenes, classes, classes + 1)`.
        lpips_alex, lpips_vgg: float `(scenes,)`, NaN where pictures are too small.
        psnr, ssim: float `(scenes,)`.
        features: float32 `(scenes, features)`.
        diversity: float `(scenes,)`, see `quality.diversity`.
        flicker, pumping, warping: float `(scenes,)`, see `steadiness.Steadiness`; NaN for the first frame of a video.
        objects: float32 `(scenes, MOST, 6)`, see `objects.padded`.
    """

    confusion: np.ndarray | None = None
    lpips_alex: np.ndarray | None = None
    lpips_vgg: np.ndarray | None = None
    psnr: np.ndarray | None = None
    ssim: np.ndarray | None = None
    features: np.ndarray | None = None
    diversity: np.ndarray | None = None
    flicker: np.ndarray | None = None
    pumping: np.ndarray | None = None
    warping: np.ndarray | None = None
    objects: np.ndarray | None = None

    @classmethod
    def joined(cls, parts):
        """Of the scenes of all parts, one after the other."""
        arrays = {name: [getattr(part, name) for part in parts] for name in vars(parts[0])}
        return cls(**{name: None if own[0] is None else np.concatenate(own) for name, own in arrays.items()})

    def of_scenes(self, indices):
        """Of some scenes alone. `indices`: integers."""
        return Measured(**{name: None if own is None else own[indices] for name, own in vars(self).items()})


@dataclasses.dataclass(frozen=True)
class Instruments:
    """Segmenter, features and detector that pictures are measured with.

    Attributes:
        window: `(low, high)`, values of images that become 0 and 255.
        segmenter: `Segmenter`, or `None`.
        classes: `EvaluatedClasses`, or `None`.
        tells_labels: Boolean, whether the segmenter's classes are label ids, all of them, not the scored classes.
        features: Function: picture -> features, or `None`.
        steadiness: `Steadiness`, or `None`.
        sequences: List, the video that each scene is a frame of; `None` without `steadiness`.
        detector: `Detector`, or `None`.
    """

    window: tuple
    segmenter: object = None
    classes: object = None
    tells_labels: bool = False
    features: object = None
    steadiness: object = None
    sequences: list | None = None
    detector: object = None

    def measure(self, source, indices, method=None, bar=None):
        """Measures a `Method`'s pictures of some scenes, or, without one, the real images. `bar` shows progress.

        The scenes follow each other.
        """
        rows, now = [], None
        read = range(indices[0] - self._goes_on(indices[0]), indices[-1] + 1)  # a video's frame before them, too
        for index, (inputs, image) in zip(read, make_eval(source, indices=read)):
            real = show_values(image[0].numpy(), self.window)
            picture = real if method is None else self.picture(source, method.paths[index], real)
            before, now = now, (inputs.get("source", real[None])[0], picture)
            if index < indices[0]:
                continue
            row = self._row(picture, inputs.get("label_map"))
            if self.steadiness is not None:
                nothing = dict.fromkeys(("flicker", "pumping", "warping"), np.nan)
                row |= self.steadiness.of(before, now) if self._goes_on(index) else nothing
            if method is not None:
                agreement = quality.score(*(p[None].astype("float32") for p in (picture, real)))
                distances = [perceptual.NAMES[net] for net in perceptual.lpips_nets()]
                row |= {name: agreement.get(name, np.nan) for name in distances}
                row |= {"psnr": min(agreement["psnr"], EQUAL_PSNR), "ssim": agreement["ssim"]}
                if method.variants:
                    variants = [self.picture(source, path, real) for path in method.variants[index]]
                    row["diversity"] = quality.diversity(variants)
            rows.append(row)
            if bar is not None:
                bar.add(1)
        return Measured(**{key: np.stack([row[key] for row in rows]) for key in rows[0]})

    def _goes_on(self, index):
        """Whether a scene follows the one before it in a video."""
        return bool(self.sequences) and index > 0 and self.sequences[index - 1] == self.sequences[index]

    def picture(self, source, path, real):
        """A method's picture at the size of the real one."""
        return read_picture(path, source, self.window, real.shape[:2])

    def _row(self, picture, label_map):
        row = {}
        if self.segmenter is not None:
            truth, found = self.classes(label_map[0].numpy()), self.classes_seen(picture)
            row["confusion"] = confusion_matrix(truth, found, len(self.classes))
        if self.features is not None:
            row["features"] = self.features(picture)
        if self.detector is not None:
            row["objects"] = padded(self.detector.objects(picture))
        return row

    def classes_seen(self, picture):
        """The classes that the segmenter sees in a picture: int32 `(height, width)`."""
        found = self.segmenter.label_map(picture)
        return self.classes(found) if self.tells_labels else found


def measure_once(folder, key, instruments, source, method=None):
    """Measures all scenes with `instruments`; caches the results in a folder, in parts. Shows a progress bar.

    Args:
        folder: `Path`.
        key: What JSON can hold; parts that were kept under another key are measured anew.
        instruments: `Instruments`.
        source, method: See `Instruments.measure`.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    parts = [range(start, min(start + PART, len(source))) for start in range(0, len(source), PART)]
    files = [folder / f"{part.start:06d}.npz" for part in parts]
    measured = [_kept(file, digest, len(part)) for file, part in zip(files, parts)]
    missing = [i for i, own in enumerate(measured) if own is None]
    if missing:
        print(f"{method.name if method else REAL}:")
    bar = keras.utils.Progbar(sum(len(parts[i]) for i in missing), unit_name="picture")
    for i in missing:
        measured[i] = instruments.measure(source, parts[i], method, bar)
        _keep(measured[i], files[i], digest)
    return Measured.joined(measured)


def _keep(measured, file, digest):
    arrays = {name: value for name, value in vars(measured).items() if value is not None}
    with replacing(file) as temporary:
        np.savez_compressed(temporary, key=digest, **arrays)


def _kept(file, digest, count):
    """What `_keep` wrote of so many scenes, with the same digest, or `None`."""
    if not file.exists():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as content:
            if content["key"] != digest:
                return None
            measured = Measured(**{name: content[name] for name in content.files if name != "key"})
        if {len(value) for value in vars(measured).values() if value is not None} != {count}:
            raise ValueError(f"it is not of {count} scenes")
        return measured
    except Exception:  # whatever reading damaged data runs into; it can be made again
        print(f"{file} is damaged: it is made again.")
        return None


def files_of(place):
    """The files of what a flag names: itself, or all in the folder; none for a name that is no path."""
    path = as_path(place)
    return sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []


def stamp(path):
    """Identifies the version of a file, for the `key` of `measure_once`."""
    if not hasattr(path, "stat"):
        return str(path)
    found = path.stat()
    return [str(path), found.st_size, getattr(found, "st_mtime_ns", 0)]
