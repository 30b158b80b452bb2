"""Ratios of time and memory, each measured in one run: python experiments/benchmarks/bench.py [--only=inference]

    make bench                  all of them
    make bench ONLY=inference   those whose name contains "inference"

Each row compares two sides (`sides.py`), both alive at once, which run in turns: a, b, a, b, ... Printed are the
median of the ratios a : b, of time or of peak memory, and the pairs; all is written to bench.json too. What is compared
with PyTorch needs it (pip install -e .[torch]) and a C++ compiler for its tuned form.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from tqdm import tqdm

SIDES = Path(__file__).with_name("sides.py")
KEEPING = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**62), "MALLOC_ARENA_MAX": "1"}  # as machine.py does
TUNINGS = ["", "channels_last", "fused", "channels_last,fused", "compile,fused", "compile,channels_last,fused"]
SECONDS, BYTES = 0, 1
BFLOAT16 = "mixed_bfloat16"
BFLOAT16_TUNINGS = [f"bfloat16,{tuning}" for tuning in TUNINGS]
FLAGS = ("avx512_bf16", "amx_bf16")  # of /proc/cpuinfo: without them the rows of bfloat16 are left out
LOSSES = {  # each beside, or in the place of, the quickstart's own
    "perceptual_lpips_alex": "perceptual=lpips_alex",
    "perceptual_alex": "perceptual=alex",
    "perceptual_efficientnet": "perceptual=efficientnet",
    "perceptual_vgg16": "perceptual=vgg16",
    "perceptual_lpips_vgg": "perceptual=lpips_vgg",
    "gradient": "gradient_weight=3",
    "segmentation_discriminator": "discriminator=segmentation",
    "projected_discriminator": "discriminator=projected",
}

# name, what is compared, side a, side b, b's tunings (the best counts), pairs, share of the work: a's : b's
ROWS = [
    ("inference_float32", SECONDS, "our_inference 1024 2048", "pytorch_inference 1024 2048", None, 3, 1),
    ("tuned_inference_float32", SECONDS, "our_inference 1024 2048", "pytorch_inference 1024 2048", TUNINGS, 3, 1),
    ("inference_bfloat16", SECONDS, "our_inference 1024 2048 " + BFLOAT16, "pytorch_inference 1024 2048", None, 3, 1),
    ("tuned_inference_bfloat16", SECONDS, "our_inference 1024 2048 " + BFLOAT16, "pytorch_inference 1024 2048",
     BFLOAT16_TUNINGS, 3, 1),
    ("step_float32", SECONDS, "our_step 512 1024", "pytorch_step 512 1024", None, 3, 1),
    ("tuned_step_float32", SECONDS, "our_step 512 1024", "pytorch_step 512 1024", TUNINGS, 3, 1),
    ("step_bfloat16", SECONDS, "our_step 512 1024 " + BFLOAT16, "pytorch_step 512 1024", None, 3, 1),
    ("tuned_step_bfloat16", SECONDS, "our_step 512 1024 " + BFLOAT16, "pytorch_step 512 1024", BFLOAT16_TUNINGS, 3, 1),
    ("memory_float32", BYTES, "our_step 512 1024", "pytorch_step 512 1024", None, 2, 1),
    ("floor_float32", SECONDS, "our_step 512 1024", "our_floor 512 1024", None, 3, 1),
    ("floor_bfloat16", SECONDS, "our_step 512 1024 " + BFLOAT16, "our_floor 512 1024 " + BFLOAT16, None, 3, 1),
    ("pixels_inference", SECONDS, "our_inference 1024 2048", "our_inference 256 512", None, 3, 16),
    ("pixels_step", SECONDS, "our_step 512 1024", "our_step 256 512", None, 3, 4),
    ("batch_step", SECONDS, "our_step 128 256 float32 2 32 4", "our_step 128 256", None, 3, 4),
    ("instances_pooling", SECONDS, "our_pooling 512 1024 1000", "our_pooling 512 1024 10", None, 5, 1),
    ("replicas_step", SECONDS, "our_replicas 128 256 2", "our_replicas 128 256 1", None, 3, 1),
    *(
        (f"{name}_{kind}", unit, f"our_recipe quickstart.flags --{loss}", "our_recipe quickstart.flags", None, 5, 1)
        for name, loss in LOSSES.items()
        for kind, unit in (("step", SECONDS), ("memory", BYTES))
    ),
    ("loader", SECONDS, "our_loader CITYSCAPES", "plain_loader CITYSCAPES", None, 5, 1),
]  # fmt: skip


class Side:
    """A process that runs one side of a row."""

    def __init__(self, side, tuning=None, environment=()):
        words = side.split() + ([tuning] if tuning else [])
        self.process = subprocess.Popen(
            [sys.executable, str(SIDES), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, **dict(environment)},
        )  # fmt: skip
        self._line("ready")

    def run(self):
        """`(seconds, peak bytes)` of one more run."""
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        return tuple(float(number) for number in self._line("").split())

    def _line(self, expected):
        for line in self.process.stdout:
            if line.startswith(expected) and line.strip():
                return line
        raise RuntimeError(f"{' '.join(self.process.args[2:])} ended early: exit {self.process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def best_tuning(side, tunings):
    """The quickest one, by the faster of two runs after the first."""
    seconds = {}
    for tuning in tqdm(tunings, desc="tunings", leave=False):
        try:
            with Side(side, tuning, KEEPING.items()) as other:
                seconds[tuning] = min([other.run()[SECONDS] for _ in range(3)][1:])
        except RuntimeError as error:
            tqdm.write(f"  left out: {error}")
    return min(seconds, key=seconds.get)


def measure(name, unit, a, b, tunings, count, work):
    """A row of bench.json: name, ratio, pairs, unit."""
    tuning = best_tuning(b, tunings) if tunings else None
    with Side(a) as ours, Side(b, tuning, KEEPING.items() if tunings else ()) as theirs:
        for side in (ours, theirs):
            side.run()  # traces, fills caches
        pairs = [(ours.run()[unit], theirs.run()[unit]) for _ in tqdm(range(count), desc=name, leave=False)]
    row = {
        "name": name,
        "ratio": median(a / b / work for a, b in pairs),
        "pairs": pairs,
        "unit": ("seconds", "bytes")[unit],
    }
    return row | ({"tuning": tuning or "allocator"} if tunings else {})


def seconds_to_import(*modules):
    """Of a process of its own, from its start."""
    program = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", program.format(", ".join(modules))], capture_output=True, text=True)
    return float(done.stdout)


def start_up(count=5):
    """Importing hdsynth_tf, which imports TensorFlow, against importing TensorFlow."""
    seconds_to_import("hdsynth_tf")
    pairs = [(seconds_to_import("hdsynth_tf"), seconds_to_import("tensorflow, keras")) for _ in range(count)]
    return {"name": "start_up", "ratio": median(a / b for a, b in pairs), "pairs": pairs, "unit": "seconds"}


def write_cityscapes(folder, scenes=6):
    """Real-sized triples: toy_street at 2048x1024, named as Cityscapes' are."""
    import numpy as np
    from PIL import Image

    from pipelines.toy_street import ToyStreet

    source = ToyStreet(scenes, 1024, 2048)
    for number in range(scenes):
        scene, name = source.load(number), f"aachen_{number:06d}_000019"
        for top, ending, array in (
            ("gtFine", "gtFine_labelIds", scene["label_map"].astype("uint8")),
            ("gtFine", "gtFine_instanceIds", scene["instance_map"].astype("uint16")),
            ("leftImg8bit", "leftImg8bit", np.asarray(scene["image"])),
        ):
            place = Path(folder, top, "train", "aachen")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(place / f"{name}_{ending}.png")


def has_bfloat16():
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and any(flag in cpuinfo.read_text() for flag in FLAGS)


def chosen(only):
    rows = [row for row in ROWS if only in row[0] and (has_bfloat16() or "bfloat16" not in row[0])]
    return rows, "start_up" if only in "start_up" else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--output", default="bench.json")
    arguments = parser.parse_args()
    sys.path.insert(0, str(SIDES.parents[2]))
    rows, with_start_up = chosen(arguments.only)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        if any(row[0] == "loader" for row in rows):
            write_cityscapes(folder)
        tasks = [lambda row=row: measure(*(w.replace("CITYSCAPES", folder) if isinstance(w, str) else w for w in row))
                 for row in rows] + ([start_up] if with_start_up else [])  # fmt: skip
        for task in tqdm(tasks, desc="rows"):
            results.append(task())
            result = results[-1]
            pairs = " ".join("{:.4g}:{:.4g}".format(*pair) for pair in result["pairs"])
            tqdm.write(f"{result['name']:<26s}{result['ratio']:>6.2f}   {pairs} {result['unit']}", file=sys.stdout)
            Path(arguments.output).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
