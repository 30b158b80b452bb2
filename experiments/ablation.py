"""What each choice of the recipe `better` is worth: every one of them is undone, alone; or what each loss is.

    python experiments/ablation.py OUTPUT_DIR                      on procedural streets
    python experiments/ablation.py OUTPUT_DIR THERMAL VISIBLE      on pairs of pictures in two folders
    python experiments/ablation.py OUTPUT_DIR --losses             perceptual losses, discriminators, weights of pixels
    python experiments/ablation.py OUTPUT_DIR THERMAL VISIBLE --losses     of thermal.flags, at half its size: of the
                                                                           pairs part 1 of thermal_folds.py is held out

Short trainings, two seeds. Choices of the recipe have as many steps each: about 35 minutes of one core (taskset -c 0)
for each data set. Losses cost more or less, so that they have as much time each (--minutes). Prints a table in Markdown
and writes what every variant makes of the same scenes, OUTPUT_DIR/variants.png. Started again, it goes on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from commands import ENDLESS, HALF_THERMAL, own_scores, run, train
from PIL import Image, ImageDraw
from thermal_folds import link_part

from hdsynth_tf.pretrained import inception

SEEDS = (0, 1)
RATES = ["--learning_rate=5e-4", "--discriminator_learning_rate=5e-4", "--ema_momentum=0.98"]
WARM = ["--warm_start_epochs=3", "--epochs=2", "--decay_epochs=3"]
COLD = ["--warm_start_epochs=0", "--epochs=5", "--decay_epochs=3"]
RELEASED = [*COLD, "--recipe=released", "--perceptual_weights=none", "--ema_momentum=0"]
VARIANTS = {
    "better": WARM,
    "transposed convolutions": [*WARM, "--upsampling=transposed"],
    "zero padding": [*WARM, "--padding=zero"],
    "no skip connections": [*WARM, "--noskip_connections"],
    "no row channel": [*WARM, "--norow_channel"],
    "D: instance norm, least squares": [*WARM, "--discriminator_norm=instance", "--adversarial_loss=least_squares"],
    "relative feature matching": [*WARM, "--relative_matching"],
    "no average of G": [*WARM, "--ema_momentum=0"],
    "no warm start": COLD,
    "no pixel term, no warm start": [*COLD, "--pixel_weight=0"],
    "released, all of it (no VGG)": RELEASED,
}
NO_DISCRIMINATOR = ["--adversarial_weight=0", "--feature_matching_weight=0"]
ALEX = [*WARM, "--perceptual=lpips_alex"]
LOSSES = {
    "pixels, patches": WARM,
    "and features of AlexNet": [*WARM, "--perceptual=alex"],
    "and LPIPS by AlexNet": ALEX,
    "and features of EfficientNet": [*WARM, "--perceptual=efficientnet"],
    "and features of VGG16": [*WARM, "--perceptual=vgg16"],
    "and LPIPS by VGG16": [*WARM, "--perceptual=lpips_vgg"],
    "LPIPS by AlexNet, pixels 5 for 20": [*ALEX, "--pixel_weight=5"],
    "LPIPS by AlexNet, pixels 80 for 20": [*ALEX, "--pixel_weight=80"],
    "LPIPS by AlexNet, no warm start": [*COLD, "--perceptual=lpips_alex"],
    "LPIPS by AlexNet, transposed": [*ALEX, "--upsampling=transposed"],
    "LPIPS by AlexNet, projected": [*ALEX, "--discriminator=projected"],
    "LPIPS by AlexNet, no discriminator": [*COLD, "--perceptual=lpips_alex", *NO_DISCRIMINATOR],
    "released, VGG16 for its VGG19": [*RELEASED, "--perceptual=vgg16"],
    "LPIPS by AlexNet, segmentation": [*ALEX, "--discriminator=segmentation"],
}
RELEASED_LOSSES = ["--recipe=released", "--perceptual=vgg16", "--notone", "--discriminator=patch", "--pixel_weight=0",
                   "--feature_matching_weight=10", "--ema_momentum=0"]  # fmt: skip
AT_ONCE = ["--warm_start_epochs=0", "--epochs=6"]
THERMAL_LOSSES = {
    "thermal.flags": [],
    "LPIPS by AlexNet": ["--perceptual=lpips_alex"],
    "features of AlexNet": ["--perceptual=alex"],
    "features of VGG16": ["--perceptual=vgg16"],
    "features of EfficientNet": ["--perceptual=efficientnet"],
    "no perceptual loss": ["--perceptual="],
    "pixels 10 for 1": ["--pixel_weight=10"],
    "no pixel term": ["--pixel_weight=0"],
    "patches": ["--discriminator=patch"],
    "no discriminator": [*AT_ONCE, *NO_DISCRIMINATOR],
    "no warm start": AT_ONCE,
    "no tone": ["--notone"],
    "transposed convolutions": ["--upsampling=transposed"],
    "released, VGG16 for its VGG19": [*AT_ONCE, *RELEASED_LOSSES],
}
NETWORKS = ["--num_filters=16", "--discriminator_filters=16", "--discriminator_layers=2", "--num_residual_blocks=4"]
QUIET = ["--sample_epochs=100", "--num_samples=6", "--noexport", "--keep_checkpoints=1"]
STREETS = ["--nohidden_modes", "--num_scenes=3000", "--image_height=64", "--image_width=128", "--noflip",
           "--batch_size=2"]  # fmt: skip
WINDOWS = ["--val_share=0.18", "--crop_height=128", "--crop_width=128", "--batch_size=1"]
NAMES = {  # score -> head of its column; KID and LPIPS where their networks can be had
    "kid": "KID x 1000",
    "lpips_alex": "LPIPS alex",
    "lpips_vgg": "LPIPS vgg",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "edge_correlation": "edges",
    "sharpness": "sharpness",
    "weave": "weave",
    "spots": "spots",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("folders", nargs="*", help="input and target pictures of the same names")
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--minutes", type=float, default=1.5, help="for the steps of each variant of --losses")
    asked = parser.parse_args()
    variants, data = what_is_compared(asked)
    output_dir = asked.output_dir.absolute()
    folders = {name: [run_folder(output_dir, name, seed) for seed in SEEDS] for name in variants}
    for place, seed in enumerate(SEEDS):
        for name, flags in variants.items():
            folder = folders[name][place]
            if train(folder, *data, *flags, f"--seed={seed}", *QUIET, log=folder.with_suffix(".log")):
                print(f"{folder.name}: done", file=sys.stderr, flush=True)
    distances = measure(output_dir / "evaluation", [folder for each in folders.values() for folder in each])
    print(table({name: [own_scores(folder) | distances[folder] for folder in each] for name, each in folders.items()}))
    draw({name: each[0] for name, each in folders.items()}, output_dir / "variants.png")


def what_is_compared(asked):
    """Dict of variant -> its flags, and the flags of all."""
    small = [*NETWORKS, *RATES]
    pace = [ENDLESS, f"--time_limit={asked.minutes}"] if asked.losses else ["--steps_per_epoch=100"]
    if not asked.folders:
        variants = LOSSES | of_a_segmenter(asked.output_dir.absolute()) if asked.losses else VARIANTS
        return variants, [*small, *STREETS, *pace]
    source, target = (Path(folder).absolute() for folder in asked.folders)
    if asked.losses:
        pairs = link_part(source, target, asked.output_dir.absolute() / "pairs")
        return THERMAL_LOSSES, [*HALF_THERMAL, f"--data_dir={pairs}", *pace]
    folders = ["--dataset=folder", f"--source_dir={source}", f"--target_dir={target}"]
    return VARIANTS, [*small, *WINDOWS, *folders, *pace]


def of_a_segmenter(output_dir):
    """The variant whose loss sees with a segmenter, which the streets themselves train first."""
    path = output_dir / "segmenter.keras"
    if not path.exists():
        run("train_segmenter", *STREETS, "--epochs=5", f"--output={path}", log=path.with_suffix(".log"))
    return {"and features of a segmenter": [*WARM, "--perceptual=segmenter", f"--perceptual_weights={path}"]}


def run_folder(output_dir, name, seed):
    return output_dir / f"{''.join(c if c.isalnum() else '_' for c in name)}_{seed}"


def measure(evaluation, folders):
    """KID of what all runs make of the scenes held out, where Inception can be had: run's folder -> dict."""
    if not inception.FILE.is_installed:
        return {folder: {} for folder in folders}
    methods = [f"--method={folder.name}={folder}" for folder in folders]
    flags = ["--features=inception", f"--output_dir={evaluation}"]
    run("evaluate", *methods, *flags, log=evaluation.with_suffix(".log"))  # which measures nothing twice
    scores = json.loads((evaluation / "table.json").read_text())["methods"]
    return {folder: {"kid": 1000 * scores[folder.name]["kid"]["value"]} for folder in folders}


