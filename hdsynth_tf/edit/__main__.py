"""`python -m hdsynth_tf.edit`: a page in the browser to change scenes and see their photographs follow."""

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of
from hdsynth_tf.edit.scenes.classes import class_table
from hdsynth_tf.edit.scenes.survey import survey
from hdsynth_tf.edit.server.painter import Painter
from hdsynth_tf.edit.server.worker import Worker
from hdsynth_tf.edit.settings import EditSettings
from hdsynth_tf.files.presets import names_preset
from hdsynth_tf.files.run_folder import RunFolderError, find_model, read_settings
from hdsynth_tf.generate.picture_folder import fingerprint
from hdsynth_tf.web.errors import check_installed
from pipelines.source import class_colors

USAGE = """
Opens scenes in the browser: objects are restyled, moved, removed, added, and the photograph follows. Without flags, on
streets and the model that come with the package. Data flags that are not given are those of the run.

  python -m hdsynth_tf.edit
  python -m hdsynth_tf.edit --model=runs/city --scenes=CITYSCAPES
"""


def main(argv):
    asked, _ = flags.parse(argv, (EditSettings, DataSettings), USAGE)
    if asked.model == EditSettings.model and not names_preset(asked.model):
        raise RunFolderError(
            f"The preset {asked.model} is not in this installation. make quickstart trains another model, "
            "--model=runs/quickstart; or say which: --model=RUN_OR_FILE."
        )
    path = find_model(asked.model)
    check_installed()
    from hdsynth_tf.edit.server.routes import Editor  # needs the extra `ui`
    from hdsynth_tf.web.server import serve

    model = assemble.load_model(path)
    if "label_map" not in model.conditioning.input_formats:
        raise SettingsError(f"{path} makes pictures of images. The editor is for models that read label maps.")
    defaults = {**read_settings(asked.model, "data", form_of(DataSettings)), "split": "test"}
    _, data = flags.parse(argv, (EditSettings, DataSettings), USAGE, defaults)
    if size := assemble.size_setting(data, "image"):
        model = model.at_size(size)
    source = find_scenes(asked.scenes, data, model.conditioning)
    painter = Painter(model)
    facts, cut_outs = survey(source, asked.survey_scenes, asked.cut_outs)
    void = {*model.conditioning.dont_care, *source.dont_care}
    names, colors = names_and_colors(model.conditioning, source)
    classes = class_table(names, colors, facts, void, painter.style_counts, asked.fill_weight)
    print(describe(classes, cut_outs))
    made_by = {"name": asked.model, "fingerprint": fingerprint(path)}
    editor = Editor(source, classes, cut_outs, painter, Worker(), made_by)
    serve(editor.app(asked.host), asked.host, asked.port, "Editor")


def find_scenes(folder, data, conditioning):
    """The scenes of a folder, or of a dataset where `folder` is empty."""
    if folder:
        return assemble.build_scenes(folder, conditioning.num_classes)
    data = assemble.with_classes(data, conditioning)
    source = assemble.build_source(data, data.split, images=False)
    if "label_map" not in source.formats:
        raise SettingsError("The data have no label maps. Give a folder that has: --scenes=FOLDER.")
    return source


def names_and_colors(conditioning, source):
    """Names and colors of the classes: those of the model, or else of the scenes."""
    count = conditioning.num_classes
    known = source.num_classes == count
    names = conditioning.class_names or (known and source.class_names) or [f"class {label}" for label in range(count)]
    return names, conditioning.class_colors or (known and source.class_colors) or class_colors(count)


def describe(classes, cut_outs):
    """Findings about the scenes, a line each, for people to check."""

    def named(labels):
        return ", ".join(classes.names[label] for label in sorted(labels)) or "none"

    return (
        f"Counted objects: {named(classes.things)}\nThin, not copied into holes: {named(classes.thin)}\n"
        f"Size follows place: {named(classes.sizes)}\nLibrary: {len(cut_outs)} objects"
    )


if __name__ == "__main__":
    commands.run(main, "edit")
