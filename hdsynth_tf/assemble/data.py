"""Settings -> sources of scenes, and the levels that train on them."""

import dataclasses
import functools
from pathlib import Path

from hdsynth_tf.assemble.windows import percentiles
from hdsynth_tf.config import settings
from hdsynth_tf.config.groups import PLACES, SOURCE_CHANGES, DataSettings, TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from pipelines import cameras, cityscapes, folder
from pipelines.errors import DataError
from pipelines.packed import Packed
from pipelines.pairing.layouts import LAYOUTS, find_layout, layout_folders
from pipelines.pairing.pairs import SUFFIXES, find_files
from pipelines.pairing.pairs import split as split_names
from pipelines.pairing.table import read_pairs
from pipelines.paths import as_path, below
from pipelines.reading.bands import find_bands
from pipelines.reading.decode import allow_pixels, read_label_table
from pipelines.source import FileSource
from pipelines.toy_street import ToyStreet
from pipelines.unpaired import Selected, Unpaired

TOY_STREET_SIZE = (128, 256)
SCENE_SPLITS = ("val", "test", "train")
PLAIN_FOLDERS = {"label_dir": "label", "instance_dir": "inst"}
SPLIT_FOLDERS = {"cityscapes": "gtFine/{0} or {0}_label", "packed": "{0}", "folder": "{0}_A or {0}_label"}


def size_setting(data, kind):
    """(height, width) of `image` or `crop`, or `None` where it is 0."""
    size = getattr(data, f"{kind}_height"), getattr(data, f"{kind}_width")
    return size if size[0] else None


def build_source(data, split, images=True):
    """One split of the dataset that the settings name.

    Args:
        data: `DataSettings`.
        split: `"train"`, `"val"` or `"test"`.
        images: Boolean, whether scenes must have photographs.

    Returns:
        `pipelines.source.Source`.

    Raises:
        DataError: If the dataset has no such split, or folders or partners are missing.
    """
    source = find_source(data, split, images)
    if source is not None:
        return source
    place = data.data_dir or data.source_dir or data.label_dir or data.pairs
    if not is_named(data) and not (data.layout and split == "val"):
        wanted = LAYOUTS[data.layout].shown if data.layout else SPLIT_FOLDERS[data.dataset].format(split)
        raise DataError(f"{place} has no split {split}: no {wanted}. Name another.")
    raise DataError(f"Of {place} nothing is held out: --val_share={data.val_share} of its pictures is not one.")


def find_source(data, split, images=True):
    """`build_source`, or `None` if the dataset has no such split; `"train"` must be there.

    A split is there if one of its folders is. If something in it is wrong, that is an error.
    """
    _check_places(data)
    if data.unpaired:
        return _find_unpaired(data, split) if images else _find_inputs(data, split)
    allow_pixels(data.max_pixels)
    root = as_path(data.data_dir or ".")
    if data.dataset == "toy_street":
        size = size_setting(data, "image") or TOY_STREET_SIZE
        modes = data.hidden_modes, data.toy_thermal
        return ToyStreet(
            data.num_scenes, *size, split, 0, *modes,
            instance_maps=data.use_instance_map, drive_frames=data.drive_frames,
        )  # fmt: skip
    if data.dataset == "cityscapes":
        if split != "train" and not cityscapes.has_split(root, split, images):
            return None
        return cityscapes.Cityscapes(root, split, data.use_instance_map, images)
    if data.dataset == "packed":
        if split != "train" and not (root / split).is_dir():
            return None
        return Packed(root / split, images, data.use_instance_map)
    if data.layout and data.dataset == "folder":
        return _find_in_layout(data, split, images)
    return _find_held_out(data, split, images) if is_named(data) else _find_split_folders(data, split, images)


def _check_places(data):
    """Raises `SettingsError` if files are named that the dataset does not consist of, and nobody would look at."""
    places = () if data.dataset == "folder" else (*PLACES, *["data_dir"] * (data.dataset == "toy_street"))
    unread = [f"--{name}={getattr(data, name)}" for name in places if getattr(data, name)]
    if unread:
        raise SettingsError(
            f"--dataset={data.dataset} does not read {unread[0]}. Give --dataset=folder, or another that does."
        )


