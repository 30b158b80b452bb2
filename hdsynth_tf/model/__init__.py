"""Pix2PixHD: conditioning, generator, discriminator and encoder as one Keras model with its own training step."""

import keras

__all__ = []

if keras.backend.backend() == "tensorflow":  # the training step and the served form are; optimizers are neutral
    from hdsynth_tf.model.pix2pixhd import Pix2PixHD

    __all__ += ["Pix2PixHD"]
