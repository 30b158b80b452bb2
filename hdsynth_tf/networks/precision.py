"""Float32 where a narrower type would lose too much; float64 stays what it is."""

import keras
from keras import ops


def wide(dtype):
    """Name of the float type to use where `dtype` may be too narrow: float32, or float64 for float64."""
    return keras.backend.result_type(dtype, "float32")


def widen(x):
    """`x` in float32, or as it is where it is float64."""
    x = ops.convert_to_tensor(x)
    return ops.cast(x, wide(x.dtype))
