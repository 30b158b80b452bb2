"""`python -m hdsynth_tf.export`: a model file -> what other programs run, checked against Keras."""

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of
from hdsynth_tf.export.checking import compare
from hdsynth_tf.export.errors import ExportError
from hdsynth_tf.export.facts import facts_of
from hdsynth_tf.export.formats import FORMATS, open_saved_model
from hdsynth_tf.export.scenes import scenes_for
from hdsynth_tf.export.served import Served
from hdsynth_tf.export.settings import ExportSettings
from hdsynth_tf.files.presets import CARD
from hdsynth_tf.files.run_folder import RunFolderError, check_writable, find_model, read_settings
from hdsynth_tf.files.storage import remove, remove_leftovers, remove_leftovers_of
from pipelines.paths import as_path

USAGE = """
Writes a model as other programs run it, without any of this code: maps in, photographs out. What was written is run by
its own runtime and compared with Keras. Data flags that are not given are those of the run.

  python -m hdsynth_tf.export --model=city.keras --output_dir=serving/city/1
  python -m hdsynth_tf.export --model=runs/city --format=onnx --image_height=512 --image_width=1024 --output_dir=out
  python -m hdsynth_tf.export --model=runs/city --format=litert --weights=float16 --weights=int8 --output_dir=out
  python -m hdsynth_tf.export --model=runs/city --format=preset --output_dir=presets/city
"""


def main(argv):
    asked, _ = flags.parse(argv, (ExportSettings, DataSettings), USAGE)
    if not asked.model or not asked.output_dir:
        raise SettingsError("Say which model and where it goes: --model=RUN_OR_FILE --output_dir=FOLDER.")
    path = as_path(asked.output_dir)
    if path.suffix or not path.name:
        raise SettingsError(f"--output_dir should be a folder, such as serving/city/1. Received: {asked.output_dir}")
    model_path = find_model(asked.model)
    defaults = {**read_settings(asked.model, "data", form_of(DataSettings)), "split": "test"}
    _, data = flags.parse(argv, (ExportSettings, DataSettings), USAGE, defaults)
    check_writable(path)
    remove_leftovers(path)
    remove_leftovers_of(path)
    model = assemble.load_model(model_path, asked.direction)
    if asked.format == "preset":
        export_preset(model, path, facts_of(model_path))
    elif asked.format == "saved_model":
        export_saved_model(model, path, asked, data)
    else:
        export_format(model, path, asked, data)


def export_saved_model(model, path, asked, data):
    """Writes a SavedModel, of any size, and runs it."""
    try:
        model.save(path)
    except FileExistsError as error:
        raise RunFolderError(str(error)) from error
    report(path, open_saved_model, model, scenes_of(model, asked, data, assemble.size_setting(data, "image")))
    print(f"For TensorFlow Serving: {path.parent}")


def export_preset(model, path, facts):
    """Writes a preset, and loads it."""
    try:
        model.save_to_preset(path, facts)
    except FileExistsError as error:
        raise RunFolderError(str(error)) from error
    assemble.load_model(path)
    print(f"{path}: {megabytes(path):.2f} MB\nFill in what {path / CARD} leaves open.")


def export_format(model, path, asked, data):
    """Writes a file of one size for each kind of weights, and runs it."""
    form = FORMATS[asked.format]
    for weights in asked.weights:
        if weights not in form.weights:
            raise SettingsError(f"{asked.format} is written with --weights={' or '.join(form.weights)}, not {weights}.")
    size = assemble.size_setting(data, "image") or model.conditioning.image_size
    if size is None:
        raise SettingsError(f"--format={asked.format} is of one size: give --image_height and --image_width.")
    form.check_installed()
    served = Served(model, size)
    scenes = scenes_of(served.model, asked, data, size)
    for weights in asked.weights:
        name = "model" if weights == "float32" else f"model_{weights}"
        file = path / f"{name}{form.suffix}"
        form.write(served, file, weights)
        if not form.runs_here:
            print(f"{file}: not checked, since {form.runtimes[0]} is not installed (pip install -e .[export]).")
            continue
        try:
            report(file, form.open, served.model, scenes, is_exact=weights == "float32")
        except ExportError:
            remove(file)
            raise


def scenes_of(model, asked, data, size):
    """The scenes that exports are tried on; none where none are asked for."""
    if not asked.check_scenes:
        return []
    scenes, place = scenes_for(model, data, size, asked.check_scenes)
    print(f"Compared on {len(scenes)} scenes: {place}.")
    return scenes


def report(path, open_export, model, scenes, is_exact=True):
    """Prints size, time and difference. Raises `ExportError` if what should be exact is not."""
    size = f"{path}: {megabytes(path):.2f} MB"
    if not scenes:
        print(size)
        return

    def reference(scene):
        inputs = {name: array for name, array in scene.items() if name != "seed"}
        return model.generate(inputs, seed=scene.get("seed", 0))

    found = compare(open_export(path), reference, scenes, model.conditioning.image_range)
    print(f"{size}, {found}")
    if is_exact:
        found.check(path.name)


def megabytes(path):
    """Of a folder, or of a file; of OpenVINO's `.xml` with the weights beside it."""
    parts = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    files = path.rglob("*") if path.is_dir() else parts
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    commands.run(main, "export")
