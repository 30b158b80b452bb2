"""The paper's Tables 1, 3 and 4 on procedural streets: what each part of pix2pixHD is worth, as a segmenter sees it.

    python experiments/paper_tables.py OUTPUT_DIR
    python experiments/paper_tables.py OUTPUT_DIR --perceptual_weights=VGG19_FILE

Trains a segmenter, pix2pix, CRN, CycleGAN and pix2pixHD in several forms, each for as many steps on the same streets;
then scores what all of them make of the same unseen streets. CycleGAN sees label maps as pictures, in the colours of
their classes, and photographs of other streets: nothing that pairs. CRN learns by VGG19's features where
--perceptual_weights are given, else by VGG16's where they are installed (make pretrained); without either it is left
out, and said to be. Prints the tables in Markdown and writes a picture, OUTPUT_DIR/paper_tables.jpg; the whole table,
with FID, KID, LPIPS, PSNR and SSIM, and the page are in OUTPUT_DIR/evaluation. 50 minutes on one CPU core, and 20 for
LPIPS where it is installed; CRN and CycleGAN take longer. Started again, it goes on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from commands import run
from PIL import Image

from hdsynth_tf.evaluate.report import COLUMNS, NONE, Score, Table
from hdsynth_tf.evaluate.scoring import ORACLE
from hdsynth_tf.files.run_folder import write_json
from hdsynth_tf.pretrained.lpips import lpips_file
from hdsynth_tf.show.pictures import color_labels, grid
from pipelines.toy_street import ToyStreet

STAGES = 16  # parts of a training, of as many steps each
COLD = ["--warm_start_epochs=0", "--epochs=8", "--decay_epochs=8"]
WARM = ["--warm_start_epochs=8", "--epochs=3", "--decay_epochs=5"]
SIZE = 128, 256
COMMON = [f"--image_height={SIZE[0]}", f"--image_width={SIZE[1]}", "--noflip"]
STREETS = ["--dataset=toy_street", "--nohidden_modes", *COMMON]
HD = ["--flagfile=experiments/quickstart.flags"]
UNET = ["--generator=unet", "--num_filters=16", "--num_downsamples=7"]
CRN = ["--refinement_filters=64,64,64,64,32,16", "--rescale_epochs=8", "--epochs=16", "--decay_epochs=0"]
CYCLEGAN, UNPAIRED = "CycleGAN", 1000  # pictures of each kind
PAINTED = ["--unpaired", "--dataset=folder", *COMMON]
AS_LONG = ["--batch_size=2", "--learning_rate=5e-4", "--discriminator_learning_rate=5e-4"]
VARIANTS = {
    "pix2pix": ["--flagfile=experiments/pix2pix.flags", *UNET, "--discriminator_filters=16", "--nouse_instance_map",
                *COLD],
    "CRN": ["--flagfile=experiments/crn.flags", *CRN],
    CYCLEGAN: ["--num_filters=16", "--num_residual_blocks=4", "--upsampling=nearest", "--discriminator_filters=16",
               "--discriminator_layers=2", *COLD],
    "pix2pixHD": [*HD, *WARM],
    "adversarial loss only": [*HD, *COLD, "--pixel_weight=0", "--feature_matching_weight=0"],
    "with feature matching": [*HD, *COLD, "--pixel_weight=0"],
    "with perceptual loss": [*HD, *COLD, "--pixel_weight=0"],
    "U-Net generator": [*HD, *WARM, *UNET],
    "one discriminator": [*HD, *WARM, "--num_scales=1"],
    "segmentation discriminator": [*HD, *WARM, "--discriminator=segmentation"],
    "no instance maps": [*HD, *WARM, "--nouse_instance_map"],
}  # fmt: skip
TABLES = {
    "Table 1: methods": ["pix2pix", "CRN", "pix2pixHD", ORACLE],
    "Table 3: generators": ["U-Net generator", "pix2pixHD"],
    "Table 4: discriminators": ["one discriminator", "segmentation discriminator", "pix2pixHD"],
    "Without pairs": [CYCLEGAN, "pix2pixHD"],
    "Losses": ["adversarial loss only", "with feature matching", "with perceptual loss", "pix2pixHD"],
    "Instance maps": ["no instance maps", "pix2pixHD"],
}
SHOWN = ("pixel_accuracy", "mean_iou", "fid", "lpips_alex", "lpips_vgg")
SMALL_THINGS = ("person", "pole", "sign")
DRAWN = ("pix2pix", "CRN", CYCLEGAN, "adversarial loss only", "pix2pixHD")
DRAWN_SCENES = (1, 5, 9)  # of those on the page
QUIET = ["--time_limit=0", "--sample_epochs=100", "--num_samples=6", "--noexport", "--keep_checkpoints=1"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("--steps", type=int, default=2000, help="of each training, a multiple of 16")
    parser.add_argument("--scenes", type=int, default=300, help="unseen ones that are scored")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--perceptual_weights", default="none", help="see hdsynth_tf.train")
    parser.add_argument("--segmenter_epochs", type=int, default=10)
    parser.add_argument("--features", default="segmenter", help="of FID, see hdsynth_tf.evaluate")
    parser.add_argument("--only", default=",".join(VARIANTS), help="names of what is trained, commas between")
    asked = parser.parse_args()
    folder = asked.output_dir.absolute()
    keep_settings(folder / "settings.json", {key: vars(asked)[key] for key in ("steps", "seed", "segmenter_epochs")})
    variants = chosen_variants(asked.perceptual_weights, asked.only.split(","))
    segmenter = train_segmenter(folder, asked.segmenter_epochs)
    for name, flags in variants.items():
        train(folder, name, flags, asked.steps, asked.seed)
    made = {name: folder / "runs" / name for name in variants}
    if CYCLEGAN in variants:
        made[CYCLEGAN] = of_painted_labels(folder, asked.scenes)
    run(
        "evaluate", *(f"--method={name}={made[name]}" for name in variants), *STREETS, "--split=test",
        f"--num_scenes={asked.scenes}", f"--segmenter={segmenter}", f"--features={asked.features}",
        f"--output_dir={folder / 'evaluation'}", log=folder / "evaluation.log",
    )  # fmt: skip
    methods = json.loads((folder / "evaluation" / "table.json").read_text())["methods"]
    print_tables(methods)
    draw(folder, list(variants))


def chosen_variants(perceptual_weights, names=tuple(VARIANTS)):
    """The variants asked for that can be trained with these weights of VGG19, or `"none"`: dict of name -> flags."""
    if unknown := set(names) - set(VARIANTS):
        sys.exit(f"--only should name some of {', '.join(VARIANTS)}. Received: {', '.join(sorted(unknown))}.")
    found = trainable(perceptual_weights)
    if "CRN" in set(names) - set(found):
        print("CRN is left out: it learns by the features of VGG (make pretrained).", file=sys.stderr)
    chosen = {name: found[name] for name in names if name in found}
    return chosen or sys.exit("Nothing is left to train: give --perceptual_weights, or name others.")


def trainable(perceptual_weights):
    """The variants that can be trained with these weights: dict of name -> flags."""
    variants = dict(VARIANTS)
    if perceptual_weights != "none":
        for name in ("with perceptual loss", "CRN"):
            variants[name] = [*variants[name], f"--perceptual_weights={perceptual_weights}"]
        return variants
    variants.pop("with perceptual loss")
    if lpips_file("vgg").is_installed:
        variants["CRN"] = [*variants["CRN"], "--perceptual=vgg16"]
    else:
        variants.pop("CRN")
    return variants


def keep_settings(path, settings):
    """Exits if what is there was trained with other settings."""
    before = json.loads(path.read_text()) if path.exists() else settings
    if before != settings:
        sys.exit(f"{path.parent} was begun with {before}. Received: {settings}. Choose another folder.")
    write_json(path, settings)


def train_segmenter(folder, epochs):
    """Path of the segmenter, which is trained once."""
    path = folder / "segmenter.keras"
    if not path.exists():
        run(
            "train_segmenter", *STREETS, "--num_scenes=4000", f"--epochs={epochs}", f"--output={path}",
            log=folder / "segmenter.log",
        )  # fmt: skip
        print(f"segmenter: {(folder / 'segmenter.log').read_text().splitlines()[-2]}", file=sys.stderr, flush=True)
    return path


def train(folder, name, flags, steps, seed):
    """Trains a variant, once."""
    path = folder / "runs" / name
    if (path / "scores.json").exists():
        return
    if name == CYCLEGAN:
        paint(folder, min(UNPAIRED, 2 * steps))
    common = [*data_flags(name, folder), *AS_LONG, f"--steps_per_epoch={steps // STAGES}", f"--seed={seed}"]
    run("train", *flags, *common, *QUIET, f"--run_dir={path}", log=path.with_name(f"{name}.log"))
    print(f"{name}: trained", file=sys.stderr, flush=True)


def data_flags(name, folder):
    """What a variant is trained on."""
    if name != CYCLEGAN:
        return [*STREETS, "--num_scenes=4000"]
    return [*PAINTED, f"--source_dir={folder / 'painted' / 'labels'}", f"--target_dir={folder / 'painted' / 'streets'}"]


def paint(folder, count):
    """Writes label maps as pictures, and as many photographs of the streets after them."""
    source = ToyStreet(2 * count, *SIZE, hidden_modes=False)
    for index in range(count):
        save(folder / "painted" / "labels" / f"{source.names[index]}.png", painted(source, index))
        other = index + count
        save(folder / "painted" / "streets" / f"{source.names[other]}.png", source.load(other)["image"])


def painted(source, index):
    """A scene's label map in the colours of its classes, with the borders of its objects."""
    scene = source.load(index)
    return color_labels(scene["label_map"], source.class_colors, scene["instance_map"])


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def of_painted_labels(folder, scenes):
    """Folder of what CycleGAN makes of the label maps of unseen streets."""
    inputs, made = folder / "painted" / "unseen", folder / "painted" / "made"
    source = ToyStreet(scenes, *SIZE, "test", hidden_modes=False)
    for index in range(scenes):
        save(inputs / f"{source.names[index]}.png", painted(source, index))
    run(
        "generate", f"--model={folder / 'runs' / CYCLEGAN}", "--dataset=folder", f"--source_dir={inputs}",
        f"--output_dir={made}", log=folder / "painted.log",
    )  # fmt: skip
    return made


