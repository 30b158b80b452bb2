"""Scenes to try an export on: of the model's data or, where there are none, blocks drawn by lot."""

import numpy as np
from keras import ops

from hdsynth_tf import assemble
from hdsynth_tf.config.settings import SettingsError
from pipelines.dataset import make_eval
from pipelines.errors import DataError

BLOCK = 16  # pixels
SIZE = 128, 256  # of scenes drawn by lot, where none is given


def scenes_for(model, data, size, count):
    """Scenes as a model reads them.

    Args:
        model: `Pix2PixHD`.
        data: `DataSettings`.
        size: `(height, width)` to bring them to, or `None`: as they come.
        count: Integer, how many.

    Returns:
        List of dicts of arrays, batches of one, with a `seed` for models that read one; and where they are from.
    """
    try:
        source = assemble.build_source(data, data.split, images=False)
        assemble.check_inputs(model, source)
        if "label_map" in source.formats and source.num_classes != model.conditioning.num_classes:
            raise DataError(f"its classes are {source.num_classes}, the model's {model.conditioning.num_classes}")
        indices = range(min(count, len(source)))
        scenes, place = [_fit(model, scene, size) for scene in make_eval(source, indices=indices)], data.dataset
    except (DataError, SettingsError) as error:
        rng = np.random.default_rng(0)
        scenes = [_blocks(model.conditioning, size or SIZE, rng) for _ in range(count)]
        place = f"blocks drawn by lot, since {data.dataset} cannot be taken ({str(error).splitlines()[0]})"
    if model.reads_seed:
        scenes = [{**scene, "seed": np.array([seed], "int32")} for seed, scene in enumerate(scenes)]
    return scenes, place


def _fit(model, scene, size):
    """A scene at the export's size."""
    scene = scene[0] if isinstance(scene, tuple) else scene
    formats = model.conditioning.input_formats
    resized = {name: scene[name] for name in formats}
    resized = model.conditioning.resize(resized, size) if size else resized
    return {name: ops.convert_to_numpy(resized[name]).astype(dtype) for name, (_, dtype) in formats.items()}


def _blocks(conditioning, size, rng):
    """A scene of squares, each of another class, or of another value."""
    rows, columns = (-(-length // BLOCK) for length in size)

    def enlarge(x):
        return x.repeat(BLOCK, axis=1).repeat(BLOCK, axis=2)[:, : size[0], : size[1]]

    if "source" in conditioning.input_formats:
        shape = (1, rows, columns, conditioning.channels_in)
        return {"source": enlarge(rng.uniform(*conditioning.value_range, shape)).astype("float32")}
    label_map = enlarge(rng.integers(0, conditioning.num_classes, (1, rows, columns))).astype("int32")
    return dict.fromkeys(conditioning.input_formats, label_map)
