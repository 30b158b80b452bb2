"""Files that are either whole or not there: written under a temporary name, then renamed."""

import contextlib
import ctypes
import functools
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from pipelines.paths import RemotePath, as_path, gfile

TEMPORARY = ".writing-"  # begins the name of everything that is not finished
ASIDE = ".aside-"  # begins the name of a folder while another takes its place
LONGEST = 200  # bytes of a name to which a few are added
HERE, EXCHANGE = -100, 2  # of Linux' renameat2: paths are from the working folder, both change places


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path; what was written there takes the place of `path` when the block ends well.

    Works for files and folders. If the block raises, the temporary file is removed and `path` is as it was. The
    temporary name keeps the suffix of `path`, since writers choose the format by it. It lies beside `path`; for a path
    in a bucket on this machine, from where it is copied, so that any writer can write it.

    Args:
        path: `Path`, `RemotePath` or string. Its folder is made if need be.
    """
    path = as_path(path)
    if isinstance(path, RemotePath):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / path.name
            yield temporary
            _upload(temporary, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}.{_short(path)}")
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            _take_place(temporary, path)
        else:
            temporary.replace(path)
    finally:
        remove(temporary)


def _short(path):
    """The name of a path, or what is left of a long one: file systems know names of 255 bytes, this adds to it."""
    if len(os.fsencode(path.name)) <= LONGEST:
        return path.name
    return hashlib.sha256(os.fsencode(path.name)).hexdigest() + path.suffix


def _take_place(folder, path):
    """Gives a folder the name of another, which is removed. There is no moment without one, where the system can."""
    if not _exchange(folder, path):
        aside = path.with_name(f"{ASIDE}{os.getpid()}.{path.name}")
        path.rename(aside)
        try:
            folder.rename(path)  # killed before this, `remove_leftovers` puts the other one back
        except OSError:
            aside.rename(path)
            raise
        shutil.rmtree(aside)


def _exchange(first, second):
    """Lets two paths change names at once; false where the system, or the file system, cannot."""
    rename = _renameat2()
    return rename is not None and rename(HERE, os.fsencode(first), HERE, os.fsencode(second), EXCHANGE) == 0


@functools.cache
def _renameat2():
    """The function of that name of the C library, or `None`."""
    try:
        return ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return None


def _upload(source, target):
    """Copies a local file or folder to a bucket. Files appear there whole; of a folder one after the other."""
    if source.is_dir():
        target.unlink(missing_ok=True)
        for path in sorted(source.rglob("*")):
            if path.is_file():
                _upload(path, target / path.relative_to(source).as_posix())
    else:
        target.parent.mkdir()
        temporary = target.with_name(f"{TEMPORARY}{os.getpid()}.{target.name}")
        gfile().copy(str(source), str(temporary))
        gfile().rename(str(temporary), str(target), overwrite=True)


def remove(path):
    """Removes a file or a folder with all that is in it; nothing if it is not there."""
    path = as_path(path)
    if isinstance(path, Path) and path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers_of(path):
    """`remove_leftovers` of one file or folder alone, in a folder that others may write to, from other machines too."""
    path = as_path(path)
    _clear(path.parent, False, f".{_short(path)}")


def remove_leftovers(folder, below=False):
    """Removes what processes that were killed left half-written in a folder; what others write just now stays.

    A folder that one of them had put aside, and not yet replaced, gets its place back.

    Args:
        folder: `Path` or `RemotePath`.
        below: Boolean, whether to look into the folders in it, too.
    """
    _clear(as_path(folder), below, "")


def _clear(folder, below, ending):
    """`remove_leftovers` of what has names that end so."""
    for path in _found(folder, ASIDE, below, ending):
        process, _, name = path.name.removeprefix(ASIDE).partition(".")
        if _is_dead(process):
            remove(path) if path.with_name(name).exists() else path.rename(path.with_name(name))
    for path in _found(folder, TEMPORARY, below, ending):
        if _is_dead(path.name.removeprefix(TEMPORARY).partition(".")[0]):
            remove(path)


def _found(folder, prefix, below, ending):
    found = (folder.rglob if below else folder.glob)(f"{prefix}*") if folder.is_dir() else []
    return [path for path in found if path.name.endswith(ending)]


def _is_dead(process):
    return not (process.isdigit() and _is_another(int(process)))


def _is_another(process):
    """Whether another process of this number runs on this machine. One of ours is of before a restart."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except PermissionError:  # somebody else's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
