"""Pictures brought into another camera's frame, and their edges there. Transforms map (x, y, 1), centres of pixels."""

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter, map_coordinates, uniform_filter

STRONGEST = 3.0  # of an edge, in strengths of those around it
RIM = 3  # pixels at a picture's border whose edges are not looked at


def grey(picture):
    """The mean over channels: (height, width) float32."""
    return picture.astype("float32").mean(-1)


def scaling(factor):
    """The transform by which a picture's pixels become so many times as small as `factor` says."""
    middle = (factor - 1) / 2  # its first pixel is [-1/2, 1/2]
    return np.array([[factor, 0, middle], [0, factor, middle], [0, 0, 1]], "float64")


def scaled_size(size, factor):
    """(height, width) after `scaling`."""
    return tuple(max(round(length * factor), 1) for length in size)


def apply(matrix, points):
    """Points (n, 2), (x, y), where a transform brings them."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return moved[:, :2] / moved[:, 2:]


def corners(size):
    """The centres of the pixels at the corners of a picture (height, width), clockwise: (4, 2), (x, y)."""
    height, width = size
    return np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], "float64")


def magnification(matrix, point):
    """By how much a transform enlarges lengths around a point (x, y)."""
    x, y = point
    depth = matrix[2] @ (x, y, 1)
    return float(abs(np.linalg.det(matrix) / depth**3) ** 0.5)


def warp(picture, matrix, size):
    """A picture as it is in another frame; where it is made smaller, means over its pixels.

    Args:
        picture: `(height, width)` or `(height, width, channels)`, floats.
        matrix: `(3, 3)`, maps the picture's pixels to those of the frame.
        size: (height, width) of the frame.

    Returns:
        The frame, of `size`, and boolean `size`: the pixels that the picture covers.
    """
    scale = magnification(matrix, [(length - 1) / 2 for length in picture.shape[1::-1]])
    block = max(int(1 / scale), 1)
    picture, matrix = _block_means(picture, block), matrix @ np.linalg.inv(scaling(1 / block))
    blur = 0.5 * max(1 / (scale * block) ** 2 - 1, 0) ** 0.5
    if blur > 0.1:
        picture = gaussian_filter(picture, (blur, blur, 0)[: picture.ndim], mode="nearest")
    rows, columns = np.indices(size, "float64")
    inverse = np.linalg.inv(matrix)
    x, y, depth = (inverse[axis, 0] * columns + inverse[axis, 1] * rows + inverse[axis, 2] for axis in range(3))
    x, y = x / depth, y / depth
    height, width = picture.shape[:2]
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5) & (depth > 0)
    channels = picture[..., None] if picture.ndim == 2 else picture
    values = [map_coordinates(channels[..., c], (y, x), order=1, mode="nearest") for c in range(channels.shape[-1])]
    return (values[0] if picture.ndim == 2 else np.stack(values, -1)), inside


def _block_means(picture, block):
    if block == 1:
        return picture
    height, width = (length // block for length in picture.shape[:2])
    cut = picture[: height * block, : width * block]
    return cut.reshape(height, block, width, block, *picture.shape[2:]).mean((1, 3))


def edges(picture, inside=None):
    """Directions of edges, which are the same whether warm things are bright or dark.

    Args:
        picture: `(height, width)` floats.
        inside: Boolean `(height, width)`, pixels that are known, or `None`: all. Elsewhere are no edges.

    Returns:
        Complex64 `(height, width)`: twice the angle of each edge, and its strength beside that of its neighbours; its
        mean square is 1.
    """
    inside = np.ones(picture.shape, bool) if inside is None else inside
    inside = binary_erosion(inside, iterations=RIM, border_value=0)
    down, across = np.gradient(gaussian_filter(picture, 1.0, mode="nearest"))
    gradient = across + 1j * down
    strength = np.abs(gradient)
    around = max(min(picture.shape) // 4, 9)
    usual = uniform_filter(strength * inside, around) / np.maximum(
        uniform_filter(inside.astype("float32"), around), 0.1
    )
    usual += 0.05 * np.sqrt((strength[inside] ** 2).mean() if inside.any() else 0) + 1e-9
    field = gradient**2 / np.maximum(strength, 1e-9) / np.maximum(usual, strength / STRONGEST) * inside
    return (field / max(np.sqrt((np.abs(field) ** 2).mean()), 1e-9)).astype("complex64")
