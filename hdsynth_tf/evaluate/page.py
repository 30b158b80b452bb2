"""Pictures of all methods side by side, and what the segmenter sees in each: a page, and a sheet."""

import dataclasses
from urllib.parse import quote

import numpy as np
from PIL import Image

from hdsynth_tf.generate.picture_folder import save_preview
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import color_labels, grid, show_values

PAGE = "index.html"
SHOWN_SOURCE = (1, 99)  # percentiles of a source image that are shown black and white


@dataclasses.dataclass(frozen=True)
class Shown:
    """One scene.

    Attributes:
        name: String.
        pictures: List of RGB uint8 arrays: input, real image, each method's.
        seen: List of as many: the label map as it is scored, and what the segmenter sees in each; or empty.
    """

    name: str
    pictures: list
    seen: list

    @classmethod
    def of(cls, source, index, methods, instruments):
        """Scene number `index`. For `instruments` see `measurement.Instruments`."""
        scene = source.load(index)
        real = show_values(scene["image"], instruments.window)
        made = [instruments.picture(source, method.paths[index], real) for method in methods]
        seen = []
        if instruments.segmenter is not None:
            maps = [instruments.classes(scene["label_map"])]
            maps += [instruments.classes_seen(picture) for picture in [real, *made]]
            seen = [color_labels(label_map, instruments.classes.colors) for label_map in maps]
        return cls(source.names[index], [show_input(scene, source), real, *made], seen)


def show_input(scene, source):
    """What a scene is made of, as RGB uint8: an image from black to white, or a label map in its classes' colours."""
    if "label_map" in scene:
        return color_labels(scene["label_map"], source.class_colors, scene.get("instance_map"))
    return show_values(scene["source"], np.percentile(scene["source"], SHOWN_SOURCE))


def captions(methods):
    """Over the pictures, and over what is seen in them."""
    return ["input", "real", *methods], ["labels", *(f"seen in {name}" for name in ["real", *methods])]


def write_page(shown, methods, protocol, tables, folder):
    """Writes `index.html` and its pictures, in `page/`.

    Args:
        shown: List of `Shown`.
        methods: Names.
        protocol: List of strings.
        tables: List of `report.Table`.
        folder: `Path`.
    """
    rows = []
    for number, scene in enumerate(shown):
        paths = [folder / "page" / f"{number:03d}_{i:02d}.webp" for i in range(len(scene.pictures + scene.seen))]
        photographs = range(1, len(scene.pictures))  # the others are label maps, or an input of any kind
        for i, (picture, path) in enumerate(zip(scene.pictures + scene.seen, paths)):
            save_preview(picture, path, Image.LANCZOS if i in photographs else Image.NEAREST)
        rows.append((scene.name, [quote(path.relative_to(folder).as_posix()) for path in paths]))
    over, under = captions(methods)
    heads = over + (under if shown[0].seen else [])
    write_gallery(folder / PAGE, "Evaluation", "\n".join(protocol), heads, rows, columns=len(over), tables=tables)


def draw_sheet(shown, methods):
    """Some scenes in a grid, as RGB uint8: their pictures, and below each what is seen in it."""
    over, under = captions(methods)
    if not shown[0].seen:
        return grid([scene.pictures for scene in shown], over)
    heads = [f"{above} / {below}" if i == 0 else above for i, (above, below) in enumerate(zip(over, under))]
    return grid([row for scene in shown for row in (scene.pictures, scene.seen)], heads)
