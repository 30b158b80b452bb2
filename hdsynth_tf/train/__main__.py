"""`python -m hdsynth_tf.train`: from paired files to a trained, saved and served model."""

import contextlib
import dataclasses
import os

from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.evaluate.perceptual import NAMES
from hdsynth_tf.evaluate.quality import agreement
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolder, check_space, find_model, write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.presets import load_model
from hdsynth_tf.show.pictures import histogram
from hdsynth_tf.train import memory, plan
from hdsynth_tf.train.checkpoints import Checkpoints
from hdsynth_tf.train.pace import Pace
from hdsynth_tf.train.settings import RunSettings
from hdsynth_tf.train.stages import StagedTraining, pick_scenes
from hdsynth_tf.train.tracking import check_installed, tracking
from pipelines.checks.registration import NOTABLE, describe, register_all
from pipelines.checks.validate import validate
from pipelines.checks.values import survey
from pipelines.paths import as_path
from pipelines.source import FileSource, spread

USAGE = """
Trains a model on pairs of inputs and photographs. Writes a run folder: the model, its served form, logs, pictures.
Started again with the same settings, it goes on where it stopped.

  python -m hdsynth_tf.train --flagfile=experiments/quickstart.flags --run_dir=runs/quickstart
  python -m hdsynth_tf.train --dataset=folder --source_dir=thermal --target_dir=visible --run_dir=runs/night
"""
GROUPS = {
    "data": DataSettings,
    "networks": NetworkSettings,
    "losses": LossSettings,
    "training": TrainingSettings,
    "run": RunSettings,
}
# What a run that goes on need not have in common with its beginning: places, rates, and how it is done and shown.
MAY_CHANGE = {field.name for field in dataclasses.fields(RunSettings)} - {"init_from"} | {
    "data_dir", "source_dir", "target_dir", "label_dir", "instance_dir",
    "recipe", "max_steps", "freeze_encoder",
    "learning_rate", "discriminator_learning_rate", "precision", "rematerialize", "strategy",
}  # fmt: skip

SHOWN = {False: "input | real | generated", True: "A, to B and back | B, to A and back"}  # in a grid; by --unpaired
REGISTERED_PAIRS = 200  # at most, whose registration is looked at before training


def main(argv):
    groups = flags.parse(argv, GROUPS.values(), USAGE)
    data, networks, losses, training, run = groups
    if not run.run_dir:
        raise SettingsError("Say where the run goes: --run_dir=runs/NAME.")
    check_installed(run.log_to)
    assemble.check_options(data, networks, training)
    if data.unpaired:
        assemble.check_unpaired(networks, losses, training)
    assemble.check_apart(run.run_dir, data, "--run_dir")
    if run.time_limit and training.strategy == "multi_worker":
        raise SettingsError("--time_limit is for one machine: several would settle on different numbers of steps.")
    strategy = assemble.build_strategy(training.strategy)
    num_workers, is_chief = assemble.workers(strategy)
    folder = RunFolder(as_path(run.run_dir))
    folder.check(dict(zip(GROUPS, groups)), MAY_CHANGE)
    lock = only_writer(folder.path, "train") if is_chief and not run.dry_run else contextlib.nullcontext()
    with lock, contextlib.nullcontext() if is_chief else contextlib.redirect_stdout(open(os.devnull, "w")):
        train(groups, folder, strategy, num_workers, is_chief)


