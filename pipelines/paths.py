"""Paths on this machine and in buckets: `as_path("gs://bucket/run")` is used as a `pathlib.Path` is."""

import errno
import fnmatch
import functools
import os
import types
from pathlib import Path, PurePath, PurePosixPath

LONGEST = 255  # bytes of a file's name


def as_path(text):
    """`Path`, or `RemotePath` for text such as `gs://bucket/folder`; paths are returned as they are."""
    if isinstance(text, (Path, RemotePath)):
        return text
    return RemotePath(text) if "://" in str(text) else _at_home(Path(text))


def below(root, path):
    """The path that `path`, text, names where folders may be given relative to `root`."""
    path = as_path(path)
    return path if isinstance(path, RemotePath) else root / path


def is_inside(name):
    """Whether a name, text with `/` between folders, is that of a file that lies inside the folder it is put in."""
    parts = name.split("/")
    try:
        lengths = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:  # half a character
        return False
    known = all(0 < length <= LONGEST for length in lengths) and not {".", ".."} & set(parts)
    return known and "\0" not in name and PurePath(name).parts == tuple(parts) and not PurePath(name).drive


def _at_home(path):
    """`path` with `~` for the user's folder, which shells leave alone behind `=`; as it is where nobody knows it."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def gfile():
    """TensorFlow's file systems. Imported when a bucket is named, so that networks need no TensorFlow."""
    import tensorflow as tf

    return tf.io.gfile


@functools.total_ordering
class RemotePath:
    """A file or folder of any file system that TensorFlow reads (gs://, s3://, hdfs://, ...).

    It has the part of `pathlib.Path` that this project uses, by `tf.io.gfile`. Buckets have no folders: what is said to
    be one is where files are.

    Args:
        text: String `SCHEME://PATH`.
    """

    def __init__(self, text):
        self.scheme, _, rest = str(text).partition("://")
        self.pure = PurePosixPath(rest)

    def _at(self, pure):
        return RemotePath(f"{self.scheme}://{pure}")

    def __str__(self):
        return f"{self.scheme}://{self.pure}"

    __repr__ = __fspath__ = as_posix = __str__

    def __eq__(self, other):
        return str(self) == str(other)

    def __lt__(self, other):
        return str(self) < str(other)

    def __hash__(self):
        return hash(str(self))

    # === Names ===

    def __truediv__(self, name):
        return self._at(self.pure / str(name))

    def with_name(self, name):
        return self._at(self.pure.with_name(name))

    def relative_to(self, other):
        return self.pure.relative_to(other.pure)

    def absolute(self):
        return self

    @property
    def parent(self):
        return self._at(self.pure.parent)

    @property
    def name(self):
        return self.pure.name

    @property
    def stem(self):
        return self.pure.stem

    @property
    def suffix(self):
        return self.pure.suffix

    # === Looking ===

    def exists(self):
        return gfile().exists(str(self))

    def is_dir(self):
        return gfile().isdir(str(self))

    def is_file(self):
        return self.exists() and not self.is_dir()

    def stat(self):
        self._check_exists()
        return types.SimpleNamespace(st_size=gfile().stat(str(self)).length)

    def _check_exists(self):
        """Raises what `pathlib` does for a missing file; TensorFlow has errors of its own, which are no `OSError`."""
        if not self.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))

    def iterdir(self):
        return [self / name.rstrip("/") for name in gfile().listdir(str(self))] if self.is_dir() else []

    def glob(self, pattern):
        return [path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern)]

    def rglob(self, pattern):
        walk = gfile().walk(str(self))
        names = [(folder, name) for folder, _, files in walk for name in files]
        return [RemotePath(folder) / name for folder, name in names if fnmatch.fnmatchcase(name, pattern)]

    # === Reading and writing ===

    def open(self, mode="r", **options):
        if "r" in mode:
            self._check_exists()
        return gfile().GFile(str(self), mode)

    def read_bytes(self):
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding="utf-8"):
        return self.read_bytes().decode(encoding)

    def mkdir(self, parents=True, exist_ok=True):
        gfile().makedirs(str(self))

    def unlink(self, missing_ok=False):
        if not missing_ok:
            self._check_exists()
        if self.exists():
            gfile().rmtree(str(self)) if self.is_dir() else gfile().remove(str(self))
