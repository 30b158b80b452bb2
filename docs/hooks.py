"""Lays the repository's own texts and pictures beside the pages, where they are, so that links between them hold."""

from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
PLACES = (
    "*.md",
    "LICENSE",
    "experiments/*.md",
    "experiments/*.flags",
    "experiments/*.ipynb",
    "experiments/pictures/*",
    "docker/*",
)


def on_files(files, config):
    """Adds them to what is built."""
    for path in sorted(path for place in PLACES for path in ROOT.glob(place)):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files