def train(groups, folder, strategy, num_workers, is_chief):
    """Checks everything, trains, and writes what came of it."""
    data, networks, losses, training, run = groups
    precision, why = assemble.choose_precision(training.precision, folder.read_precision(), num_workers)
    print(f"Precision: {precision} ({why})")
    training = dataclasses.replace(training, precision=precision)
    levels = assemble.build_levels(data, networks, training)
    assemble.check_pixel_levels(levels, losses)
    assemble.check_perceptual_size(levels, losses)
    assemble.check_diverse(networks, losses, levels[-1].source)
    values = check_data(levels[-1])
    levels = assemble.settle_windows(levels, values, folder.read_windows())
    windows = {"source": levels[0].data.source_range, "image": levels[0].data.target_range}
    print_values(values, windows)
    if is_chief:  # nobody reads what others say
        check_registration(levels[-1].source)
    assemble.check_replicas(levels, strategy)

    given = load_model(find_model(run.init_from)) if run.init_from else None
    models = assemble.model_maker(levels, networks, losses, given)
    stages = assemble.build_stages(networks, losses, training, models.first_level)
    kept = folder.read_rematerialize()
    levels, needed = print_plan(stages, levels, strategy, models, kept, training.max_steps, run.keep_checkpoints)
    models = assemble.model_maker(levels, networks, losses, given)
    check_space(folder.path, needed)
    if run.dry_run:
        print("Dry run: nothing was trained, nothing was written.")
        return

    pace = Pace(stages, levels, folder.epoch_steps, run.time_limit)
    staged = StagedTraining(
        stages, levels, folder, Checkpoints(folder.checkpoints, run.keep_checkpoints), strategy, num_workers, is_chief,
        models, pace, training.seed, training.max_steps, run.num_samples, run.sample_epochs, run.checkpoint_steps,
    )  # fmt: skip
    if folder.is_finished and staged.is_over:
        print(f"{folder.path} is finished: there is nothing left to do.")
        return
    if is_chief:
        folder.create(dict(zip(GROUPS, groups)))
        folder.scores.unlink(missing_ok=True)
        write_json(folder.windows, windows)
        rematerialize = [level.training.rematerialize for level in levels]
        write_json(folder.precision, {"precision": precision, "why": why, "rematerialize": rematerialize})
        draw_values(values, windows, folder)
    with tracking(run.log_to if is_chief else "", folder, dict(zip(GROUPS, groups))) as trackers:
        model = staged.run(trackers)
        if is_chief:
            scores = finish(model.finished(), folder, levels[-1], run, models.compare)
            for tracker in trackers:
                tracker.send_scores(scores)


def check_data(level):
    """Reads every file of the training scenes and of those held out, before anything else is done.

    Returns:
        Dict: `source`, `image` of the training scenes, where they are no plain photographs -> `Values`.
    """
    values = {}
    for name, source in (("Validation data", level.val_source), ("Training data", level.source)):
        for part in source.parts if source is not None else ():
            if isinstance(part, FileSource):
                findings = validate(part)
                values |= findings.values
                of = "" if source.is_paired else f", {' and '.join(part.formats)}s"
                print(f"{name}{of}: {findings.lines[0]}", *findings.lines[1:], sep="\n")
            elif source is level.source:
                values |= survey(part)
    if level.val_source is None:
        print("There are no validation scenes: samples and scores will be of scenes trained on.")
    if not level.source.is_paired:
        tell_pairs(level.source)
    return values


def tell_pairs(source):
    """Says if pictures that were given as unpaired may be pairs, by their names. `source`: `Unpaired`."""
    common = source.common_names
    if common:
        print(
            f"{len(common)} names are in both folders, such as {common[0]}: where they show the same, pairs teach "
            "more: leave out --unpaired."
        )


def check_registration(source):
    """Says how well pairs of pictures lie on each other; of many, some are looked at."""
    if isinstance(source, FileSource) and {"source", "image"} <= set(source.formats):
        indices = spread(REGISTERED_PAIRS, len(source))
        lines = describe(register_all(source, indices), [source.names[i] for i in indices], NOTABLE)
        print("\n".join(lines))
        if len(lines) > 1:
            print("  Pairs that are shifted teach blur. Look at them: python -m hdsynth_tf.register --help")


def print_values(values, windows):
    """Says what values sources and images hold that are no plain photographs, and which of them become -1 and 1."""
    for key, found in values.items():
        if windows[key]:
            shown = "{:g} and {:g}".format(*windows[key]) + ", {:.1%} are below, {:.1%} above".format(
                *found.clipped(windows[key])
            )
        else:
            shown = "percentiles of each picture"
        print(f"Values of {key}s: {found.describe()}\n  -1 and 1 for the networks: {shown}")


def draw_values(values, windows, folder):
    """The same as a picture."""
    for key, found in values.items():
        picture = histogram(found.sample, windows[key], f"Values of {key}s: {found.describe()}")
        with replacing(folder.values(key)) as temporary:
            Image.fromarray(picture).save(temporary)


