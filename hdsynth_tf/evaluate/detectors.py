"""Trained object detectors, and the protocol by which they see pictures.

As with segmenters, what is found depends on the size that pictures are brought to and on how they are scaled: so both
are parts of the detector, and are printed with every table.
"""

import numpy as np

from hdsynth_tf.evaluate.layouts import LayoutError, read_objects
from hdsynth_tf.evaluate.objects import CLASS, MOST, OVERLAP
from hdsynth_tf.evaluate.segmenters import numbers_in_words
from pipelines.conditioning import resize_image
from pipelines.errors import UserError, first_line

GREY = 114  # of 255, around pictures of other proportions, as YOLO's networks are trained


class DetectorError(UserError, RuntimeError):
    """A detector cannot be had, or is of no use here. Says why, and how to mend it."""


class Detector:
    """Finds the objects in pictures.

    Args:
        name: String.
        network: Function: float32 `(1, height, width, 3)` -> arrays in a dict, in a list, or one alone, in one of the
            `layouts`.
        size: `(height, width)` that pictures are brought to, in their own proportions, or `None`: they stay as they
            are.
        multiple: Integer: without `size`, pictures are filled up to a multiple of it.
        scale, offset: Floats, or one for each channel: what is done to values of 0 to 255 first.
        min_score: Float, 0 to 1: objects of lower scores are left out.
        class_names: Dict: number of a class -> name; others go by their numbers.
        layout: Dict: what is known of its outputs, arguments of `layouts.read_objects`.
    """

    def __init__(
        self,
        name,
        network,
        size=None,
        multiple=1,
        scale=1.0,
        offset=0.0,
        min_score=0.5,
        class_names=None,
        layout=None,
    ):
        self.name = name
        self.network = network
        self.size = size
        self.multiple = multiple
        self.scale = np.asarray(scale, "float32")
        self.offset = np.asarray(offset, "float32")
        self.min_score = min_score
        self.class_names = class_names or {}
        self.layout = layout or {}

    def objects(self, picture):
        """The objects in a picture: uint8 `(height, width, 3)` -> float64 `(objects, 6)`, see `objects`.

        Raises:
            DetectorError: If the network cannot read the picture, or its outputs cannot be understood.
        """
        framed, corner, inner = self._framed(picture)
        size = framed.shape[1:3]
        try:
            outputs = _as_dict(self.network(framed * self.scale + self.offset))
        except Exception as error:  # whatever networks of others, and their runtimes, run into
            reason = f"The detector {self.name} cannot read a picture of {size[1]}x{size[0]}: {first_line(error)}"
            raise DetectorError(reason) from error
        try:
            found = read_objects(outputs, size, self.min_score, **self.layout)
        except LayoutError as error:
            raise DetectorError(f"The detector {self.name} is not understood. {error}") from error
        shown = np.array(picture.shape[1::-1], "float64")
        found[:, :4] = (found[:, :4] - np.tile(corner, 2)) * np.tile(shown / inner, 2)
        found[:, :4] = np.clip(found[:, :4], 0, np.tile(shown, 2))
        return found[(found[:, 2:4] > found[:, :2]).all(-1)][:MOST]

    def name_of(self, one):
        """The name of the class of an object `(6,)`."""
        number = int(one[CLASS])
        return self.class_names.get(number, str(number))

    def protocol(self):
        """Preprocessing protocol in words, and what counts as an object."""
        size = "as they are"
        if self.size:
            size = f"brought to {self.size[1]}x{self.size[0]} in their proportions (bicubic, antialiased; grey around)"
        elif self.multiple > 1:
            size = f"filled up with grey to multiples of {self.multiple}"
        low, high = numbers_in_words(self.offset), numbers_in_words(self.offset + 255 * self.scale)
        return (
            f"Pictures of 8 bits are {size}; 0 and 255 become {low} and {high}. Objects are those of a score of "
            f"{self.min_score:g} or more, {MOST} of a picture at most; of raw outputs, boxes of one class with an IoU "
            f"above {OVERLAP:g} are one object."
        )

    def _framed(self, picture):
        """A picture in the frame that the network reads: float32 `(1, height, width, 3)`, 0 to 255.

        Also where it lies there, x and y, and how wide and high it is.
        """
        height, width = picture.shape[:2]
        if self.size:
            scale = min(self.size[0] / height, self.size[1] / width)
            frame, inner = self.size, tuple(max(round(length * scale), 1) for length in (height, width))
        else:
            inner = (height, width)
            frame = tuple(-(-length // self.multiple) * self.multiple for length in inner)
        top, left = ((outer - length) // 2 for outer, length in zip(frame, inner))
        framed = np.full((1, *frame, 3), GREY, "float32")
        framed[:, top : top + inner[0], left : left + inner[1]] = resize_image(picture[None], inner)
        return framed, (left, top), inner[::-1]


def numbered(names):
    """Names in a dict, or in a list, from class 0 on -> dict: number -> name; empty if there are none."""
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, (list, tuple)) else ()
    return {int(number): str(name) for number, name in pairs if str(number).isdecimal()}


def _as_dict(outputs):
    """What a network gives -> dict: name -> array; the names are numbers where it gives none."""
    if not isinstance(outputs, dict):
        outputs = dict(enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]))
    return {str(name): np.asarray(array) for name, array in outputs.items()}
