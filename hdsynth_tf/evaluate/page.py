"""Pictures of all methods side by side, and what segmenter and detector see in each: a page, and a sheet."""

import dataclasses
import itertools
from urllib.parse import quote

import numpy as np
from PIL import Image

from hdsynth_tf.evaluate.objects import CLASS, SCORE
from hdsynth_tf.generate.picture_folder import save_preview
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import color_labels, draw_boxes, grid, show_values
from pipelines.source import class_colors

PAGE = "index.html"
SHOWN_SOURCE = (1, 99)  # percentiles of a source image that are shown black and white
LONGEST_NAME = 24  # letters of a class
BOX_COLORS = class_colors(64)  # of classes of objects, again and again


@dataclasses.dataclass(frozen=True)
class Shown:
    """One scene.

    Attributes:
        name: String.
        pictures: List of RGB uint8 arrays: input, real image, each method's.
        seen: List of as many: the label map as it is scored, and what the segmenter sees in each; or empty.
        objects: List of as many: all pictures with the objects that the detector finds in them, the input with those of
            the real image; or empty.
    """

    name: str
    pictures: list
    seen: list = dataclasses.field(default_factory=list)
    objects: list = dataclasses.field(default_factory=list)

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
        pictures, objects = [show_input(scene, source), real, *made], []
        if instruments.detector is not None:
            found = [instruments.detector.objects(picture) for picture in [real, *made]]
            objects = [draw_objects(*pair, instruments.detector) for pair in zip(pictures, [found[0], *found])]
        return cls(source.names[index], pictures, seen, objects)

    @property
    def rows(self):
        """Pictures that are shown, row by row."""
        return [row for row in (self.pictures, self.seen, self.objects) if row]


def draw_objects(picture, objects, detector):
    """A picture with the boxes of objects `(objects, 6)`, their classes' names and scores in percent."""
    names = [" ".join(detector.name_of(one).split())[:LONGEST_NAME] for one in objects]
    texts = [f"{name} {one[SCORE]:.0%}" for name, one in zip(names, objects)]
    colors = [BOX_COLORS[int(one[CLASS]) % len(BOX_COLORS)] for one in objects]
    return draw_boxes(picture, objects[:, :4], texts, colors)


def show_input(scene, source):
    """What a scene is made of, as RGB uint8: an image from black to white, or a label map in its classes' colours."""
    if "label_map" in scene:
        return color_labels(scene["label_map"], source.class_colors, scene.get("instance_map"))
    return show_values(scene["source"], np.percentile(scene["source"], SHOWN_SOURCE))


def captions(scene, methods):
    """Of the pictures of a `Shown`, row by row."""
    names = ["real", *methods]
    rows = [["input", *names]]
    if scene.seen:
        rows.append(["labels", *(f"seen in {name}" for name in names)])
    if scene.objects:
        rows.append(["objects of real", *(f"objects in {name}" for name in names)])
    return rows


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
        pictures = list(itertools.chain(*scene.rows))
        paths = [folder / "page" / f"{number:03d}_{i:02d}.webp" for i in range(len(pictures))]
        photographs = [Image.NEAREST] + [Image.LANCZOS] * (len(scene.pictures) - 1)  # after an input of any kind
        filters = photographs + [Image.NEAREST] * len(scene.seen) + photographs
        for picture, path, resample in zip(pictures, paths, filters):
            save_preview(picture, path, resample)
        rows.append((scene.name, [quote(path.relative_to(folder).as_posix()) for path in paths]))
    heads = captions(shown[0], methods)
    note, columns = "\n".join(protocol), len(heads[0])
    write_gallery(folder / PAGE, "Evaluation", note, list(itertools.chain(*heads)), rows, columns, tables)


def draw_sheet(shown, methods):
    """Some scenes in a grid, as RGB uint8: their pictures, and below each what is seen in it."""
    heads = captions(shown[0], methods)
    first = " / ".join(row[0] for row in heads)
    return grid([row for scene in shown for row in scene.rows], [first, *heads[0][1:]])
