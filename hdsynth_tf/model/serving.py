"""The served form of a model: a SavedModel, raw maps in, finished pictures out, which needs none of this code."""

import keras

from hdsynth_tf.files.storage import remove_leftovers_of, replacing
from hdsynth_tf.model.checks import checked_inputs
from hdsynth_tf.model.inputs import input_arrays
from hdsynth_tf.model.served_checks import check_numbers, check_values, is_deep, without_alpha
from hdsynth_tf.model.warmup import encoded, example, write_warmup
from pipelines.portable import portable
from pipelines.reading.depth import file_suffix

if keras.backend.backend() == "tensorflow":  # elsewhere nothing is served
    import tensorflow as tf


def input_signature(model, style_inputs=(), size=None):
    """The arrays that a model makes a picture of, as `tf.TensorSpec`s with free batch, height and width.

    Args:
        model, style_inputs, size: See `inputs.input_arrays`.
    """
    arrays = input_arrays(model, style_inputs, size)
    return {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in arrays.items()}


@portable()
def save_servable(model, path):
    """Writes `model` as a SavedModel for TF Serving, of plain convolutions, whatever CPU this machine has.

    Batch, height and width are free in all signatures. An empty batch gives an empty one.

    - `serving_default`: the arrays that the conditioning reads (`label_map` and `instance_map` int32
      `(batch, height, width)`, or `source` float32 `(batch, height, width, channels)`) -> `image` uint8
      `(batch, height, width, 3)`, or of the depth and channels that the model makes. A model with an encoder also reads
      `seed` int32 `(batch,)`, which names the styles; one that makes many images, which of them is wanted.
    - `serve_styles`, of a model with an encoder: also `chosen_ids` and `chosen_styles` int32 `(batch, count)`,
      instances and the number of the style of their class that each shall have.
    - `serve_png`: the same as encoded files, `(batch,)` strings (grey PNGs of 8 or 16 bits; sources also JPEG, of the
      channels that the model reads; files that EXIF says are turned are refused) -> `png_bytes` `(batch,)` strings,
      each of the size of its input; sizes may differ within a batch. By this ending TF Serving knows what it has to
      send as base64. Not of a model whose images are no PNGs: floats, or other than 1 or 3 channels.
    - `serve_fixed`, of a model with a working size: as `serving_default`, of one picture of that size. Converters for
      telephones ask for shapes that are known; their errors on the other signatures name this one.

    Inputs of which the picture would be wrong are refused by the graph, with a message: see `served_checks`. Beside it
    lies a request to each signature, see `warmup`.

    Args:
        model: A `Pix2PixHD`.
        path: Folder, for TF Serving `NAME/VERSION`. A SavedModel that is there is replaced.

    Raises:
        FileExistsError: If the folder holds other things.
    """
    remove_leftovers_of(path)
    if path.is_dir() and any(path.iterdir()) and not (path / "saved_model.pb").is_file():
        raise FileExistsError(f"{path} holds other things than a SavedModel. Choose a folder of its own, NAME/VERSION.")
    archive = keras.export.ExportArchive()
    archive.track(model.inference_generator)
    if model.encoder is not None:
        archive.track(model.style_bank)
    requests = {}
    for name, (serve, signature, request) in _endpoints(model).items():
        archive.add_endpoint(name, serve, [signature])
        if request is not None:
            requests[name] = request
    with replacing(path) as temporary:
        archive.write_out(str(temporary), verbose=False)
        write_warmup(temporary, path.parent.name, requests)


def _endpoints(model):
    """Dict: name of a signature -> its function, its inputs as `tf.TensorSpec`s, and a request or `None`."""
    conditioning = model.conditioning
    arrays = input_signature(model, ["seed"])
    smallest = 1 if conditioning.image_size else getattr(model.generator, "multiple", 0) + 1

    way = "serve_fixed" if conditioning.image_size else "serve_fixed_of_model_at_size"
    advice = f"sizes_are_free_convert_{way}"  # stands in what converters say of what they cannot convert

    def render(inputs):
        with tf.name_scope(advice):
            return model.render(check_values(inputs, conditioning, smallest))

    def serve_arrays(inputs):
        inputs = check_numbers(inputs)
        batch, height, width = tf.unstack(tf.shape(next(iter(inputs.values())))[:3])
        nothing = tf.zeros((0, height, width, conditioning.image_channels), conditioning.image_dtype)
        return {"image": tf.cond(batch > 0, lambda: render(inputs), lambda: nothing)}

    def serve_one_file(encoded):
        read = {name: _decode(encoded[name], spec, conditioning) for name, spec in arrays.items() if name != "seed"}
        inputs = {name: tensor[None] for name, tensor in {**encoded, **read}.items()}
        return tf.io.encode_png(render(check_numbers(inputs))[0])

    def serve_files(encoded):
        return {"png_bytes": tf.map_fn(serve_one_file, check_numbers(encoded), fn_output_signature=tf.string)}

    def serve_fixed(inputs):
        return {"image": model.render(checked_inputs(conditioning, inputs))}

    scene = example(arrays, conditioning, smallest)
    found = {"serving_default": (serve_arrays, arrays, scene)}
    if file_suffix(conditioning.image_channels, conditioning.image_dtype) == ".png":
        file = {name: tf.TensorSpec((None,), tf.string, name=name) for name in conditioning.input_formats}
        found["serve_png"] = serve_files, {**arrays, **file}, encoded(scene)
    if model.encoder is not None:
        with_choices = input_signature(model, ["seed", "chosen_ids", "chosen_styles"])
        found["serve_styles"] = serve_arrays, with_choices, example(with_choices, conditioning, smallest)
    if conditioning.image_size is not None:
        fixed = input_signature(model, ["seed"], conditioning.image_size)
        scene = example(fixed, conditioning, smallest)
        found["serve_fixed"] = serve_fixed, fixed, scene
    return found


def _decode(encoded, spec, conditioning):
    """One encoded picture, a scalar string -> array of `spec` without its batch axis."""
    channels = 1 if spec.shape.rank == 3 else spec.shape[-1]
    picture = tf.cond(
        is_deep(encoded, spec.name, conditioning),
        lambda: tf.cast(tf.io.decode_png(encoded, dtype=tf.uint16), tf.int32),
        lambda: tf.cast(tf.io.decode_image(encoded, expand_animations=False), tf.int32),
    )
    picture = without_alpha(picture, spec.name, channels)
    return tf.cast(picture[..., 0] if spec.shape.rank == 3 else picture, spec.dtype)
