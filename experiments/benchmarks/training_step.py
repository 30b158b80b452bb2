"""Time and peak memory of a training step at several sizes: python experiments/benchmarks/training_step.py

Every row is a process of its own, so that its peak is its own. Beside each: the step relative to the generator's
forward pass in the same process, and the peak relative to what `--dry_run` estimates.
"""

import argparse
import resource
import subprocess
import sys
import time

ROWS = [  # height, width, filters, batch size
    (64, 128, 16, 2),
    (128, 256, 16, 2),
    (128, 256, 16, 4),
    (256, 512, 16, 1),
    (256, 512, 32, 1),
    (512, 1024, 16, 1),
]
STEPS = 5


def seconds(run):
    """Median of a few runs, the first of them, which traces, left out."""
    run()
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[STEPS // 2]


def measure(height, width, filters, batch_size):
    """Prints one row of the table."""
    import keras

    from hdsynth_tf import assemble
    from hdsynth_tf.config import groups
    from hdsynth_tf.train import plan
    from pipelines.dataset import make_train

    data = groups.DataSettings(image_height=height, image_width=width)
    networks = groups.NetworkSettings(num_filters=filters, discriminator_filters=filters)
    losses, training = groups.LossSettings(), groups.TrainingSettings(batch_size=batch_size, precision="float32")
    source = assemble.build_source(data, "train")
    model = assemble.build_model(data, networks, losses, training, source)
    stage = assemble.build_stages(networks, losses, training)[-1]
    model.compile(**assemble.compile_arguments(stage, losses, training, 100))
    estimate = plan.memory_estimate(model, batch_size, height, width)
    batch = next(iter(make_train(source, batch_size)))
    forward = seconds(lambda: keras.ops.convert_to_numpy(model.generate(batch[0])))
    step = seconds(lambda: model.train_on_batch(*batch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{width:>5d}x{height:<4d} {filters:>7d} {batch_size:>5d} {step:>8.2f} {step / forward:>14.1f} "
        f"{peak / 2**30:>9.2f} {peak / estimate:>16.2f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row", type=int, nargs="*", help="height width filters batch_size: one row, in this process")
    row = parser.parse_args().row
    if row:
        measure(*row)
        return
    print(
        f"{'size':>10s} {'filters':>7s} {'batch':>5s} {'step, s':>8s} {'step : forward':>14s} {'peak GiB':>9s} "
        f"{'peak : estimate':>16s}",
        flush=True,
    )
    for row in ROWS:
        command = [sys.executable, __file__, *map(str, row)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
