"""pix2pixHD for Keras 3: photographs from label maps, instance maps and thermal images.

`import hdsynth_tf` also registers the classes that saved models consist of. It defines no flags, reads no network and
touches no GPU.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else TensorFlow's greeting buries the output; 0 brings it back

import keras

from hdsynth_tf import losses, networks, optimizers, schedule
from pipelines import conditioning

__all__ = ["Pix2PixHD", "conditioning", "losses", "networks", "optimizers", "schedule"]

if keras.backend.backend() == "tensorflow":  # the training step and the served form are; networks and losses are not
    from hdsynth_tf.model import Pix2PixHD
else:
    __all__.remove("Pix2PixHD")
