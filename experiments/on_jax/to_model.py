"""Makes a model of the weights that `street.py` wrote.

python experiments/on_jax/to_model.py WEIGHTS.npz MODEL.keras
"""

import sys

import numpy as np
from street_parts import make_parts

from hdsynth_tf import Pix2PixHD
from pipelines.toy_street import CLASS_COLORS, CLASS_NAMES


def main(weights, path):
    conditioning, generator, encoder = make_parts(class_names=CLASS_NAMES, class_colors=CLASS_COLORS)
    with np.load(weights, allow_pickle=False) as file:
        values = [file[name].astype("float32") for name in file.files]
    count = len(generator.get_weights())
    generator.set_weights(values[:count])
    encoder.set_weights(values[count:])
    Pix2PixHD(conditioning, generator, encoder=encoder).save(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
