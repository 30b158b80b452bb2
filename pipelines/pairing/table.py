"""Pairs by a table: a CSV file whose columns are the paths of what belongs together."""

import os
import unicodedata
from pathlib import PurePath

from pipelines.errors import DataError, first_of
from pipelines.pairing.pairs import SUFFIXES, Found
from pipelines.paths import RemotePath, as_path, below
from pipelines.texts import read_rows

ROLES = {"source": "source", "target": "image", "image": "image", "label": "label_map", "instance": "instance_map"}
USUAL = ["source", "image"]  # what two columns without a head are


def read_pairs(path, root=""):
    """The files that a table names.

    Args:
        path: Path of a CSV file: a head of `source`, `target`, `label`, `instance`, in any order, other columns being
            left alone; or two columns without one, sources and targets. Windows' backslashes are read as slashes.
        root: Path that the files are relative to; `""`: the table's folder.

    Returns:
        Dict: role -> `Found`, as `pairs.find_files` gives it. A scene has the name of its file in the first column.

    Raises:
        DataError: If there is no such table, files are missing, or two scenes have one name.
    """
    rows = read_rows(path, "table of pairs")
    columns, rows = _columns(rows, path)
    root = as_path(root or as_path(path).parent)
    files, missing = {role: {} for role in columns.values()}, []
    for number, cells in rows:
        cells = [cell.replace("\\", os.sep) for cell in cells]
        if len(cells) <= max(columns) or not all(cells[column] for column in columns):
            raise DataError(f"Line {number} of {path} should have {len(columns)} paths. Found: {','.join(cells)}")
        name = _name(cells[min(columns)])
        if name in next(iter(files.values())):
            raise DataError(f"Two lines of {path} have the name {name}, at last line {number}. Keep one of them.")
        for column, role in columns.items():
            files[role][name] = _find(root, cells[column])
            if not isinstance(files[role][name], RemotePath) and not files[role][name].is_file():
                missing.append(f"{files[role][name]}, line {number}")
    if missing:
        raise DataError(
            f"{len(missing)} files of {path} are not there:{first_of(missing)}\nPaths are relative to {root}."
        )
    return {role: Found(sorted(found.items())) for role, found in files.items()}


def _columns(rows, path):
    """Dict: number of a column -> role; and the rows that are no head."""
    head = [cell.lower() for cell in rows[0][1]] if rows else []
    columns = {number: ROLES[cell] for number, cell in enumerate(head) if cell in ROLES}
    rows = rows[1:] if columns else rows
    if not columns and len(head) == len(USUAL) and PurePath(head[0]).suffix in SUFFIXES:
        columns = dict(enumerate(USUAL))
    if not rows or not {"source", "label_map"} & set(columns.values()) or len(set(columns.values())) < len(columns):
        raise DataError(
            f"The table {path} should have a head of source,target or label,instance,target, and paths below it. Its "
            f"first line is: {','.join(head)}"
        )
    return columns, rows


def _find(root, text):
    """The path of a file, however the table and the disk spell letters with marks; as written if it is not there."""
    written = below(root, text)
    if isinstance(written, RemotePath):
        return written
    spelled = (below(root, unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    return next((path for path in (written, *spelled) if path.is_file()), written)


def _name(text):
    """The name of a scene: a path without suffix, drive, root and steps upwards, of composed characters."""
    text = unicodedata.normalize("NFC", text)
    parts = PurePath(os.path.normpath(text.partition("://")[2] or text)).with_suffix("").parts
    return "/".join(part for part in parts if part not in ("/", ".."))
