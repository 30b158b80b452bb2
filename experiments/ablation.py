"""What each choice of the recipe `better` is worth: every one of them is undone, alone.

    python experiments/ablation.py OUTPUT_DIR                      on procedural streets
    python experiments/ablation.py OUTPUT_DIR THERMAL VISIBLE      on pairs of pictures in two folders

Short trainings, two seeds; about 35 minutes of one core (taskset -c 0) for each data set. Prints a table in Markdown
and writes what every variant makes of the same scenes, OUTPUT_DIR/variants.png. Started again, it goes on.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

SEEDS = (0, 1)
STEPS = ["--steps_per_epoch=100", "--learning_rate=5e-4", "--discriminator_learning_rate=5e-4", "--ema_momentum=0.98"]
WARM = ["--warm_start_epochs=3", "--epochs=2", "--decay_epochs=3"]
COLD = ["--warm_start_epochs=0", "--epochs=5", "--decay_epochs=3"]
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
    "released, all of it (no VGG)": [*COLD, "--recipe=released", "--perceptual_weights=none", "--ema_momentum=0"],
}
NETWORKS = ["--num_filters=16", "--discriminator_filters=16", "--discriminator_layers=2", "--num_residual_blocks=4"]
QUIET = ["--sample_epochs=100", "--num_samples=6", "--noexport", "--keep_checkpoints=1"]
STREETS = ["--nohidden_modes", "--num_scenes=3000", "--image_height=64", "--image_width=128", "--noflip",
           "--batch_size=2"]  # fmt: skip
NAMES = {  # score -> head of its column; LPIPS where it can be had
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
    asked = parser.parse_args()
    data = STREETS
    if asked.folders:
        source, target = asked.folders
        data = ["--dataset=folder", f"--source_dir={source}", f"--target_dir={target}", "--val_share=0.18",
                "--crop_height=128", "--crop_width=128", "--batch_size=1"]  # fmt: skip
    scores = {name: [train(asked.output_dir, name, data, seed) for seed in SEEDS] for name in VARIANTS}
    print(table(scores))
    draw(asked.output_dir)


def folder(output_dir, name, seed):
    return output_dir / f"{''.join(c if c.isalnum() else '_' for c in name)}_{seed}"


def train(output_dir, name, data, seed):
    """Scores of one training, which is not made twice."""
    run = folder(output_dir, name, seed)
    if not (run / "scores.json").exists():
        flags = [*data, *NETWORKS, *STEPS, *VARIANTS[name], *QUIET, f"--seed={seed}", f"--run_dir={run}"]
        command = [sys.executable, "-m", "hdsynth_tf.train", *flags]
        run.parent.mkdir(parents=True, exist_ok=True)
        with (run.parent / f"{run.name}.log").open("w") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)
        print(f"{name}, seed {seed}: done", file=sys.stderr, flush=True)
    return json.loads((run / "scores.json").read_text())


def table(scores):
    """Rows of Markdown: mean of the seeds, and each."""
    names = {key: name for key, name in NAMES.items() if all(key in run for runs in scores.values() for run in runs)}
    lines = [f"| variant | {' | '.join(names.values())} |", "| --- |" + " --- |" * len(names)]
    for name, runs in scores.items():
        cells = []
        for key in names:
            values = [run[key] for run in runs]
            digits = 2 if key in ("psnr", "sharpness", "weave", "spots") else 3
            each = ", ".join(f"{value:.{digits}f}" for value in values)
            cells.append(f"{np.mean(values):.{digits}f} ({each})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    first = {"mean_color_sharpness": 0, **next(iter(scores.values()))[0]}
    flat = [first.get(f"mean_color_{key}") for key in names]
    cells = ["" if value is None else f"{value:.3g}" for value in flat]
    lines.append(f"| mean colours | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(output_dir):
    """What every variant, at its first seed, makes of two scenes, in a grid; of one data set all are cut alike."""
    from PIL import Image, ImageDraw

    samples = {name: Image.open(folder(output_dir, name, SEEDS[0]) / "samples.png") for name in VARIANTS}
    width, height = next(iter(samples.values())).size
    column, row = width // 3, (height - 26) // 6  # of a grid of six scenes: input, real, generated

    def cut(sheet, place):
        return [
            sheet.crop((place * column + 2, 26 + r * row, (place + 1) * column, 26 + r * row + row - 4)) for r in (0, 3)
        ]

    cells = [("real", cut(samples["better"], 1))] + [(name, cut(sheet, 2)) for name, sheet in samples.items()]
    columns, cell_height = 4, 2 * row + 22
    sheet = Image.new("RGB", (columns * (column + 4), -(-len(cells) // columns) * cell_height), "white")
    for number, (name, pictures) in enumerate(cells):
        left, top = number % columns * (column + 4), number // columns * cell_height
        ImageDraw.Draw(sheet).text((left + 2, top + 4), name, fill=(0, 0, 0))
        for i, picture in enumerate(pictures):
            sheet.paste(picture, (left, top + 20 + i * row))
    sheet.save(output_dir / "variants.png")


if __name__ == "__main__":
    main()
