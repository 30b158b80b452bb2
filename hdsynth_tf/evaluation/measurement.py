"""Measures a method's pictures, one after the other; what was measured is kept, so that it is done once."""

import dataclasses
import hashlib
import json

import keras
import numpy as np

from hdsynth_tf.evaluation import quality
from hdsynth_tf.evaluation.methods import read_picture
from hdsynth_tf.evaluation.segmentation import confusion_matrix
from hdsynth_tf.pictures import show_values
from hdsynth_tf.storage import replacing
from pipelines.dataset import make_eval
from pipelines.paths import as_path

REAL = "real images"  # the oracle's name
EQUAL_PSNR = 120.0  # decibels that equal pictures get, instead of infinitely many, which have no mean


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was measured of a method, a row for each scene; `None` where it was not asked for, or cannot be.

    Attributes:
        confusion: int64 `(scenes, classes, classes + 1)`.
        psnr, ssim: float `(scenes,)`.
        features: float32 `(scenes, features)`.
        diversity: float `(scenes,)`, see `quality.diversity`.
    """

    confusion: np.ndarray | None = None
    psnr: np.ndarray | None = None
    ssim: np.ndarray | None = None
    features: np.ndarray | None = None
    diversity: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Instruments:
    """What pictures are measured with.

    Attributes:
        window: `(low, high)`, values of images that become 0 and 255.
        segmenter: `Segmenter`, or `None`.
        classes: `EvaluatedClasses`, or `None`.
        tells_labels: Boolean, whether the segmenter's classes are label ids, all of them, not the scored classes.
        features: Function: picture -> features, or `None`.
    """

    window: tuple
    segmenter: object = None
    classes: object = None
    tells_labels: bool = False
    features: object = None

    def measure(self, source, method=None):
        """Measures the pictures of a `Method`, or, without one, the real images. Shows a progress bar."""
        rows, name = [], method.name if method else REAL
        print(f"{name}:")
        bar = keras.utils.Progbar(len(source), unit_name="picture")
        for index, (inputs, image) in enumerate(make_eval(source)):
            real = show_values(image[0].numpy(), self.window)
            picture = real if method is None else self.picture(source, method.paths[index], real)
            row = self._row(picture, inputs.get("label_map"))
            if method is not None:
                agreement = quality.score(*(p[None].astype("float32") for p in (picture, real)))
                row |= {"psnr": min(agreement["psnr"], EQUAL_PSNR), "ssim": agreement["ssim"]}
                if method.variants:
                    variants = [self.picture(source, path, real) for path in method.variants[index]]
                    row["diversity"] = quality.diversity(variants)
            rows.append(row)
            bar.add(1)
        return Measured(**{key: np.stack([row[key] for row in rows]) for key in rows[0]})

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
        return row

    def classes_seen(self, picture):
        """The classes that the segmenter sees in a picture: int32 `(height, width)`."""
        found = self.segmenter.label_map(picture)
        return self.classes(found) if self.tells_labels else found


def measure_once(path, key, measure):
    """What `measure()` gives, or gave when it was called with the same `key`; kept in the `.npz` file `path`."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    if path.exists():
        with np.load(path, allow_pickle=False) as file:
            if file["key"] == digest:
                return Measured(**{name: file[name] for name in file.files if name != "key"})
    measured = measure()
    arrays = {name: value for name, value in vars(measured).items() if value is not None}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, key=digest, **arrays)
    return measured


def files_of(place):
    """The files of what a flag names: itself, or all in the folder; none for a name that is no path."""
    path = as_path(place)
    return sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []


def stamp(path):
    """What tells whether a file is still the same, for the `key` of `measure_once`."""
    if not hasattr(path, "stat"):
        return str(path)
    found = path.stat()
    return [str(path), found.st_size, getattr(found, "st_mtime_ns", 0)]
