"""Runs commands of the package for the programs in this folder."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(command, *flags, log):
    """Runs one of the commands, from the repository's root; its output goes to a file. Exits if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        done = subprocess.run(
            [sys.executable, "-m", f"hdsynth_tf.{command}", *flags], cwd=ROOT, stdout=file, stderr=file
        )
    if done.returncode:
        sys.exit(f"hdsynth_tf.{command} failed; {log} ends with:\n{log.read_text()[-800:]}")
