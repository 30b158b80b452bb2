"""What enters a model, looked at: kinds and shapes while a graph is traced, sizes and ids whenever it runs."""

import keras
import numpy as np

from hdsynth_tf.model.values import wrong_depths, wrong_values

if keras.backend.backend() == "tensorflow":  # elsewhere models generate, and do not train
    import tensorflow as tf


def checked_batch(conditioning, batch):
    """A batch of `fit` or `evaluate`, unpacked, of what the conditioning reads and makes.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        batch: `(inputs, image)` or `(inputs, image, sample_weight)`.

    Returns:
        inputs with maps as int32, image, and sample_weight `(batch,)`, of the terms' dtype, or `None`.

    Raises:
        ValueError: If something is missing, or of another kind, shape or size.
        tf.errors.InvalidArgumentError: If a graph finds the same, or ids that are no class, or values that are no
            numbers, in what it is fed.
    """
    inputs, image, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if image is None:
        raise ValueError("Training compares with real images: give (inputs, image). Received: no image")
    inputs = checked_inputs(conditioning, inputs, {"image": image})
    return inputs, image, None if sample_weight is None else _weights(sample_weight, conditioning.wide_dtype)


def _weights(sample_weight, dtype):
    """Weights of samples, an array or a tensor of any numbers, as `(batch,)` of `dtype`."""
    shape = tuple(sample_weight.shape)
    if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise ValueError(
            "`sample_weight` should have one number for each sample, (batch,); `class_weight` gives none for images. "
            f"Received: {shape}"
        )
    return tf.reshape(tf.cast(sample_weight, dtype), [-1])


def checked_inputs(conditioning, inputs, images=None, paired=True):
    """Tensors as the conditioning reads them, maps as int32.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        inputs: Dict of tensors; what the conditioning does not name is passed on.
        images: Dict of tensors that must be images as the conditioning makes them, or `None`.
        paired: Boolean, whether images must be of the inputs' size.

    Raises: As `checked_batch`.
    """
    images = images or {}
    check_kinds(conditioning, inputs, images)
    read = {name: tf.convert_to_tensor(inputs[name]) for name in conditioning.input_formats}
    maps = {name: _as_integers(read[name]) for name in _maps(conditioning)}
    asserted = check_sizes({**read, **images} if paired else read)
    asserted += [_assert_ids(conditioning, name, ids) for name, ids in maps.items()]
    wrong = wrong_values(conditioning, {**read, **images}) + wrong_depths(conditioning, read)
    asserted += [tf.debugging.Assert(~is_wrong, [message]) for message, is_wrong in wrong]
    with tf.control_dependencies(asserted):  # else the networks might fail first, with another message
        kept = {name: tf.identity(array) for name, array in {**read, **maps}.items()}
    return {**inputs, **kept, **{name: tf.cast(kept[name], tf.int32) for name in maps}}


def check_kinds(conditioning, inputs, images):
    """Raises `ValueError` unless arrays or tensors are of the kinds and shapes that a conditioning reads and makes.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        inputs, images: See `checked_inputs`.
    """
    formats = conditioning.input_formats
    if not isinstance(inputs, dict) or not set(formats) <= set(inputs):
        found = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(f"`inputs` should be a dict that has the keys {sorted(formats)}. Received: {found}")
    of_image = (conditioning.image_channels,), conditioning.image_dtype
    for name, array in {**{name: inputs[name] for name in formats}, **images}.items():
        channels, dtype = of_image if name in images else formats[name]
        found = keras.backend.standardize_dtype(array.dtype)
        if not _is_kind(found, dtype, name in images):
            raise ValueError(f"`{name}` should be {_kind(dtype, name in images)}. Received: {found}")
        shape = tuple(array.shape)
        if len(shape) != 3 + len(channels) or shape[3:] not in (channels, (None,) * len(channels)):
            axes = ", ".join(["batch", "height", "width", *map(str, channels)])
            raise ValueError(f"`{name}` should be ({axes}). Received: {shape}")


