"""A training step here and in the PyTorch reference: time and peak memory at several sizes.

    python experiments/benchmarks/against_pytorch.py

The same narrow released networks (--recipe=released without VGG), batch 1, float32. Every row is a process of its own.
Needs PyTorch: pip install -e .[torch]
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [  # height, width, filters
    (128, 256, 16),
    (256, 512, 16),
    (256, 512, 32),
    (512, 1024, 32),
]
STEPS, CLASSES = 5, 35


def measure(side, height, width, filters):
    """Prints seconds of a step, the median, and peak bytes of the process."""
    step = {"ours": ours, "pytorch": pytorch}[side](height, width, filters)
    step()
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    print(sorted(times)[STEPS // 2], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def arrays(height, width):
    import numpy as np

    rng = np.random.default_rng(0)
    label_map = rng.integers(0, CLASSES, (1, height // 16, width // 16)).repeat(16, 1).repeat(16, 2).astype("int32")
    return label_map, rng.integers(0, 256, (1, height, width, 3)).astype("uint8")


def ours(height, width, filters):
    from hdsynth_tf import Pix2PixHD, Term
    from hdsynth_tf.losses import FeatureMatchingLoss
    from hdsynth_tf.model.optimizers import Adam
    from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator
    from pipelines.conditioning import SemanticConditioning

    model = Pix2PixHD(SemanticConditioning(CLASSES), GlobalGenerator(filters), MultiScaleDiscriminator(2, filters))
    terms = [Term("adversarial", "least_squares"), Term("feature_matching", FeatureMatchingLoss(), 10.0)]
    model.compile(Adam(), Adam(), terms)
    label_map, image = arrays(height, width)
    inputs = {"label_map": label_map, "instance_map": label_map}
    return lambda: model.train_on_batch(inputs, image)


def pytorch(height, width, filters):
    sys.path.insert(0, str(ROOT / "tests"))
    import torch
    import torch_reference as reference

    generator = reference.initialize(reference.GlobalGenerator(CLASSES + 1, filters))
    discriminator = reference.initialize(reference.Discriminator(CLASSES + 4, filters))
    training = reference.Training(generator, discriminator)
    label_map, image = arrays(height, width)

    def step():
        labels = torch.from_numpy(label_map)
        real = torch.from_numpy(image).permute(0, 3, 1, 2).float() / 127.5 - 1
        training.step(reference.semantic_input(labels, labels, CLASSES, torch.float32), real, labels)

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=["ours", "pytorch"], help="one side of one row, in this process")
    parser.add_argument("row", type=int, nargs="*", help="height width filters: one row")
    asked = parser.parse_args()
    if asked.side:
        measure(asked.side, *asked.row)
        return
    columns = ("size", "filters", "ours, s", "PyTorch, s", "ratio", "ours, GiB", "PyTorch, GiB", "ratio")
    print("".join(f"{column:>13s}" for column in columns), flush=True)
    for row in [asked.row] if asked.row else ROWS:
        command = [sys.executable, __file__, *map(str, row), "--side"]
        both = [subprocess.run([*command, side], check=True, capture_output=True, text=True).stdout.split()[-2:]
                for side in ("ours", "pytorch")]  # fmt: skip
        (our_time, our_peak), (their_time, their_peak) = ((float(a), float(b) / 2**30) for a, b in both)
        numbers = our_time, their_time, our_time / their_time, our_peak, their_peak, our_peak / their_peak
        size = f"{row[1]}x{row[0]}"
        print(f"{size:>13s}{row[2]:>13d}" + "".join(f"{number:>13.2f}" for number in numbers), flush=True)


if __name__ == "__main__":
    main()