def check_pairs(data, verb):
    """Raises `SettingsError` if the data are unpaired, which is nothing for `verb`."""
    if data.unpaired:
        raise SettingsError(f"{verb} looks at pairs, which --unpaired data are not: leave it out.")


def _find_unpaired(data, split):
    """Pictures of two kinds: each folder is read and split for itself; of toy_street, only what is held out pairs."""
    if data.dataset == "toy_street":
        paired = dataclasses.replace(data, unpaired=False)
        if split != "train":
            return find_source(paired, split)
        both = find_source(dataclasses.replace(paired, num_scenes=2 * data.num_scenes), split)
        halves = range(data.num_scenes), range(data.num_scenes, 2 * data.num_scenes)
        return Unpaired(*(Selected(both, {key: key}, half) for key, half in zip(("source", "image"), halves)))
    inputs, targets = _find_inputs(data, split), _find_targets(data, split)
    if inputs is None or targets is None:
        return None
    return Unpaired(inputs, targets) if split == "train" or min(len(inputs), len(targets)) > 1 else None


def _find_inputs(data, split):
    """The inputs of an unpaired dataset, which no target decides about."""
    return find_source(dataclasses.replace(data, unpaired=False, target_dir=""), split, images=False)


def _find_targets(data, split):
    """The targets of an unpaired dataset, a source without inputs."""
    allow_pixels(data.max_pixels)
    if not is_named(data):
        folders = folder.split_folders(as_path(data.data_dir), split)
        if "image_dir" not in folders:
            if split != "train":
                return None
            raise DataError(
                f"{data.data_dir} has no folder train_B or trainB, the photographs to make. Or name both, --source_dir "
                "and --target_dir."
            )
        return _images(data, folders["image_dir"])
    if not data.target_dir:
        raise DataError("There are no photographs to learn from: give --target_dir.")
    return _part(_images(data, below(as_path(data.data_dir or "."), data.target_dir)), data, split)


def turned_round(data):
    """The data settings of the way back: of unpaired folders that are named by their splits, B's are the inputs.

    Raises:
        DataError: If there are none.
    """
    if not data.unpaired or data.dataset == "toy_street" or is_named(data):
        return data
    folders = folder.split_folders(as_path(data.data_dir), data.split)
    if "image_dir" not in folders:
        raise DataError(f"{data.data_dir} has no folder {data.split}_B or {data.split}B, the inputs of the way back.")
    return dataclasses.replace(data, source_dir=str(folders["image_dir"]), split="test")  # all of them


def _images(data, path):
    return folder.Folder(
        image_dir=path, pages=data.source_pages, patterns=_patterns(data), ignore_case=data.ignore_case
    )


def is_named(data):
    """Whether folders or files are named; then they hold all scenes, and are split by holding names out."""
    return data.dataset == "folder" and any(
        (data.source_dir, data.label_dir, data.instance_dir, data.target_dir, data.pairs, data.source_files)
    )


def _find_split_folders(data, split, images):
    """Folders with the split in their names."""
    folders = folder.split_folders(as_path(data.data_dir), split)
    both = as_path(data.data_dir) / split
    if data.side_by_side:
        folders = {"source_dir": both} if both.is_dir() else {}
    if not images:
        folders.pop("image_dir", None)
    return _folder(data, folders, split, images) if folders or split == "train" else None


def _find_held_out(data, split, images):
    """The scenes of named folders that are trained on, or those that are held out; for `test` all of them.

    Without photographs, too, the scenes are those of training: what is held out of the pairs, if these are known.
    """
    root = as_path(data.data_dir or ".")
    named = {"source_dir": data.source_dir, "label_dir": data.label_dir, "instance_dir": data.instance_dir}
    folders = {key: below(root, path) for key, path in {**named, "image_dir": data.target_dir}.items() if path}
    if not images and (split == "test" or not ("image_dir" in folders and folders["image_dir"].is_dir())):
        folders.pop("image_dir", None)
    files = read_pairs(data.pairs, data.data_dir) if data.pairs else _bands(data, split, images)
    return _part(_folder(data, folders, split, images, files), data, split)


