"""Any folders of pictures: from one kind of image to another, or from label maps to photographs."""

from pipelines.errors import DataError
from pipelines.pairing.pairs import Found, find_files, name_in_order
from pipelines.paths import as_path
from pipelines.reading.decode import Half, Page, page_numbers
from pipelines.reading.radiometric import Radiometric
from pipelines.source import FileSource, class_colors


def split_folders(data_dir, split):
    """The folders of one split below `data_dir`, as the released code names them, whichever are there.

    CycleGAN's names, `trainA`, and those of pix2pix before its pictures are put side by side, `A/train`, are known too,
    and so is `train/A`.

    Returns:
        Dict: `source_dir` (`train_A`), `label_dir` (`train_label`), `instance_dir` (`train_inst`), `image_dir`
        (`train_B` or `train_img`) -> `Path`.
    """
    endings = {"source_dir": ["A"], "label_dir": ["label"], "instance_dir": ["inst"], "image_dir": ["B", "img"]}
    # The last one that is there counts.
    ways = "{split}/{ending}", "{ending}/{split}", "{split}{ending}", "{split}_{ending}"
    places = [
        (key, as_path(data_dir) / way.format(split=split, ending=ending))
        for way in ways
        for key in endings
        for ending in endings[key]
    ]
    return {key: folder for key, folder in places if folder.is_dir()}


def _by_page(files):
    """What `find_files` found, with `NAME_0000`, `NAME_0001`, ... for the pages of files that have several."""
    pages = {}
    for name, path in files.items():
        numbers = page_numbers(path) if path.suffix.lower() in (".tif", ".tiff") else [0]
        numbered = {f"{name}_{number:04d}": Page(path, number) for number in numbers}
        pages |= numbered if len(numbers) > 1 else {name: path}
    return Found(pages, files.left_out)


def _halves(found, source_is_right):
    """Sources and images of files in which they stand side by side."""
    sides = {"source": source_is_right, "image": not source_is_right}
    return {
        key: Found({name: Half(path, is_right) for name, path in found.items()}, found.left_out)
        for key, is_right in sides.items()
    }


class Folder(FileSource):
    """Pictures in folders, paired by name whatever their suffix.

    Args:
        source_dir: Folder of input images, or `None`.
        label_dir: Folder of label maps, or `None`; this or `source_dir` is needed.
        instance_dir: Folder of instance maps, or `None`.
        image_dir: Folder of the images to make, or `None` if there are none.
        num_classes: Integer, needed with `label_dir` unless `label_table` is given.
        dont_care: Label ids that mean "no class".
        label_table: What `decode.read_label_table` returned, or `None`.
        pages: What the pages of TIFF files with several are: `"channels"` of one image, `"frames"` of a sequence, each
            a scene of its own; `"first"`: the first alone is read, also of the other folders; `""`: they are an error.

        patterns: Dict: `source`, `label_map`, `instance_map`, `image` -> regular expression, see `pairs.find_files`.
        ignore_case: Boolean, whether names pair whatever their case.
        in_order: Boolean, whether files of several folders pair by their place in the order that people count in,
            whatever their names: see `pairs.name_in_order`.
        side_by_side: `"AtoB"` if files of `source_dir` hold source and target side by side, the source on the left;
            `"BtoA"`: on the right.
        files: What `table.read_pairs` returned, instead of folders, or `None`.
        radiometric: Boolean, whether the counts in sources, radiometric JPEGs, are read, as kelvin.

    Raises:
        DataError: If folders are missing or empty, or files have no partner.
    """

    def __init__(
        self,
        source_dir=None,
        label_dir=None,
        instance_dir=None,
        image_dir=None,
        num_classes=None,
        dont_care=(),
        label_table=None,
        pages="",
        patterns=None,
        ignore_case=False,
        in_order=False,
        side_by_side="",
        files=None,
        radiometric=False,
    ):
        folders = {"source": source_dir, "label_map": label_dir, "instance_map": instance_dir, "image": image_dir}
        files = files or {
            key: find_files(folder, pattern=(patterns or {}).get(key, ""), ignore_case=ignore_case)
            for key, folder in folders.items()
            if folder
        }
        if side_by_side:
            files = _halves(files["source"], side_by_side == "BtoA")
        if radiometric and "source" in files:
            found = files["source"]
            files["source"] = Found({name: Radiometric(path) for name, path in found.items()}, found.left_out)
        if pages == "frames":
            files = {key: _by_page(found) for key, found in files.items()}
        if in_order:
            files = name_in_order(files)
        super().__init__(files, label_table, pages, photographs=False)
        if "label_map" in files:
            self._set_classes(num_classes, dont_care)

    def _set_classes(self, num_classes, dont_care):
        table = self.label_table
        if not num_classes and table is None:
            raise DataError("Say how many classes the label maps have: --num_classes, or --label_table.")
        self.dont_care = tuple(dont_care) + ((-1,) if table is not None else ())
        self.num_classes = num_classes or max(table["ids"].values()) + 1
        self.class_colors = class_colors(self.num_classes)
        self.class_names = tuple(f"class {i}" for i in range(self.num_classes))
        if table is not None:
            self.class_names = tuple(table["names"].get(i, f"class {i}") for i in range(self.num_classes))
            if table["by_color"]:
                shown = {label: value for value, label in table["ids"].items()}
                rgb = {i: ((v >> 16) & 255, (v >> 8) & 255, v & 255) for i, v in shown.items()}
                self.class_colors = tuple(rgb.get(i, (0, 0, 0)) for i in range(self.num_classes))
