"""Measurements -> scores with their intervals, and tables of them."""

import dataclasses
import json

import numpy as np

from hdsynth_tf.evaluate import objects, segmentation
from hdsynth_tf.evaluate.distances import frechet_distance, kernel_distance
from hdsynth_tf.evaluate.intervals import interval, mean_interval, resampled_sums
from hdsynth_tf.files.storage import replacing

NONE = "-"  # in a cell without a number
COLUMNS = {  # score -> head of its column, factor and digits of what is shown
    "pixel_accuracy": ("pixel accuracy", 1, 3),
    "class_accuracy": ("class accuracy", 1, 3),
    "mean_iou": ("mean IoU", 1, 3),
    "fid": ("FID", 1, 3),
    "kid": ("KID x 1000", 1000, 2),
    "lpips_alex": ("LPIPS alex", 1, 3),
    "lpips_vgg": ("LPIPS vgg", 1, 3),
    "psnr": ("PSNR, dB", 1, 2),
    "ssim": ("SSIM", 1, 3),
    "objects": ("objects", 1, 0),
    "recall": ("object recall", 1, 3),
    "precision": ("object precision", 1, 3),
    "f1": ("object F1", 1, 3),
    "diversity": ("diversity", 1, 2),
    "flicker": ("flicker", 1, 2),
    "pumping": ("pumping", 1, 2),
    "warping": ("warping x 1000", 1000, 2),
}


@dataclasses.dataclass(frozen=True)
class Score:
    """A number and, where images can be resampled, the interval it would be in for other images of the kind."""

    value: float
    low: float | None = None
    high: float | None = None

    def shown(self, factor, digits):
        if np.isnan(self.value):
            return NONE
        text = f"{factor * self.value:.{digits}f}"
        if self.low is None:
            return text
        return f"{text} ({factor * self.low:.{digits}f} to {factor * self.high:.{digits}f})"


def score(measured, real, resamples, seed):
    """All scores of one method.

    Args:
        measured: `Measured`, of the method.
        real: `Measured`, of the real images, or `None` if they are what is scored.
        resamples, seed: Of the bootstrap, see `intervals`.

    Returns:
        Dict: name in `COLUMNS` -> `Score`, of what was measured. FID and KID have no interval: drawn with replacement,
        images come twice, and sets of fewer different images are farther apart.
    """
    scores = {}
    if measured.confusion is not None:
        whole = segmentation.scores(measured.confusion.sum(0))
        resampled = segmentation.scores(resampled_sums(measured.confusion, resamples, seed))
        for name in ("pixel_accuracy", "class_accuracy", "mean_iou"):
            scores[name] = Score(float(whole[name]), *interval(resampled[name]))
    if measured.objects is not None:
        counts = objects.count_matches(measured.objects, (real or measured).objects)
        resampled = objects.scores(resampled_sums(counts, resamples, seed))
        for name, value in objects.scores(counts.sum(0)).items():
            scores[name] = Score(float(value), *interval(resampled[name]))
    if measured.features is not None and real is not None and len(real.features) > 1:
        scores["fid"] = Score(frechet_distance(real.features, measured.features))
        scores["kid"] = Score(kernel_distance(real.features, measured.features))
    if measured.pumping is not None and not np.isnan(measured.pumping).all():
        scores["pumping"] = Score(float(np.nanstd(measured.pumping)))
    for name in ("lpips_alex", "lpips_vgg", "psnr", "ssim", "diversity", "flicker", "warping"):
        values = getattr(measured, name)
        if values is not None and not np.isnan(values).all():
            values = values[~np.isnan(values)]
            scores[name] = Score(float(values.mean()), *mean_interval(values, resamples, seed))
    return scores


def class_scores(measured):
    """IoU of each class, NaN for those that neither occur nor are found: list of floats."""
    return [float(value) for value in segmentation.scores(measured.confusion.sum(0))["class_iou"]]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of strings under heads.

    Attributes:
        heads: List of strings.
        rows: List of lists of strings.
    """

    heads: list
    rows: list

    def markdown(self):
        """Aligned, so that it reads well as it is."""
        widths = [max(len(row[i]) for row in [self.heads, *self.rows]) for i in range(len(self.heads))]
        lines = [[cell.ljust(width) for cell, width in zip(row, widths)] for row in [self.heads, *self.rows]]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def score_table(scores):
    """A row for each method. `scores`: dict: method -> what `score` returned."""
    columns = [name for name in COLUMNS if any(name in own for own in scores.values())]
    heads = ["method", *(COLUMNS[name][0] for name in columns)]
    rows = [
        [method, *(own[name].shown(*COLUMNS[name][1:]) if name in own else NONE for name in columns)]
        for method, own in scores.items()
    ]
    return Table(heads, rows)


def class_table(class_iou, class_names):
    """A row for each class, a column for each method. `class_iou`: dict: method -> list of floats."""
    rows = [
        [name, *(NONE if np.isnan(own[i]) else f"{own[i]:.3f}" for own in class_iou.values())]
        for i, name in enumerate(class_names)
    ]
    return Table(["IoU", *class_iou], rows)


def _as_json(scores):
    """What `score` returned, as JSON holds it."""
    return {key: _known(vars(score)) for key, score in scores.items()}


def _known(values):
    """Dict of numbers, with `None` for NaN, which JSON does not know."""
    return {key: None if value is None or np.isnan(value) else value for key, value in values.items()}


def group_table(grouped):
    """A row for each group of each method. `grouped`: dict: method -> dict: group -> what `score` returned."""
    rows = {f"{method}: {group}": own for method, groups in grouped.items() for group, own in groups.items()}
    table = score_table(rows)
    return Table(["group", *table.heads[1:]], table.rows)


def write_tables(scores, measured, class_names, protocol, folder, grouped=None):
    """Writes `table.md` and `table.json`.

    Args:
        scores: Dict: method -> what `score` returned.
        measured: Dict: method -> `Measured`.
        class_names: Of the classes that are scored; empty if there was no segmenter.
        protocol: List of strings: how it was measured.
        folder: `Path`.
        grouped: Dict: method -> dict: group -> what `score` returned of its scenes; or `None`.

    Returns:
        List of `Table`.
    """
    tables = [score_table(scores)]
    content = {name: _as_json(own) for name, own in scores.items()}
    if grouped:
        tables.append(group_table(grouped))
        for name, groups in grouped.items():
            content[name]["groups"] = {group: _as_json(own) for group, own in groups.items()}
    if class_names:
        class_iou = {name: class_scores(own) for name, own in measured.items()}
        tables.append(class_table(class_iou, class_names))
        for name, own in class_iou.items():
            content[name]["class_iou"] = _known(dict(zip(class_names, own)))
    with replacing(folder / "table.json") as temporary:
        temporary.write_text(json.dumps({"protocol": protocol, "methods": content}, indent=2) + "\n")
    with replacing(folder / "table.md") as temporary:
        notes = "\n".join(f"- {line}" for line in protocol)
        temporary.write_text("\n\n".join(table.markdown() for table in tables) + f"\n\n{notes}\n")
    return tables
