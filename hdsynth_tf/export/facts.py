"""What a run folder knows of how its model came to be, for the card of a preset."""

import csv

from hdsynth_tf.files.run_folder import GROUPS, LOST_SETTINGS, RunFolder, read_epoch_steps, read_own

PLACES = (
    "data_dir",
    "source_dir",
    "target_dir",
    "label_dir",
    "instance_dir",
    "pairs",
    "label_table",
)  # of this machine
NOT_SHOWN = ("data", "run", "study")  # groups of settings that say nothing of how a model was trained


def facts_of(path):
    """Dict as `show.model_card.model_card` takes it; empty for a model that is in no run folder.

    Args:
        path: `Path` of the model's file.
    """
    folder = RunFolder(path.parent)
    if not folder.settings.is_file():
        return {}
    settings = read_own(folder.settings, GROUPS, LOST_SETTINGS)
    facts = {
        "data": {name: "" if name in PLACES else value for name, value in settings.get("data", {}).items()},
        "recipe": {name: _public(group) for name, group in settings.items() if name not in NOT_SHOWN},
        "steps": _steps(folder, settings.get("training", {})),
    }
    if folder.scores.is_file():
        facts["scores"] = read_own(folder.scores, {}, "Start the same training again: it writes them anew.")
    return facts


def _public(group):
    """Settings without paths of this machine."""
    return {name: value for name, value in group.items() if not (isinstance(value, str) and "/" in value)}


def _steps(folder, training):
    """Steps of all stages together, by their logs; `None` where the steps of an epoch are not known."""
    steps_of = read_epoch_steps(folder.epoch_steps)
    total = 0
    for stage in folder.logs.glob("*.csv"):
        of_epoch = {folder.log(name).name: steps for name, steps in steps_of.items()}.get(stage.stem)
        of_epoch = of_epoch or training.get("steps_per_epoch")
        if not isinstance(of_epoch, int) or not of_epoch:
            return None
        with stage.open(newline="") as file:
            total += of_epoch * sum(1 for _ in csv.DictReader(file))
    return total or None
