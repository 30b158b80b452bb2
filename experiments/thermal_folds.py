"""Cross-validation of a thermal recipe: each of four parts of the pairs is made by a run that never saw it.

    python experiments/thermal_folds.py THERMAL VISIBLE OUTPUT_DIR
    python experiments/thermal_folds.py THERMAL VISIBLE OUTPUT_DIR --flag=--time_limit=0 --flag=--pixel_weight=10

A part is every fourth block of consecutive names, since neighbours in a list of frames look alike. Trains a run for
each part and scores it on that part beside the thermal image as grey, at the pictures' own sizes; prints a row for each
and their means in Markdown. Pictures of all pairs: OUTPUT_DIR/part_0/evaluation/index.html and so on. Started again, it
goes on. As long as four trainings and 3 minutes for each.
"""

import argparse
from pathlib import Path

import numpy as np
from commands import ROOT, evaluate, link_file, own_scores, train
from parts import held_out

from pipelines.folder import Folder

INPUT, MADE = "input", "thermal"
COLUMNS = {  # score of evaluate's table -> head, factor, digits
    "kid": ("KID x 1000", 1000, 0),
    "lpips_vgg": ("LPIPS vgg", 1, 3),
    "lpips_alex": ("LPIPS alex", 1, 3),
    "psnr": ("PSNR", 1, 2),
    "ssim": ("SSIM", 1, 3),
}
OF_RUN = {"edge_correlation": ("edges", 1, 2), "sharpness": ("sharpness", 1, 2)}  # at the size it works at


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("thermal", type=Path)
    parser.add_argument("visible", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("--recipe", default="thermal.flags", help="in experiments/")
    parser.add_argument("--flag", action="append", default=[], help="of hdsynth_tf.train, as often as needed")
    asked = parser.parse_args()
    output_dir, files = asked.output_dir.absolute(), paired_files(asked.thermal, asked.visible)
    rows = []
    for part, held in enumerate(held_out(len(files))):
        folder = output_dir / f"part_{part}"
        link(files, held, folder)
        rows.append(scores_of(folder, asked.recipe, asked.flag))
        print(table(rows), flush=True)


def paired_files(thermal, visible):
    """Tuples of the two files of each pair, in the order of their names."""
    source = Folder(source_dir=thermal, image_dir=visible)
    return list(zip(source.paths["source"], source.paths["image"]))


def link_part(thermal, visible, folder, part=1):
    """`link` for one of the parts; returns the folder."""
    files = paired_files(thermal, visible)
    link(files, held_out(len(files))[part], folder)
    return folder


def link(files, held, folder):
    """Folders train_A, train_B, val_A, val_B of links to pairs."""
    for index, pair in enumerate(files):
        for side, path in zip("AB", pair):
            place = (
                folder / f"{'val' if index in held else 'train'}_{side}" / f"{index:05d}_{pair[0].stem}{path.suffix}"
            )
            link_file(path, place)


def scores_of(folder, recipe, more):
    """What a run on the training pairs of a folder gets on the others: dict of method -> dict of score -> number."""
    trained, evaluation = folder / "run", folder / "evaluation"
    recipe = f"--flagfile={ROOT / 'experiments' / recipe}"
    train(trained, recipe, "--dataset=folder", f"--data_dir={folder}", "--noexport", *more)
    methods = evaluate(
        evaluation, f"--method={MADE}={trained}", "--input", "--features=inception", "--num_pictures=100"
    )
    found = {name: {key: methods[name][key]["value"] for key in COLUMNS} for name in (INPUT, MADE)}
    own = own_scores(trained)
    return {INPUT: found[INPUT], MADE: found[MADE] | {key: own[key] for key in OF_RUN}}


def table(rows):
    """In Markdown: a row for each part and method, then the means of all parts."""
    columns = COLUMNS | OF_RUN
    lines = ["", f"| part | picture | {' | '.join(head for head, _, _ in columns.values())} |"]
    lines.append("|" + " --- |" * (len(columns) + 2))
    for part, row in [*enumerate(rows), ("mean", mean(rows))]:
        for name, own in row.items():
            cells = [shown(own.get(key), factor, digits) for key, (_, factor, digits) in columns.items()]
            lines.append(f"| {part} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(value, factor, digits):
    return "" if value is None else f"{value * factor:.{digits}f}"


def mean(rows):
    return {name: {key: np.mean([row[name][key] for row in rows]) for key in rows[0][name]} for name in rows[0]}


if __name__ == "__main__":
    main()
