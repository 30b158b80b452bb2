"""Trains as the command does, then writes this process's own weights: python worker_session.py FILE.npz FLAGS..."""

import sys

import numpy as np

from hdsynth_tf.config import commands
from hdsynth_tf.train import __main__ as train
from hdsynth_tf.train.stages import StagedTraining

path, sys.argv[1:] = sys.argv[1], sys.argv[2:]
run = StagedTraining.run


def run_and_write(self):
    model = run(self)
    np.savez(path, *[np.array(weight) for weight in model.weights])
    return model


StagedTraining.run = run_and_write
commands.run(train.main, "train")
