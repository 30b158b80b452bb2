"""Where things lie."""

import importlib.util
import sys
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def loaded(path):
    """A program of the repository as a module: `experiments/ablation.py`, which is in no package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    folder = str((ROOT / path).parent)
    sys.path.insert(0, folder)  # where Python looks first when it runs the program
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module
