"""Networks that others trained, of Keras files and SavedModels, as functions of a picture."""

import keras
import tensorflow as tf

from pipelines.errors import first_line


def load_keras(path, what, error):
    """The model of a `.keras` file, in Keras' safe mode.

    Args:
        path: `Path`.
        what: String, what it is, for messages.
        error: Class of the error that is raised if it cannot be loaded.
    """
    try:
        return keras.saving.load_model(str(path), compile=False)
    except Exception as found:  # whatever files of others lead Keras to
        raise error(f"The {what} {path} cannot be loaded: {first_line(found)}") from found


def load_served(path, what, error, num_outputs=None):
    """The signature `serving_default` of a SavedModel.

    Args:
        path, what, error: See `load_keras`.
        num_outputs: Integer, outputs that it should have; `None`: any.

    Returns:
        Function: float32 `(1, height, width, 3)` -> dict of tensors; whole numbers where the signature takes such. And
        the `tf.TensorSpec` of its input.
    """
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, ValueError, TypeError, tf.errors.OpError) as found:
        raise error(f"The {what} {path} cannot be loaded: {first_line(found)}") from found
    serve = loaded.signatures.get("serving_default")
    arguments = serve.structured_input_signature[1] if serve is not None else {}
    outputs = sorted(serve.structured_outputs) if serve is not None else []
    if len(arguments) != 1 or num_outputs not in (None, len(outputs)):
        wanted = "one input, the picture" + (", and one output, the scores" if num_outputs == 1 else "")
        raise error(
            f"{path} should have a signature serving_default with {wanted}. It has the signatures "
            f"{sorted(loaded.signatures)}; inputs: {sorted(arguments)}; outputs: {outputs}."
        )
    ((name, spec),) = arguments.items()

    def network(image):
        image = image if spec.dtype.is_floating else tf.round(image)
        serve = loaded.signatures["serving_default"]  # by `loaded`, without which its variables would be gone
        return serve(**{name: tf.cast(image, spec.dtype)})

    return network, spec


def fixed_size(shape):
    """(height, width) if `(batch, height, width, channels)` says that a network reads pictures of one size, or `None`.

    Args:
        shape: What a model calls its input's shape, of any form.
    """
    if isinstance(shape, tf.TensorShape):
        shape = () if shape.rank is None else tuple(shape)
    known = isinstance(shape, (tuple, list)) and len(shape) == 4 and None not in shape[1:3]
    return tuple(shape[1:3]) if known else None


def converter_scaling(model):
    """`(scale, offset)` by which the preprocessor of a model of keras-hub brings values of 0 to 255 to its own.

    Each is a number, one for each channel, or `None`: it says nothing.
    """
    converter = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    return tuple(getattr(converter, key, None) for key in ("scale", "offset"))
