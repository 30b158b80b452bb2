"""`python -m hdsynth_tf.evaluate`: methods side by side, in one table and one page, with the real images as oracle."""

import dataclasses
import itertools
import json

from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of, named_places
from hdsynth_tf.evaluate import report
from hdsynth_tf.evaluate.distances import FEW_IMAGES
from hdsynth_tf.evaluate.features import InceptionFeatures, OriginalFeatures
from hdsynth_tf.evaluate.groups import extremes, group_scenes, in_groups
from hdsynth_tf.evaluate.intervals import LEVEL
from hdsynth_tf.evaluate.measurement import REAL, Instruments, files_of, measure_once, stamp
from hdsynth_tf.evaluate.methods import INPUT, Method, find_methods, write_inputs
from hdsynth_tf.evaluate.page import Shown, draw_sheet, show_input, write_page
from hdsynth_tf.evaluate.perceptual import SMALLEST, lpips_nets, without_lpips
from hdsynth_tf.evaluate.segmentation import EvaluatedClasses
from hdsynth_tf.evaluate.segmenters import load_segmenter
from hdsynth_tf.evaluate.settings import EvaluateSettings
from hdsynth_tf.evaluate.steadiness import Steadiness, sequences_of
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolder, check_writable, find_model, read_settings, write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.generate.picture_folder import (
    MANIFEST,
    PictureFolder,
    check_output,
    fingerprint,
    generate_all,
    looks_of,
)
from hdsynth_tf.show.pictures import show_values
from pipelines.checks.validate import validate
from pipelines.checks.values import survey
from pipelines.paths import as_path
from pipelines.source import FileSource, spread

USAGE = """
Compares methods, each a model or a folder of pictures, with the real images of held-out scenes: what a segmenter finds
again in their pictures, FID and KID, LPIPS, PSNR and SSIM, how different the pictures of several seeds are. Writes the
table, table.md and table.json, and a page with the pictures side by side. Started again, it goes on where it stopped.
Data flags that are not given are those of the first run, on its split val.

  python -m hdsynth_tf.evaluate --method=ours=runs/city --method=theirs=their_pictures \\
      --segmenter=segformer_b5_cityscapes_1024 --output_dir=evaluation
  python -m hdsynth_tf.train_segmenter --output=segmenter.keras
  python -m hdsynth_tf.evaluate --method=quick=runs/quickstart --segmenter=segmenter.keras --features=segmenter \\
      --output_dir=evaluation
"""
NUM_SCENES = 300  # of toy_street, unless a flag says so
ORIGINAL = ("auto", "inception")  # --features that mean the original network of FID
ORACLE = f"{REAL} (oracle)"


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
    print(findings.lines[0])
    return source, findings.values


@dataclasses.dataclass(frozen=True)
class Making:
    """Recipe for a model's pictures.

    Attributes:
        model: `Path` of its file.
        folder: `Path` for its pictures.
        manifest: Dict, see `picture_folder.check_output`.
        looks: List of `Look`.
    """

    model: object
    folder: object
    manifest: dict
    looks: list

    def make(self, name, source):
        """Makes the pictures that are not there; returns a `Method`."""
        print(f"Pictures of {name}:")
        model = assemble.load_model(self.model)
        output = PictureFolder(self.folder, model.conditioning)
        write_json(self.folder / MANIFEST, self.manifest)
        generate_all(model, source, self.looks, output)
        pictures = [[output.picture(source, i, look) for look in self.looks] for i in range(len(source))]
        return Method(name, [own[0] for own in pictures], pictures if len(self.looks) > 1 else [])


def plan_pictures(models, source, data, asked, output_dir):
    """Dict: name -> `Making`. Loads each model once, so that one that does not fit is found before any work is done."""
    makings = {}
    for name, path in models.items():
        model = assemble.load_model(path)
        assemble.check_inputs(model, source)
        looks = looks_of(model, asked.seed, asked.styles)
        scenes = {key: value for key, value in dataclasses.asdict(data).items() if key != "num_scenes"}
        manifest = {"model": fingerprint(path), "style_from": "", "source_video": "", "scenes": scenes}
        manifest["looks"] = [[look.ending, look.seed] for look in looks]
        makings[name] = Making(path, output_dir / "pictures" / name, json.loads(json.dumps(manifest)), looks)
        check_output(makings[name].folder, makings[name].manifest)
    if asked.styles > 1 and all(len(making.looks) == 1 for making in makings.values()):
        raise SettingsError("--styles is for models with an encoder or of many images, and none of the methods is one.")
    return makings


# === How it is measured ===


def choose_instruments(asked, source, window):
    """`Instruments` with the segmenter and features that are asked for."""
    segmenter, classes, tells_labels = None, None, False
    if asked.segmenter:
        classes = EvaluatedClasses.of(source, asked.evaluated_labels)
        size = (asked.segmenter_height, asked.segmenter_width) if asked.segmenter_height else None
        segmenter = load_segmenter(asked.segmenter, size, asked.segmenter_range or None)
        count = segmenter.num_classes(show_values(source.load(0)["image"], window))
        if count not in (len(classes), source.num_classes):
            raise SettingsError(
                f"The segmenter {segmenter.name} tells {count} classes apart; the data have {source.num_classes}, of "
                f"which {len(classes)} are scored. --evaluated_labels names the label ids of its classes, in order."
            )
        tells_labels = count != len(classes)
    return Instruments(window, segmenter, classes, tells_labels, choose_features(asked.features, segmenter))


