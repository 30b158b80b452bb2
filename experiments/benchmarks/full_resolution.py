"""One training step at 2048x1024 with full-size networks: python experiments/benchmarks/full_resolution.py [DATA_DIR]

G1 of 64 filters with one enhancer, three discriminators, perceptual loss (VGG19 with random weights: the cost is the
same), batch 1. On Cityscapes in DATA_DIR, else on toy_street. Each row is a process of its own; beside each: time and
peak memory relative to plain float32.
"""

import argparse
import resource
import subprocess
import sys
import time

ROWS = [("float32", 0), ("float32", 1), ("mixed_bfloat16", 0), ("mixed_bfloat16", 1)]
STEPS = 3


def build_model(conditioning, precision, rematerialize):
    """A compiled model of the paper's size."""
    import keras

    from hdsynth_tf import Pix2PixHD, Term, losses, networks, pretrained

    base = networks.GlobalGenerator(64, makes_image=False, dtype=precision)
    enhancer = networks.LocalEnhancer(32, dtype=precision)
    generator = networks.CoarseToFineGenerator(base, [enhancer], dtype=precision)
    model = Pix2PixHD(conditioning, generator, networks.MultiScaleDiscriminator(3, dtype=precision))
    model.compile(
        keras.optimizers.Adam(2e-4, 0.5),
        keras.optimizers.Adam(2e-4, 0.5),
        terms=[
            Term("adversarial", "least_squares"),
            Term("feature_matching", losses.FeatureMatchingLoss(), 10.0),
            Term("perceptual", losses.PerceptualLoss(pretrained.VGG19Features("random", dtype=precision)), 10.0),
        ],
        rematerialize=rematerialize,
    )
    return model


def measure(precision, rematerialize, data_dir):
    """Prints seconds of the fastest step and peak GiB."""
    from pipelines.cityscapes import Cityscapes
    from pipelines.conditioning import SemanticConditioning
    from pipelines.dataset import make_train
    from pipelines.toy_street import ToyStreet

    source = Cityscapes(data_dir, "train") if data_dir else ToyStreet(4, 1024, 2048)
    model = build_model(SemanticConditioning(source.num_classes, dtype=precision), precision, bool(rematerialize))
    batches, times = iter(make_train(source, 1)), []
    for _ in range(STEPS):
        batch = next(batches)
        start = time.perf_counter()
        model.train_on_batch(*batch)
        times.append(time.perf_counter() - start)
    print(min(times[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", nargs="?", default="", help="Cityscapes; default: toy_street")
    parser.add_argument("--row", type=int, help="measure this row, in this process")
    arguments = parser.parse_args()
    if arguments.row is not None:
        measure(*ROWS[arguments.row], arguments.data_dir)
        return
    header = f"{'precision':>15s} {'rematerialize':>13s} {'step, s':>8s} {'peak GiB':>9s} {'time':>6s} {'memory':>7s}"
    print(header, flush=True)
    first = None
    for row, (precision, rematerialize) in enumerate(ROWS):
        command = [sys.executable, __file__, arguments.data_dir, f"--row={row}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.returncode:
            print(f"{precision:>15s} {'yes' if rematerialize else 'no':>13s}   out of memory (exit {done.returncode})")
            continue
        step, peak = map(float, done.stdout.split()[-2:])
        first = first or (step, peak)
        print(
            f"{precision:>15s} {'yes' if rematerialize else 'no':>13s} {step:>8.1f} {peak:>9.2f} "
            f"{step / first[0]:>6.2f} {peak / first[1]:>7.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
