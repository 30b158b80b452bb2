"""From a model to pictures: the served graph, and the same from arrays."""

import keras
import numpy as np
from keras import ops

from hdsynth_tf.model.checks import check_ids, check_kinds, check_sizes, check_values
from hdsynth_tf.model.inputs import input_arrays
from hdsynth_tf.networks.styles import style_choices
from pipelines.resizing import resize

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

CROP_INPUTS = {"rows", "window"}  # what is told of a crop beside its arrays


class Generating:
    """The part of `Pix2PixHD` that makes pictures."""

    def served(self):
        """The model that a served form is made of: this one."""
        return self

    @property
    def inference_generator(self):
        """The generator that makes pictures outside of training: the average, where there is one."""
        return self.generator if self.average_generator is None else self.average_generator

    @property
    def reads_seed(self):
        """Whether one input gives different pictures by the seed: of other styles, or others of many images."""
        return self.encoder is not None or self.num_images > 1

    @property
    def tone(self):
        """The generator's `ToneAdjustment`, or `None`."""
        return getattr(self.generator, "tone", None)

    @property
    def reads_photo(self):
        """Whether a picture can take after a photograph: the features of its instances, or its light."""
        return self.encoder is not None or self.tone is not None

    def with_styles_of(self, image):
        """What is added to inputs for a picture that is compared with the real image: with an encoder, its styles.

        Not its light: that is for the input to tell.
        """
        return {} if self.encoder is None else {"style_image": image}

    @property
    def num_images(self):
        """Integer, images that the generator makes of one input; the seed says which is wanted."""
        return getattr(self.generator, "num_images", 1)

    def render(self, inputs):
        """Inputs as tensors -> pictures of their size, with the conditioning's channels and depth; the served graph.

        Nothing is looked at: who calls this has checked the inputs.
        """
        image = self.image_of(inputs)
        read = inputs[next(iter(self.conditioning.input_formats))]
        is_of_its_size = tuple(read.shape[1:3]) == tuple(image.shape[1:3]) and None not in tuple(read.shape[1:3])
        if self.conditioning.image_size is not None and "rows" not in inputs and not is_of_its_size:
            image = resize(image, ops.shape(read)[1:3], "bicubic")
        return self.conditioning.values(image)

    def generate(self, inputs, seed=0, styles=None, style_image=None):
        """Makes pictures of the inputs' size.

        Only models with an encoder take notice of anything but `inputs`, of the seed those that make many images, and
        of `style_image` those with a tone.

        Args:
            inputs: Dict of arrays that the conditioning reads, with or without a batch axis. Of a crop also `rows` and,
                with percentiles, `window`, see `pipelines.conditioning`: it is not resized to the working size.
            seed: Integer, or one for each picture, that names the styles of all instances.
            styles: Dict, instance id -> number of the style of its class that it shall have, or a list of them, one
                for each picture.
            style_image: Photographs of the inputs' size, as the model makes them, whose styles or light are taken
                instead; or `None`.

        Returns:
            uint8 array `(batch, height, width, 3)`, or `(height, width, 3)`; other channels, uint16 or float32 where
            the model was trained on such images.

        Raises:
            ValueError: If an input is missing, or of another kind, shape or size, an id is no class, or a value is no
                number.
        """
        by_image = style_image is not None
        formats = input_arrays(self, ["style_image"] if by_image else ["seed", "chosen_ids", "chosen_styles"])
        pictures = {name: dtype for name, (shape, dtype) in formats.items() if len(shape) > 2}
        given = {**inputs, "style_image": style_image}
        if not set(pictures) <= set(given):
            raise ValueError(f"`inputs` should have the keys {sorted(pictures)}. Received: {sorted(inputs)}")
        arrays = {name: np.asarray(given[name]) for name in pictures}
        missing_axes = {len(formats[name][0]) - array.ndim for name, array in arrays.items()}
        if missing_axes == {1}:
            arrays = {name: array[None] for name, array in arrays.items()}
        elif missing_axes != {0}:
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(
                f"`inputs` should be (batch, height, width, ...) or (height, width, ...). Received: {shapes}"
            )
        check_kinds(self.conditioning, arrays, {name: arrays[name] for name in arrays if name == "style_image"})
        check_sizes(arrays)
        check_ids(self.conditioning, arrays)
        check_values(self.conditioning, arrays)
        arrays = {name: array.astype(pictures[name], copy=False) for name, array in arrays.items()}
        for name in CROP_INPUTS & set(inputs):
            formats[name] = (None, 2), "float32"
            arrays[name] = np.asarray(inputs[name], "float32").reshape(-1, 2)
        if "seed" in formats:
            choices = style_choices(seed, styles, len(next(iter(arrays.values()))))
            arrays |= {name: array for name, array in choices.items() if name in formats}
        if len(next(iter(arrays.values()))) == 1:
            formats = {name: ((1, *shape[1:]), dtype) for name, (shape, dtype) in formats.items()}
        made = ops.convert_to_numpy(self._rendering(formats)(arrays))
        return made[0] if missing_axes == {1} else made

    def _rendering(self, formats):
        """What renders arrays: on TensorFlow a graph, made once for each kind of `formats`; else `render` itself.

        Of one picture it is a graph of its own: some layers are faster where they know that there is one.
        """
        if keras.backend.backend() != "tensorflow":
            return lambda arrays: self.render(keras.tree.map_structure(ops.convert_to_tensor, arrays))
        graphs, kind = self._render_graphs.by_inputs, frozenset((name, shape) for name, (shape, _) in formats.items())
        if kind not in graphs:
            signature = {name: tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in formats.items()}
            graphs[kind] = tf.function(self.render, input_signature=[signature], autograph=False)
        return graphs[kind]
