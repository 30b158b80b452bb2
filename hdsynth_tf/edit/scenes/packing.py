"""Maps and masks as JSON, exact to the last id."""

import base64
import zlib

import numpy as np

from hdsynth_tf.edit.scenes.errors import EditError

LONGEST = 16_384  # pixels, of a side
MOST_PIXELS = 4096 * 4096


def pack(array, dtype="<i4"):
    """Array `(height, width)` -> dict of `size`, [height, width], and `data`, its compressed bytes in base64."""
    data = zlib.compress(np.ascontiguousarray(array.astype(dtype)), 6)
    return {"size": list(array.shape), "data": base64.b64encode(data).decode()}


def unpack(packed, dtype="<i4"):
    """The way back. Raises `EditError` if `packed` is no such dict."""
    dtype = np.dtype(dtype)
    try:
        height, width = packed["size"]
        if not (type(height) is type(width) is int and 0 < height <= LONGEST and 0 < width <= LONGEST):
            raise ValueError
        if height * width > MOST_PIXELS:
            raise ValueError
        length = height * width * dtype.itemsize
        data = zlib.decompressobj().decompress(base64.b64decode(packed["data"], validate=True), length + 1)
        return np.frombuffer(data, dtype).reshape(height, width).astype(dtype.newbyteorder("="))
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise EditError("A map or a shape in the record cannot be read.") from error


def pack_mask(mask):
    """`pack` of a boolean array."""
    return pack(mask, "u1")


def unpack_mask(packed):
    """Boolean array."""
    return unpack(packed, "u1") > 0
