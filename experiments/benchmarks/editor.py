"""How quickly the editor follows, in a real Chromium: python experiments/benchmarks/editor.py [HEIGHT ...]

    python experiments/benchmarks/editor.py --scenes=CITYSCAPES

Removes, mirrors, moves and duplicates the largest objects of a street at each size (twice as wide as high), or of the
first scene of a folder. Prints medians of the milliseconds from the edit to the map on the page, to the preview of the
photograph and to the whole of it, beside the model's own time for that picture, and the server's peak memory. The model
is a coarse-to-fine one with random weights, since speed does not depend on what was learnt. Needs the extra `dev`,
Chromium and Linux.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import keras
from PIL import Image
from playwright.sync_api import sync_playwright

from hdsynth_tf import assemble
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator
from pipelines.conditioning import SemanticConditioning
from pipelines.toy_street import ToyStreet
from pipelines.toy_street.scene import CLASS_NAMES

ROOT = Path(__file__).parents[2]
WAIT = 120_000  # milliseconds
EDITS = ("remove", "mirror", "move", "duplicate") * 2
WATCH = """window.log = {};
editor.scene.addEventListener("changed", () => { log.map ??= performance.now(); });
editor.photos.addEventListener("shown", (event) => { log[event.detail.kind] ??= performance.now(); });"""
EDIT = """(edit) => {
  log = {};
  const began = performance.now();
  editor.session.edit(edit);
  return began;
}"""
LARGEST = """editor.scene.head.objects.map((row, n) => [n, editor.scene.areas[n], row[5]])
.filter((row) => row[2] && row[1]).sort((a, b) => b[1] - a[1]).map((row) => row[0])"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("heights", type=int, nargs="*", default=[256, 512, 1024])
    parser.add_argument("--scenes", type=Path, help="folder of label and instance maps, of 35 classes")
    parser.add_argument("--filters", type=int, default=32)
    asked = parser.parse_args()
    print("| scene | map | preview | photograph | the model alone | peak memory, GiB |\n| " + "--- | " * 6)
    with tempfile.TemporaryDirectory() as folder:
        if asked.scenes:
            measure(asked.scenes, 35, asked.filters, Path(folder))
        else:
            for height in asked.heights:
                measure(write_street(Path(folder) / str(height), height), len(CLASS_NAMES), asked.filters, Path(folder))


def write_street(folder, height):
    """A folder with the maps of one street."""
    scene = ToyStreet(1, height, 2 * height, "test").load(0)
    for name, key in (("label", "label_map"), ("inst", "instance_map")):
        (folder / name).mkdir(parents=True)
        Image.fromarray(scene[key].astype("uint16")).save(folder / name / "street.png")
    return folder


def measure(scenes, num_classes, filters, folder):
    """Prints the row of a folder's first scene."""
    source = assemble.build_scenes(scenes, num_classes)
    maps = {key: value for key, value in source.load(0).items() if key != "image"}
    height, width = maps["label_map"].shape
    model = build_model(num_classes, filters, (height, width))
    path = folder / "model.keras"
    model.save(path)
    model.generate(maps)  # the first time builds the graph
    alone = 1000 * median(timed(lambda: model.generate(maps)) for _ in range(3))
    with serving(path, scenes) as (address, server):
        rows = watch(address)
        status = Path(f"/proc/{server.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 2**20
    times = [[row[kind] for row in rows if kind in row] for kind in ("map", "preview", "full")] + [[alone]]
    times = [f"{median(found):.0f}" if found else "-" for found in times]
    print(f"| {width}x{height} | " + " | ".join(times) + f" | {peak:.2f} |", flush=True)


@contextlib.contextmanager
def serving(model, scenes):
    """The editor in a process of its own: its address, and the process."""
    command = [sys.executable, "-m", "hdsynth_tf.edit", f"--model={model}", f"--scenes={scenes}", "--port=0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield next(word for line in server.stdout for word in line.split() if word.startswith("http://")), server
        finally:
            server.terminate()


def build_model(num_classes, filters, size):
    """G1 with an enhancer around it; works at the size of the scenes."""
    keras.utils.set_random_seed(0)
    size = tuple(length // 2 for length in size)
    model = Pix2PixHD(SemanticConditioning(num_classes, image_size=size), GlobalGenerator(filters))
    return model.grow()


def timed(action):
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def watch(address):
    """Edits in the page: a dict of milliseconds for each, by what was shown."""
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720}, bypass_csp=True)
        page.goto(address)
        page.wait_for_function("window.editor?.photos?.shown?.kind === 'full'", timeout=WAIT)
        page.evaluate(WATCH)
        for number, name in zip(page.evaluate(LARGEST), EDITS):
            edit = {"do": name, "object": number, **({"by": [20, 5]} if name in ("move", "duplicate") else {})}
            began = page.evaluate(EDIT, edit)
            page.wait_for_function("log.full", timeout=WAIT)
            rows.append({kind: shown - began for kind, shown in page.evaluate("log").items()})
        browser.close()
    return rows


if __name__ == "__main__":
    main()
