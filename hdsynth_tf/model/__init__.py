"""Pix2PixHD: conditioning, generator, discriminator and encoder as one Keras model with its own training step.

It generates on any backend; training, and the served form, are TensorFlow's.
"""

from hdsynth_tf.model.pix2pixhd import Pix2PixHD

__all__ = ["Pix2PixHD"]
