"""The scores of methods: all their pictures are measured, once, and summed up, of all scenes or group by group."""

import dataclasses
import itertools

from hdsynth_tf.evaluate import report
from hdsynth_tf.evaluate.groups import in_groups
from hdsynth_tf.evaluate.instruments import ORIGINAL
from hdsynth_tf.evaluate.measurement import REAL, files_of, measure_once, stamp
from hdsynth_tf.evaluate.perceptual import lpips_nets
from pipelines.source import FileSource

ORACLE = f"{REAL} (oracle)"


def measure_all(methods, source, instruments, asked, data, output_dir):
    """Dict: name -> `Measured`; the real images come last."""
    scenes = {"data": dataclasses.asdict(data), "names": source.names}
    if isinstance(source, FileSource):
        scenes["files"] = [[stamp(path) for path in paths] for paths in source.paths.values()]
    key = {"scenes": scenes, "window": list(instruments.window), "labels": asked.evaluated_labels}
    if instruments.segmenter:
        key["segmenter"] = [stamp(path) for path in files_of(asked.segmenter)], instruments.segmenter.protocol()
    if instruments.detector:
        key["detector"] = [stamp(path) for path in files_of(asked.detector)], instruments.detector.protocol()
    if instruments.features:
        name = ORIGINAL[-1] if asked.features in ORIGINAL else asked.features
        key["features"] = [name, *(stamp(path) for path in files_of(asked.features))]
    if lpips_nets():
        key["lpips"] = lpips_nets()
    if instruments.sequences:
        key["sequences"] = instruments.sequences
    measured = {}
    for name, method in [*((method.name, method) for method in methods), (ORACLE, None)]:
        files = [*method.paths, *itertools.chain(*method.variants)] if method else []
        own = [stamp(path) for path in files]
        folder = output_dir / "measured" / name
        measured[name] = measure_once(folder, {**key, "pictures": own}, instruments, source, method)
    return measured


def score_all(measured, asked):
    """Dict: name -> the scores of what was measured of it. `measured`: dict: name -> `Measured`."""
    return {
        name: report.score(own, None if name == ORACLE else measured[ORACLE], asked.resamples, asked.seed)
        for name, own in measured.items()
    }


def score_groups(measured, groups, asked):
    """Dict: name -> dict: group -> scores of its scenes. `groups`: the group of every scene."""
    parts = {name: in_groups(own, groups) for name, own in measured.items()}
    by_group = {group: score_all({name: parts[name][group] for name in parts}, asked) for group in parts[ORACLE]}
    return {name: {group: by_group[group][name] for group in by_group} for name in parts if name != ORACLE}
