"""Pix2PixHD, and CycleGAN, which learns without pairs: networks as one Keras model with its own training step.

It generates on any backend; training, and the served form, are TensorFlow's.
"""

from hdsynth_tf.model.cyclegan import CycleGAN
from hdsynth_tf.model.pix2pixhd import Pix2PixHD

__all__ = ["CycleGAN", "Pix2PixHD"]
