"""`python -m hdsynth_tf.export`: a model file -> a SavedModel for TensorFlow Serving."""

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.export.settings import ExportSettings
from hdsynth_tf.files.run_folder import RunFolderError, check_writable
from pipelines.paths import as_path

USAGE = """
Writes the served form of a model, as training does at its end: maps in, photographs out, without any of this code.

  python -m hdsynth_tf.export --model=city.keras --output_dir=serving/city/1
"""


def main(argv):
    (asked,) = flags.parse(argv, (ExportSettings,), USAGE)
    if not asked.model or not asked.output_dir:
        raise SettingsError("Say which model and where it goes: --model=RUN_OR_FILE --output_dir=NAME/VERSION.")
    path = as_path(asked.output_dir)
    if path.suffix or not path.name:
        raise SettingsError(f"--output_dir should be a folder, such as serving/city/1. Received: {asked.output_dir}")
    check_writable(path)
    try:
        assemble.load_model(asked.model, asked.direction).save(path)
    except FileExistsError as error:
        raise RunFolderError(str(error)) from error
    print(f"For TensorFlow Serving: {path.parent}")


if __name__ == "__main__":
    commands.run(main, "export")
