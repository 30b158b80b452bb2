"""Do styles find the looks that toy_street hides, and do they change the picture? For a run with styles:

    python -m hdsynth_tf.train --flagfile=experiments/toy_street_styles.flags --run_dir=runs/toy_street_styles
    python -m hdsynth_tf.styles --model=runs/toy_street_styles
    python experiments/hidden_modes.py runs/toy_street_styles

Prints how pure the clusters are in the true modes; what choosing another style does to an object's colours, against
the same street drawn in that mode, and to the rest of the picture; how different ten seeds are. Writes
RUN/styles/looks.png.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.evaluate.quality import diversity
from hdsynth_tf.files.run_folder import find_model, read_settings
from hdsynth_tf.show.pictures import grid, show_inputs
from hdsynth_tf.styles.clustering import encode_instances
from hdsynth_tf.styles.settings import StylesSettings
from pipelines.toy_street.scene import BUILDING, CAR, CLASS_NAMES, MODES, ROAD

CLASSES = (ROAD, BUILDING, CAR)
SEEDS = range(10)
SHOWN = 4  # pictures beside each label map


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir")
    parser.add_argument("--scenes", type=int, default=60, help="held-out scenes whose objects are changed")
    parser.add_argument("--train_scenes", type=int, default=0, help="scenes that gave the styles; 0: all of the run's")
    asked = parser.parse_args()
    model = keras.saving.load_model(str(find_model(asked.run_dir)), compile=False)
    data = read_settings(asked.run_dir, "data")
    data |= {"num_scenes": asked.train_scenes or data["num_scenes"]}
    training = assemble.build_source(DataSettings(**data), "train")
    scenes = assemble.build_source(DataSettings(**{**data, "num_scenes": asked.scenes}), "val")
    folder = Path(asked.run_dir) / "styles"
    modes = mode_of_styles(model, training, folder)
    report_changes(model, scenes, modes)
    sheet = np.concatenate([draw_seeds(model, scenes), draw_objects(model, scenes, modes)])
    Image.fromarray(sheet).save(folder / "looks.png")


def mode_of_styles(model, source, folder):
    """Prints purities; returns dict: class -> array, the most frequent true mode of each of its styles."""
    found = encode_instances(model, source, folder / "instances")
    truth = [source.modes(index) for index in range(len(source))]
    result = {}
    print(f"{'class':<10s} {'objects':>8s} {'styles':>6s} {'purity':>7s} {'one style':>9s} {'all sizes':>9s}")
    for label in CLASSES:
        own = np.flatnonzero(found.label == label)
        mode = np.array([truth[scene][instance] for scene, instance in zip(found.scene[own], found.instance[own])])
        styles = model.style_bank.as_dict()[label]
        style = np.linalg.norm(found.features[own][:, None] - styles, axis=-1).argmin(1)
        large = found.area[own] > StylesSettings.min_area
        table = np.zeros((len(styles), len(MODES[label])), int)
        np.add.at(table, (style[large], mode[large]), 1)
        result[label] = table.argmax(1)
        print(
            f"{CLASS_NAMES[label]:<10s} {large.sum():>8d} {len(styles):>6d} {table.max(1).sum() / table.sum():>7.3f} "
            f"{table.sum(0).max() / table.sum():>9.3f} {(result[label][style] == mode).mean():>9.3f}"
        )
    return result


def representatives(modes):
    """Of each mode that a class's styles have, the style most objects are like: dict: mode -> style."""
    return {int(mode): int(np.argmax(modes == mode)) for mode in np.unique(modes)}


def report_changes(model, scenes, modes):
    """Prints, for each class, what changing the style of one object at a time does to the picture."""
    print(f"\n{'class':<10s} {'changes':>8s} {'mode hit':>8s} {'of the way':>10s} {'object':>7s} {'rest':>6s}")
    for label in CLASSES:
        changes = [
            change
            for index in range(len(scenes))
            for instance in large_objects(scenes.load(index), label)
            for change in change_one(model, scenes, index, label, instance, representatives(modes[label]))
        ]
        hits, progress, inside, outside = np.mean(changes, axis=0)
        print(
            f"{CLASS_NAMES[label]:<10s} {len(changes):>8d} {hits:>8.2f} {progress:>10.2f} {inside:>7.1f} "
            f"{outside:>6.2f}"
        )
    print("mode hit: share of objects nearest, in mean colour, to the mode asked for. of the way: how far the mean")
    print("colour goes from one mode's to the other's. object, rest: mean change in grey levels (0 to 255)")


def large_objects(scene, label):
    """Ids of the objects of a class that are large enough for styles of their own."""
    ids, sizes = np.unique(scene["instance_map"][scene["label_map"] == label], return_counts=True)
    return [int(i) for i, size in zip(ids, sizes) if size / scene["label_map"].size > StylesSettings.min_area]


def change_one(model, scenes, index, label, instance, style_of_mode):
    """Rows of (mode hit, share of the way, change inside, change outside), for each pair of modes."""
    scene = scenes.load(index)
    mask = scene["instance_map"] == instance
    made = {m: model.generate(scene, styles={instance: style}).astype(float) for m, style in style_of_mode.items()}
    true = {m: scenes.restyled(index, label, m)[mask].mean(0) for m in range(len(MODES[label]))}
    color = {mode: picture[mask].mean(0) for mode, picture in made.items()}
    rows = []
    for old in made:
        for new in set(made) - {old}:
            way = true[new] - true[old]
            nearest = min(true, key=lambda m: np.linalg.norm(true[m] - color[new]))
            difference = np.abs(made[new] - made[old])
            share = (color[new] - color[old]) @ way / (way @ way)
            rows.append((nearest == new, share, difference[mask].mean(), difference[~mask].mean()))
    return rows


def draw_seeds(model, scenes, rows=5, shown=3):
    """Some scenes in the styles of several seeds; prints how different all ten are."""
    pictures = []
    for index in range(rows):
        scene = scenes.load(index)
        made = np.stack([model.generate(scene, seed=seed) for seed in SEEDS])
        different = len({picture.tobytes() for picture in made})
        apart = f"{diversity(made):.1f} grey levels apart"
        print(f"{scenes.names[index]}: {different} different pictures of {len(SEEDS)} seeds, {apart}")
        pictures.append([show_inputs(scene, model.conditioning), *made[:SHOWN]])
    return grid(pictures[:shown], ["label map", *(f"seed {seed}" for seed in SEEDS[:SHOWN])])


def draw_objects(model, scenes, modes):
    """For each class a scene with a large object of it, which alone changes from style to style."""
    rows = []
    for label in CLASSES:
        largest = [largest_object(scenes.load(index), label) for index in range(len(scenes))]
        index = sorted(range(len(scenes)), key=lambda i: largest[i])[-4]  # the very largest hides the street
        scene, instance = scenes.load(index), largest[index][1]
        styles = [*representatives(modes[label]).values()]
        styles += [style for style in range(len(modes[label])) if style not in styles]
        made = [model.generate(scene, styles={instance: style}) for style in styles[:SHOWN]]
        rows.append([show_inputs(scene, model.conditioning), *made])
    return grid(rows, ["label map", *(f"style {i + 1} of one object" for i in range(SHOWN))])


def largest_object(scene, label):
    """Pixels and id of the largest object of a class; `(0, 0)` if there is none."""
    ids, sizes = np.unique(scene["instance_map"][scene["label_map"] == label], return_counts=True)
    return max(((int(size), int(i)) for i, size in zip(ids, sizes)), default=(0, 0))


if __name__ == "__main__":
    main()