def check_sizes(arrays):
    """Raises `ValueError` unless batch, height and width of all are alike, or has the graph look where it is traced.

    Args:
        arrays: Dict of arrays or tensors with a batch axis.

    Returns:
        List of the operations that look.
    """
    asserted = []
    known = {name: tuple(array.shape)[:3] for name, array in arrays.items()}
    first, *others = arrays
    for name in others:
        if any(a != b for a, b in zip(known[first], known[name]) if None not in (a, b)):
            raise ValueError(f"All inputs and images should have one batch, height and width. Received: {known}")
        if None in known[first] + known[name]:
            shapes = [tf.shape(arrays[key])[:3] for key in (first, name)]
            alike = tf.reduce_all(shapes[0] == shapes[1])
            message = f"{first} and {name} should have one batch, height and width. Found:"
            asserted.append(tf.debugging.Assert(alike, [message, *shapes]))
    return asserted


def check_ids(conditioning, arrays):
    """Raises `ValueError` unless the ids in NumPy's arrays are classes, or of 32 bits.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        arrays: Dict of what it reads.
    """
    for name in _maps(conditioning):
        outside = is_outside(conditioning, name, arrays[name], np.logical_or)
        if outside.any():
            ids = ", ".join(map(str, np.unique(arrays[name][outside])[:5]))
            raise ValueError(f"{_expected(conditioning, name)} Received: {ids}")


def check_values(conditioning, arrays):
    """Raises `ValueError` if floats, NumPy's, are no numbers, or are scaled already, which the conditioning does.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        arrays: Dict of what it reads.
    """
    for message, is_wrong in wrong_values(conditioning, arrays):
        if is_wrong:
            raise ValueError(message)


def _maps(conditioning):
    """The names of the inputs that hold ids."""
    return [name for name, (_, dtype) in conditioning.input_formats.items() if dtype == "int32"]


def _is_kind(found, wanted, is_image):
    if wanted == "int32":
        return "int" in found
    if is_image:
        return "float" in found if wanted == "float32" else found == wanted
    return "int" in found or "float" in found


def _kind(wanted, is_image):
    """How a dtype is asked for."""
    if wanted == "int32":
        return "integers: ids are counted, not measured (astype('int32'))"
    if is_image:
        return f"{wanted}, as the conditioning's image_dtype says; its image_range, not the caller, scales to [-1, 1]"
    return "numbers"


def _as_integers(ids):
    """Integers of any type as int32, or int64 where there may be larger ones."""
    return tf.cast(ids, tf.int64 if ids.dtype.size > 4 or ids.dtype == tf.uint32 else tf.int32)


def _assert_ids(conditioning, name, ids):
    """The operation that looks whether ids are classes, or of 32 bits."""
    if name != "label_map" and ids.dtype == tf.int32:
        return tf.no_op()
    outside = tf.where(is_outside(conditioning, name, ids, tf.logical_or), ids, 0)  # 0 is an id that may be
    lowest, highest = tf.reduce_min(outside), tf.reduce_max(outside)
    message = f"{_expected(conditioning, name)} Found, lowest and highest:"
    return tf.debugging.Assert((lowest == 0) & (highest == 0), [message, lowest, highest])


def is_outside(conditioning, name, ids, either):
    """Which ids, an array or a tensor, are none that may be. `either`: the library's logical or."""
    if name != "label_map":
        return either(ids < -(2**31), ids >= 2**31)
    outside = either(ids < 0, ids >= conditioning.num_classes)
    for label in conditioning.dont_care:
        if not 0 <= label < conditioning.num_classes:
            outside &= ids != label
    return outside


def _expected(conditioning, name):
    if name != "label_map":
        return f"`{name}` should hold ids of 32 bits."
    others = f", or {', '.join(map(str, conditioning.dont_care))} of dont_care" if conditioning.dont_care else ""
    return f"`{name}` should hold ids from 0 to {conditioning.num_classes - 1}{others}."
