"""Networks that others trained, frozen. Nothing is loaded or downloaded before one is made. Backend-neutral."""

from hdsynth_tf.pretrained.alexnet import AlexNetFeatures
from hdsynth_tf.pretrained.efficientnet import EfficientNetLite0Features
from hdsynth_tf.pretrained.inception import FIDInception
from hdsynth_tf.pretrained.lpips import LPIPS
from hdsynth_tf.pretrained.segmenter import SegmenterFeatures
from hdsynth_tf.pretrained.vgg16 import VGG16Features
from hdsynth_tf.pretrained.vgg19 import VGG19Features

__all__ = [
    "LPIPS",
    "AlexNetFeatures",
    "EfficientNetLite0Features",
    "FIDInception",
    "SegmenterFeatures",
    "VGG16Features",
    "VGG19Features",
]