def print_tables(methods):
    """The paper's tables, and how near pix2pixHD comes to the oracle."""
    for title, names in TABLES.items():
        rows = [row(name, methods[name]) for name in names if name in methods]
        heads = ["", *(COLUMNS[key][0] for key in SHOWN), *(f"IoU {c}" for c in SMALL_THINGS)]
        print(f"{title}\n\n{Table(heads, rows).markdown()}\n")
    if "pix2pixHD" not in methods:
        return
    ours, oracle = (methods[name]["mean_iou"]["value"] for name in ("pix2pixHD", ORACLE))
    print(f"pix2pixHD reaches {ours / oracle:.1%} of the oracle's mean IoU.")


def row(name, scores):
    whole = [Score(**scores[key]).shown(1, 3) if key in scores else NONE for key in SHOWN]
    return [name, *whole, *(f"{scores['class_iou'][label] or 0:.3f}" for label in SMALL_THINGS)]


def draw(folder, variants):
    """Like Figures 9 and 10: label map, real picture and what some methods make; below, what the segmenter sees."""
    count = len(variants) + 2  # pictures of a scene on the page, then as many label maps
    drawn = [name for name in DRAWN if name in variants]
    columns = [0, 1, *(2 + variants.index(name) for name in drawn)]

    def picture(scene, place):
        return np.asarray(Image.open(folder / "evaluation" / "page" / f"{scene:03d}_{place:02d}.webp").convert("RGB"))

    rows = [[picture(s, start + c) for c in columns] for s in DRAWN_SCENES for start in (0, count)]
    sheet = Image.fromarray(grid(rows, ["input / labels", "real", *drawn]))
    sheet.thumbnail((1800, 1800))
    sheet.save(folder / "paper_tables.jpg", quality=88)


if __name__ == "__main__":
    main()
