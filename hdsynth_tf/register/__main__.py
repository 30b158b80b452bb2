"""`python -m hdsynth_tf.register`: do the pictures of each pair lie on each other? Makes them do so with --rectify."""

import numpy as np
from PIL import Image

from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolderError, check_writable, write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.register.frames import warp
from hdsynth_tf.register.rectify import Frames, check_frames, find_rig, rectified, rectify_all
from hdsynth_tf.register.rig import Rig
from hdsynth_tf.register.settings import RegisterSettings
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import overlay, show_values
from pipelines.checks.registration import describe, register_all
from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.paths import as_path
from pipelines.source import FileSource

USAGE = """
Estimates, for every pair of pictures, how far one is shifted against the other, and writes a page with the pairs laid
over each other, the worst first. With --rectify, finds the one transform between the two cameras from all pairs
together, whatever their resolutions and fields of view, and writes the pairs as the source's camera sees them, cropped
to what both see. Train on them with --dataset=folder --source_dir=FOLDER/source --target_dir=FOLDER/target.

  python -m hdsynth_tf.register --source_dir=thermal --target_dir=visible --output_dir=registration
  python -m hdsynth_tf.register --rectify --source_dir=thermal --target_dir=visible --output_dir=pairs
  python -m hdsynth_tf.register --rectify --transform=pairs/transform.json --source_dir=thermal2 \\
      --target_dir=visible2 --output_dir=pairs2
"""
GALLERY = "index.html"
TRANSFORM = "transform.json"
PAIRS = "pairs.json"  # what became of each pair
WIDTH = 640  # pixels, at most, of the pictures on the page


def main(argv):
    asked, data = flags.parse(argv, (RegisterSettings, DataSettings), USAGE, {"dataset": "folder", "val_share": 0.0})
    if not asked.output_dir:
        raise SettingsError("Say where the page goes: --output_dir=FOLDER.")
    assemble.check_pairs(data, "register")
    folder = as_path(asked.output_dir)
    assemble.check_apart(folder, data)
    check_writable(folder)
    source = assemble.build_source(data, data.split or "train")
    if not isinstance(source, FileSource) or not {"source", "image"} <= set(source.formats):
        raise SettingsError("There are no pairs of pictures to compare: give --source_dir and --target_dir.")
    with only_writer(folder, "register"):
        (write_rectified if asked.rectify else look_at)(asked, source, folder)


def look_at(asked, source, folder):
    """Names pairs that are off, and draws them."""
    findings = validate(source)
    print(findings.lines[0], *findings.notes, sep="\n")
    found = register_all(source, range(len(source)))
    lines = describe(found, source.names, asked.max_shift)
    print("\n".join(lines))
    order = sorted(range(len(source)), key=lambda i: (found[i].is_certain, found[i].shift), reverse=True)
    draw_pairs(source, order[: asked.num_pairs], folder / "pairs")
    rows = [(f"{source.names[i]}: {caption(found[i])}", [f"pairs/{i:06d}.webp"]) for i in order[: asked.num_pairs]]
    write_gallery(folder / GALLERY, "Registration", f"{lines[0]} The worst first.", ["source | image | both"], rows)
    print(f"Page: {folder / GALLERY}")


# === With --rectify ===


def write_rectified(asked, source, folder):
    """Finds the rig, writes the pairs as its source sees them, and tells what became of each."""
    for name in ("source", "target"):
        if (folder / name).exists():
            raise RunFolderError(f"{folder / name} is there already. Choose another --output_dir, or remove it.")
    rig = choose_rig(asked, source)
    frames = Frames(source, rig.time_offset)
    print(f"{len(frames)} pairs. {rig.words[0].upper()}{rig.words[1:]}.")
    outcomes = rectify_all(rig, frames, asked.max_shift, asked.keep_unsure, folder)
    rig.save(folder / TRANSFORM)
    kept = [outcome for outcome in outcomes if not outcome.left_out]
    write_json(
        folder / PAIRS,
        [{"name": one.name, "residual": one.residual, "left_out": one.left_out} for one in outcomes],
    )
    lines = describe_outcomes(outcomes, kept)
    print("\n".join(lines))
    draw_page(asked.num_pairs, rig, frames, outcomes, lines[0], folder)
    print(f"Pairs, to train on: --source_dir={folder / 'source'} --target_dir={folder / 'target'}")
    print(f"Transform: {folder / TRANSFORM}")
    print(f"Page: {folder / GALLERY}")


