"""The files below a folder, as people see them: behind links, too, and without what tools leave behind."""

import os
from pathlib import Path

from pipelines.errors import DataError
from pipelines.paths import RemotePath

TOOLS = {"@eaDir", "__MACOSX", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
JUNK = {"Thumbs.db", "desktop.ini", "ehthumbs.db"}


def files_below(folder):
    """Finds the files below a folder.

    Args:
        folder: `Path` or `RemotePath`. Links to folders are followed, but not to one that they lie in.

    Returns:
        List of paths, sorted; and list of those in hidden folders and in folders of tools, or that are hidden.

    Raises:
        DataError: If a folder may not be looked into.
    """
    found = folder.rglob("*") if isinstance(folder, RemotePath) else _walk(folder, (os.path.realpath(folder),))
    seen, hidden = [], []
    for path in sorted(found):
        parts = path.relative_to(folder).parts
        if parts[-1] not in JUNK and parts[-1] != ".DS_Store":
            is_hidden = any(part.startswith(".") or part in TOOLS for part in parts)
            (hidden if is_hidden else seen).append(path)
    return seen, hidden


def _walk(folder, above):
    """Paths of all files below `folder`; `above`: where it and the folders that lead to it really are."""
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error
    for entry in entries:
        if not os.path.isdir(entry.path):
            if os.path.isfile(entry.path) or entry.is_symlink():  # no pipe, which nobody may write to
                yield Path(entry.path)
        elif not entry.is_symlink():
            yield from _walk(entry.path, (*above, os.path.realpath(entry.path)))
        elif (place := os.path.realpath(entry.path)) not in above:
            yield from _walk(entry.path, (*above, place))
