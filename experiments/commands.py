"""Runs commands of the package for the programs in this folder."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENDLESS = "--steps_per_epoch=5000"  # more than a time limit allows
HALF_THERMAL = [  # thermal.flags at half its size, in few epochs: a time limit leaves each 10 steps at least
    f"--flagfile={ROOT / 'experiments' / 'thermal.flags'}", "--image_height=160", "--image_width=272",
    "--warm_start_epochs=3", "--epochs=3", "--decay_epochs=4",
]  # fmt: skip


def run(command, *flags, log=None):
    """Runs one of the commands, from the repository's root, and exits if it fails.

    `log`: `Path` of a file that its output is added to, or `None`: it is shown.
    """
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") if log else contextlib.nullcontext() as file:
        done = subprocess.run(
            [sys.executable, "-m", f"hdsynth_tf.{command}", *flags], cwd=ROOT, stdout=file, stderr=file
        )
    if done.returncode:
        ending = f"; {log} ends with:\n{log.read_text()[-800:]}" if log else "."
        sys.exit(f"hdsynth_tf.{command} failed{ending}")


def train(folder, *flags, log=None):
    """A training into a run folder, unless it is finished there. Whether it was made now."""
    if (folder / "scores.json").exists():
        return False
    run("train", *flags, f"--run_dir={folder}", log=log)
    return True


def own_scores(run):
    """What a finished run found of its own pictures: dict of score -> number."""
    return json.loads((run / "scores.json").read_text())


def link_file(path, place):
    """A link to a file, unless it is there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(path.resolve())


def evaluate(folder, *flags, log=None):
    """What an evaluation finds, which is made unless its table is in the folder: dict of method -> dict of score.

    Without a segmenter the real images have no scores, and are left out.
    """
    if not (folder / "table.json").exists():
        run("evaluate", *flags, f"--output_dir={folder}", log=log)
    methods = json.loads((folder / "table.json").read_text())["methods"]
    return {name: scores for name, scores in methods.items() if scores}
