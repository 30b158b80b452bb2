"""Finds the files of a dataset and pairs them by name."""

import os
import re

from pipelines.errors import DataError, first_of
from pipelines.pairing.files import files_below
from pipelines.pairing.names import pairing_flags, pairing_name
from pipelines.paths import as_path

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".webp", ".npy"}


class Found(dict):
    """Files by the name that pairs them, sorted: name -> path.

    Attributes:
        left_out: Dict: why -> list of the files that were left out for it.
    """

    def __init__(self, files, left_out=None):
        super().__init__(files)
        self.left_out = {why: paths for why, paths in (left_out or {}).items() if paths}


def find_files(folder, ending="", pattern="", ignore_case=False):
    """The picture files below a folder, by the name that pairs them.

    Args:
        folder: Path.
        ending: String that ends the name of each file before its suffix, such as `_leftImg8bit`; files without it are
            left out, and the pairing name is what stands before it.
        pattern: Regular expression that fits the whole of the names that are wanted; the pairing name consists of what
            its groups find. `""`: all names, as they are.
        ignore_case: Boolean, whether names pair whatever their case.

    Returns:
        `Found`: path below `folder` without ending and suffix (`aachen/000019`), of composed characters -> `Path`.

    Raises:
        DataError: If the folder is missing or holds no such file, or two files have one name.
    """
    folder = as_path(folder)
    check_folder(folder)
    seen, hidden = files_below(folder)
    files, left_out = {}, {"hidden or in a folder of a tool": hidden, "of another kind": [], "of another name": []}
    for path in seen:
        if path.suffix.lower() not in SUFFIXES:
            left_out["of another kind"].append(path)
            continue
        below = (path.relative_to(folder).parent / path.stem).as_posix()
        if not _is_text(below):
            raise DataError(f"The name of {os.fsencode(path)!r} is no text in UTF-8. Rename the file.")
        name = pairing_name(below, ending, pattern, ignore_case)
        if name is None:
            left_out["of another name"].append(path)
        elif name in files:
            raise DataError(f"Two files have the name {name}: {files[name]} and {path}. Keep one of them.")
        else:
            files[name] = path
    found = Found({name: files[name] for name in sorted(files, key=in_order)}, left_out)
    if not found:
        raise DataError(_describe_nothing(folder, ending, pattern, found.left_out))
    return found


