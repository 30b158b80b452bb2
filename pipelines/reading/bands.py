"""Several files that are the channels of one image, such as the bands of a satellite."""

import dataclasses
import io
import re

import numpy as np

from pipelines.errors import DataError, first_of
from pipelines.pairing.files import files_below
from pipelines.pairing.pairs import Found, check_folder
from pipelines.paths import as_path
from pipelines.reading.decode import Part
from pipelines.reading.depth import read_deep


@dataclasses.dataclass(frozen=True)
class Bands(Part):
    """Files, side by side as channels, as if they were one file `.npy`.

    Attributes:
        name: String, what all have in common.
        files: Tuple of `Path`, in the order of the channels.
    """

    name: str
    files: tuple
    suffix = ".npy"

    @property
    def path(self):
        return self.files[0]

    @property
    def stem(self):
        return self.name.rpartition("/")[2]

    def read_bytes(self):
        bands = [read_deep(path) for path in self.files]
        kinds = {(band.shape[:2], band.dtype.name) for band in bands}
        if len(kinds) > 1:
            found = ", ".join(
                f"{path.name} is {band.shape[1]}x{band.shape[0]} of {band.dtype}"
                for path, band in zip(self.files, bands)
            )
            raise DataError(f"The files of {self.name} should be of one size and depth, to be channels: {found}.")
        file = io.BytesIO()
        np.save(file, np.concatenate(bands, -1))
        return file.getvalue()

    def __str__(self):
        return " + ".join(str(path) for path in self.files)


def find_bands(folder, patterns):
    """The scenes below a folder whose channels are files of their own.

    Args:
        folder: Path.
        patterns: Strings, one for each channel: paths below the folder, with `{}` where the scene's name stands.

    Returns:
        `Found`: name -> `Bands`.

    Raises:
        DataError: If a pattern has no `{}`, nothing fits, or a scene lacks a file.
    """
    folder = as_path(folder)
    check_folder(folder)
    if not patterns or any(pattern.count("{}") != 1 for pattern in patterns):
        raise DataError(
            f"Patterns of files should each have one {{}}, for the scene's name. Received: {','.join(patterns)}"
        )
    files = {path.relative_to(folder).as_posix(): path for path in files_below(folder)[0]}
    found = [_scenes(pattern, files) for pattern in patterns]
    names = sorted(set().union(*found))
    lacking = [f"{n} has no {p.format(n)}" for n in names for p, own in zip(patterns, found) if n not in own]
    if not names or lacking:
        what = f"{len(lacking)} files are not there:{first_of(lacking)}" if names else "nothing there fits"
        raise DataError(f"{folder} should hold {','.join(patterns)} of each scene, and {what}")
    return Found({name: Bands(name, tuple(own[name] for own in found)) for name in names})


def _scenes(pattern, files):
    """Dict: name of a scene -> its file that a pattern fits."""
    before, after = map(re.escape, pattern.split("{}"))
    fits = {name: re.fullmatch(f"{before}(.+){after}", name) for name in files}
    return {fit[1]: files[name] for name, fit in fits.items() if fit}
