"""Docstrings name every argument, and their examples run."""

import doctest
import importlib
import inspect
import re

import keras
import pytest
from test_architecture import MODULES

import hdsynth_tf

EXAMPLES = {  # of which each has one, at least
    "hdsynth_tf.model.pix2pixhd": {"Pix2PixHD"},
    "hdsynth_tf.networks.generators": {"GlobalGenerator", "UNetGenerator"},
    "hdsynth_tf.networks.coarse_to_fine": {"CoarseToFineGenerator"},
    "hdsynth_tf.networks.refinement": {"RefinementGenerator"},
    "pipelines.conditioning": {"SemanticConditioning"},
    "pipelines.dataset": {"make_train"},
}
REGISTERED = {
    registered.__name__: registered
    for name, registered in keras.saving.get_custom_objects().items()
    if name.startswith(("hdsynth_tf>", "pipelines>"))
}


def arguments(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.name not in ("self", "name") and p.kind is not p.VAR_KEYWORD]


def documented(docstring):
    """The names in the section Args."""
    section = re.search(r"Args:\n(.*?)(?:\n\s*\n\s*[A-Z][\w ]+:\n|\Z)", docstring or "", re.DOTALL)
    lines = re.findall(r"^\s+([a-z_0-9]+(?:, [a-z_0-9]+)*): ", section[1], re.MULTILINE) if section else []
    return {name for line in lines for name in line.split(", ")}


@pytest.mark.parametrize("name", sorted(name for name, own in REGISTERED.items() if "__init__" in vars(own)))
def test_every_argument_of_a_class_is_documented(name):
    own = REGISTERED[name]
    assert not set(arguments(own.__init__)) - documented(inspect.getdoc(own)), f"Args: of {name}"


def test_compile_documents_its_arguments():
    compile = hdsynth_tf.Pix2PixHD.compile
    assert set(arguments(compile)) == documented(inspect.getdoc(compile))


@pytest.mark.parametrize("name", [name for name, path in MODULES.items() if ">>> " in path.read_text()])
def test_examples_run(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    shown = set()
    for example in finder.find(module, globs={}):
        if example.examples:
            shown.add(example.name.rpartition(".")[2])
            result = runner.run(example)
            assert not result.failed
    assert EXAMPLES.get(name, set()) <= shown
