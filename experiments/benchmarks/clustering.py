"""Time and peak memory of finding styles: python experiments/benchmarks/clustering.py [SCENES ...]

Scenes of 256x128 pixels with 100 instances each, half of them of one class. Every row is a process of its own. The last
row is killed in the middle and started again; it should find the same styles.
"""

import argparse
import hashlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCENES = (250, 500, 1000, 2000)
HEIGHT, WIDTH, CLASSES = 128, 256, 6


def rectangles(count):
    """A source of `count` scenes, each a hundred rectangles in the colours of their class."""
    from pipelines.source import FORMATS, Source

    class Rectangles(Source):
        names = [f"scene_{index:05d}" for index in range(count)]
        formats = FORMATS
        num_classes = CLASSES
        common_size = (HEIGHT, WIDTH)

        def load(self, index):
            rng = np.random.default_rng(index)
            number = np.arange(HEIGHT)[:, None] * 10 // HEIGHT * 10 + np.arange(WIDTH)[None, :] * 10 // WIDTH
            labels = rng.choice(CLASSES, 100, p=[0.5] + [0.1] * (CLASSES - 1)).astype("int32")
            colors = rng.integers(0, 4, (100, 3)) * 60 + rng.integers(0, 40, (100, 3))
            ids = labels * 1000 + np.arange(100, dtype="int32")
            return {
                "label_map": labels[number],
                "instance_map": ids[number],
                "image": colors.astype("uint8")[number],
            }

    return Rectangles()


def measure(count, folder):
    """Prints one row of the table, and a digest of the styles."""
    import keras

    from hdsynth_tf import Pix2PixHD
    from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator
    from hdsynth_tf.styles.clustering import encode_instances, find_styles
    from pipelines.conditioning import SemanticConditioning

    keras.utils.set_random_seed(0)
    encoder = FeatureEncoder(num_downsamples=2, kernel_initializer="he_normal")
    model = Pix2PixHD(SemanticConditioning(CLASSES), GlobalGenerator(4, 2, 1), encoder=encoder)
    start = time.perf_counter()
    instances = encode_instances(model, rectangles(count), Path(folder))
    encoded = time.perf_counter()
    styles, _ = find_styles(instances, CLASSES, min_area=0)
    clustered = time.perf_counter()
    digest = hashlib.sha256(b"".join(styles[label].tobytes() for label in sorted(styles))).hexdigest()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print("\n", len(instances.label), encoded - start, clustered - encoded, peak, digest)


def run(count, folder, kill_after=None):
    """The figures of a row measured in a process of its own; if it is killed after some files, `None`."""
    command = [sys.executable, __file__, "--row", str(count), folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while kill_after and process.poll() is None:
        if len(list(Path(folder).glob("*.npz"))) >= kill_after:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    output = process.communicate()[0]
    if process.returncode:
        return None
    *numbers, digest = output.split("\n")[-2].split()
    return [float(number) for number in numbers], digest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=int, nargs="*", default=SCENES)
    parser.add_argument("--row", nargs=2, help="scenes and folder: one row, in this process")
    asked = parser.parse_args()
    if asked.row:
        measure(int(asked.row[0]), asked.row[1])
        return
    columns = f"{'encode, s':>9s} {'cluster, s':>10s} {'peak GiB':>8s} {'ms each':>8s}"
    print(f"{'scenes':>7s} {'instances':>9s} {columns} {'peak : first':>12s}", flush=True)
    first = None
    for count in asked.scenes:
        with tempfile.TemporaryDirectory() as folder:
            (instances, encode, cluster, peak), digest = run(count, folder)
        first = first or peak
        each = 1e3 * (encode + cluster) / instances
        print(
            f"{count:>7d} {instances:>9.0f} {encode:>9.1f} {cluster:>10.1f} {peak:>8.2f} {each:>8.3f} "
            f"{peak / first:>12.2f}",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        killed = run(count, folder, kill_after=max(count // 128, 1))
        left = len(list(Path(folder).glob("*.npz")))
        (_, encode, _, peak), again = run(count, folder)
    print(f"killed with {left} files written: {killed is None}; continued in {encode:.1f} s, peak {peak:.2f} GiB")
    print(f"the same styles: {again == digest}")


if __name__ == "__main__":
    main()
