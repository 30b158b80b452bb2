"""`python -m hdsynth_tf.evaluate`: methods side by side, in one table and one page, with the real images as oracle."""

import dataclasses

from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of, named_places
from hdsynth_tf.evaluate import report
from hdsynth_tf.evaluate.groups import extremes, group_scenes
from hdsynth_tf.evaluate.instruments import choose_instruments
from hdsynth_tf.evaluate.making import plan_pictures
from hdsynth_tf.evaluate.measurement import REAL
from hdsynth_tf.evaluate.methods import INPUT, find_methods, write_inputs
from hdsynth_tf.evaluate.page import Shown, draw_sheet, show_input, write_page
from hdsynth_tf.evaluate.protocol import describe
from hdsynth_tf.evaluate.scoring import measure_all, score_all, score_groups
from hdsynth_tf.evaluate.settings import EvaluateSettings
from hdsynth_tf.evaluate.steadiness import Steadiness, sequences_of
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolder, check_writable, find_model, read_settings
from hdsynth_tf.files.storage import replacing
from pipelines.checks.validate import validate
from pipelines.checks.values import survey
from pipelines.paths import as_path
from pipelines.source import FileSource, spread

USAGE = """
Compares methods, each a model or a folder of pictures, with the real images of held-out scenes: what a segmenter finds
again in their pictures, and what a detector does, FID and KID, LPIPS, PSNR and SSIM, how different the pictures of
several seeds are. Writes the table, table.md and table.json, and a page with the pictures side by side. Started again,
it goes on where it stopped.
Data flags that are not given are those of the first run, on its split val.

  python -m hdsynth_tf.evaluate --method=ours=runs/city --method=theirs=their_pictures \\
      --segmenter=segformer_b5_cityscapes_1024 --output_dir=evaluation
  python -m hdsynth_tf.train_segmenter --output=segmenter.keras
  python -m hdsynth_tf.evaluate --method=quick=runs/quickstart --segmenter=segmenter.keras --features=segmenter \\
      --output_dir=evaluation
"""
NUM_SCENES = 300  # of toy_street, unless a flag says so


def main(argv):
    asked, _ = flags.parse(argv, (EvaluateSettings, DataSettings), USAGE)
    if not asked.method or not asked.output_dir:
        raise SettingsError("Say what to compare and where it goes: --method=NAME=RUN_OR_FOLDER --output_dir=FOLDER.")
    output_dir, reserved = as_path(asked.output_dir), {REAL, INPUT} if asked.input else {REAL}
    places = named_places(asked.method, reserved)
    models = {name: find_model(place) for name, place in places.items() if is_model(place)}
    folders = {name: as_path(place) for name, place in places.items() if name not in models}
    check_writable(output_dir)
    _, data = flags.parse(argv, (EvaluateSettings, DataSettings), USAGE, data_defaults([places[n] for n in models]))
    assemble.check_pairs(data, "evaluate")
    assemble.check_apart(output_dir, data)
    with only_writer(output_dir, "evaluate"):
        compare(list(places), models, folders, asked, data, output_dir)


def compare(names, models, folders, asked, data, output_dir):
    """Makes the pictures, measures them, and writes the table and the page.

    Args:
        names: Strings, of the methods, in the order of the table.
        models, folders: Dicts: name -> `Path`; each method is in one of them.
        asked, data: `EvaluateSettings`, `DataSettings`.
        output_dir: `Path`.
    """
    source, values = held_out_scenes(data)
    given, notes = find_methods(folders, source, asked.resize)
    makings = plan_pictures(models, source, data, asked, output_dir)
    instruments = choose_instruments(asked, source, assemble.with_windows(data, source.formats, values).target_range)
    if asked.video:
        sequences = sequences_of(source.names, data.sequence)
        instruments = dataclasses.replace(instruments, steadiness=Steadiness(), sequences=sequences)
    for note in notes:
        print(note)

    methods = []
    if asked.input:
        methods.append(write_inputs(source, lambda scene: show_input(scene, source), output_dir / "pictures" / INPUT))
    made = {name: making.make(name, source) for name, making in makings.items()}
    methods += [{**given, **made}[name] for name in names]
    measured = measure_all(methods, source, instruments, asked, data, output_dir)
    scores, grouped = score_all(measured, asked), None
    protocol = describe(asked, data, source, instruments, measured) + notes
    if asked.group_by:
        groups = group_scenes(source, asked.group_by, instruments.window, data.sequence)
        grouped = score_groups(measured, groups, asked)
        counts = ", ".join(f"{groups.count(group)} of {group}" for group in sorted(set(groups)))
        protocol.append(f"Groups by {asked.group_by}: {counts} scenes.")
    class_names = instruments.classes.names if instruments.classes else ()
    tables = report.write_tables(scores, measured, class_names, protocol, output_dir, grouped)
    indices = spread(asked.num_pictures, len(source))
    if asked.pictures == "extremes":
        indices = extremes(measured[names[0]], asked.num_pictures)
    draw(source, methods, instruments, indices, protocol, tables, output_dir)
    print("\n" + (output_dir / "table.md").read_text())
    print(f"Table: {output_dir / 'table.md'} and table.json\nPage: {output_dir / 'index.html'}")


# === What is compared ===


def is_model(place):
    """Whether a place is a run or a model file; else it is a folder of pictures."""
    path = as_path(place)
    return path.suffix == ".keras" or RunFolder(path).model.is_file() or RunFolder(path).settings.is_file()


def data_defaults(runs):
    """The data settings of the first run that has some, with what other models read, too; held-out scenes."""
    settings = [found for found in (read_settings(run, "data", form_of(DataSettings)) for run in runs) if found]
    defaults = {"split": "val", "num_scenes": NUM_SCENES, "unpaired": False}  # what is compared with must pair
    if settings:
        reads_instances = any(found.get("use_instance_map", True) for found in settings)
        defaults = {**settings[0], "use_instance_map": reads_instances, **defaults}
    return defaults


def held_out_scenes(data):
    """The scenes that methods are compared on, and the values of images that are no plain photographs."""
    source = assemble.build_source(data, data.split)
    if not isinstance(source, FileSource):
        return source, survey(source)
    findings = validate(source)
    print(findings.lines[0], *findings.notes, sep="\n")
    return source, findings.values


# === What is written ===


def draw(source, methods, instruments, indices, protocol, tables, output_dir):
    """Writes the page of some scenes, and a sheet with the first of them."""
    shown = [Shown.of(source, index, methods, instruments) for index in indices]
    write_page(shown, [method.name for method in methods], protocol, tables, output_dir)
    with replacing(output_dir / "pictures.png") as temporary:
        Image.fromarray(draw_sheet(shown[:4], [method.name for method in methods])).save(temporary)


if __name__ == "__main__":
    commands.run(main, "evaluate")
