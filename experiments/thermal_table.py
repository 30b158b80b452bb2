"""Thermal to visible on held-out pairs: runs beside what needs no network, in one table and one gallery.

    python experiments/thermal_table.py THERMAL VISIBLE OUTPUT_DIR ours=runs/thermal pix2pix=runs/thermal_pix2pix

The pairs scored are those that the runs held out, or with --share those that `hdsynth_tf.train --val_share=SHARE` does.
A run of --unpaired on the same two folders, cyclegan=runs/thermal_unpaired, is a row like the others: it held out the
same names of each folder, and was never told what pairs.
Everything is scored at the pairs' own size, in 8 bits. Besides the scores of every run it prints the PSNR that is left
when each channel of each picture is brought to the real one's mean and contrast: structure without exposure.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.evaluate.quality import score
from hdsynth_tf.files.run_folder import read_settings
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import grid, show_values
from pipelines.folder import Folder
from pipelines.pairing.pairs import split

COLUMNS = {  # score -> head of its column and digits
    "lpips_alex": ("LPIPS alex", 3),
    "lpips_vgg": ("LPIPS vgg", 3),
    "psnr": ("PSNR", 2),
    "ssim": ("SSIM", 3),
    "edge_correlation": ("edges", 3),
    "sharpness": ("sharpness", 2),
    "fitted_psnr": ("fitted PSNR", 2),
}
PIXELS = 2000  # of each training pair, that trivial predictors are fitted on


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("thermal")
    parser.add_argument("visible")
    parser.add_argument("output_dir", type=Path)
    parser.add_argument("runs", nargs="*", help="NAME=RUN_OR_MODEL_FILE")
    parser.add_argument("--share", type=float)
    asked = parser.parse_args()
    source = Folder(source_dir=Path(asked.thermal), image_dir=Path(asked.visible))
    runs = dict(text.split("=", 1) for text in asked.runs)
    train, held = split(source.names, *how_held_out(runs.values(), asked.share))
    makers = trivial_makers([source.load(i) for i in train])
    for name, run in runs.items():
        model = assemble.load_model(run)
        makers[name] = lambda thermal, model=model: model.generate({"source": thermal})

    rows = {name: [] for name in makers}
    pages = []
    for index in held:
        scene = source.load(index)
        made = {name: make(scene["source"]) for name, make in makers.items()}
        for name, picture in made.items():
            rows[name].append(measure(picture, scene["image"]))
        shown = [show_values(scene["source"], (0, 255)), scene["image"], *(made[name] for name in shown_names(makers))]
        pages.append((source.names[index], shown))
    print_table(rows)
    write_pages(pages, ["thermal", "real", *shown_names(makers)], asked.output_dir)


def how_held_out(runs, share):
    """The share of the pairs and the pattern of their sequences that runs agree on; or the share that is asked for."""
    if share is not None:
        return share, ""
    settings = filter(None, (read_settings(run, "data") for run in runs))
    ways = {(data["val_share"], data["sequence"]) for data in settings}
    if len(ways) != 1:
        raise SystemExit(
            f"Error: which pairs were held out? The runs' --val_share and --sequence are {sorted(ways)}. Give runs "
            "that agree, or --share."
        )
    return ways.pop()


def trivial_makers(scenes):
    """What needs no network, fitted on training scenes: dict: name -> function of a thermal image."""
    rng = np.random.default_rng(0)
    known, colors = [], []
    for scene in scenes:
        rows, columns = (rng.integers(0, length, PIXELS) for length in scene["image"].shape[:2])
        known.append(terms(scene["source"])[rows, columns])
        colors.append(scene["image"][rows, columns])
    known, colors = np.concatenate(known), np.concatenate(colors).astype("float64")
    quadratic = np.linalg.lstsq(known, colors, rcond=None)[0]

    def constant(color):
        return lambda thermal: to_bytes(np.broadcast_to(color, (*thermal.shape[:2], 3)))

    return {
        "thermal image as grey": lambda thermal: np.repeat(thermal, 3, -1),
        "mean colour": constant(colors.mean(0)),
        "median colour": constant(np.median(colors, axis=0)),
        "quadratic in (thermal, row)": lambda thermal: to_bytes(terms(thermal) @ quadratic),
    }


def terms(thermal):
    """1, t, r, t^2, r^2, t r of each pixel: `(height, width, 6)`."""
    t = thermal[..., 0] / 127.5 - 1
    r = np.broadcast_to(np.linspace(-1, 1, len(t))[:, None], t.shape)
    return np.stack([np.ones_like(t), t, r, t * t, r * r, t * r], -1)


def to_bytes(image):
    return np.clip(np.round(image), 0, 255).astype("uint8")


def measure(fake, real):
    """The scores of a picture, and its PSNR after each channel got the real one's mean and contrast."""
    fake, real = fake.astype("float32"), real.astype("float32")
    mean, spread = real.mean((0, 1)), real.std((0, 1))
    fitted = (fake - fake.mean((0, 1))) / np.maximum(fake.std((0, 1)), 1e-6)
    agreement = np.mean(fitted * (real - mean), (0, 1)) / np.maximum(spread, 1e-6)  # the best gain, by least squares
    fitted = np.clip(mean + fitted * agreement * spread, 0, 255)
    return {**score(fake[None], real[None]), "fitted_psnr": 20 * np.log10(255 / np.sqrt(np.mean((fitted - real) ** 2)))}


def print_table(rows):
    """A row for each way to make pictures; columns of LPIPS where it can be had."""
    known = set.intersection(*(set(row) for own in rows.values() for row in own))
    columns = {key: column for key, column in COLUMNS.items() if key in known}
    print(f"\n| picture | {' | '.join(head for head, _ in columns.values())} |\n|" + " --- |" * (len(columns) + 1))
    for name, own in rows.items():
        means = [f"{np.mean([row[key] for row in own]):.{digits}f}" for key, (_, digits) in columns.items()]
        print(f"| {name} | {' | '.join(means)} |")


def shown_names(makers):
    return [name for name in makers if name not in ("thermal image as grey", "mean colour", "median colour")]


def write_pages(pages, captions, folder):
    """All pictures at full size with a gallery, and a sheet of some of them."""
    rows = []
    for name, pictures in pages:
        paths = [f"{Path(name).stem}_{number}.png" for number in range(len(pictures))]
        folder.mkdir(parents=True, exist_ok=True)
        for path, picture in zip(paths, pictures):
            Image.fromarray(picture).save(folder / path)
        rows.append((name, paths))
    write_gallery(folder / "index.html", "Held-out pairs", "Thermal, real and made.", captions, rows)
    Image.fromarray(grid([pictures for _, pictures in pages[::3]], captions)).save(folder / "sheet.png")
    print(f"\nGallery: {folder / 'index.html'}")


if __name__ == "__main__":
    main()
