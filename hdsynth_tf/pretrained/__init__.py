"""Networks that others trained, frozen. Nothing is loaded or downloaded before one is made. Backend-neutral."""

from hdsynth_tf.pretrained.vgg19 import VGG19Features

__all__ = ["VGG19Features"]
