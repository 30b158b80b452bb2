"""A model as other programs run it: one picture of a fixed size, maps in, the finished picture out."""

import keras
import tensorflow as tf

from hdsynth_tf.model.serving import input_signature


class Served(keras.Model):
    """What is exported of a model: the generator that makes pictures, at one size, in float32, without its training.

    The networks work at the size that the arrays have, so that nothing is resized.

    Args:
        model: `Pix2PixHD`.
        size: `(height, width)`.

    Call arguments:
        inputs: Dict of arrays, a batch of one: see `signature`.

    Returns:
        Dict: `image` `(1, height, width, channels)`, finished pictures in the model's depth.
    """

    def __init__(self, model, size):
        super().__init__(dtype="float32")
        self.model = model.finished().with_parts(discriminator=None).at_size(None).in_float32()
        self.size = tuple(size)
        self.built = True

    def call(self, inputs):
        return {"image": self.model.render(inputs)}

    @property
    def signature(self):
        """Dict of name -> `tf.TensorSpec`: what the conditioning reads and, of a model with an encoder, `seed`."""
        specs = input_signature(self.model, ["seed"], self.size)
        return {name: tf.TensorSpec((1, *spec.shape[1:]), spec.dtype, name) for name, spec in specs.items()}
