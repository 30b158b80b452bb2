"""Trains as the command does, then writes this process's own weights: worker_session.py FILE.npz DTYPE FLAGS...

DTYPE float64: all is computed in it, for which there is no flag. float32: Adam's epsilon lies above what rounding makes
of gradients. With the command's own, a weight whose gradient is nothing but rounding makes a full step either way.
"""

import functools
import sys

import keras
import numpy as np

from hdsynth_tf import assemble
from hdsynth_tf.assemble import training
from hdsynth_tf.config import commands
from hdsynth_tf.config.groups import TrainingSettings
from hdsynth_tf.train import __main__ as train
from hdsynth_tf.train.stages import StagedTraining

path, dtype, sys.argv[1:] = sys.argv[1], sys.argv[2], sys.argv[3:]
run = StagedTraining.run


def run_and_write(self):
    model = run(self)
    np.savez(path, *[np.array(weight) for weight in model.weights])
    return model


StagedTraining.run = run_and_write
if dtype == "float64":
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    assemble.choose_precision = lambda *_: (dtype, "for this test")
    TrainingSettings.__post_init__ = lambda self: None  # which knows no such precision
else:
    training.Adam = functools.partial(training.Adam, epsilon=1e-3)
commands.run(train.main, "train")
