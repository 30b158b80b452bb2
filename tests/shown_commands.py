"""The commands that pages show: found for the tests that read them and for those that run them."""

import functools
import re
import shlex
import textwrap

from places import ROOT

PAGES = ["*.md", "docs/pages/**/*.md", "docker/*", "experiments/*.md", "experiments/*.flags", "experiments/*.py",
         "hdsynth_tf/*/__main__.py", "hdsynth_tf/presets/*/README.md", ".github/**/*"]  # fmt: skip
COMMAND = re.compile(r"(?:python -m hdsynth_tf\.|\bhdsynth )([a-z]\w*)((?: +[^`\n]*)?)")
ALONE = re.compile(r"[# ]* {2,}(docker run .* |(\w+ )*)(python|hdsynth) ")  # on its line
BETWEEN = re.compile(r"\\{1,2}\n[ #]*")  # a line that goes on
QUOTED = re.compile(r"`([^`\n]+\n?[^`\n]*)`")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^    (\S.*)$|" + QUOTED.pattern, re.MULTILINE)  # lines of blocks, and quotes
PROGRAMS = re.compile(  # what a quote begins with that is a command
    r"(python3?|hdsynth|pip|make|docker|git|curl|wget|ssh|srun|sudo|tensorboard|tensorflow_model_server|pre-commit) \S"
)


def pages():
    found = {path for place in PAGES for path in ROOT.glob(place) if path.is_file()}
    return sorted(path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".ipynb")


def joined(page):
    """A page's text, each line that goes on made one with the next."""
    return BETWEEN.sub("", (ROOT / page).read_text())


@functools.cache
def commands(page):
    """Pairs of a verb and its arguments: of lines that hold nothing but a command, and of those `in quotes`."""
    text = joined(page)
    lines = [line.strip("# ") for line in text.splitlines() if ALONE.match(line)]
    quoted = [" ".join(quote.split()) for quote in QUOTED.findall(text)]
    found = [match for part in lines + quoted for match in COMMAND.findall(part)]
    return [(verb, shlex.split(arguments.partition(" #")[0])) for verb, arguments in found]


def shell_commands(page):
    """Every line of a page's blocks that are not Python's, and every command `in quotes`, as a shell gets them.

    Each once, in the order of the page; parts that `&&` joins are commands of their own.
    """
    found, text = [], PYTHON.sub("", joined(page))
    for line, quote in SHELL.findall(FENCED.sub(lambda block: textwrap.indent(block[1], "    "), text)):
        text = line or " ".join(quote.split())
        if line or PROGRAMS.match(text):
            found += [part.strip() for part in text.partition(" #")[0].split(" && ")]
    return list(dict.fromkeys(found))


def listings(page):
    """Dict: folder -> the names that a block under it lists, such as `runs/city/`."""
    found = re.findall(r"^    (\S+)/\n((?:      .*\n)+)", (ROOT / page).read_text(), re.MULTILINE)
    return {folder: re.findall(r"^      (\S+) ", lines, re.MULTILINE) for folder, lines in found}


def python_blocks(page):
    """What of a page is Python."""
    return PYTHON.findall((ROOT / page).read_text())
