"""The house stays as it is designed: imports point down, wings keep to themselves, nothing happens on import."""

import ast
import functools
import subprocess
import sys

import pytest
from places import ROOT

FLOORS = [  # the ground that all verbs share; a room may import those of the floors below it, and none beside it
    ["pipelines", "hdsynth_tf.machine", "hdsynth_tf.stopping", "hdsynth_tf.surroundings"],
    ["hdsynth_tf.networks", "hdsynth_tf.files"],
    ["hdsynth_tf.losses", "hdsynth_tf.pretrained", "hdsynth_tf.config", "hdsynth_tf.show", "hdsynth_tf.web"],
    ["hdsynth_tf.model"],
    ["hdsynth_tf.assemble", "hdsynth_tf.cli"],
]
WINGS = {  # a verb -> the other verbs that it uses
    "train": {"evaluate"},
    "generate": set(),
    "evaluate": {"generate"},
    "train_segmenter": {"evaluate"},
    "styles": set(),
    "edit": {"generate"},
    "study": {"evaluate"},
    "convert": set(),
    "register": set(),
    "prepare": set(),
    "export": {"evaluate"},
}
BACKEND_NEUTRAL = [
    "hdsynth_tf.networks",
    "hdsynth_tf.losses",
    "hdsynth_tf.pretrained",
    "hdsynth_tf.model.optimizers",
    "pipelines.conditioning",
]
ONLY_ON_TENSORFLOW = {  # imports under a condition
    ("hdsynth_tf.model", "hdsynth_tf.model.cyclegan"),
    ("hdsynth_tf.model", "hdsynth_tf.model.pix2pixhd"),
}


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for place in ("hdsynth_tf", "pipelines") for path in (ROOT / place).rglob("*.py")}


@functools.cache
def imports(name):
    """What a module imports when it is itself imported, of this project and of others; packages count as imported."""
    found = set()
    for node in statements(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
    return found | {parent for one in found if one in MODULES for parent in parents(one)}


@functools.cache
def all_imports(name):
    """`imports`, and those that functions make when they are called."""
    tree = ast.parse(MODULES[name].read_text())
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module, *({f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES))}
    return found


