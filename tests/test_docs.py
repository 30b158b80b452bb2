"""The pages, and the papers of the repository: complete, and true to the code."""

import ast
import dataclasses
import functools
import importlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from places import ROOT

import hdsynth_tf
from hdsynth_tf import cli
from hdsynth_tf.config import groups
from hdsynth_tf.config.settings import Settings
from pipelines.source import FileSource, Source

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
PAGES = ROOT / "docs" / "pages"
PAPERS = ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/pages/gallery.md"]
PUBLIC = ("hdsynth_tf.networks", "hdsynth_tf.losses", "hdsynth_tf.pretrained", "hdsynth_tf.model")
WRITTEN = {  # what the API pages show; the rest of `hdsynth_tf.__all__` are modules, by their own names
    name for path in (PAGES / "api").glob("*.md") for name in re.findall(r"^::: (\S+)$", path.read_text(), re.MULTILINE)
}


def shown(name):
    """What stands at a dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_every_public_name_is_on_a_page():
    public = {f"{module}.{name}" for module in PUBLIC for name in importlib.import_module(module).__all__}
    objects = [shown(name) for name in WRITTEN]
    missing = [name for name in public if not any(shown(name) is one for one in objects)]
    assert not missing and len(public) > 25
    pages = "".join(path.read_text() for path in (PAGES / "api").glob("*.md"))
    for name in hdsynth_tf.__all__:
        one = getattr(hdsynth_tf, name)
        assert f"`hdsynth_tf.{name}`" in pages or any(one is other for other in objects), name


def imported(code):
    """What a piece of Python imports by name from this project."""
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in found if node.module.split(".")[0] in ("hdsynth_tf", "pipelines")]
    return {f"{node.module}.{alias.name}" for node in ours for alias in node.names}


def test_sources_and_what_the_readme_and_the_notebook_import_is_on_a_page():
    (readme,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    notebook = json.loads((ROOT / "experiments" / "quickstart.ipynb").read_text())["cells"]
    cells = ["".join(cell["source"]) for cell in notebook if cell["cell_type"] == "code"]
    names = set.union(*map(imported, [readme, *cells]))
    sources = [Source, *Source.__subclasses__(), *FileSource.__subclasses__()]
    wanted = [shown(name) for name in names] + [one for one in sources if one.__module__.startswith("pipelines.")]
    objects = [shown(name) for name in WRITTEN]
    assert len(names) > 8 and len(sources) > 6
    assert not [one for one in wanted if not any(one is other for other in objects)]


def test_what_the_pages_show_is_documented():
    assert not [name for name in WRITTEN if not shown(name).__doc__]


def test_every_picture_is_in_the_gallery():
    pictures = {path.name for path in (ROOT / "experiments" / "pictures").iterdir()}
    assert set(re.findall(r"!\[[^]]+\]\(experiments/pictures/(\S+)\)", (PAGES / "gallery.md").read_text())) == pictures


@pytest.mark.parametrize("paper", PAPERS)
def test_files_that_a_paper_names_are_there(paper):
    text = (ROOT / paper).read_text()
    named = [name for name in re.findall(r"`([\w./-]+/[\w./-]*)`", text) if "NAME" not in name and "VERB" not in name]
    homes = (ROOT, ROOT / "hdsynth_tf")
    made = ("build/docs",)
    assert not [name for name in named if name not in made and not any((home / name).exists() for home in homes)]


@functools.cache
def flags():
    modules = [groups, *(importlib.import_module(f"hdsynth_tf.{verb}.settings") for verb in cli.verbs())]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return {field.name for group in found if issubclass(group, Settings) for field in dataclasses.fields(group)}


@pytest.mark.parametrize("paper", ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_flags_and_verbs_that_a_paper_names_are_there(paper):
    text = (ROOT / paper).read_text()
    assert set(re.findall(r"--([a-z]\w+)", text)) <= flags() | {"flagfile", "help"}
    assert set(re.findall(r"hdsynth ([a-z]\w+)", text)) <= set(cli.verbs())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", text)) <= targets


def test_files_for_others_tools_can_be_read():
    paths = [ROOT / "CITATION.cff", ROOT / ".pre-commit-config.yaml", *(ROOT / ".github").rglob("*.yml")]
    files = {path.name: yaml.safe_load(path.read_text()) for path in paths}
    assert {"cff-version", "title", "authors", "message"} <= set(files["CITATION.cff"])
    steps = files["ci.yml"]["jobs"]["run"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"] and os.access(ROOT / ".ci/run", os.X_OK)
    for name in ("bug.yml", "wish.yml"):
        assert {"name", "description", "body"} <= set(files[name])
        assert all(field["attributes"]["label"] for field in files[name]["body"])
    hooks = [hook["entry"].split()[:2] for repo in files[".pre-commit-config.yaml"]["repos"] for hook in repo["hooks"]]
    assert hooks == [["ruff", "check"], ["ruff", "format"]]


def build(folder, place):
    """Builds the pages of a copy of the repository; gives what was said."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place), "--config-file"]
    done = subprocess.run([*command, str(folder / "docs" / "mkdocs.yml")], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_pages_are_built_without_a_warning_and_a_broken_link_is_one(tmp_path):
    pytest.importorskip("mkdocstrings", reason="the extra `docs` is not installed: make docs builds the pages")
    copy = tmp_path / "copy"
    hidden = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "tests")
    shutil.copytree(ROOT, copy, ignore=hidden)
    code, said = build(copy, tmp_path / "site")
    assert code == 0, said
    assert "num_residual_blocks" in (tmp_path / "site" / "api" / "networks.html").read_text()
    models = (tmp_path / "site" / "api" / "models.html").read_text()
    for method in ("generate", "from_preset", "at_size", "export"):  # of classes that it consists of
        assert f"Pix2PixHD.{method}" in models
    with (copy / "README.md").open("a") as file:
        file.write("\n[no such heading](experiments/RESULTS.md#no-such-heading)\n")
    code, said = build(copy, tmp_path / "site")
    assert code != 0 and "no-such-heading" in said
