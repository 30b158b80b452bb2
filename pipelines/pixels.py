"""Arithmetic of pixels by plain operators, the same for NumPy, TensorFlow and `keras.ops`."""

import numpy as np


def nearest(positions, length, target):
    """Source indices of a nearest-neighbour resize from `length` to `target` pixels, centres aligned.

    Args:
        positions: Integers from 0 to below `target`, an array of any library.
        length, target: Integers, pixels.

    Returns:
        floor((positions + 1/2) * length / target), exactly: nothing is rounded, as it is where floats are used.
    """
    return (2 * positions + 1) * length // (2 * target)


def changes(ids):
    """Whether pixels differ from the one before them.

    Args:
        ids: `(..., height, width)`, an array of any library.

    Returns:
        `(..., height, width - 1)`: from that on the left; and `(..., height - 1, width)`: from that above.
    """
    return ids[..., :, 1:] != ids[..., :, :-1], ids[..., 1:, :] != ids[..., :-1, :]


def borders(ids):
    """Boolean `(height, width)`, of NumPy's: the pixels that differ from that on the left or above."""
    marked = np.zeros(ids.shape, bool)
    across, down = changes(ids)
    marked[:, 1:] |= across
    marked[1:] |= down
    return marked
