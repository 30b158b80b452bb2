"""`hdsynth VERB ...`, which an installation puts on the path: the same as `python -m hdsynth_tf.VERB ...`."""

import ast
import runpy
import sys
from pathlib import Path

from hdsynth_tf.config.commands import fail

USAGE = "hdsynth VERB [--flags]: the same as python -m hdsynth_tf.VERB. hdsynth VERB --help lists a verb's flags."


def verbs():
    """Dict of verb -> what it is about: every room of the package that has a command."""
    rooms = sorted(path.parent for path in Path(__file__).parent.glob("*/__main__.py"))
    return {room.name: ast.get_docstring(ast.parse((room / "__init__.py").read_text())) for room in rooms}


def main():
    """Runs the verb that the command line begins with, and exits as it does."""
    verb, known = (sys.argv[1:2] or ["--help"])[0], verbs()
    if verb in ("--help", "-h"):
        print(USAGE, "", *(f"  {name:<16} {text}" for name, text in known.items()), sep="\n")
    elif verb not in known:
        fail(f"{verb} is no verb. Verbs: {', '.join(known)}", code=2)
    else:
        del sys.argv[1]
        runpy.run_module(f"hdsynth_tf.{verb}", run_name="__main__", alter_sys=True)
