"""The canvas of a toy street: four pictures that are painted together, so that they agree to the pixel."""

import numpy as np
from PIL import Image, ImageDraw

from pipelines.toy_street.textures import noise

COUNTS_PER_KELVIN = 100  # of the thermal image, as radiometric cameras write it


class Canvas:
    """Label map, instance map, photograph and temperatures while they are painted.

    Args:
        camera: `scene.Camera`.
        height, width: Integers, pixels.
    """

    def __init__(self, camera, height, width):
        self.camera, self.height, self.width = camera, height, width
        self.label_map = np.zeros((height, width), "int32")
        self.instance_map = np.zeros((height, width), "int32")
        self.color = np.zeros((height, width, 3), "float32")
        self.kelvin = np.zeros((height, width), "float32")
        self.y = ((np.arange(height, dtype="float32") + 0.5) / height)[:, None]  # in image heights, as Camera has it
        self.x = ((np.arange(width, dtype="float32") + 0.5 - width / 2) / height)[None, :]
        self.modes = {}  # instance id -> appearance mode of what was painted
        self.taken = None  # boolean (height, width): pixels that strokes paint behind; None: strokes cover all

    def new_instance(self, thing):
        """The id of one more object: `class * 1000 + k`, k from 1."""
        k = 1 + sum(1 for instance in self.modes if instance // 1000 == thing.label)
        self.modes[thing.label * 1000 + k] = thing.mode
        return thing.label * 1000 + k

    def paint(self, corners, label, instance, color, kelvin):
        """Fills a polygon given by world points (n, 3) in metres. See `paint_outline`."""
        self.paint_outline(self.camera.project(corners), label, instance, color, kelvin)

    def paint_outline(self, points, label, instance, color, kelvin):
        """Fills a polygon given by image points (n, 2) in image heights.

        `color`: RGB (3,), or a function of the pixels' (x, y) in image heights that returns (pixels, 3).
        """
        region = self._rasterize(points)
        if region is None:
            return
        rows, columns, mask = region
        if callable(color):
            row, column = np.nonzero(mask)
            color = color(self.x[0, columns][column], self.y[rows, 0][row])
        self.color[rows, columns][mask] = color
        self.kelvin[rows, columns][mask] = kelvin
        self.label_map[rows, columns][mask] = label
        self.instance_map[rows, columns][mask] = instance

    def shade(self, corners, factor):
        """Darkens the photograph inside a polygon of world points: a shadow has no label."""
        region = self._rasterize(self.camera.project(corners))
        if region is not None:
            rows, columns, mask = region
            self.color[rows, columns][mask] *= factor
            self.kelvin[rows, columns][mask] -= 1.0

    def _rasterize(self, points):
        """Rows, columns and mask of the pixels to paint in a polygon, or `None` where there are none."""
        pixels = np.asarray(points) * self.height + (self.width / 2, 0)
        left, top = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(pixels.max(0)), (self.width, self.height)).astype(int)
        if left >= right or top >= bottom:
            return None
        stencil = Image.new("L", (right - left, bottom - top))
        corners = pixels - (left + 0.5, top + 0.5)  # Pillow's pixels have their centres at whole numbers
        ImageDraw.Draw(stencil).polygon([tuple(corner) for corner in corners], fill=1)
        rows, columns, mask = slice(top, bottom), slice(left, right), np.asarray(stencil, bool)
        if self.taken is not None:
            mask = mask & ~self.taken[rows, columns]
            self.taken[rows, columns] |= mask
        return (rows, columns, mask) if mask.any() else None

    def finish(self, travelled=0.0):
        """The finished pictures, seen through a slightly soft lens by a slightly noisy sensor; see `render.draw`."""
        u, v = 6.18 * travelled, 3.82 * travelled  # another place of the noise in each frame
        grain = noise(np.arange(self.width) / 256 + u, np.arange(self.height)[:, None] / 256 + v)[..., None] - 0.5
        image = _soften(self.color) + 0.012 * grain
        kelvin = _soften(self.kelvin[..., None]) + 0.4 * grain
        return {
            "label_map": self.label_map,
            "instance_map": self.instance_map,
            "image": (np.clip(image, 0, 1) * 255 + 0.5).astype("uint8"),
            "source": (kelvin * COUNTS_PER_KELVIN + 0.5).astype("uint16"),
        }


def _soften(image, share=0.1):
    """Blurs (height, width, channels) a little: along each axis a pixel takes `share` from each of its neighbours."""
    for axis in (0, 1):
        image = np.moveaxis(image, axis, 0)
        result = (1 - 2 * share) * image
        result[1:] += share * image[:-1]
        result[:-1] += share * image[1:]
        result[[0, -1]] += share * image[[0, -1]]  # the picture's edge stands in for what lies beyond it
        image = np.moveaxis(result, 0, axis)
    return image
