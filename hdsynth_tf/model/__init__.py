"""Pix2PixHD, and CycleGAN, which learns without pairs: networks as one Keras model with its own training step."""

import importlib

import keras

__all__ = []

if keras.backend.backend() == "tensorflow":  # the training step and the served form are; optimizers are neutral
    from hdsynth_tf.model.cyclegan import CycleGAN
    from hdsynth_tf.model.pix2pixhd import Pix2PixHD

    __all__ += ["CycleGAN", "Pix2PixHD"]


def __getattr__(name):
    """On another backend the classes are there for who asks for them."""
    if name not in ("CycleGAN", "Pix2PixHD"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"hdsynth_tf.model.{name.lower()}"), name)