def choose_features(name, segmenter):
    """Feature extractor of FID and KID; `None` for `none`."""
    if name == "none":
        return None
    if name in ORIGINAL:
        return OriginalFeatures()
    if name != "segmenter":
        return (OriginalFeatures if name.endswith(".pt") else InceptionFeatures)(name)
    if segmenter.feature_map is None:
        raise SettingsError(
            f"The features of {segmenter.name} are not known: --features=segmenter is for segmenters that "
            "hdsynth_tf.train_segmenter trained."
        )
    return segmenter.features


def measure_all(methods, source, instruments, asked, data, output_dir):
    """Dict: name -> `Measured`; the real images come last."""
    scenes = {"data": dataclasses.asdict(data), "names": source.names}
    if isinstance(source, FileSource):
        scenes["files"] = [[stamp(path) for path in paths] for paths in source.paths.values()]
    key = {"scenes": scenes, "window": list(instruments.window), "labels": asked.evaluated_labels}
    if instruments.segmenter:
        key["segmenter"] = [stamp(path) for path in files_of(asked.segmenter)], instruments.segmenter.protocol()
    if instruments.features:
        name = ORIGINAL[-1] if asked.features in ORIGINAL else asked.features
        key["features"] = [name, *(stamp(path) for path in files_of(asked.features))]
    if lpips_nets():
        key["lpips"] = lpips_nets()
    if instruments.sequences:
        key["sequences"] = instruments.sequences
    measured = {}
    for name, method in [*((method.name, method) for method in methods), (ORACLE, None)]:
        files = [*method.paths, *itertools.chain(*method.variants)] if method else []
        own = [stamp(path) for path in files]
        folder = output_dir / "measured" / name
        measured[name] = measure_once(folder, {**key, "pictures": own}, instruments, source, method)
    return measured


def score_all(measured, asked):
    """Dict: name -> the scores of what was measured of it. `measured`: dict: name -> `Measured`."""
    return {
        name: report.score(own, None if name == ORACLE else measured[ORACLE], asked.resamples, asked.seed)
        for name, own in measured.items()
    }


def score_groups(measured, groups, asked):
    """Dict: name -> dict: group -> scores of its scenes. `groups`: the group of every scene."""
    parts = {name: in_groups(own, groups) for name, own in measured.items()}
    by_group = {group: score_all({name: parts[name][group] for name in parts}, asked) for group in parts[ORACLE]}
    return {name: {group: by_group[group][name] for group in by_group} for name in parts if name != ORACLE}


# === What is written ===


def describe(asked, data, source, instruments, measured):
    """The protocol in lines: what was compared and how. Numbers of other protocols cannot be compared with these."""
    place = f" in {data.data_dir or data.target_dir}" if data.data_dir or data.target_dir else ""
    lines = [f"Scenes: {len(source)} of {data.dataset}{place}, split {data.split}. Every picture has its scene's size."]
    if instruments.segmenter:
        what = "as the data name them" if instruments.tells_labels else "in the order of the segmenter's"
        lines += [
            f"Segmenter: {instruments.segmenter.name}. {instruments.segmenter.protocol()}",
            f"Scored: {len(instruments.classes)} classes, {what}; pixels of other labels are left out. Pixels are "
            "counted over all scenes, then IoU is taken of each class; its mean is over the classes.",
        ]
    if instruments.features:
        count, size = measured[ORACLE].features.shape
        name = getattr(instruments.features, "name", f"the segmenter {asked.segmenter} itself, not InceptionV3")
        few = f" FEWER THAN {FEW_IMAGES:,} IMAGES: FID is too large, and jumps." if count < FEW_IMAGES else ""
        lines.append(f"FID and KID: of {size} features of {name}; {count} real and {count} generated images.{few}")
    if lpips_nets():
        lines.append(
            f"LPIPS: version 0.1, by the networks {' and '.join(lpips_nets())}, means over images of {SMALLEST} pixels "
            "a side or more; 0 is equal. A network that a method was trained with does not judge it alone."
        )
    else:
        lines.append(without_lpips())
    lines.append("PSNR and SSIM: of 8-bit values, means over images. They prefer what is blurred to what looks real.")
    if asked.styles > 1:
        lines.append(
            f"Diversity: mean difference in grey levels between {asked.styles} pictures of a scene, of seeds from "
            f"{asked.seed} on."
        )
    if instruments.sequences:
        lines.append(
            f"Steadiness: {len(set(instruments.sequences))} videos, each frame beside the one before it. Flicker: mean "
            "change in grey levels where the input stands still. Pumping: deviation of the change of a frame's mean. "
            "Warping: mean square difference (0 to 1) from the frame before, moved along the input's optical flow "
            "(DIS), where nothing is hidden. Where the input is a label map, the real images tell what moves."
        )
    lines.append(
        f"In brackets: {LEVEL:.0%} intervals, by bootstrap over the images ({asked.resamples} resamples, seed "
        f"{asked.seed})."
    )
    if asked.resize:
        lines.append("Pictures of other sizes than their scene's were brought to it (bicubic, antialiased).")
    return lines


def draw(source, methods, instruments, indices, protocol, tables, output_dir):
    """Writes the page of some scenes, and a sheet with the first of them."""
    shown = [Shown.of(source, index, methods, instruments) for index in indices]
    write_page(shown, [method.name for method in methods], protocol, tables, output_dir)
    with replacing(output_dir / "pictures.png") as temporary:
        Image.fromarray(draw_sheet(shown[:4], [method.name for method in methods])).save(temporary)


if __name__ == "__main__":
    commands.run(main, "evaluate")
