"""Every command that the guide and the pages show is run, page by page, on small data: what is written works."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import page_folders
import pytest
from places import ROOT
from shown_commands import listings, python_blocks, shell_commands

from hdsynth_tf.pretrained import efficientnet

PAGES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/pages").rglob("*.md"))]
TINY = "--image_height=64 --image_width=128"
ADDED = {  # verb or script -> what ends its command line, so that it is short
    "train": f"{TINY} --crop_height=0 --crop_width=0 --num_scenes=8 --num_filters=4 --num_downsamples=2 "
    "--num_residual_blocks=1 --discriminator_filters=4 --perceptual_weight=0 --num_samples=2 --warm_start_epochs=0 "
    "--enhancer_epochs=1 --epochs=1 --decay_epochs=0 --steps_per_epoch=2",
    "train_segmenter": f"{TINY} --num_scenes=8 --epochs=1 --steps_per_epoch=2",
    "evaluate": f"{TINY} --num_scenes=8 --resamples=10",
    "experiments/paper_tables.py": "--only=pix2pixHD --steps=16 --scenes=10 --segmenter_epochs=1",
    "edit": "--port={port}",
    "study": "--port={port} --num_pairs=4 --practice=2",
    **dict.fromkeys(("convert", "export", "generate", "prepare", "register", "styles"), ""),
}
NOT_RUN = {  # beginning of a command -> why
    "pip install": "it downloads",
    "make pretrained": "it downloads",
    "python3 -m venv": "the environment of the tests is taken",
    ". .venv/bin/activate": "the environment of the tests is taken",
    "make test": "it would begin these tests anew",
    "tensorflow_model_server": "it is no Python package",
    "hdsynth study": "it names the verb; the guide has its flags",
    "runs/city/": "it is a listing; its files are looked for",
}
NEEDS = {  # part of a command -> the package or program without which it is not run
    " convert ": "torch",
    "horse2zebra.keras": "torch",
    "=city.keras": "torch",
    "litert": "ai_edge_litert",
    "_video": "ffmpeg",
    " edit": "uvicorn",
    " study": "uvicorn",
}
SERVERS = ("edit", "study")
WRITTEN = re.compile(r"--(?:output_dir|run_dir|output|to_torch)=(\S+)")
MADE = {  # verb -> what its output folder has then, and its page names
    "generate": ["index.html"],
    "register": ["index.html"],
    "evaluate": ["table.md", "table.json", "index.html"],
}
IN_PYTHON = {  # what the Python of a page says -> what makes it short
    "(512, 1024)": "(64, 128)",
    "GlobalGenerator()": "GlobalGenerator(4, 2, 1)",
    "MultiScaleDiscriminator()": "MultiScaleDiscriminator(2, 4)",
    "epochs=200, steps_per_epoch=len(source)": "epochs=1, steps_per_epoch=2",
}
READERS_OWN = """
from pipelines.toy_street import ToyStreet
scene = ToyStreet(8, 64, 128, hidden_modes=False).load(0)
photo = scene.pop("image")
inputs = scene
"""  # what the reader brings along


def subject(command):
    """The verb or script that a command runs, or nothing."""
    found = re.match(r"(?:python -m hdsynth_tf\.|hdsynth )(\w+)|python (experiments/\S+\.py)", command)
    return found and (found[1] or found[2])


def expanded(command):
    """The commands that `make quickstart` runs in its environment; of others themselves."""
    if command != "make quickstart":
        return [command]
    asked = ["make", "--dry-run", "--old-file=.venv/.installed", "quickstart"]
    shown = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.replace("\\\n", "")
    found = [line.replace(".venv/bin/", "") for line in shown.splitlines() if "-m hdsynth_tf." in line]
    assert len(found) == 3
    return found


def unknown(page):
    """Commands of a page that are neither run nor said not to be."""
    known = [one for one in shell_commands(page) if not one.startswith(tuple(NOT_RUN))]
    return [one for command in known for one in expanded(command) if subject(one) not in ADDED]


def missing(command):
    """The package or program that a command needs and that is not here, or nothing."""
    for part, name in NEEDS.items():
        if part in command.replace("hdsynth_tf.", " ") and not (shutil.which(name) or importlib.util.find_spec(name)):
            return name
    return None


def test_every_command_is_run_or_said_not_to_be():
    assert not [one for page in PAGES for one in unknown(page)]
    shown = [one for page in PAGES for one in shell_commands(page)]
    assert not [beginning for beginning in NOT_RUN if not any(one.startswith(beginning) for one in shown)]
    assert sum(subject(one) is not None for one in shown) > 30


@pytest.fixture
def reader(tmp_path):
    """The folder of somebody who reads a page: the repository's files, and data of their own."""
    for name in ("experiments", "docker"):
        (tmp_path / name).symlink_to(ROOT / name)
    page_folders.make(tmp_path)
    their_pictures(tmp_path / "their_pictures")
    return Reader(tmp_path)


