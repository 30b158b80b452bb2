"""The house stays as it is designed: imports point down, nothing happens on import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [  # a file may import its own floor and those below
    ["hdsynth_tf.storage", "hdsynth_tf.recipes", "hdsynth_tf.settings", "hdsynth_tf.precision", "hdsynth_tf.optimizers",
     "hdsynth_tf.networks", "hdsynth_tf.losses", "hdsynth_tf.gallery", "hdsynth_tf.pictures", "hdsynth_tf.serving",
     "hdsynth_tf.schedule", "hdsynth_tf.video", "hdsynth_tf.flags", "hdsynth_tf.run_folder", "hdsynth_tf.torch_files"],
    ["hdsynth_tf.model"],
    ["hdsynth_tf.checkpoints", "hdsynth_tf.callbacks", "hdsynth_tf.plan", "hdsynth_tf.build", "hdsynth_tf.evaluation",
     "hdsynth_tf.stages", "hdsynth_tf.validation", "hdsynth_tf.picture_folder", "hdsynth_tf.released",
     "hdsynth_tf.clustering", "hdsynth_tf.tone_fitting", "hdsynth_tf.web", "hdsynth_tf.preference",
     "hdsynth_tf.editing"],
    ["hdsynth_tf.commands", "hdsynth_tf.train", "hdsynth_tf.generate", "hdsynth_tf.prepare", "hdsynth_tf.convert",
     "hdsynth_tf.export", "hdsynth_tf.styles", "hdsynth_tf.register", "hdsynth_tf.evaluate",
     "hdsynth_tf.train_segmenter", "hdsynth_tf.study", "hdsynth_tf.edit"],
]  # fmt: skip
BACKEND_NEUTRAL = [
    "hdsynth_tf/precision.py",
    "hdsynth_tf/optimizers.py",
    "hdsynth_tf/networks",
    "hdsynth_tf/losses",
    "pipelines/conditioning.py",
]


def files(*places):
    for place in places:
        path = ROOT / place
        yield from [path] if path.suffix else path.rglob("*.py")


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def floor(name):
    for number, rooms in enumerate(FLOORS):
        if any(name == room or name.startswith(room + ".") for room in rooms):
            return number
    return None


@pytest.mark.parametrize("path", sorted(files("hdsynth_tf")), ids=module)
def test_imports_point_down(path):
    here = floor(module(path))
    if module(path) == "hdsynth_tf":
        return  # re-exports
    assert here is not None, f"{module(path)} has no floor: add it to FLOORS"
    above = [name for name in imports(path) if (floor(name) or 0) > here]
    assert not above


def test_pipelines_know_nothing_of_the_package():
    assert not [(path, name) for path in files("pipelines") for name in imports(path) if name.startswith("hdsynth_tf")]


def test_networks_losses_and_conditioning_use_no_tensorflow():
    assert not [(p, n) for p in files(*BACKEND_NEUTRAL) for n in imports(p) if n.split(".")[0] == "tensorflow"]


def test_only_flags_knows_absl_and_only_build_and_above_know_settings():
    absl = {
        module(path) for path in files("hdsynth_tf", "pipelines") for name in imports(path) if name.startswith("absl")
    }
    assert absl == {"hdsynth_tf.flags"}
    knowing = {module(path) for path in files("hdsynth_tf") if "hdsynth_tf.settings" in imports(path)}
    may_know = {"hdsynth_tf.flags", *FLOORS[-1]}
    assert {name for name in knowing if not name.startswith("hdsynth_tf.build.")} <= may_know


def test_importing_defines_no_flags_and_touches_no_device():
    script = (
        "from absl import flags; import hdsynth_tf; from tensorflow.python.eager import context;"
        "assert not [m for m in flags.FLAGS.flags_by_module_dict() if m.startswith(('hdsynth', 'pipelines'))];"
        "assert not context.context()._initialized"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=60)


def test_importing_registers_what_saved_models_consist_of():
    script = (
        "import keras, hdsynth_tf;"
        "names = ('Adam', 'LinearDecay', 'Pix2PixHD', 'FeatureEncoder', 'StyleBank', 'VGG19Features');"
        "assert all(keras.saving.get_registered_object(f'hdsynth_tf>{name}') for name in names)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, timeout=60)


def test_no_line_of_the_package_unpickles():
    for path in files("hdsynth_tf", "pipelines"):
        text = path.read_text().replace("allow_pickle=False", "").replace("pickletools", "")  # shows, and runs nothing
        assert "pickle" not in text and "safe_mode=False" not in text
