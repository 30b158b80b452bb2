"""Time and peak memory of scenes made in tiles: python experiments/benchmarks/tiles.py [HEIGHT ...]

Scenes of one 16-bit channel, twice as wide as high, through `hdsynth_tf.generate` with a generator of 8 filters and
tiles of 1024x1024; each in a process of its own. Beside memory: that of the arrays alone, the scene and its picture.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator
from pipelines.conditioning import ImageConditioning

ROOT = Path(__file__).parents[2]
TILE = 1024


def write_scene(path, height):
    """Blocks of 16 pixels of one value each, with noise."""
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 65000, (-(-height // 16), height // 8), "uint16").repeat(16, 0).repeat(16, 1)[:height]
    scene += rng.integers(0, 200, scene.shape, "uint16")
    path.parent.mkdir(parents=True)
    path.write_bytes(tf.io.encode_png(scene[..., None], compression=1).numpy())


def measure(folder, height):
    """Seconds, and the peak of memory in GiB, of a scene of this height."""
    write_scene(folder / "scenes" / "scene.png", height)
    given = [f"--model={folder.parent / 'model.keras'}", "--dataset=folder", f"--source_dir={folder / 'scenes'}"]
    given += [f"--tile_height={TILE}", f"--tile_width={TILE}", f"--max_pixels={2 * height**2}"]
    command = [sys.executable, "-m", "hdsynth_tf.generate", *given, f"--output_dir={folder / 'made'}"]
    begin = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed.")
    return time.perf_counter() - begin, used.ru_maxrss / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heights", type=int, nargs="*", default=[2500, 5000, 10000])
    asked = parser.parse_args()
    print(f"{'size':>13s} {'seconds':>8s} {'s/Mpixel':>9s} {'peak GiB':>9s} {'arrays GiB':>11s}")
    with tempfile.TemporaryDirectory() as folder:
        Pix2PixHD(ImageConditioning(1, (0, 65535), percentiles=(1, 99)), GlobalGenerator(8, 2, 1), None).save(
            Path(folder) / "model.keras"
        )
        for height in asked.heights:
            seconds, peak = measure(Path(folder) / str(height), height)
            pixels = 2 * height**2
            size, arrays = f"{2 * height}x{height}", pixels * (2 + 3) / 2**30
            print(
                f"{size:>13s} {seconds:>8.0f} {seconds / pixels * 1e6:>9.2f} {peak:>9.2f} {arrays:>11.2f}", flush=True
            )


if __name__ == "__main__":
    main()