def choose_rig(asked, source):
    """The rig that a file tells of, or the one that the pairs do."""
    if not asked.transform:
        offset = None if asked.time_offset == "auto" else int(asked.time_offset)
        if abs(offset or 0) >= len(source):
            raise DataError(f"With --time_offset={offset}, {len(source)} frames leave no pair.")
        return find_rig(source, offset)
    rig = Rig.load(as_path(asked.transform))
    if abs(rig.time_offset) >= len(source):
        raise DataError(
            f"{asked.transform} has a time offset of {rig.time_offset}; {len(source)} frames leave no pair."
        )
    check_frames(rig, Frames(source, rig.time_offset))
    return rig


def describe_outcomes(outcomes, kept):
    """Lines to print: how many pairs were written and how exact they are, and those that were not."""
    residuals = [outcome.residual for outcome in kept if outcome.residual is not None]
    unsure = len(kept) - len(residuals)
    line = f"{len(kept)} of {len(outcomes)} pairs written"
    if residuals:
        half, most = np.percentile(residuals, (50, 90))
        line += f": half are off by {half:.1f} pixels or less, 90 % by {most:.1f} or less"
    line += f"; in {unsure} there is too little to see to tell." if unsure else "."
    return [line, *(f"  {outcome.words}" for outcome in outcomes if outcome.left_out)]


def draw_page(count, rig, frames, outcomes, line, folder):
    """The page of pairs before and after, those first that were left out, then those that are farthest off."""
    order = sorted(range(len(outcomes)), key=lambda i: place(outcomes[i]))
    rows = []
    for index in order[:count]:
        first, second = frames.load(index)
        if outcomes[index].registration is not None:
            paths = [f"pairs/{index:06d}_{when}.webp" for when in ("before", "after")]
            before = first, warp(second.astype("float32"), _stretched(first.shape, second.shape), first.shape[:2])[0]
            for path, pair in zip(paths, (before, rectified(rig, first, second))):
                draw_pair(*pair, folder / path)
            rows.append((outcomes[index].words, paths))
    tables = [
        {"heads": ["transform", "agreement of edges on pairs held out"],
         "rows": [(name, f"{value:.4f}") for name, value in rig.held_out.items()]},
        {"heads": ["pair", "left out, since"], "rows": [(one.name, one.left_out) for one in outcomes if one.left_out]},
    ]  # fmt: skip
    note = f"{line}\n{rig.words[0].upper()}{rig.words[1:]}."
    note += f"\nTime offset: {rig.time_offset} frames." if rig.time_offset else ""
    heads = ["before, the image brought to the source's size: source | image | both", "after: source | image | both"]
    tables = [table for table in tables if table["rows"]]
    write_gallery(folder / GALLERY, "Rectified pairs", note, heads, rows, columns=1, tables=tables)


def place(outcome):
    """Sorts pairs on the page: left out, then those of which nothing can be told, then by how far they are off."""
    return not outcome.left_out, outcome.residual is not None, -(outcome.residual or 0)


def _stretched(size, other):
    """The transform that brings a picture of another size to `size` as a whole."""
    factors = [here / there for here, there in zip(size[1::-1], other[1::-1])]
    matrix = np.diag([*factors, 1.0])
    matrix[:2, 2] = [(factor - 1) / 2 for factor in factors]
    return matrix


# === Pictures ===


def caption(registration):
    """Caption of a pair: its estimated shift and similarity."""
    if not registration.is_certain:
        return f"cannot be told, too little to see (similarity {registration.similarity:.2f})"
    return f"{registration.words} (similarity {registration.similarity:.2f})"


def draw_pairs(source, indices, folder):
    """A picture of each pair."""
    for index in indices:
        scene = source.load(index)
        draw_pair(scene["source"], scene["image"], folder / f"{index:06d}.webp")


def draw_pair(source, image, path):
    """Writes a picture of a pair: source, image, and both, green and magenta, grey where they agree."""
    first, second = (show_values(values, (values.min(), values.max())) for values in (source, image))
    picture = Image.fromarray(overlay(first, second))
    picture.thumbnail((3 * WIDTH, WIDTH))
    with replacing(path) as temporary:
        picture.save(temporary, quality=85)


if __name__ == "__main__":
    commands.run(main, "register")
