"""Time of pooling features over instances, by their number: python experiments/benchmarks/pooling.py [HEIGHT WIDTH]

Maps of rectangles that share the picture evenly. Beside each time: relative to the fewest instances, and to the
encoder's network, which pooling comes after, in the same process.
"""

import argparse
import math
import resource
import time

import keras
import numpy as np
import tensorflow as tf

from hdsynth_tf.networks import FeatureEncoder, InstanceAveragePooling

COUNTS = (10, 100, 1000, 5000)
ROUNDS = 15  # all rows in turn, so that a machine that slows down slows them all


def rectangles(height, width, count):
    """Instance map `(1, height, width)` of `count` rectangles, with ids as Cityscapes has them, in no order."""
    rows = int(math.sqrt(count * height / width)) or 1
    while count % rows:
        rows -= 1
    row, column = np.arange(height) * rows // height, np.arange(width) * (count // rows) // width
    ids = np.random.default_rng(0).choice(np.arange(24000, 34000), count, replace=False)
    return ids[row[:, None] * (count // rows) + column[None, :]].astype("int32")[None]


def measure(function, *arguments):
    """Seconds of one call."""
    start = time.perf_counter()
    keras.ops.convert_to_numpy(function(*arguments)[0, 0, 0])
    return time.perf_counter() - start


def forward_and_backward(network):
    """A graph of a network's call and the gradient of its sum with respect to the first input."""

    @tf.function
    def both(x, *others):
        with tf.GradientTape() as tape:
            tape.watch(x)
            made = network(x, *others)
            total = tf.reduce_sum(made * made)
        return tape.gradient(total, x)

    return both


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("size", type=int, nargs="*", default=[1024, 2048], help="height width")
    height, width = parser.parse_args().size
    rng = np.random.default_rng(0)
    encoder, pool = FeatureEncoder(), InstanceAveragePooling()
    encoder.build((None, None, None, 3))
    image = tf.constant(rng.uniform(-1, 1, (1, height, width, 3)).astype("float32"))
    maps = {count: tf.constant(rectangles(height, width, count)) for count in COUNTS}
    runs = {
        "forward": (tf.function(encoder.network), tf.function(pool)),
        "forward and backward": (forward_and_backward(encoder.network), forward_and_backward(pool)),
    }
    print(f"{width}x{height}\n{'':>22s} {'instances':>9s} {'ms':>8s} {'to fewest':>9s} {'to network':>10s}")
    for name, (network, pooling) in runs.items():
        times = {count: [] for count in COUNTS}
        for _ in range(ROUNDS + 2):  # the first two trace and warm up
            for count, instance_map in maps.items():
                times[count].append(measure(pooling, image, instance_map))
        of_network = np.median([measure(network, image) for _ in range(7)][2:])
        middle = {count: np.median(values[2:]) for count, values in times.items()}
        for count in COUNTS:
            print(
                f"{name:>22s} {count:>9d} {1e3 * middle[count]:>8.1f} {middle[count] / middle[COUNTS[0]]:>9.2f} "
                f"{middle[count] / of_network:>10.3f}"
            )
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
