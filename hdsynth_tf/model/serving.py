"""The served form of a model: a SavedModel, raw maps in, finished pictures out, which needs none of this code."""

import keras
import tensorflow as tf

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.inputs import input_arrays
from pipelines.portable import portable
from pipelines.reading.depth import file_suffix


def input_signature(model, style_inputs=()):
    """The arrays that a model makes a picture of, as `tf.TensorSpec`s with free batch, height and width.

    Args:
        model, style_inputs: See `inputs.input_arrays`.
    """
    arrays = input_arrays(model, style_inputs)
    return {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in arrays.items()}


@portable()
def save_servable(model, path):
    """Writes `model` as a SavedModel for TF Serving, of plain convolutions, whatever CPU this machine has.

    Batch, height and width are free in all signatures.

    - `serving_default`: the arrays that the conditioning reads (`label_map` and `instance_map` int32
      `(batch, height, width)`, or `source` float32 `(batch, height, width, channels)`) -> `image` uint8
      `(batch, height, width, 3)`, or of the depth and channels that the model makes. A model with an encoder also reads
      `seed` int32 `(batch,)`, which names the styles.
    - `serve_styles`, of a model with an encoder: also `chosen_ids` and `chosen_styles` int32 `(batch, count)`,
      instances and the number of the style of their class that each shall have.
    - `serve_png`: the same as encoded files, `(batch,)` strings (grey PNGs of 8 or 16 bits; sources also JPEG) -> `png`
      `(batch,)` strings, each of the size of its input; sizes may differ within a batch. Not of a model whose images
      are no PNGs: floats, or other than 1 or 3 channels.

    Args:
        model: A `Pix2PixHD`.
        path: Folder, for TF Serving `NAME/VERSION`. A SavedModel that is there is replaced.

    Raises:
        FileExistsError: If the folder holds other things.
    """
    arrays = input_signature(model, ["seed"])
    files = {
        name: spec if name == "seed" else tf.TensorSpec((None,), tf.string, name=name) for name, spec in arrays.items()
    }

    def serve_arrays(inputs):
        return {"image": model.render(inputs)}

    def serve_one_file(encoded):
        inputs = {
            name: (encoded[name] if name == "seed" else _decode(encoded[name], spec))[None]
            for name, spec in arrays.items()
        }
        return tf.io.encode_png(model.render(inputs)[0])

    def serve_files(encoded):
        return {"png": tf.map_fn(serve_one_file, encoded, fn_output_signature=tf.string)}

    if path.is_dir() and any(path.iterdir()) and not (path / "saved_model.pb").is_file():
        raise FileExistsError(f"{path} holds other things than a SavedModel. Choose a folder of its own, NAME/VERSION.")
    archive = keras.export.ExportArchive()
    archive.track(model.inference_generator)
    if model.encoder is not None:
        archive.track(model.style_bank)
    archive.add_endpoint("serving_default", serve_arrays, [arrays])
    if file_suffix(model.conditioning.image_channels, model.conditioning.image_dtype) == ".png":
        archive.add_endpoint("serve_png", serve_files, [files])
    if model.encoder is not None:
        with_choices = input_signature(model, ["seed", "chosen_ids", "chosen_styles"])
        archive.add_endpoint("serve_styles", serve_arrays, [with_choices])
    with replacing(path) as temporary:
        archive.write_out(str(temporary), verbose=False)


def _decode(encoded, spec):
    """One encoded picture, a scalar string -> array of `spec` without its batch axis."""
    is_png = tf.equal(tf.strings.substr(encoded, 0, 8), b"\x89PNG\r\n\x1a\n")
    depth, color_type = tf.strings.substr(encoded, 24, 1), tf.strings.substr(encoded, 25, 1)  # of the header, in bits
    channels = 1 if spec.shape.rank == 3 else spec.shape[-1]
    if spec.shape.rank == 3:
        is_grey = is_png & tf.equal(color_type, b"\x00") & (tf.equal(depth, b"\x08") | tf.equal(depth, b"\x10"))
        tf.debugging.Assert(is_grey, [f"{spec.name}: expected a grey PNG of 8 or 16 bits; its values are the ids"])
    picture = tf.cond(
        is_png & tf.equal(depth, b"\x10"),
        lambda: tf.cast(tf.io.decode_png(encoded, channels, tf.uint16), tf.int32),
        lambda: tf.cast(tf.io.decode_image(encoded, channels, expand_animations=False), tf.int32),
    )
    picture = tf.ensure_shape(picture, (None, None, channels))
    return tf.cast(picture[..., 0] if spec.shape.rank == 3 else picture, spec.dtype)
