"""Files that are either whole or not there: written under a temporary name, then renamed."""

import contextlib
import os
import shutil
from pathlib import Path

TEMPORARY = ".writing-"  # begins the name of everything that is not finished


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`; what was written there takes the place of `path` when the block ends well.

    Works for files and folders. If the block raises, the temporary file is removed and `path` is as it was. The
    temporary name keeps the suffix of `path`, since writers choose the format by it.

    Args:
        path: `Path` or string. Its folder is made if need be.
    """
    path = Path(path)
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
        if temporary.is_dir():
            shutil.rmtree(temporary)
        elif temporary.exists():
            temporary.unlink()


def remove_leftovers(folder):
    """Removes what processes that were killed left half-written in a folder."""
    for path in Path(folder).glob(f"{TEMPORARY}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
