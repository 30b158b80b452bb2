"""The pictures of a study: found, brought to one size by one filter, and stored under names that tell nothing."""

import dataclasses
import hashlib
import hmac
import itertools
import secrets

import numpy as np
from PIL import Image

from hdsynth_tf.evaluate.measurement import REAL
from hdsynth_tf.evaluate.methods import pictures_in
from hdsynth_tf.files.storage import replacing
from pipelines.errors import DataError, first_of
from pipelines.progress import in_threads
from pipelines.reading.decode import picture_size, read_image
from pipelines.source import spread

MOST_DEGRADED = 24  # pictures of which there is a degraded version, at most
BLOCKS = 20  # the degraded version consists of so many along the longer side
ASPECT_TOLERANCE = 0.02


@dataclasses.dataclass(frozen=True)
class Stimulus:
    """One picture of a study.

    Attributes:
        method, image: Names.
        degraded: Boolean, whether it is the obviously worse version of that picture.
    """

    method: str
    image: str
    degraded: bool = False

    def token(self, secret):
        """The name of its file: nobody who does not know the secret learns the method from it."""
        text = "\0".join((self.method, self.image, str(self.degraded)))
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def find_pictures(folders):
    """The pictures that all methods have.

    Args:
        folders: Dict: method -> folder.

    Returns:
        Dict: method -> (dict: name -> path), with the same names, sorted, for each; and a list of lines that tell what
        some method lacks.

    Raises:
        DataError: If no name is common to all, or two methods' pictures of one name have different shapes.
    """
    found = {method: pictures_in(folder) for method, folder in folders.items()}
    everything = set().union(*found.values())
    common = sorted(everything.intersection(*found.values()))
    lines = []
    for method, files in found.items():
        if lacking := sorted(everything - set(files)):
            lines.append(f"{method} has no picture of {len(lacking)} names, which are left out:{first_of(lacking, 3)}")
    if not common:
        raise DataError(
            f"No picture is there of all methods: {', '.join(found)}. They pair by name.\n" + "\n".join(lines)
        )
    return {method: {name: files[name] for name in common} for method, files in found.items()}, lines


def shown_sizes(found, longest):
    """The size at which all methods' pictures of a name are shown: that of the first method, scaled.

    Args:
        found: What `find_pictures` returned.
        longest: Integer, pixels of the longer side.

    Returns:
        Dict: name -> `(height, width)`, and dict: method -> set of the sizes its pictures have.
    """
    shown, sizes = {}, {method: set() for method in found}
    first = next(iter(found))
    for name in found[first]:
        own = {method: picture_size(files[name]) for method, files in found.items()}
        height, width = own[first]
        for method, (other_height, other_width) in own.items():
            sizes[method].add((other_height, other_width))
            if abs(np.log(other_width / other_height * height / width)) > ASPECT_TOLERANCE:
                raise DataError(
                    f"{name} has {width} x {height} pixels in {first}, and {other_width} x {other_height} in {method}: "
                    "pictures to compare should have one shape."
                )
        scale = longest / max(height, width)
        shown[name] = max(1, round(height * scale)), max(1, round(width * scale))
    return shown, sizes


def comparisons(methods):
    """Pairs of methods to compare: each with the real pictures if there are any, else each with each."""
    if REAL in methods:
        return [(REAL, method) for method in methods if method != REAL]
    return list(itertools.combinations(methods, 2))


def degraded(methods, images):
    """Pairs `(method, image)` of which a degraded version is made: methods in turn, images spread evenly."""
    chosen = spread(MOST_DEGRADED, len(images))
    return [(methods[i % len(methods)], images[index]) for i, index in enumerate(chosen)]


def new_secret():
    return secrets.token_hex(16)


def render(stimuli, found, sizes, path_of):
    """Makes the picture files that are not there, as PNG without anything but pixels.

    They are not compressed: all of a size are of as many bytes, and what is smooth cannot be told by that.

    Args:
        stimuli: List of `Stimulus`.
        found, sizes: What `find_pictures` and `shown_sizes` returned.
        path_of: Function: `Stimulus` -> path.
    """
    missing = [stimulus for stimulus in stimuli if not path_of(stimulus).is_file()]

    def make(stimulus):
        picture = Image.fromarray(read_image(found[stimulus.method][stimulus.image]))
        height, width = sizes[stimulus.image]
        picture = picture.resize((width, height), Image.LANCZOS)
        with replacing(path_of(stimulus)) as temporary:
            (degrade(picture) if stimulus.degraded else picture).save(temporary, compress_level=0)

    for _ in in_threads(make, missing, "picture", show_progress=bool(missing)):
        pass


def degrade(picture):
    """A picture in coarse blocks."""
    scale = BLOCKS / max(picture.size)
    small = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.BOX)
    return small.resize(picture.size, Image.NEAREST)
