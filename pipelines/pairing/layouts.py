"""Public datasets of thermal and visible pictures whose folders are the same wherever they are unpacked."""

import dataclasses
import re

from pipelines.errors import DataError, first_of
from pipelines.pairing.pairs import Found, find_files
from pipelines.paths import as_path


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the pictures of a dataset lie, below the folder that it is unpacked in.

    Attributes:
        folders: Dict: `source`, `image` -> names of folders with `/` between, regular expressions; what their groups
            find begins the name of a scene. `{split}` stands for that split's.
        splits: Dict: `train`, `test` -> what `{split}` is.
        shown: String, the folders for people.
    """

    folders: dict
    splits: dict
    shown: str


BY_NAME = {"train": "train", "test": "test"}
LAYOUTS = {
    "kaist": Layout(
        {"source": r"({split})/(V\d+)/lwir", "image": r"({split})/(V\d+)/visible"},
        {"train": "set0[0-5]", "test": r"set0[6-9]|set1[01]"},
        "set00/V000/lwir and set00/V000/visible, ...; set00 to set05 are train, set06 to set11 test",
    ),
    "llvip": Layout(
        {"source": "infrared/{split}", "image": "visible/{split}"}, BY_NAME, "infrared/train and visible/train; test"
    ),
    "msrs": Layout({"source": "{split}/ir", "image": "{split}/vi"}, BY_NAME, "train/ir and train/vi; test"),
}
TOPS = {"kaist": "images"}  # a folder that all others lie in, in some copies
OTHERS = {  # name, or part of one -> the flags for datasets whose copies differ
    "flir": "aligned: --source_dir=JPEGImages --source_name='(.*)_PreviewData' --target_dir=JPEGImages "
    "--target_name='(.*)_RGB'; as FLIR has it, thermal and visible do not lie on each other: first "
    "hdsynth_tf.register --rectify",
    "m3fd": "--source_dir=Ir --target_dir=Vis (or ir, vi)",
    "vedai": "--source_dir=DIR --source_name='(.*)_ir' --target_dir=DIR --target_name='(.*)_co'",
}


def describe_layouts():
    """The layouts, for the help."""
    return "; ".join(f"{name}: {layout.shown}" for name, layout in LAYOUTS.items())


def unknown_layout(name):
    """What to do instead of `--layout=name`, for a message."""
    own = {key: flags for key, flags in OTHERS.items() if key in name.lower()} or OTHERS
    others = "".join(f"\n  {key}: {flags}" for key, flags in own.items())
    return f"These have no layout of their own, since copies differ, but flags:{others}"


def find_layout(name, root, split, images=True):
    """The files of one split of a dataset.

    Args:
        name: Key of `LAYOUTS`.
        root: Folder that the dataset is unpacked in.
        split: `"train"` or `"test"`.
        images: Boolean, whether photographs are looked for.

    Returns:
        Dict: `source`, `image` -> `Found`, as `pairs.find_files` gives it; or `None` if the dataset has no such split.

    Raises:
        DataError: If there is no folder of either side, or none of one.
    """
    layout, root = LAYOUTS[name], _top(name, as_path(root))
    if not root.is_dir():
        raise DataError(f"{root} is no folder: --layout={name} looks there for {layout.shown}.")
    wanted = {role: _parts(layout, role, split) for role in ("source", "image")[: 1 + images]}
    folders = {role: list(_matching(root, parts)) for role, parts in wanted.items()}
    if split != "train" and not any(folders.values()):
        return None
    for role, found in folders.items():
        if not found:
            there = sorted(path.name for path in root.iterdir() if path.is_dir())
            raise DataError(
                f"{root} has no folder {'/'.join(wanted[role])} for {role}. --layout={name} looks in --data_dir for "
                f"{layout.shown}. Folders that are there: {first_of(there) or 'none'}"
            )
    return {role: _gathered(found) for role, found in folders.items()}


def layout_folders(name, root):
    """The folders that the pictures of all splits lie in."""
    layout, root = LAYOUTS[name], _top(name, as_path(root))
    parts = [_parts(layout, role, split) for split in layout.splits for role in layout.folders]
    return [folder for own in parts for folder, _ in _matching(root, own)]


def _top(name, root):
    inner = root / TOPS.get(name, "")
    return inner if name in TOPS and inner.is_dir() else root


def _parts(layout, role, split):
    return layout.folders[role].format(split=layout.splits[split]).split("/")


def _matching(folder, parts, names=()):
    """Folders whose paths below `folder` fit `parts`, regular expressions, with what these name."""
    if not parts:
        yield folder, "/".join(names)
        return
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if fits := re.fullmatch(parts[0], path.name):
            yield from _matching(path, parts[1:], (*names, *fits.groups()))


def _gathered(folders):
    """The files of several folders as of one."""
    files, left_out = {}, {}
    for folder, name in folders:
        found = find_files(folder)
        files |= {f"{name}/{below}" if name else below: path for below, path in found.items()}
        for why, paths in found.left_out.items():
            left_out.setdefault(why, []).extend(paths)
    return Found(sorted(files.items()), left_out)
