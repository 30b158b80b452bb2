"""Runs commands of the package for the programs in this folder."""

import contextlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
