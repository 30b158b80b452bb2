"""Makes pictures of scenes with a model: small ones at once, whole ones after."""

import io

import keras
import numpy as np
from PIL import Image

from hdsynth_tf.networks.styles import style_choices
from hdsynth_tf.show.pictures import box_around, show_image
from pipelines.pixels import nearest
from pipelines.reading.depth import file_suffix

PREVIEW_PIXELS = 512 * 256  # of a preview, at most: under a second on two CPU cores
JPEG = dict(format="JPEG", quality=92, subsampling=0)
CROP = 4  # a thumbnail shows a part this many times smaller than the picture's height, at least
THUMBNAIL = 160  # pixels, of the longer side


class Painter:
    """A model, as an editor uses it.

    Args:
        model: `Pix2PixHD` that reads label maps.
    """

    def __init__(self, model):
        self.model = model
        self.preview_model = model.finished().at_size(None)  # the same networks, at any size
        self.formats = tuple(model.conditioning.input_formats)
        self.style_bank = model.style_bank if model.encoder is not None else None

    def preview_size(self, size):
        """(height, width) of the preview of scenes of `size`; `None` where a whole picture is as quick.

        The working size, halved until it is small enough.
        """
        working = tuple(self.model.conditioning.image_size or size)
        small = working
        while small[0] * small[1] > PREVIEW_PIXELS:
            small = tuple(max(length // 2, 1) for length in small)
        return None if small == working else small

    def picture(self, scene):
        """The photograph at the scene's size, as the model makes it: uint8 `(height, width, 3)`, or of other depth."""
        return self.model.generate(self._inputs(scene), seed=scene.seed, styles=scene.styles)

    def preview(self, scene):
        """The photograph at its preview's size."""
        size = self.preview_size(scene.size)
        if size is None:
            return self.picture(scene)
        inputs = {name: _small(array, size) for name, array in self._inputs(scene).items()}
        return self.preview_model.generate(inputs, seed=scene.seed, styles=scene.styles)

    def thumbnail(self, scene, number):
        """Crop of the preview around one object, RGB uint8."""
        picture = self.show(self.preview(scene))
        part = picture[box_around(_small(scene.mask(number), picture.shape[:2]), picture.shape[0] // CROP)]
        return np.asarray(_contained(part))

    def show(self, picture):
        """A picture of the model as RGB uint8."""
        is_photograph = picture.dtype == np.uint8 and picture.shape[-1] == 3
        return picture if is_photograph else show_image(picture, self.model.conditioning)

    @property
    def suffix(self):
        """Of the files that keep the model's pictures exactly, such as `.png`."""
        return file_suffix(self.model.conditioning.image_channels, self.model.conditioning.image_dtype)

    def _inputs(self, scene):
        return {name: getattr(scene, name) for name in self.formats}

    # === Styles ===

    @property
    def style_counts(self):
        """Tuple of integers, styles that the model knows of each class; empty without an encoder."""
        if self.style_bank is None:
            return ()
        return tuple(keras.ops.convert_to_numpy(self.style_bank.counts).tolist())

    def styles_of(self, scene):
        """List: the style that each object of a scene has, chosen or by the seed; `None` where there are none."""
        if not any(self.style_counts):
            return [None] * len(scene.objects)
        labels, ids = (  # as a map of one row, a pixel for each object
            np.array([[[getattr(thing, name) for thing in scene.objects]]], "int32") for name in ("label", "instance")
        )
        choices = style_choices(scene.seed, scene.styles, 1)
        styles = keras.ops.convert_to_numpy(self.style_bank.choose(labels, ids, **choices))[0, 0]
        return [int(style) if style >= 0 else None for style in styles]


def encode(picture):
    """RGB uint8 -> bytes of a JPEG file whose colours are not subsampled: objects keep their edges."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, **JPEG)
    return file.getvalue()


def _small(array, size):
    """Nearest neighbour, centres aligned, as `conditioning.resize_nearest`."""
    rows, columns = (nearest(np.arange(small), length, small) for length, small in zip(array.shape, size))
    return array[rows[:, None], columns]


def _contained(picture):
    """A picture that is not larger than a thumbnail, and not much smaller."""
    image = Image.fromarray(picture)
    factor = THUMBNAIL / max(image.size)
    size = tuple(max(round(length * factor), 1) for length in image.size)
    return image.resize(size, Image.LANCZOS if factor < 1 else Image.BICUBIC)