def _find_in_layout(data, split, images):
    """What is found by the names of a layout: its test split, and of its train split what `_part` gives."""
    files = find_layout(data.layout, data.data_dir, "test" if split == "test" else "train", images or split != "test")
    return None if files is None else _part(_folder(data, {}, split, images, files), data, split)


def _part(source, data, split):
    """The scenes that are trained on, or those that are held out, or `None` if there are none; for `test` all."""
    if split == "test":
        return source
    train, val = split_names(source.names, data.val_share, data.sequence)
    return source.subset(train if split == "train" else val) if split == "train" or val else None


def _folder(data, folders, split, images, files=None):
    """The `Folder` of these folders, or of `files`: dict of role -> `Found`."""
    if "source_dir" not in folders and "label_dir" not in folders and not files:
        wanted = split if data.side_by_side else SPLIT_FOLDERS["folder"].format(split)
        both = as_path(data.data_dir or ".") / split
        hint = f" If pictures of {both} hold two side by side: --side_by_side=AtoB." if _holds_pictures(both) else ""
        raise DataError(f"{data.data_dir or '.'} has no folder {wanted}. Name them: --source_dir or --label_dir.{hint}")
    if images and not ("image_dir" in folders or data.side_by_side or (files and "image" in files)):
        raise DataError("There are no photographs to learn from: give --target_dir.")
    folders = {key: path for key, path in folders.items() if key != "instance_dir" or data.use_instance_map}
    table = read_label_table(data.label_table) if data.label_table else None
    made = folder.Folder(**folders, num_classes=data.num_classes, dont_care=data.dont_care, label_table=table,
                         pages=data.source_pages, patterns=_patterns(data), ignore_case=data.ignore_case,
                         in_order=data.in_order, side_by_side=data.side_by_side, files=files,
                         radiometric=data.radiometric)  # fmt: skip
    return made if images else made.without_images()


def _holds_pictures(path):
    """Whether pictures lie in a folder, not only in folders below it."""
    return path.is_dir() and any(below.suffix.lower() in SUFFIXES for below in path.iterdir())


def _bands(data, split, images):
    """Files of scenes whose channels are files of their own: dict of role -> `Found`, or `None`."""
    if not data.source_files:
        return None
    root = as_path(data.data_dir or ".")
    files = {"source": find_bands(below(root, data.source_dir or "."), data.source_files.split(","))}
    targets = below(root, data.target_dir or ".")
    if images or split != "test":
        if data.target_files:
            files["image"] = find_bands(targets, data.target_files.split(","))
        elif data.target_dir:
            files["image"] = find_files(targets, pattern=data.target_name, ignore_case=data.ignore_case)
    return files


def _patterns(data):
    names = data.source_name, data.label_name, data.instance_name, data.target_name
    return dict(zip(("source", "label_map", "instance_map", "image"), names))


def check_apart(output, data, flag="--output_dir"):
    """Raises `SettingsError` if a folder to write to is, or lies in, one of those that the data are read from.

    Pictures written there would count as inputs the next time, or take the place of some.
    """
    output = as_path(output)
    searched, listed = _input_folders(data)
    for inputs in [*searched, *listed]:
        if not (isinstance(inputs, Path) and isinstance(output, Path)):
            continue
        is_one = output.resolve() == inputs.resolve()
        if is_one or (inputs in searched and output.resolve().is_relative_to(inputs.resolve())):
            where = "is" if is_one else "lies in"
            raise SettingsError(
                f"{flag} {where} a folder of inputs, {inputs}. Choose one elsewhere. Received: {output}"
            )