def their_pictures(folder):
    """Of the scenes that the quickstart's run is scored on."""
    streets = page_folders.ToyStreet(8, 64, 128, "test", hidden_modes=False)
    for index, name in enumerate(streets.names):
        page_folders.save(folder / f"{name}.png", streets.load(index)["image"] // 2)


class Reader:
    """Types commands, in a shell, in a folder.

    Attributes:
        folder: `Path`.
    """

    def __init__(self, folder):
        self.folder = folder

    def start(self, command):
        """A process, in whose path this environment is first."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        streams = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        shell = ["bash", "-c", f"exec {command}"]
        return subprocess.Popen(shell, cwd=self.folder, env=environment, start_new_session=True, **streams)

    def run(self, command):
        """What is wrong with a command, or nothing."""
        process = self.start(command)
        try:
            said, _ = process.communicate(timeout=600)
        finally:
            end(process)
        if process.returncode:
            return f"exit code {process.returncode}: {said[-800:]}"
        absent = [path for path in self.results(command) if not (self.folder / path).exists()]
        return f"not made: {absent}. {said[-800:]}" if absent else ""

    def results(self, command):
        """The files and folders that a command should have made."""
        places = [] if "--dry_run" in command else WRITTEN.findall(command)
        return places + [f"{place}/{name}" for place in places for name in MADE.get(subject(command), ())]

    def serve(self, command, port):
        """Opens the page that a command serves, and ends it as Ctrl-C does. What is wrong, or nothing."""
        process = self.start(command)
        try:
            answered = opened(f"http://127.0.0.1:{port}/", process)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
        finally:
            end(process)
        if not answered or process.returncode not in (0, 130):
            return f"answered: {answered}, exit code {process.returncode}: {said[-800:]}"
        return ""


def end(process):
    """Kills it, and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def opened(url, process):
    """Whether a page answers within two minutes."""
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return urllib.request.urlopen(url, timeout=10).status == 200
        time.sleep(0.5)
    return False


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def shortened(command, port):
    """A command, and what makes it short behind it."""
    added = ADDED[subject(command)].format(port=port)
    if subject(command) == "train" and not efficientnet.FILE.is_installed:
        added += " --discriminator=patch"
    return f"{command} {added}".strip()


def what_is_wrong(reader, command):
    """Of one command, or nothing."""
    port = free_port()
    if subject(command) in SERVERS and "--report" not in command:
        return reader.serve(shortened(command, port), port)
    return reader.run(shortened(command, port))


def follow(reader, page, say):
    """Runs what a page shows; gives a line of each command that fails."""
    wrong = []
    for command in [one for shown in shell_commands(page) for one in expanded(shown)]:
        if reason := next((why for what, why in NOT_RUN.items() if command.startswith(what)), None):
            say(f"not run, {reason}: {command}")
        elif package := missing(command):
            say(f"not run, without {package}: {command}")
        else:
            begun = time.monotonic()
            fault = what_is_wrong(reader, command)
            say(f"{time.monotonic() - begun:4.0f} s {'FAILED ' if fault else ''}{command}")
            wrong += [f"{command}\n{fault}"] * bool(fault)
    return wrong


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in PAGES if shell_commands(page)])
def test_what_a_page_shows_works(page, reader, capsys):
    def say(line):
        with capsys.disabled():
            print(line, flush=True)

    wrong = follow(reader, page, say)
    text = (ROOT / page).read_text()
    named = set(re.findall(r"[`(](runs/[\w/.-]+\.\w+)[`)]", text))
    named |= {f"{folder}/{name}" for folder, names in listings(page).items() for name in names}
    wrong += [f"{name} is named, and not there" for name in sorted(named) if not (reader.folder / name).exists()]
    for block in python_blocks(page):
        wrong += [reader.run(f"python {program(block, reader.folder)}")]
    assert not any(wrong), "\n\n".join(filter(None, wrong))


def program(block, folder):
    """The file of a page's Python, made short."""
    for shown, short in IN_PYTHON.items():
        assert shown in block, shown
        block = block.replace(shown, short)
    (folder / "shown.py").write_text(READERS_OWN + block)
    return "shown.py"