def table(scores):
    """Rows of Markdown: mean of the seeds, and each."""
    names = {key: name for key, name in NAMES.items() if all(key in run for runs in scores.values() for run in runs)}
    lines = [f"| variant | {' | '.join(names.values())} |", "| --- |" + " --- |" * len(names)]
    for name, runs in scores.items():
        cells = []
        for key in names:
            values = [run[key] for run in runs]
            digits = 0 if key == "kid" else 2 if key in ("psnr", "sharpness", "weave", "spots") else 3
            each = ", ".join(f"{value:.{digits}f}" for value in values)
            cells.append(f"{np.mean(values):.{digits}f} ({each})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = {"mean_color_sharpness": 0, **next(iter(scores.values()))[0]}
    flat = [first.get(f"mean_color_{key}") for key in names]
    cells = ["" if value is None else f"{value:.3g}" for value in flat]
    lines.append(f"| mean colours | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(folders, path):
    """What every variant makes of two scenes, in a grid; of one data set all are cut alike."""
    samples = {name: Image.open(folder / "samples.png") for name, folder in folders.items()}
    width, height = next(iter(samples.values())).size
    column, row = width // 3, (height - 26) // 6  # of a grid of six scenes: input, real, generated

    def cut(sheet, place):
        return [
            sheet.crop((place * column + 2, 26 + r * row, (place + 1) * column, 26 + r * row + row - 4)) for r in (0, 3)
        ]

    real = cut(next(iter(samples.values())), 1)
    cells = [("real", real), *((name, cut(sheet, 2)) for name, sheet in samples.items())]
    columns, cell_height = 4, 2 * row + 22
    sheet = Image.new("RGB", (columns * (column + 4), -(-len(cells) // columns) * cell_height), "white")
    for number, (name, pictures) in enumerate(cells):
        left, top = number % columns * (column + 4), number // columns * cell_height
        ImageDraw.Draw(sheet).text((left + 2, top + 4), name, fill=(0, 0, 0))
        for i, picture in enumerate(pictures):
            sheet.paste(picture, (left, top + 20 + i * row))
    sheet.save(path)


if __name__ == "__main__":
    main()