def _input_folders(data):
    """The folders that the data are read from with all that lies in them, and those of which some files are."""
    root = as_path(data.data_dir or ".")
    if data.dataset == "cityscapes":
        return [root / "leftImg8bit", root / "gtFine"], []
    if data.dataset != "folder":
        return [], []
    if data.layout:
        return layout_folders(data.layout, root), []
    searched = [
        below(root, path) for path in (data.source_dir, data.label_dir, data.instance_dir, data.target_dir) if path
    ]
    if data.data_dir:
        searched += [path for split in SCENE_SPLITS for path in folder.split_folders(root, split).values()]
    if data.side_by_side:
        searched += [root / split for split in SCENE_SPLITS]
    tables = read_pairs(data.pairs, data.data_dir).values() if data.pairs else ()
    listed = {path.parent for found in tables for path in found.values()}
    return searched, sorted(listed | ({root} if data.source_files else set()))


def with_classes(data, conditioning):
    """The data settings, with as many classes of label maps as the model knows, where nobody said."""
    known = getattr(conditioning, "num_classes", 0)
    if data.dataset != "folder" or data.num_classes or data.label_table or not known:
        return data
    return dataclasses.replace(data, num_classes=known)


def build_scenes(root, num_classes):
    """Label maps, and instance maps if there are any, of a folder of a known layout; of val, test or train.

    Args:
        root: Folder: Cityscapes in either layout; or `test_label` and `test_inst`, or `label` and `inst`.
        num_classes: Integer.

    Raises:
        DataError: If it has neither layout, or files have no partner.
    """
    root = as_path(root)
    for split in SCENE_SPLITS:
        if cityscapes.has_label_maps(root, split):
            return cityscapes.Cityscapes(root, split, images=False)
    for found in (*(folder.split_folders(root, split) for split in SCENE_SPLITS), _plain_folders(root)):
        if "label_dir" in found:
            maps = {key: found[key] for key in ("label_dir", "instance_dir") if key in found}
            return folder.Folder(**maps, num_classes=num_classes)
    raise DataError(f"{root} has no label maps: neither Cityscapes' folders, nor test_label, nor label.")


def _plain_folders(root):
    return {key: root / name for key, name in PLAIN_FOLDERS.items() if (root / name).is_dir()}


def batch_sizes(data, training, source):
    """Sizes of pictures on the host and at the networks.

    Whole pictures of one size travel as they are and are resized on the device. Where sizes differ, or windows are cut
    out of resized pictures, the host resizes.

    Returns:
        (height, width) to which the host resizes, or `None`; and (height, width) at which the networks work. Where
        pictures of many sizes come one by one, the first one's.

    Raises:
        SettingsError: If pictures of different sizes would have to form a batch.
    """
    image, crop = size_setting(data, "image"), size_setting(data, "crop")
    host_size = image if image and (crop or data.zoom or source.common_size is None) else None
    if data.zoom and not crop and not image:
        raise SettingsError("--zoom needs --crop_height and --crop_width, or --image_height and --image_width.")
    if not (image or crop or source.common_size) and training.batch_size > 1:
        raise SettingsError(
            f"Pictures of different sizes cannot form batches of {training.batch_size}. Give --image_height and "
            "--image_width, or --crop_height and --crop_width, or --batch_size=1."
        )
    return host_size, crop or image or source.common_size or source.size(0)


def shortest_side(source, size):
    """Pixels of the shortest side of a source's pictures: all are brought to `size`, (height, width), or none is."""
    size = size or source.common_size
    return min(size) if size else min(min(source.size(index)) for index in range(len(source)))


@dataclasses.dataclass(frozen=True)
class Level:
    """Data and training settings of one level of the coarse-to-fine schedule.

    Attributes:
        data, training: `DataSettings` and `TrainingSettings` with this level's values.
        source, val_source: Sources; the second is `None` where nothing is held out.
        host_size, size: See `batch_sizes`.
        crop_size: (height, width) of the windows that are cut, or `None`.
        steps_per_epoch: Integer.
    """

    data: DataSettings
    training: TrainingSettings
    source: object
    val_source: object
    host_size: tuple | None
    size: tuple
    crop_size: tuple | None
    steps_per_epoch: int

    @functools.cached_property
    def shortest_side(self):
        """Pixels of the shortest side of the pictures that losses see; of files of many sizes all are looked at."""
        return shortest_side(self.source, size_setting(self.data, "crop") or size_setting(self.data, "image"))