def statements(tree):
    """What runs on import: everything but the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from statements(node)


def parents(name):
    parts = name.split(".")
    return {".".join(parts[:i]) for i in range(1, len(parts))} & set(MODULES) - {"hdsynth_tf"}


def reached(name):
    """Everything that is imported with a module, to the end of all paths: dict of name -> who imports it."""
    found, left = {}, [name]
    while left:
        here = left.pop()
        for other in imports(here) if here in MODULES else ():
            if other not in found and (here, other) not in ONLY_ON_TENSORFLOW:
                found[other] = here
                left.append(other)
    return found


def room(name):
    """The room that a module is in: a wing, or a place of the ground; `None` for a module that no table names."""
    top, _, rest = name.partition(".")
    if top == "pipelines":
        return "pipelines"
    place = f"{top}.{rest.partition('.')[0]}"
    known = {room for floor in FLOORS for room in floor} | {f"hdsynth_tf.{verb}" for verb in WINGS}
    return place if place in known else None


def floor(place):
    return next((number for number, floor in enumerate(FLOORS) if place in floor), len(FLOORS))


def may_import(here, there):
    verb, other = here.removeprefix("hdsynth_tf."), there.removeprefix("hdsynth_tf.")
    return here == there or floor(there) < floor(here) or other in WINGS.get(verb, ())


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"hdsynth_tf"}))
def test_imports_point_down(name):
    here = room(name)
    assert here, f"{name} is in no room: add it to FLOORS or WINGS"
    for other in all_imports(name):
        if other.split(".")[0] in ("hdsynth_tf", "pipelines") and other != "hdsynth_tf":
            assert other in MODULES, f"{name} imports {other}, which is not there"
            assert may_import(here, room(other)), f"{name} imports {other}"


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"hdsynth_tf"}))
def test_all_that_comes_with_a_module_lies_below_it(name):
    """To the end of all paths: a wing comes with the wings that its table names, and those that theirs name."""
    here = room(name).removeprefix("hdsynth_tf.")
    allowed, left = set(), [here]
    while left:
        verb = left.pop()
        if verb not in allowed:
            allowed.add(verb)
            left += WINGS.get(verb, ())
    for other, by in reached(name).items():
        if other in MODULES and other != "hdsynth_tf":
            place = room(other)
            is_fine = floor(place) < floor(room(name)) or place.removeprefix("hdsynth_tf.") in allowed
            assert is_fine, f"{name} brings {other}, which {by} imports"


def test_every_verb_is_a_wing_with_a_command():
    commands = {name.split(".")[1] for name in MODULES if name.endswith(".__main__")}
    assert commands == set(WINGS)
    for verb in WINGS:
        assert {f"hdsynth_tf.{verb}.settings", f"hdsynth_tf.{verb}"} <= set(MODULES)


def test_no_circles():
    graph = {name: (all_imports(name) & set(MODULES)) - {"hdsynth_tf", *parents(name)} for name in MODULES}
    while leaves := {name for name, others in graph.items() if not others}:
        graph = {name: others - leaves for name, others in graph.items() if name not in leaves}
    assert not graph, f"in circles, or above one: {sorted(graph)}"


def test_pipelines_know_nothing_of_the_package():
    found = [(name, other) for name in MODULES if room(name) == "pipelines" for other in all_imports(name)]
    assert not [pair for pair in found if pair[1].startswith("hdsynth_tf")]


@pytest.mark.parametrize("place", BACKEND_NEUTRAL)
def test_networks_losses_and_conditioning_bring_no_tensorflow(place):
    for name in MODULES:
        if name == place or name.startswith(f"{place}."):
            brings = reached(name)
            tensorflow = [other for other in brings if other.split(".")[0] == "tensorflow"]
            assert not tensorflow, f"{name} brings TensorFlow, which {brings[tensorflow[0]]} imports"


def test_only_flags_knows_absl_and_nothing_below_assemble_knows_settings():
    absl = {name for name in MODULES for other in all_imports(name) if other.startswith("absl")}
    assert absl == {"hdsynth_tf.config.flags"}
    groups = {"hdsynth_tf.config.groups", *(f"hdsynth_tf.{verb}.settings" for verb in WINGS)}
    knowing = {name for name in MODULES if groups & all_imports(name)} - groups
    below = {room for floor in FLOORS[:-1] for room in floor} - {"hdsynth_tf.config"}
    assert not [name for name in knowing if room(name) in below]


def test_importing_defines_no_flags_and_touches_no_device():
    script = (
        "from absl import flags; import hdsynth_tf; from tensorflow.python.eager import context;"
        "assert not [m for m in flags.FLAGS.flags_by_module_dict() if m.startswith(('hdsynth', 'pipelines'))];"
        "assert not context.context()._initialized"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=300)


def test_importing_registers_what_saved_models_consist_of():
    script = (
        "import keras, hdsynth_tf;"
        "names = ('Adam', 'LinearDecay', 'Pix2PixHD', 'FeatureEncoder', 'StyleBank', 'VGG19Features');"
        "assert all(keras.saving.get_registered_object(f'hdsynth_tf>{name}') for name in names)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=300)


UNPICKLER = "hdsynth_tf.files.unpickling"  # gives files of weights stand-ins for the few names they have


def test_no_line_of_the_package_unpickles():
    for name, path in MODULES.items():
        text = path.read_text().replace("allow_pickle=False", "")
        assert "safe_mode=False" not in text
        if name != UNPICKLER:
            assert "pickle" not in text.lower(), name


def test_the_one_unpickler_finds_nothing_but_its_stand_ins():
    """It is used nowhere but through the class whose `find_class` looks into its own table, and imports nothing."""
    tree = ast.parse(MODULES[UNPICKLER].read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_name(node.value, "pickle")}
    assert used == {"_Unpickler", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "NEWOBJ", "MARK"}
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    (unpickler,) = (node for node in classes if any(isinstance(base, ast.Attribute) for base in node.bases))
    (find_class,) = (node for node in unpickler.body if getattr(node, "name", "") == "find_class")
    (returned,) = (node.value for node in ast.walk(find_class) if isinstance(node, ast.Return))
    assert isinstance(returned, ast.Subscript) and _is_name(returned.value, "NAMES")
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"getattr", "__import__", "eval", "exec"}
    assert not any(isinstance(node, ast.Attribute) and node.attr == "find_class" for node in ast.walk(tree))


def _is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name
