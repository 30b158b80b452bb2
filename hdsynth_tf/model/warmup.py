"""Requests that TensorFlow Serving answers to itself when it loads a model, so that the first client does not wait.

A file of TFRecords, each a `PredictionLog`. Its messages are not among TensorFlow's own; they are four, of a few fields
each, and written here by their numbers (tensorflow_serving/apis: prediction_log, predict, model).
"""

import keras

if keras.backend.backend() == "tensorflow":  # elsewhere nothing is served
    import tensorflow as tf
PLACE = ("assets.extra", "tf_serving_warmup_requests")  # in the folder of a SavedModel
PREDICT_LOG, REQUEST = 6, 1  # of PredictionLog, of PredictLog
MODEL_SPEC, INPUTS = 1, 2  # of PredictRequest
NAME, SIGNATURE_NAME = 1, 3  # of ModelSpec
KEY, VALUE = 1, 2  # of an entry of a map
SIDE = 256  # pixels, of models that work at any size


def write_warmup(folder, model_name, requests):
    """Writes requests where TensorFlow Serving looks for them.

    Args:
        folder: `Path` of a SavedModel.
        model_name: String.
        requests: Dict: name of a signature -> dict of its inputs, arrays.
    """
    path = folder.joinpath(*PLACE)
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature_name, inputs in requests.items():
            file.write(prediction_log(model_name, signature_name, inputs))


def example(arrays, conditioning, smallest):
    """One plain scene that a model accepts: the first class, or the upper end of its window of values.

    Args:
        arrays: Dict of `tf.TensorSpec`, the signature.
        conditioning: `pipelines.conditioning.Conditioning`.
        smallest: Integer, pixels of the shorter side, at least.

    Returns:
        Dict of tensors, of a batch of one.
    """
    sides = conditioning.image_size or (max(SIDE, smallest),) * 2
    highest = getattr(conditioning, "value_range", (0, 0))[1]
    shapes = {name: [1, *sides, *spec.shape[3:]] if spec.shape.rank > 2 else [1] * spec.shape.rank
              for name, spec in arrays.items()}  # fmt: skip
    return {name: tf.fill(shape, tf.cast(highest if name == "source" else 0, arrays[name].dtype))
            for name, shape in shapes.items()}  # fmt: skip


def encoded(inputs):
    """The same as files, PNGs of the depth that their values need; `None` if PNGs cannot hold the values."""
    files = dict(inputs)
    for name, array in inputs.items():
        if array.shape.rank < 3:
            continue
        picture = array.numpy()[0]
        kind = "uint8" if picture.max() <= 255 else "uint16"
        if (picture.astype(kind) != picture).any():
            return None
        files[name] = tf.io.encode_png(picture.astype(kind).reshape(*picture.shape[:2], -1))[None]
    return files


def prediction_log(model_name, signature_name, inputs):
    """Bytes of a `PredictionLog` of a request to a signature."""
    spec = _field(NAME, model_name.encode()) + _field(SIGNATURE_NAME, signature_name.encode())
    request = _field(MODEL_SPEC, spec)
    for name, array in inputs.items():
        tensor = tf.make_tensor_proto(array).SerializeToString()
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number, content):
    """A field that is bytes: its number and kind, its length, and they."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number):
    """A whole number, seven bits a byte, the lowest first; all but the last byte have their highest bit set."""
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + _varint(rest) if rest else bytes([low])