def build_levels(data, networks, training):
    """The levels, coarse to fine; each works at twice the height and width of the one before.

    Raises:
        DataError, SettingsError: If data or sizes are not as they must be.
    """
    count = networks.num_enhancers + 1
    full = settings.at_level(data, count - 1, count)
    sources = build_source(full, data.split or "train"), find_source(full, "val")
    return [
        _build_level(_data_at(data, level, count, sources[0]), settings.at_level(training, level, count), sources)
        for level in range(count)
    ]


def _data_at(data, level, count, source):
    """The data settings of a level: its size, and its crop where pictures are larger than that."""
    data_at_level = settings.at_level(data, level, count)
    if count == 1:
        return data_at_level
    full = size_setting(data, "image") or source.common_size
    parts = 2 ** (count - 1)
    if full is None or full[0] % parts or full[1] % parts:
        found = "pictures of different sizes" if full is None else f"{full[1]}x{full[0]}"
        raise SettingsError(
            f"With {count - 1} enhancers --image_height and --image_width should be multiples of {parts}, or all "
            f"pictures of one such size. Received: {found}"
        )
    height, width = (length // 2 ** (count - 1 - level) for length in full)
    crop = min(data_at_level.crop_height, height), min(data_at_level.crop_width, width)
    if crop == (height, width):
        crop = 0, 0
    return dataclasses.replace(
        data_at_level, image_height=height, image_width=width, crop_height=crop[0], crop_width=crop[1]
    )


def source_changes(data):
    """Random changes of sources, those that are asked for: functions for `pipelines.dataset.make_train`."""
    changes = (
        (cameras.random_blur, data.source_blur),
        (cameras.random_shift, data.source_shift),
        (cameras.random_gain, data.source_gain),
        (cameras.random_noise, data.source_noise),
        (cameras.random_polarity, data.source_polarity),
    )
    return tuple(functools.partial(change, strength=strength) for change, strength in changes if strength)


def _check_changes(data, source, host_size):
    """Raises `SettingsError` where there are no sources to change, or where they are smaller than their borders."""
    asked = [name for name in SOURCE_CHANGES if getattr(data, name)]
    if asked and "source" not in source.formats:
        raise SettingsError(f"--{asked[0]} is for sources, and there are none: label maps lie exactly.")
    if not (data.source_shift or data.source_blur):
        return
    side = shortest_side(source, size_setting(data, "crop") or host_size)
    for name, reach, part in (
        ("source_shift", data.source_shift, ""),
        ("source_blur", cameras.blur_radius(data.source_blur), "a third of "),
    ):
        if reach >= side:
            raise SettingsError(
                f"--{name} should be below {part}{side}, the pixels of the shortest side of what is trained on. "
                f"Received: {getattr(data, name)}"
            )


def _build_level(data, training, sources):
    """`sources` of files serve all levels; streets are drawn at the size of each."""
    if not isinstance(sources[0], FileSource):
        sources = build_source(data, data.split or "train"), find_source(data, "val")
    source, val_source = sources
    if percentiles(data) and "source" not in source.formats:
        raise SettingsError("--source_window=percentiles is for sources, and there are none.")
    host_size, size = batch_sizes(data, training, source)
    if data.unpaired and not (size_setting(data, "crop") or host_size or source.common_size):
        raise SettingsError(
            "--unpaired keeps earlier pictures, which are of one size, for its discriminators: give --crop_height and "
            "--crop_width, or --image_height and --image_width. Received: pictures of different sizes"
        )
    _check_changes(data, source, host_size)
    steps_per_epoch = training.steps_per_epoch or max(len(source) // training.batch_size, 1)
    return Level(data, training, source, val_source, host_size, size, size_setting(data, "crop"), steps_per_epoch)
