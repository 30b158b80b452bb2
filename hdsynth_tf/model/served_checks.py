"""What a served model refuses, in its graph: inputs of which it would make a wrong picture without a word.

Each message says which input is wrong, what it holds, and what the model reads. What is checked is handed on: only then
is it certain that nothing is computed of it, and fails otherwise, before it is checked.
"""

import keras

from hdsynth_tf.model.checks import is_outside
from hdsynth_tf.model.values import SCALED, looks_scaled, reads_counts
from pipelines.conditioning import ImageConditioning, SemanticConditioning

if keras.backend.backend() == "tensorflow":  # elsewhere nothing is served
    import tensorflow as tf

EIGHT_BITS = 255  # the highest value
DEEP = 4095  # a window that ends there or above is of 12 bits or more
PNG, OTHERS = b"\x89PNG\r\n\x1a\n", (b"\xff\xd8\xff", b"GIF8", b"BM")  # first bytes of what TensorFlow decodes
HEAD = 4096  # bytes in which a file tells its orientation, if it does
TURNED = (  # a tag of EXIF from 2 to 8, of either order of bytes
    r"\C*(Exif\x00\x00|eXIf)\C*"
    r"(\x01\x12\x00\x03\x00\x00\x00\x01\x00[\x02-\x08]|\x12\x01\x03\x00\x01\x00\x00\x00[\x02-\x08]\x00)\C*"
)
KINDS = {1: " pictures", 2: " (pictures, choices)", 3: " (pictures, height, width)"}


def check_numbers(inputs):
    """Asserts that all inputs are of as many pictures, the maps of one size, and the choices of one number.

    Args:
        inputs: Dict of tensors, see `serving.save_servable`: arrays, or encoded files.

    Returns:
        The same, checked.
    """
    first = next(iter(inputs))
    pairs = [(first, name, 3 if tensor.shape.rank >= 3 else 1) for name, tensor in inputs.items() if name != first]
    if "chosen_ids" in inputs:
        pairs.append(("chosen_ids", "chosen_styles", 2))
    checks = []
    for expected, name, axes in pairs:
        wanted, found = (tf.shape(inputs[which])[:axes] for which in (expected, name))
        checks += _assert(
            tf.reduce_all(wanted == found), f"{name} is of ", found, f", {expected} of ", wanted, KINDS[axes]
        )
    return _after(checks, inputs)


def check_values(inputs, conditioning, smallest):
    """Asserts that pictures, of which there is at least one, hold what the model reads.

    Args:
        inputs: Dict of tensors, arrays, see `serving.save_servable`.
        conditioning: `pipelines.conditioning.Conditioning`.
        smallest: Integer, pixels of the shorter side, at least.

    Returns:
        The same, checked.
    """
    name = next(iter(conditioning.input_formats))
    size = tf.shape(inputs[name])[1:3]
    needs = f" pixels; each side needs at least {smallest}"
    checks = _assert(tf.reduce_all(size >= smallest), f"{name} is of ", size, needs)
    if isinstance(conditioning, SemanticConditioning):
        checks += _check_classes(inputs["label_map"], conditioning)
    if isinstance(conditioning, ImageConditioning):
        checks += _check_source(inputs["source"], conditioning)
    return _after(checks, inputs)


def _check_classes(label_map, conditioning):
    labels, last = tf.cast(label_map, "int64"), conditioning.num_classes - 1  # GPUs have no kernels for int32
    no_class = [label for label in conditioning.dont_care if not 0 <= label <= last]
    strays = tf.where(is_outside(conditioning, "label_map", labels, tf.logical_or), labels, 0)  # 0 is no stray
    lowest, highest = tf.reduce_min(strays), tf.reduce_max(strays)
    known = f"; the model knows 0 to {last}" + "".join(f", and {label} for none" for label in no_class)
    return _assert(
        (lowest == 0) & (highest == 0), "label_map holds the id ", tf.where(lowest < 0, lowest, highest), known
    )