def print_plan(stages, levels, strategy, models, rematerialize, max_steps, keep_checkpoints):
    """Says what is going to be trained, how long, and how much memory it takes; settles what is to be rematerialized.

    Args:
        rematerialize: What was settled for each level when the run began, or an empty list.
        stages, levels, strategy, models, max_steps, keep_checkpoints: See `StagedTraining` and `Checkpoints`.

    Returns:
        The levels, with `--rematerialize` settled, and the bytes that the run will write.
    """
    print("\nPlan", *models.describe(), sep="\n")
    model, needed, replicas, settled, free = None, 0, strategy.num_replicas_in_sync, [], memory.free_memory()
    for number, level in enumerate(levels):
        own = [stage for stage in stages if stage.level == number]
        settled.append(level)
        if not own:
            continue
        with strategy.scope():
            model = models.make(number, model)
            model.compile(**models.compile_arguments(own[-1]))
        height, width = level.size
        takes = memory.memory_estimate(model, level.training.batch_size // replicas, height, width)
        asked, can = level.training.rematerialize, models.networks.generator != "unet"
        asked = rematerialize[number] if asked == "auto" and number < len(rematerialize) else asked
        choice, line = memory.choose_rematerialization(asked, can, takes, free)
        settled[number] = dataclasses.replace(level, training=dataclasses.replace(level.training, rematerialize=choice))
        print(*(f"  {stage.name}: {stage.epochs} epochs of {level.steps_per_epoch} steps" for stage in own), sep="\n")
        print(
            f"    {level.training.batch_size} pictures of {width}x{height} a step, on {replicas} device(s), "
            f"{level.training.precision}; {line}"
        )
        print(*plan.parameter_lines(model), plan.loss_line(model), sep="\n")
        needed = keep_checkpoints * plan.checkpoint_bytes(model) + (3 + number) * plan.saved_bytes(model)
    if max_steps:
        print(f"  at most {max_steps} steps in all")
    print()
    return settled, needed


def finish(model, folder, level, run, compare):
    """Writes the finished model, its served form, the last pictures, and at the very end its scores.

    Args:
        compare: Function of scenes and models that draws a grid.
        model, folder, level, run: The model, its `RunFolder`, the last `Level`, `RunSettings`.

    Returns:
        Dict of name -> number, the scores; empty where there are none.
    """
    model.save(folder.model)
    if run.export:
        model.save(folder.servable)
    last = folder.path / "samples.png"
    with replacing(last) as temporary:
        Image.fromarray(draw_levels(model, folder, level, run.num_samples, compare)).save(temporary)
    scores = tell_scores(model, level)
    write_json(folder.scores, {"unseen": level.val_source is not None, **scores})
    print(f"Pictures ({SHOWN[level.data.unpaired]}): {last}\nModel: {folder.model}")
    if run.export:
        print(f"For TensorFlow Serving: {folder.servable.parent}")
    return scores


def tell_scores(model, level):
    """Scores the finished model and says so; dict of them, empty where nothing pairs."""
    source = level.val_source or level.source
    if not source.is_paired:
        print("\nWithout pairs there are no scores. Of pictures that do pair: python -m hdsynth_tf.evaluate --help")
        return {}
    kind = "unseen" if level.val_source is not None else "trained"
    scores = agreement(model.served(), source, level.source)
    print(
        f"\nOn {scores['scenes']} {kind} scenes: {describe_lpips(scores)}; PSNR {scores['psnr']:.2f} dB, SSIM "
        f"{scores['ssim']:.3f} (a picture in mean colours: {scores['mean_color_psnr']:.2f} dB, "
        f"{scores['mean_color_ssim']:.3f}), edges {scores['edge_correlation']:.2f}, sharpness {scores['sharpness']:.2f}"
    )
    return scores


def describe_lpips(scores):
    """The distances that can be had, as a part of a sentence."""
    found = [f"{scores[name]:.3f} ({net})" for net, name in NAMES.items() if name in scores]
    if not found:
        return "LPIPS could not be had"
    return f"LPIPS {', '.join(found)} (a picture in mean colours: {scores['mean_color_lpips_alex']:.3f}, alex)"


def draw_levels(model, folder, level, num_samples, compare):
    """A grid of samples: input, real, and what each level's model makes of it, coarse to fine."""
    models = [load_model(path) for path in folder.level_models()] + [model]
    return compare(pick_scenes(level.val_source or level.source, num_samples), models)


if __name__ == "__main__":
    commands.run(main, "train")
