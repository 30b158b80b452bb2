"""pix2pixHD for Keras 3: photographs from label maps, instance maps and thermal images.

`import hdsynth_tf` also registers the classes that saved models consist of. It defines no flags, reads no network and
touches no GPU.
"""

# ruff: noqa: E402  the machine comes before TensorFlow
from hdsynth_tf import machine, stopping, surroundings

if surroundings.is_command():
    stopping.at_once()
machine.set_up()
surroundings.choose_backend()
if surroundings.is_command():
    machine.import_tensorflow()
surroundings.find_pipelines()
surroundings.settle_keras()

from hdsynth_tf import losses, model, networks, pretrained
from hdsynth_tf.model import optimizers
from hdsynth_tf.model.terms import Term
from pipelines import conditioning

__all__ = ["Term", "conditioning", "losses", "networks", "optimizers", "pretrained", *model.__all__]

globals().update({name: getattr(model, name) for name in model.__all__})
