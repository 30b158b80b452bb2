"""Pix2PixHD: conditioning, generator, discriminator and encoder as one Keras model with its own training step."""

import keras

__all__ = []

if keras.backend.backend() == "tensorflow":  # the training step and the served form are; optimizers are neutral
    from hdsynth_tf.model.pix2pixhd import Pix2PixHD

    __all__ += ["Pix2PixHD"]


def __getattr__(name):
    """On another backend the class is there for who asks for it."""
    if name != "Pix2PixHD":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hdsynth_tf.model.pix2pixhd import Pix2PixHD

    return Pix2PixHD
