"""What another thermal camera costs a model, and what training for it mends.

    python experiments/cameras.py THERMAL VISIBLE OUTPUT_DIR

`thermal.flags` at half its size learns the pairs of thermal_folds.py's part 1: once from the thermal images as they
are, once with each of the random changes that --source_shift and so on make, and once with all. The pairs held out
then come as they are, and as other cameras would see them. Prints a table in Markdown: by camera the scores of the
runs that were trained for it and not. Pictures: OUTPUT_DIR/evaluation_0/index.html and so on. Needs `make
pretrained`; 8-bit grey thermal images. Seven trainings and six evaluations; started again, it goes on.
"""

import argparse
from pathlib import Path

import numpy as np
from commands import HALF_THERMAL, evaluate, link_file, train
from PIL import Image, ImageFilter
from thermal_folds import link_part

QUIET = ["--sample_epochs=100", "--noexport"]
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
    parser.add_argument("--steps", type=int, default=400, help="of each run; a tenth of them in each epoch")
    asked = parser.parse_args()
    output_dir = asked.output_dir.absolute()
    pairs = link_part(asked.thermal, asked.visible, output_dir / "pairs")
    for name, flags in CHANGES.items():
        pace = [f"--steps_per_epoch={asked.steps // 10}", "--time_limit=0"]
        given = [*HALF_THERMAL, *QUIET, *flags, *pace, f"--data_dir={pairs}"]
        train(output_dir / name, *given, log=output_dir / f"{name}.log")
    print(f"| camera | run | {' | '.join(head for head, _, _ in COLUMNS.values())} |")
    print("|" + " --- |" * (len(COLUMNS) + 2))
    for number, (camera, (own, change)) in enumerate(CAMERAS.items()):
        seen = output_dir / f"camera_{number}"
        see(pairs, seen, change)
        runs = list(CHANGES) if own == "plain" else ["plain", own, "all"]
        methods = [f"--method={name}={output_dir / name}" for name in runs]
        given = [*methods, "--input", "--features=inception", f"--data_dir={seen}"]
        log = output_dir / f"evaluation_{number}.log"
        for name, scores in evaluate(log.with_suffix(""), *given, log=log).items():
            cells = [f"{scores[key]['value'] * factor:.{digits}f}" for key, (_, factor, digits) in COLUMNS.items()]
            print(f"| {camera} | {name} | {' | '.join(cells)} |", flush=True)


def see(pairs, folder, change):
    """The pairs held out, with what `change` makes of the thermal images, in a folder."""
    (folder / "val_A").mkdir(parents=True, exist_ok=True)
    for path in sorted((pairs / "val_A").iterdir()):
        thermal = np.asarray(Image.open(path).convert("L"))
        Image.fromarray(change(thermal)).save(folder / "val_A" / f"{path.stem}.png")
    for path in (pairs / "val_B").iterdir():
        link_file(path, folder / "val_B" / path.name)


if __name__ == "__main__":
    main()