def _is_text(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_folder(path):
    """Raises `DataError` unless a path is a folder; says what it is instead."""
    if path.is_dir():
        return
    if path.is_file():
        is_archive = path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
        raise DataError(f"{path} is a file. {'Unpack it, and give' if is_archive else 'Give'} the folder.")
    raise DataError(f"{path} is no folder. Relative paths begin where the command is started, or at --data_dir.")


def in_order(name):
    """Sorts names as people count: frame9 before frame10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def _describe_nothing(folder, ending, pattern, left_out):
    wanted = (
        f"*{ending} with a suffix of "
        if ending
        else f"{pattern} and a suffix of "
        if pattern
        else "a file with a suffix of "
    )
    others = "".join(f" {line}." for line in describe_left_out(left_out))
    return f"{folder} holds no picture: not one {wanted}{' '.join(sorted(SUFFIXES))}.{others}"


def describe_left_out(left_out):
    """Lines about files that were left out: how many, why, such as which."""
    return [f"{len(paths)} files were left out, {why}, such as {paths[0]}" for why, paths in left_out.items()]


def name_in_order(files):
    """Names files by their place: the n-th of each role gets the name of the first role's n-th.

    Args:
        files: Dict: role -> what `find_files` found, in the order that people count in.

    Returns:
        The same, of other names.

    Raises:
        DataError: If the roles have different numbers of files.
    """
    if len({len(found) for found in files.values()}) > 1:
        raise DataError(
            "--in_order pairs the first file of each folder, the second, and so on, and these are not equally many: "
            f"{_counts(files)}. Take those away that have no partner, or give a table of pairs, --pairs=FILE.csv."
        )
    names = list(next(iter(files.values())))
    return {role: Found(zip(names, found.values()), found.left_out) for role, found in files.items()}


def pair_files(files):
    """Puts together what belongs to one scene.

    Args:
        files: Dict: role (`label_map`, `image`, ...) -> what `find_files` found.

    Returns:
        List of names, sorted, and dict: role -> list of paths in that order.

    Raises:
        DataError: If a file has no partner; names the first ones, and the flags that would pair them if there are any.
    """
    everywhere = set.intersection(*(set(found) for found in files.values()))
    lonely = []
    for role, found in files.items():
        for name in sorted(set(found) - everywhere):
            absent = [_spoken(other, files) for other in files if name not in files[other]]
            lonely.append(f"{found[name]} ({_spoken(role, files)}) has no {' and no '.join(absent)}")
    if lonely:
        raise DataError(
            f"{len(lonely)} files have no partner of the same name ({_counts(files)}):{first_of(lonely)}\n"
            f"{_advice(files)}"
        )
    names = sorted(everywhere, key=in_order)
    return names, {role: [found[name] for name in names] for role, found in files.items()}


def _spoken(role, files):
    """What a role is called: an image that sources become is their target, as in `--target_dir`."""
    return "target" if role == "image" and "source" in files else role


def _counts(files):
    """How many files each role has, in words."""
    return ", ".join(f"{len(found)} of {_spoken(role, files)}" for role, found in files.items())


def _advice(files):
    """What pairs files that do not pair by name."""
    flags = pairing_flags({role: list(found) for role, found in files.items()})
    if flags:
        return f"These flags pair them: {flags}"
    advice = "Add the missing files, take these away, or give a table of pairs, --pairs=FILE.csv."
    if len({len(found) for found in files.values()}) > 1:
        return advice
    return f"{advice} If the first belongs to the first, the second to the second, and so on: --in_order."


def split(names, share, pattern=""):
    """Indices of sorted names to train on, and of those to hold out: whole sequences where a pattern finds them."""
    return hold_out_sequences(names, share, pattern) if pattern else hold_out(names, share)


def hold_out(names, share, blocks=4):
    """Splits sorted names into training and validation names.

    Neighbours in a list of frames look alike, so what is held out are a few runs of consecutive names, spread evenly.

    Args:
        names: List of strings, sorted.
        share: Float, 0 to 1, of the names to hold out; at least one unless it is 0.
        blocks: Integer, number of runs; fewer if there are not enough names.

    Returns:
        Two lists of indices into `names`: to train on, to validate on.
    """
    count = len(names)
    held = min(max(round(count * share), 1), count - 1) if share > 0 and count > 1 else 0
    blocks = min(blocks, held)
    chosen = set()
    for block in range(blocks):
        size = held * (block + 1) // blocks - held * block // blocks
        center = round(count * (block + 0.5) / blocks)
        start = min(max(center - size // 2, 0), count - size)
        chosen.update(range(start, start + size))
    return [i for i in range(count) if i not in chosen], sorted(chosen)


def hold_out_sequences(names, share, pattern):
    """Splits names into training and validation names, so that every sequence of frames is in one of them.

    Args:
        names: List of strings, sorted.
        share: Float, 0 to 1, of the names to hold out: whole sequences, spread evenly, that are
            not much more together; at least the shortest.
        pattern: Regular expression that finds a sequence's name in that of its frames: its first group, or all of it.

    Returns:
        Two lists of indices into `names`: to train on, to validate on.

    Raises:
        DataError: If the pattern is none, does not fit a name, or finds only one sequence, or one for each name.
    """
    members = {}
    for index, name in enumerate(names):
        members.setdefault(sequence(name, pattern), []).append(index)
    if len(members) < 2 and share > 0:
        raise DataError(
            f"The pattern {pattern!r} finds one sequence, {next(iter(members))!r}, in all {len(names)} names, such as "
            f"{names[0]}: there is nothing to hold out."
        )
    if len(members) == len(names) and share > 0:
        raise DataError(
            f"The pattern {pattern!r} finds another sequence in each of the {len(names)} names, such as {names[0]}: "
            "frames would be held out one by one. Give a pattern for what the frames of a sequence share, or leave "
            "--sequence out."
        )
    spread = sorted(range(len(members)), key=lambda i: (i + 1) * 0.618034 % 1)  # neighbours far from each other
    sequences, wanted, held = list(members.values()), share * len(names), set()
    for frames in (sequences[i] for i in spread):
        if len(held) + len(frames) <= min(1.25 * wanted, len(names) - 1):
            held |= set(frames)
    if not held and share > 0:
        held = set(min(sequences, key=len))
    return [i for i in range(len(names)) if i not in held], sorted(held)


def sequence(name, pattern):
    """The name of a frame's sequence, which a regular expression finds in that of the frame: its first group, or all.

    Raises:
        DataError: If the pattern is none, or does not fit the name.
    """
    try:
        found = re.search(pattern, name)
    except re.error as error:
        raise DataError(f"{pattern!r} is no regular expression: {error}.") from error
    if not found:
        raise DataError(f"The pattern {pattern!r} does not fit the name {name}. Give one that all names fit.")
    return found.group(1) if found.groups() else found.group()
