"""What another thermal camera costs a model, and what training for it mends.

    python experiments/cameras.py THERMAL VISIBLE OUTPUT_DIR

`thermal.flags` at half its size learns the pairs of thermal_folds.py's part 1: once from the thermal images as they
are, once with each of the random changes that --source_shift and so on make, and once with all. The pairs held out
then come as they are, and as other cameras would see them. Prints a table in Markdown: by camera the scores of the
runs that were trained for it and not. Pictures: OUTPUT_DIR/evaluation_0/index.html and so on. Needs `make
pretrained`; 8-bit grey thermal images. Seven trainings and six evaluations; started again, it goes on.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from commands import ROOT, run
from parts import held_out
from PIL import Image, ImageFilter
from thermal_folds import link, paired_files

PART = 1
HALF = ["--image_height=160", "--image_width=272", "--warm_start_epochs=3", "--epochs=3", "--decay_epochs=4",
        "--steps_per_epoch=5000", "--sample_epochs=100", "--noexport"]  # fmt: skip
COLUMNS = {"kid": ("KID x 1000", 1000, 0), "lpips_alex": ("LPIPS alex", 1, 3), "psnr": ("PSNR", 1, 2)}
CHANGES = {  # run -> the flags that it is trained with
    "plain": [],
    "shift": ["--source_shift=2"],
    "blur": ["--source_blur=2"],
    "gain": ["--source_gain=0.5"],
    "noise": ["--source_noise=0.3"],
    "polarity": ["--source_polarity=0.5"],
}
CHANGES["all"] = [flag for flags in CHANGES.values() for flag in flags]


def blurred(x):
    return np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(2)))


def noisy(x):
    noise = np.random.default_rng(0).normal(0, 0.3 * x.std(), x.shape)
    return np.clip(np.round(x + noise), 0, 255).astype("uint8")


def dull(x):
    return np.clip(np.round(x.mean() - 0.4 * x.std() + 0.6 * (x - x.mean())), 0, 255).astype("uint8")


CAMERAS = {  # in words -> the run that was trained for it, what it makes of a thermal image `(height, width)` uint8
    "as they are": ("plain", lambda x: x),
    "2 pixels aside": ("shift", lambda x: np.roll(x, 2, axis=1)),
    "blurred by 2 pixels": ("blur", blurred),
    "six tenths of the contrast, darker": ("gain", dull),
    "noise of 0.3 standard deviations": ("noise", noisy),
    "black-hot": ("polarity", lambda x: 255 - x),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("thermal", type=Path)
    parser.add_argument("visible", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("--minutes", type=float, default=1.5, help="of steps for each run")
    asked = parser.parse_args()
    output_dir, files = asked.output_dir.absolute(), paired_files(asked.thermal, asked.visible)
    link(files, held_out(len(files))[PART], output_dir / "pairs")
    for name, flags in CHANGES.items():
        train(output_dir, name, [*flags, f"--time_limit={asked.minutes}"])
    print(f"| camera | run | {' | '.join(head for head, _, _ in COLUMNS.values())} |")
    print("|" + " --- |" * (len(COLUMNS) + 2))
    for number, (camera, (own, change)) in enumerate(CAMERAS.items()):
        seen = output_dir / f"camera_{number}"
        see(output_dir / "pairs", seen, change)
        runs = list(CHANGES) if own == "plain" else ["plain", own, "all"]
        for name, scores in measured(output_dir, seen, runs, output_dir / f"evaluation_{number}").items():
            cells = [f"{scores[key]['value'] * factor:.{digits}f}" for key, (_, factor, digits) in COLUMNS.items()]
            print(f"| {camera} | {name} | {' | '.join(cells)} |", flush=True)


def train(output_dir, name, flags):
    """A run on the training pairs, which is not made twice."""
    trained = output_dir / name
    if not (trained / "scores.json").exists():
        run("train", f"--flagfile={ROOT / 'experiments' / 'thermal.flags'}", *HALF, *flags,
            f"--data_dir={output_dir / 'pairs'}", f"--run_dir={trained}", log=trained.with_suffix(".log"))  # fmt: skip


def see(pairs, folder, change):
    """The pairs held out, with what `change` makes of the thermal images, in a folder."""
    for side in "AB":
        (folder / f"val_{side}").mkdir(parents=True, exist_ok=True)
    for path in sorted((pairs / "val_A").iterdir()):
        thermal = np.asarray(Image.open(path).convert("L"))
        Image.fromarray(change(thermal)).save(folder / "val_A" / f"{path.stem}.png")
    for path in (pairs / "val_B").iterdir():
        place = folder / "val_B" / path.name
        if not place.exists():
            place.symlink_to(path.resolve())


def measured(output_dir, seen, runs, evaluation):
    """What the runs make of a folder: dict of run -> dict of score, and the thermal images themselves."""
    if not (evaluation / "table.json").exists():
        methods = [f"--method={name}={output_dir / name}" for name in runs]
        run("evaluate", *methods, "--input", "--features=inception", f"--data_dir={seen}",
            f"--output_dir={evaluation}", log=evaluation.with_suffix(".log"))  # fmt: skip
    return json.loads((evaluation / "table.json").read_text())["methods"]


if __name__ == "__main__":
    main()
