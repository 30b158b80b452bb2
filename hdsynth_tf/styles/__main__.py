"""`python -m hdsynth_tf.styles`: finds the styles of each class and stores them in the model."""

import keras
import numpy as np
from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.presets import names_preset
from hdsynth_tf.files.run_folder import RunFolder, check_writable, find_model, read_settings, write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.show.pictures import box_around, titled_rows
from hdsynth_tf.styles.clustering import encode_instances, find_styles
from hdsynth_tf.styles.settings import StylesSettings
from pipelines.paths import as_path

USAGE = """
Looks at every object of the training scenes with the model's encoder, finds a few styles for each class, and stores
them in the model, which then makes many photographs of one input. Data flags that are not given are those of the run.

  python -m hdsynth_tf.styles --model=runs/city
"""


def main(argv):
    asked, _ = flags.parse(argv, (StylesSettings, DataSettings), USAGE)
    if not asked.model:
        raise SettingsError("Say which model: --model=RUN_OR_FILE.")
    if names_preset(asked.model):
        raise SettingsError(f"Presets stay as they are. Give the run, or a .keras file. Received: {asked.model}")
    path, is_run = find_model(asked.model), as_path(asked.model).is_dir()
    folder = path.parent / "styles" if is_run else path.with_name(f"{path.stem}_styles")
    check_writable(folder)
    defaults = read_settings(asked.model, "data", form_of(DataSettings))
    _, data = flags.parse(argv, (StylesSettings, DataSettings), USAGE, defaults)
    is_run = is_run or RunFolder(path.parent).settings.is_file()  # named by its model's file
    with only_writer(path.parent if is_run else folder, "styles"):
        store_styles(path, folder, asked, data)


def store_styles(path, folder, asked, data):
    """Finds the styles, stores them in the model at `path`, and writes to `folder` what they are."""
    model = assemble.load_model(path)
    if model.encoder is None:
        raise SettingsError(f"{path} has no encoder: train one with --feature_channels=3.")
    data = assemble.with_classes(data, model.conditioning)
    source = assemble.build_source(data, data.split or "train")
    instances = encode_instances(model, source, folder / "instances")
    styles, counts = find_styles(
        instances, model.conditioning.num_classes, asked.num_styles, asked.min_area, asked.seed
    )
    model = model.with_styles(styles, asked.num_styles)
    model.save(path)
    run = RunFolder(path.parent)
    if path == run.model and (run.servable.exists() or read_settings(path, "run").get("export")):
        model.save(run.servable)

    names = model.conditioning.class_names or [f"class {label}" for label in range(model.conditioning.num_classes)]
    print_styles(instances, counts, names, asked.min_area)
    write_json(folder / "styles.json", {names[label]: sizes for label, sizes in counts.items()})
    sheet = draw_sheet(model, source, instances, counts, names)
    with replacing(folder / "sheet.png") as temporary:
        Image.fromarray(sheet).save(temporary)
    print(f"Styles of every class: {folder / 'sheet.png'}\nModel: {path}")


def print_styles(instances, counts, names, min_area):
    """A line for each class: how many instances, how many styles."""
    for label, name in enumerate(names):
        own = instances.label == label
        if label not in counts:
            print(f"  {name:<22s}  0 styles: does not occur; its features are 0")
            continue
        large = int((own & (instances.area > min_area)).sum())
        note = "" if large else f"; all smaller than {min_area:.4f} of the picture, their mean is its one style"
        print(f"  {name:<22s} {len(counts[label]):2d} styles of {large} of {int(own.sum())} instances{note}")


def draw_sheet(model, source, instances, counts, names):
    """A row for each class: its largest object, as it is and in each style, with how many objects look so."""
    rows = []
    bar = keras.utils.Progbar(sum(map(len, counts.values())), unit_name="style")
    for label, sizes in counts.items():
        largest = np.argmax(np.where(instances.label == label, instances.area, -1))
        scene, instance = source.load(int(instances.scene[largest])), int(instances.instance[largest])
        image = scene.pop("image")
        box = box_around(scene["instance_map"] == instance)
        pictures = [(image[box], "real")]
        for style, size in enumerate(sizes):
            pictures.append((model.generate(scene, styles={instance: style})[box], f"{style}: {size}x"))
            bar.add(1)
        rows.append((names[label], pictures))
    return titled_rows(rows)


if __name__ == "__main__":
    commands.run(main, "styles")
