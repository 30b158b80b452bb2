"""Every command that a page shows: its flags are read by the command itself, its scripts and targets are there."""

import ast
import importlib
import re

import pytest
from places import ROOT
from shown_commands import commands, pages, python_blocks

from hdsynth_tf import cli
from hdsynth_tf.config import flags

LETTERS = {"--format=F": "--format=onnx"}  # where a page means any of several


class Parsed(Exception):
    """A command got as far as that its flags were read."""


def test_pages_have_commands():
    assert len(commands("README.md")) > 25 and {verb for verb, _ in commands("README.md")} == set(cli.verbs())
    assert sum(len(commands(page)) for page in pages()) > 80


@pytest.mark.parametrize("page", [page for page in pages() if commands(page)])
def test_commands_are_read_by_their_verbs(page, monkeypatch, capsys):
    read = flags.parse

    def parse(argv, *arguments):
        read(argv, *arguments)
        raise Parsed

    monkeypatch.setattr(flags, "parse", parse)
    for verb, arguments in commands(page):
        assert verb in cli.verbs(), (verb, arguments)
        if not arguments:  # it is named, not shown
            continue
        module = importlib.import_module(f"hdsynth_tf.{verb}.__main__")
        try:
            module.main([verb, *(LETTERS.get(word, word) for word in arguments if word != "...")])
        except Parsed:
            continue
        except SystemExit as stop:
            assert "--help" in arguments and not stop.code
        else:
            pytest.fail(f"{verb} did not read its flags")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/pages/gallery.md"])
def test_targets_and_scripts_that_a_page_names_are_there(page):
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE)) <= targets
    scripts = re.findall(r"\b(?:python|build -f) ([\w/]+\.(?:py|Dockerfile))", text)
    assert not [script for script in scripts if not (ROOT / script).is_file()]


def test_python_that_the_readme_shows_imports_what_is_there():
    (shown,) = python_blocks("README.md")
    imports = [node for node in ast.parse(shown).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert len(imports) > 5
    exec(compile(ast.Module(imports, []), "README.md", "exec"), {})
