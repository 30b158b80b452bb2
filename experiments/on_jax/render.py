"""toy_street as arrays in a file, for trainings that read no pictures.

    python experiments/on_jax/render.py OUT.npz NUM_SCENES SPLIT HEIGHT WIDTH HIDDEN_MODES

Instances are numbered anew in each scene, 0 .. 63: no scene has more.
"""

import multiprocessing
import sys

import numpy as np

from pipelines.toy_street import ToyStreet


def scene(source, index):
    arrays = source.load(index)
    different, number = np.unique(arrays["instance_map"], return_inverse=True)
    assert len(different) <= 64, len(different)
    number = number.reshape(arrays["instance_map"].shape)
    return arrays["label_map"].astype("uint8"), number.astype("uint8"), arrays["image"]


def main(out, count, split, height, width, hidden_modes):
    source = ToyStreet(int(count), int(height), int(width), split, hidden_modes=hidden_modes == "1")
    with multiprocessing.Pool() as pool:
        scenes = pool.starmap(scene, [(source, i) for i in range(int(count))], chunksize=16)
    np.savez(out, **dict(zip(("label_map", "instance_map", "image"), map(np.stack, zip(*scenes)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
