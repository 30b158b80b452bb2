"""Files that are either whole or not there: written under a temporary name, then renamed."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from pipelines.paths import RemotePath, as_path, gfile

TEMPORARY = ".writing-"  # begins the name of everything that is not finished


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
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}.{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            old = path.with_name(f"{TEMPORARY}{os.getpid()}.old.{path.name}")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    finally:
        remove(temporary)


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


def remove_leftovers(folder):
    """Removes what processes that were killed left half-written in a folder; what others write just now stays."""
    for path in as_path(folder).glob(f"{TEMPORARY}*"):
        process = path.name.removeprefix(TEMPORARY).partition(".")[0]
        if not (process.isdigit() and _is_another(int(process))):
            remove(path)


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
