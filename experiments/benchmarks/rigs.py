"""How exactly two cameras are brought to one frame: python experiments/benchmarks/rigs.py [--rigs=100]

Rigs of toy streets: a visible and a thermal camera of other resolutions, fields of view (0.3 to 3 times as large),
turned by up to 5 degrees, shifted by up to 15 %, sheared or tilted, and of four kinds of thermal contrast. With
--pairs=FOLDER, which has `thermal` and `visible`: real pairs that lie on each other, moved by known transforms.

Beside each rig: how far, in pixels of the thermal frame, pixels of the visible one land from where they should, as a
mean over all that both see, and at most.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from hdsynth_tf.register.frames import apply, magnification, scaling, warp
from hdsynth_tf.register.rig import calibrate
from pipelines.reading.decode import read_image
from pipelines.toy_street.render import draw
from pipelines.toy_street.scene import make_scene

CONTRASTS = ("plain", "inverted", "emissivity", "faint")
KINDS = ("similarity", "affine", "homography")
THERMAL = ((120, 160), (180, 240), (256, 320))  # (height, width) of frames
VISIBLE = ((240, 320), (270, 480), (256, 256))
STREET = (512, 1024)  # pixels of the drawing that both cameras look at
SEEN = 0.86  # of its rows, by the camera that sees more
SCENES = 16
PAIRS = 8


def streets(count=SCENES, size=STREET):
    """Drawings of streets, each a dict of arrays."""
    return [draw(make_scene(7, index), *size)[0] for index in range(count)]


def toy_rig(number, scenes, pairs=PAIRS, ratios=(0.3, 3.0)):
    """A rig whose transform is known.

    Args:
        number: Integer; the same number always gives the same rig. Its rest by 4 says which contrast.
        scenes: What `streets` gave.
        pairs: Integer.
        ratios: Bounds of how large the visible frame is, as a length, beside the thermal one.

    Returns:
        Lists of thermal `(height, width, 1)` uint16 and visible `(height, width, 3)` uint8 arrays, the `(3, 3)`
        transform of visible pixels to thermal ones, and what kind of rig it is, a string.
    """
    rng = np.random.default_rng(number)
    ratio, turn = np.exp(rng.uniform(*np.log(ratios))), np.radians(rng.uniform(-5, 5))
    shift = rng.uniform(-0.15, 0.15, 2)
    contrast, kind = CONTRASTS[number % len(CONTRASTS)], rng.choice(KINDS)
    size, visible_size = (sizes[rng.integers(len(sizes))] for sizes in (THERMAL, VISIBLE))
    scale = np.sqrt(np.prod(size) / np.prod(visible_size)) * ratio
    turned = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1 / scale]]
    distort = np.eye(3)
    if kind != "similarity":
        distort[0, :2] += rng.uniform(-0.03, 0.03, 2)
    if kind == "homography":
        distort[2, :2] = rng.uniform(-0.08, 0.08, 2) / visible_size[::-1]
    matrix = _middle(size, shift * min(1, ratio)) @ turned @ distort @ np.linalg.inv(_middle(visible_size))
    street = scenes[0]["label_map"].shape
    wide = SEEN * street[0] / visible_size[0] * min(1, ratio)  # pixels of the drawing for each visible one
    to_visible = _middle(visible_size) @ np.diag([1, 1, wide]) @ np.linalg.inv(_middle(street))
    kelvin = rng.uniform(26000, 30500, 10)
    thermal, visible = [], []
    for scene in (scenes[i] for i in rng.choice(len(scenes), pairs, replace=False)):
        warm = warp(_contrast(scene, contrast, kelvin), matrix @ to_visible, size)[0] + rng.normal(0, 60, size)
        thermal.append(np.clip(warm, 0, 65535).astype("uint16")[..., None])
        seen = warp(scene["image"].astype("float32"), to_visible, visible_size)[0]
        visible.append(np.clip(seen + rng.normal(0, 2, seen.shape), 0, 255).astype("uint8"))
    return thermal, visible, matrix / matrix[2, 2], f"{contrast}, {kind}, fields of view 1 : {ratio:.2f}"


def _middle(size, shift=(0, 0)):
    """The transform that brings (0, 0) to the middle of a frame, and by `shift`, parts of its sides, beyond."""
    matrix = np.eye(3)
    matrix[:2, 2] = [(length - 1) / 2 + part * length for length, part in zip(size[::-1], shift)]
    return matrix


def _contrast(scene, kind, kelvin):
    """The thermal drawing of a scene as another camera or other weather would have it."""
    values = scene["source"][..., 0].astype("float32")
    if kind == "inverted":
        return 56000 - values
    if kind == "emissivity":
        return 0.3 * (values - 28000) + kelvin[scene["label_map"]].astype("float32")
    return 28000 + 0.15 * (values - 28000) if kind == "faint" else values


def moved_pairs(number, folder, pairs=PAIRS):
    """Real pairs whose visible pictures were moved; what `toy_rig` returns."""
    rng = np.random.default_rng(number)
    paths = sorted((folder / "thermal").iterdir())
    chosen = [paths[(number * pairs + i) % len(paths)] for i in range(pairs)]
    thermal = [read_image(path)[..., :1] for path in chosen]
    visible = [read_image(folder / "visible" / path.name) for path in chosen]
    scale, turn = np.exp(rng.uniform(*np.log((0.5, 2)))), np.radians(rng.uniform(-5, 5))
    middle = _middle(visible[0].shape[:2])
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    shifted = _middle(visible[0].shape[:2], rng.uniform(-0.1, 0.1, 2))
    move = scaling(scale) @ shifted @ turned @ np.linalg.inv(middle)
    sizes = [tuple(round(length * scale) for length in picture.shape[:2]) for picture in visible]
    moved = [warp(picture.astype("float32"), move, size)[0] for picture, size in zip(visible, sizes)]
    return thermal, [np.round(one).astype("uint8") for one in moved], np.linalg.inv(move), f"moved, scale {scale:.2f}"


def residual(found, true, size, visible_size):
    """How far pixels land from where they should: a mean over the thermal frame where both see, and the most."""
    rows, columns = np.mgrid[0 : size[0] : 4, 0 : size[1] : 4]
    points = np.column_stack([columns.ravel(), rows.ravel()]).astype("float64")
    back = apply(np.linalg.inv(true), points)
    seen = ((back >= 0) & (back < visible_size[::-1])).all(1)
    off = np.linalg.norm(apply(found, back[seen]) - points[seen], axis=1)
    return float(off.mean()), float(off.max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rigs", type=int, default=100)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--limit", type=float, default=1.0, help="pixels")
    asked = parser.parse_args()
    scenes, means, seconds = None if asked.pairs else streets(), [], []
    for number in range(asked.rigs):
        rig = moved_pairs(number, asked.pairs) if asked.pairs else toy_rig(number, scenes)
        thermal, visible, true, words = rig
        start = time.process_time()
        found = calibrate(thermal, visible)
        seconds.append(time.process_time() - start)
        mean, most = residual(found.matrix, true, thermal[0].shape[:2], visible[0].shape[:2])
        means.append(mean)
        scale = magnification(true, np.array(visible[0].shape[1::-1]) / 2)
        print(f"{number:4d} {mean:6.2f} {most:6.2f} {found.model:11s} {words}, scale {scale:.2f}", flush=True)
    print(f"{sum(mean < asked.limit for mean in means)} of {asked.rigs} below {asked.limit:g} pixels; median "
          f"{np.median(means):.2f}, worst {max(means):.2f}; {np.median(seconds):.1f} seconds a rig")  # fmt: skip


if __name__ == "__main__":
    main()
