"""What a handful of Cityscapes' streets teach: each is left out once, and all of them make other label maps' pictures.

    python experiments/few_streets.py CITYSCAPES OUTPUT_DIR
    python experiments/few_streets.py CITYSCAPES OUTPUT_DIR --minutes=4 --all_minutes=30 --only=pixels

CITYSCAPES: train_img, train_label, train_inst, and test_label, test_inst for the other maps. Trains each recipe at
512x256 as often as there are streets, for --minutes each, and once on all of them, for --all_minutes. Prints the scores
of the streets left out in Markdown, and draws them, OUTPUT_DIR/left_out.png, and what becomes of the other label maps,
OUTPUT_DIR/others.png. LPIPS needs `make pretrained`. Started again, it goes on.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from commands import ENDLESS, ROOT, link_file, own_scores, train
from PIL import Image

from hdsynth_tf import assemble
from hdsynth_tf.show.pictures import color_labels, grid
from pipelines.augment import resize
from pipelines.cityscapes import FLAT_FOLDERS, Cityscapes

SIZE = 256, 512
QUIET = ["--sample_epochs=100", "--noexport", "--keep_checkpoints=1"]
COMMON = ["--dataset=cityscapes", f"--image_height={SIZE[0]}", f"--image_width={SIZE[1]}", "--flip", "--batch_size=1",
          "--warm_start_epochs=4", "--epochs=2", "--decay_epochs=4", ENDLESS]  # fmt: skip
PIXELS = f"--flagfile={ROOT / 'experiments' / 'quickstart.flags'}"
PERCEPTUAL = f"--flagfile={ROOT / 'experiments' / 'quickstart_perceptual.flags'}"
LPIPS = [PERCEPTUAL, "--perceptual=lpips_vgg", "--pixel_weight=10"]
RECIPES = {
    "pixels": [PIXELS],
    "lpips_alex": [PERCEPTUAL],
    "lpips_vgg": LPIPS,
    "projected": [*LPIPS, "--discriminator=projected"],
}
COLUMNS = {  # score -> head of its column, digits
    "lpips_alex": ("LPIPS alex", 3),
    "lpips_vgg": ("LPIPS vgg", 3),
    "psnr": ("PSNR", 2),
    "ssim": ("SSIM", 3),
    "edge_correlation": ("edges", 2),
    "sharpness": ("sharpness", 2),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cityscapes", type=Path)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("--minutes", type=float, default=4, help="for the steps of each run that leaves one out")
    parser.add_argument("--all_minutes", type=float, default=30, help="for the steps of each run on all; 0: none")
    parser.add_argument("--only", default=",".join(RECIPES), help="recipes, commas between")
    asked = parser.parse_args()
    output_dir, streets, names = asked.output_dir.absolute(), Cityscapes(asked.cityscapes), asked.only.split(",")
    for number in range(len(streets)):
        data = leave_out(streets, number, output_dir / f"without_{number}")
        for name in names:
            train_on(data, name, asked.minutes)
    folders = [output_dir / f"without_{number}" for number in range(len(streets))]
    print(table({name: [own_scores(folder / name) for folder in folders] for name in names}))
    draw_left_out(streets, output_dir, names)
    if asked.all_minutes:
        data = leave_out(streets, None, output_dir / "all")
        for name in names:
            train_on(data, name, asked.all_minutes)
        draw_others(Cityscapes(asked.cityscapes, "test", images=False), output_dir, names)


def leave_out(streets, number, folder):
    """Links to all streets, one of them in the split val; `None`: none of them. Returns the folder."""
    for key, paths in streets.paths.items():
        for index, path in enumerate(paths):
            split = "val" if index == number else "train"
            link_file(path, folder / f"{split}_{FLAT_FOLDERS[key]}" / path.name)
    return folder


def train_on(data, name, minutes):
    given = [*RECIPES[name], *COMMON, *QUIET, f"--data_dir={data}", f"--time_limit={minutes}"]
    train(data / name, *given, log=data / f"{name}.log")


def table(scores):
    """Rows of Markdown: for each recipe the mean of the streets, and the lowest and the highest."""
    first = next(iter(scores.values()))[0]
    columns = {key: column for key, column in COLUMNS.items() if key in first}
    lines = [f"| recipe | {' | '.join(head for head, _ in columns.values())} |", "|" + " --- |" * (len(columns) + 1)]
    for name, runs in scores.items():
        cells = []
        for key, (_, digits) in columns.items():
            values = [run[key] for run in runs]
            cells.append(f"{np.mean(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_left_out(streets, output_dir, names):
    """Each street as the runs see it that never saw it: label map, photograph, what each recipe makes."""
    rows = []
    for number in range(len(streets)):
        scene = at_size(streets.load(number))
        made = [pictures_of(output_dir / f"without_{number}" / name, [scene])[0] for name in names]
        rows.append([colored(scene), scene["image"], *made])
    Image.fromarray(grid(rows, ["label map", "photograph", *names])).save(output_dir / "left_out.png")


def draw_others(others, output_dir, names):
    scenes = [at_size(others.load(number)) for number in range(len(others))]
    made = [pictures_of(output_dir / "all" / name, scenes) for name in names]
    rows = list(zip(map(colored, scenes), *made))
    Image.fromarray(grid(rows, ["label map", *names])).save(output_dir / "others.png")


def at_size(scene):
    tensors = {key: tf.convert_to_tensor(value) for key, value in scene.items()}
    return {key: value.numpy() for key, value in resize(tensors, SIZE).items()}


def pictures_of(run, scenes):
    model = assemble.load_model(run)
    inputs = ("label_map", "instance_map")
    return [model.generate({key: scene[key] for key in inputs}) for scene in scenes]


def colored(scene):
    return color_labels(scene["label_map"], Cityscapes.class_colors, scene["instance_map"])


if __name__ == "__main__":
    main()
