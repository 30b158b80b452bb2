"""Cityscapes: 2048x1024 street scenes, 8-bit label ids, 16-bit instance ids.

Two layouts are known: the official tree (`leftImg8bit/train/aachen/..._leftImg8bit.png` beside `gtFine/...`), and the
flat one of the released pix2pixHD code (`train_img`, `train_label`, `train_inst`).
"""

import re

from pipelines.errors import DataError
from pipelines.pairing.files import files_below
from pipelines.pairing.pairs import SUFFIXES, find_files
from pipelines.paths import as_path
from pipelines.source import FileSource

# id -> name, colour; from the dataset's published class table. Id 34 is not used, the licence plate (-1) is never
# drawn.
CLASSES = (
    ("unlabeled", (0, 0, 0)), ("ego vehicle", (0, 0, 0)), ("rectification border", (0, 0, 0)),
    ("out of roi", (0, 0, 0)),
    ("static", (0, 0, 0)), ("dynamic", (111, 74, 0)), ("ground", (81, 0, 81)), ("road", (128, 64, 128)),
    ("sidewalk", (244, 35, 232)), ("parking", (250, 170, 160)), ("rail track", (230, 150, 140)),
    ("building", (70, 70, 70)), ("wall", (102, 102, 156)), ("fence", (190, 153, 153)), ("guard rail", (180, 165, 180)),
    ("bridge", (150, 100, 100)), ("tunnel", (150, 120, 90)), ("pole", (153, 153, 153)), ("polegroup", (153, 153, 153)),
    ("traffic light", (250, 170, 30)), ("traffic sign", (220, 220, 0)), ("vegetation", (107, 142, 35)),
    ("terrain", (152, 251, 152)), ("sky", (70, 130, 180)), ("person", (220, 20, 60)), ("rider", (255, 0, 0)),
    ("car", (0, 0, 142)), ("truck", (0, 0, 70)), ("bus", (0, 60, 100)), ("caravan", (0, 0, 90)),
    ("trailer", (0, 0, 110)), ("train", (0, 80, 100)), ("motorcycle", (0, 0, 230)), ("bicycle", (119, 11, 32)),
    ("license plate", (0, 0, 142)),
)  # fmt: skip

# What the benchmark scores, in the order of its train ids 0 .. 18; all other ids are void.
EVALUATED_LABELS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)

ENDINGS = {"image": "_leftImg8bit", "label_map": "_gtFine_labelIds", "instance_map": "_gtFine_instanceIds"}
FLAT_FOLDERS = {"image": "img", "label_map": "label", "instance_map": "inst"}


class Cityscapes(FileSource):
    """One split of Cityscapes.

    Args:
        data_dir: Folder of either layout.
        split: `"train"`, `"val"` or `"test"`.
        instance_maps: Boolean, whether to read them.
        images: Boolean, whether to read photographs; if false the scenes need none.

    Raises:
        DataError: If neither layout is there, or files have no partner.
    """

    num_classes = len(CLASSES)
    class_names = tuple(name for name, _ in CLASSES)
    class_colors = tuple(color for _, color in CLASSES)
    evaluated_labels = EVALUATED_LABELS

    def __init__(self, data_dir, split="train", instance_maps=True, images=True):
        keys = ["label_map"] + ["instance_map"] * instance_maps + ["image"] * images
        folders = {key: _folder(as_path(data_dir), split, key) for key in keys}
        super().__init__({key: _find(folders, key) for key in keys})


def _folders(data_dir, split, key):
    """Where a split's files may lie: in the official tree, in the flat one, or as the archives are unpacked."""
    name = "leftImg8bit" if key == "image" else "gtFine"
    unpacked = data_dir / f"{name}_trainvaltest" / name / split
    return data_dir / name / split, data_dir / f"{split}_{FLAT_FOLDERS[key]}", unpacked


def _folder(data_dir, split, key):
    folders = _folders(data_dir, split, key)
    for folder in folders:
        if folder.is_dir():
            return folder
    official, flat = (folder.relative_to(data_dir) for folder in folders[:2])
    without = " Or do without them: --nouse_instance_map." if key == "instance_map" else ""
    raise DataError(f"{data_dir} holds neither {official} nor {flat}: no {key} of the split {split}.{without}")


def _find(folders, key):
    """The files of one kind, or a `DataError` that says which there are instead, and what to do."""
    try:
        return find_files(folders[key], ENDINGS[key])
    except DataError as error:
        found = {re.sub(r"^.*?_\d{6}_\d{6}_", "_", path.stem) for path in files_below(folders[key])[0]}
        names = f" There are files that end in {', '.join(sorted(found)[:4])}." if found else ""
        raise DataError(f"{error}{names} {_way_out(folders, key, sorted(found))}") from error


def _way_out(folders, key, endings):
    """What to do if files of one kind have other endings, or are not there."""
    if key == "instance_map":
        return "To do without instance maps: --nouse_instance_map."
    if not endings:
        return "Unpack the archive anew."
    likely = next((ending for ending in endings if ("label" if key == "label_map" else "Img") in ending), endings[0])
    label = likely if key == "label_map" else ENDINGS["label_map"]
    image = likely if key == "image" else ENDINGS["image"]
    classes = "--num_classes=19 --dont_care=255" if "TrainIds" in label else f"--num_classes={len(CLASSES)}"
    target = f" --target_dir={folders['image']} --target_name='(.*){image}'" if "image" in folders else ""
    return (
        f"These are read so: --dataset=folder --label_dir={folders['label_map']} --label_name='(.*){label}'{target} "
        f"{classes}"
    )


def has_split(data_dir, split, images=True):
    """Whether there is a folder of label maps or, unless `images` is false, of photographs of a split."""
    keys = ["label_map"] + ["image"] * images
    return any(folder.is_dir() for key in keys for folder in _folders(as_path(data_dir), split, key))


def has_label_maps(data_dir, split):
    """Whether a split has label maps that are named as Cityscapes' are."""
    folders = [folder for folder in _folders(as_path(data_dir), split, "label_map") if folder.is_dir()]
    files = [path for folder in folders[:1] for path in files_below(folder)[0] if path.suffix.lower() in SUFFIXES]
    return any(path.stem.endswith(ENDINGS["label_map"]) for path in files)
