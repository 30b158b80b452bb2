"""One writer for each folder: a lock that ends with the process that holds it, however that ends."""

import contextlib
import datetime
import os
import platform

from hdsynth_tf.files.run_folder import RunFolderError
from hdsynth_tf.files.storage import remove_leftovers
from pipelines.paths import RemotePath

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

NAME = ".lock"  # of the file in the folder; it says who holds it


@contextlib.contextmanager
def only_writer(folder, command):
    """For the length of a block, no other process on this machine that asks for the same gets it.

    The folder is made if need be; nothing of the lock stays in it. Those who only read need no lock. Where there can be
    none, as in buckets and on some network file systems, a line says so, and the block runs without. What killed
    processes left half-written in the folder is removed, or put back.

    Args:
        folder: `Path` or `RemotePath`.
        command: String, what the other process is told that this one does.

    Raises:
        RunFolderError: If another process has it. Says which, and since when.
    """
    if isinstance(folder, RemotePath):
        print(_no_lock(folder, "buckets have no locks"))
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    file = _lock(folder)
    try:
        file.truncate(0)
        since = datetime.datetime.now().isoformat(" ", "seconds")
        file.write(f"process {os.getpid()} on {platform.node()} ({command}), since {since}")
        file.flush()
        remove_leftovers(folder, below=True)
        yield
    finally:
        if fcntl is None:  # there an open file cannot be removed
            file.close()
        (folder / NAME).unlink(missing_ok=True)
        file.close()
        with contextlib.suppress(OSError):  # not empty, or in use by now
            for path in made:
                path.rmdir()


def _lock(folder):
    """The open file that is the lock."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # the one before took the file away, or the folder: once more
            file = (folder / NAME).open("a+")
            if fcntl is None:
                print(_no_lock(folder, "this system has no flock"))
                return file
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                with file:
                    file.seek(0)
                    holder = file.read() or "another process"
                raise RunFolderError(
                    f"{folder} is written to by {holder}. Wait until that has ended, stop it, or choose another folder."
                ) from error
            except OSError as error:
                print(_no_lock(folder, error.strerror))
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / NAME)):
                return file


def _no_lock(folder, reason):
    return f"{folder} cannot be locked ({reason}): see to it that nothing else writes to it."
