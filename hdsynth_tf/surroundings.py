"""What is around the package: another `pipelines`, settings of Keras that are not ours, other packages.

Commands (`python -m hdsynth_tf.VERB`, `hdsynth VERB`) settle these things themselves; whoever imports the package is
told.
"""

import importlib.util
import os
import sys
import warnings
from pathlib import Path

OURS = Path(__file__).resolve().parent.parent / "pipelines"
KERAS = {"image_data_format": "channels_last", "floatx": "float32"}


def is_installed(package):
    """Whether a package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None


def is_command():
    """Whether Python was started with `-m`, which stands here while it looks for the module, or by `hdsynth`."""
    return sys.argv[:1] == ["-m"] or Path((sys.argv or [""])[0]).stem == "hdsynth"


def find_pipelines():
    """Imports our own `pipelines`, whatever else of that name lies where Python was started.

    Raises:
        ImportError: If another one is imported already.
    """
    loaded = sys.modules.get("pipelines")
    place = OURS / "__init__.py"
    if loaded is None:
        spec = importlib.util.spec_from_file_location("pipelines", place, submodule_search_locations=[str(OURS)])
        sys.modules["pipelines"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["pipelines"])
    elif not getattr(loaded, "__file__", None) or Path(loaded.__file__).resolve() != place:
        found = getattr(loaded, "__file__", None) or next(iter(loaded.__path__))
        raise ImportError(
            f"hdsynth_tf needs its own package `pipelines`, {OURS}, but another is imported: {found}. Import ours "
            "before it (import hdsynth_tf), or rename it."
        )


def choose_backend():
    """Has Keras take TensorFlow unless KERAS_BACKEND says otherwise; commands need it. Comes before Keras' import."""
    backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow" and is_command():
        print(
            f"Error: the commands need Keras on TensorFlow. Unset KERAS_BACKEND, which is {backend}.", file=sys.stderr
        )
        sys.exit(1)


def settle_keras():
    """Gives commands the settings of Keras that the networks need; warns in one line where they are imported."""
    import keras

    for name, wanted in KERAS.items():
        found = getattr(keras.config, name)()
        if found == wanted:
            continue
        if is_command():
            getattr(keras.config, f"set_{name}")(wanted)
        else:
            warnings.warn(
                f"Keras' {name} is {found} (~/.keras/keras.json?); hdsynth_tf needs {wanted}: call "
                f"keras.config.set_{name}({wanted!r}).",
                stacklevel=3,
            )
