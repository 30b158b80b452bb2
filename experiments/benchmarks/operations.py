"""Where the time of a side of `sides.py` goes: python experiments/benchmarks/operations.py our_step 512 1024 [...]

Prints, of one run after two others, the seconds of each kind of operation and their share of all operations' seconds,
beside the seconds on the clock: operations that do not wait for each other run at once, and one that waits for the
cores that another holds counts its waiting, so that a large number of something cheap may be chance. Convolutions are
told apart by what they make: the forward pass, the gradient of their input, that of their kernel; what is computed
again on the way back counts as a gradient.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOWN = 14


def kind_of(event):
    """The kind of an event of a profile, `scope/name:Operation`; `None` of what is no operation of a graph."""
    scope, _, operation = event.rpartition(":")
    if not scope or scope.endswith(":") or " " in event:  # a function of TensorFlow's own
        return None
    operation = operation.removeprefix("_Mkl").removeprefix("Native").lstrip("_")
    if "Conv2D" not in operation and "Conv3D" not in operation:
        return operation
    if "BackpropFilter" in operation:
        return "convolution, gradient of the kernel"
    # By where it stands: a transposed convolution is written as the gradient of another's input, its own as another.
    return f"convolution, {'gradient of the input' if 'gradient_tape' in scope else 'forward'}"


def seconds_of(path):
    """Of each kind of operation in a profile's file: `Counter`."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space, seconds = xplane_pb2.XSpace(), Counter()
    space.ParseFromString(path.read_bytes())
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            seconds[kind_of(plane.event_metadata[event.metadata_id].name)] += event.duration_ps / 1e12
    del seconds[None]
    return seconds


def profile(run):
    """`(seconds on the clock, Counter of seconds by kind)` of one run."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            start = time.perf_counter()
            run()
            took = time.perf_counter() - start
        return took, seconds_of(next(Path(folder).rglob("*.xplane.pb")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", help="our_step, our_inference, our_recipe, ...")
    parser.add_argument("arguments", nargs="*")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    import sides

    run = sides.made(asked.side, asked.arguments)
    for _ in range(2):
        run()
    took, seconds = profile(run)
    total = sum(seconds.values())
    print(f"{asked.side} {' '.join(asked.arguments)}: {took:.2f} s on the clock, operations {total:.2f} s")
    rows = seconds.most_common(SHOWN)
    for kind, spent in [*rows, ("all others", total - sum(spent for _, spent in rows))]:
        print(f"{spent:9.3f} s {spent / total:6.1%}   {kind}")


if __name__ == "__main__":
    main()
