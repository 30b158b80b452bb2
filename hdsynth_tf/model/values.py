"""Values that a model would take without a word, and learn or make nothing of: no numbers, scaled ones, other depths.

Arrays are NumPy's or tensors of any backend; whether something is so is a boolean tensor.
"""

import math

import keras
from keras import ops

EIGHT_BITS = (0, 255)
NEARLY_ALL = 0.99  # of a picture: less may be one that is bright, in a window that was chosen
NO_NUMBERS = "`{}` holds values that are no numbers (NaN, or infinite): fill these pixels, or leave the picture out."
SCALED = (
    "`source` should hold counts, as the conditioning's value_range says, which scales them itself; it holds fractions "
    "in [-1, 1], as if they were scaled already."
)
DEEP = (
    "`source` should hold values of 8 bits, as the conditioning's value_range (0, 255) says; nearly all are above 255, "
    "and would be white. Give ImageConditioning the range that they have. Received: {}"
)


def wrong_values(conditioning, arrays):
    """What is wrong with values that floats can have, where it is so.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        arrays: Dict of arrays or tensors.

    Returns:
        List of (message, boolean).
    """
    found = [(NO_NUMBERS.format(name), has_no_numbers(array)) for name, array in arrays.items() if _is_float(array)]
    source = arrays.get("source")
    return [*found, (SCALED, looks_scaled(source))] if reads_counts(conditioning, source) else found


def wrong_depths(conditioning, arrays):
    """The same of whole numbers that nearly all lie above a window of 8 bits."""
    source = arrays.get("source")
    if source is None or _is_float(source) or conditioning.percentiles or conditioning.value_range != EIGHT_BITS:
        return []
    dtype = keras.backend.standardize_dtype(source.dtype)
    if dtype in ("uint8", "int8", "bool"):
        return []
    return [(DEEP.format(dtype), ops.mean(ops.cast(source > EIGHT_BITS[1], "float32")) > NEARLY_ALL)]


def has_no_numbers(array):
    """Whether a value is NaN or infinite."""
    return ~ops.all(ops.abs(array) < math.inf)


def reads_counts(conditioning, source):
    """Whether floats are given where a conditioning reads counts from 0 to 255 or more."""
    if source is None or not _is_float(source):
        return False
    low, high = conditioning.value_range
    return conditioning.percentiles is None and low >= EIGHT_BITS[0] and high >= EIGHT_BITS[1]


def looks_scaled(source, axis=None):
    """Whether all values, of which some are not whole, lie in [-1, 1]; along axes, or everywhere."""
    return ops.all(ops.abs(source) <= 1, axis) & ~ops.all(ops.round(source) == source, axis)


def _is_float(array):
    return "float" in keras.backend.standardize_dtype(array.dtype)