def _check_source(source, conditioning):
    """Refuses what is no number or scaled already, and pictures whose values would all become one, or are of too few
    bits."""
    checks = [tf.debugging.assert_all_finite(source, "source holds values that are no numbers")]
    if reads_counts(conditioning, source):
        checks += _assert(~tf.reduce_any(looks_scaled(source, (1, 2, 3))), SCALED)
    if conditioning.percentiles is not None:
        return checks
    low, high = conditioning.value_range
    lowest, highest = tf.reduce_min(source, axis=(1, 2, 3)), tf.reduce_max(source, axis=(1, 2, 3))
    is_seen = (highest >= low) & (lowest <= high)
    if low <= EIGHT_BITS < DEEP <= high:
        is_whole = tf.reduce_all(source == tf.round(source), axis=(1, 2, 3))
        is_seen &= ~(is_whole & (lowest >= 0) & (highest <= EIGHT_BITS))
    place = tf.argmin(tf.cast(is_seen, "int32"))  # of the first that is not
    ends = [tf.strings.as_string(values[place], shortest=True) for values in (lowest, highest)]
    known = f": nearly alike for the model, which reads {low:g} to {high:g}. Is their depth right?"
    return checks + _assert(tf.reduce_all(is_seen), "source holds values from ", ends[0], " to ", ends[1], known)


def is_deep(encoded, name, conditioning):
    """Asserts that an encoded picture is of a kind, and of a depth, that the model reads.

    Args:
        encoded: Scalar string tensor.
        name: String, of the input.
        conditioning: `pipelines.conditioning.Conditioning`.

    Returns:
        Boolean tensor, whether it is a PNG of 16 bits.
    """
    is_turned = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, HEAD), TURNED)
    advice = f"{name}: its EXIF orientation, which is not read here, says that it is turned. Turn its pixels instead"
    with tf.control_dependencies(_assert(~is_turned, advice)):
        header = tf.strings.join([tf.strings.substr(encoded, 0, 26), tf.constant(bytes(26))])
    is_png = _begins(header, PNG)
    depth, color_type = tf.strings.substr(header, 24, 1), tf.strings.substr(header, 25, 1)
    has_16_bits = is_png & tf.equal(depth, b"\x10")
    if name != "source":
        is_grey = is_png & tf.equal(color_type, b"\x00") & (tf.equal(depth, b"\x08") | has_16_bits)
        checks = _assert(is_grey, f"{name}: expected a grey PNG of 8 or 16 bits; its values are the ids")
        return _after(checks, has_16_bits)
    is_picture = is_png | tf.reduce_any([_begins(header, beginning) for beginning in OTHERS])
    checks = _assert(is_picture, f"{name}: expected a PNG or a JPEG; these bytes are neither")
    if isinstance(conditioning, ImageConditioning) and conditioning.percentiles is None:
        low, high = conditioning.value_range
        reads = f"; the model reads values from {low:g} to {high:g}"
        if high > EIGHT_BITS:
            checks += _assert(has_16_bits, f"{name}: expected a PNG of 16 bits, received 8{reads}")
        elif (low, high) == (0, EIGHT_BITS):
            checks += _assert(~has_16_bits, f"{name}: expected 8 bits, received 16{reads}")
    return _after(checks, has_16_bits)


def without_alpha(picture, name, channels):
    """Asserts that a decoded picture has the channels that the model reads, and perhaps alpha; which is left out.

    Args:
        picture: `(height, width, count)`.
        name: String, of the input.
        channels: Integer.

    Returns:
        `(height, width, channels)`.
    """
    count = tf.shape(picture)[-1]
    is_read = (count == channels) | (count == channels + channels % 2)  # alpha lies behind one channel, or three
    checks = _assert(is_read, f"{name}: expected {channels} channel(s), received ", count)
    return tf.ensure_shape(_after(checks, picture)[..., :channels], (None, None, channels))


def _begins(text, beginning):
    return tf.equal(tf.strings.substr(text, 0, len(beginning)), beginning)


def _assert(condition, *message):
    """Asserts in the graph: list of an operation. Parts of the message are strings, and tensors of strings or integers.

    Of one string: TensorFlow asserts on other kinds in another way, which is slow on a GPU.
    """
    texts = [
        part if isinstance(part, str) or part.dtype == tf.string else tf.strings.as_string(part) for part in message
    ]
    texts = [tf.strings.reduce_join(text, separator=" x ") for text in texts]
    return [tf.debugging.Assert(condition, [tf.strings.join(texts)])]


def _after(checks, tensors):
    with tf.control_dependencies(checks):
        return tf.nest.map_structure(tf.identity, tensors)
