"""`python -m hdsynth_tf.train`: from paired files to a trained, saved and served model."""

from pathlib import Path

import keras
from PIL import Image

from hdsynth_tf import build, commands, flags, plan
from hdsynth_tf.callbacks import LogRates, SampleGrid, StopAfter, StopOnNonFinite
from hdsynth_tf.evaluation.quality import agreement
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.run_folder import RunFolder, check_space, write_json
from hdsynth_tf.settings import (
    DataSettings,
    LossSettings,
    NetworkSettings,
    RunSettings,
    SettingsError,
    TrainingSettings,
)
from hdsynth_tf.storage import replacing
from pipelines.dataset import make_train
from pipelines.source import FileSource
from pipelines.validate import validate

USAGE = """
Trains a model on pairs of inputs and photographs. Writes a run folder: the model, its served form, logs, pictures.

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


def main(argv):
    groups = flags.parse(argv, GROUPS.values(), USAGE)
    data, networks, losses, training, run = groups
    if not run.run_dir:
        raise SettingsError("Say where the run goes: --run_dir=runs/NAME.")
    folder = RunFolder(Path(run.run_dir))
    folder.check_new()
    source, val_source = read_data(data)
    host_size, batch_size = build.batch_sizes(data, training, source)

    keras.utils.set_random_seed(training.seed)
    strategy = build.build_strategy(training.strategy)
    build.check_replicas(training, strategy)
    steps_per_epoch = training.steps_per_epoch or max(len(source) // training.batch_size, 1)
    with strategy.scope():
        model = build.build_model(data, networks, losses, training, source)
        stages = build.build_stages(losses, training, steps_per_epoch)
        model.compile(**stages[-1].compile_arguments)
    print_plan(model, stages, strategy, training, steps_per_epoch, batch_size)
    check_space(folder.path, 3 * plan.saved_bytes(model))
    if run.dry_run:
        print("Dry run: nothing was trained, nothing was written.")
        return

    folder.create(dict(zip(GROUPS, groups)))
    crop_size = build.size_setting(data, "crop")
    dataset = make_train(source, training.batch_size, host_size, crop_size, data.flip, training.seed)
    scenes = pick_scenes(val_source or source, run.num_samples)
    fit_stages(model, stages, strategy, dataset, steps_per_epoch, training.max_steps, folder, scenes, run.sample_epochs)
    finish(model, folder, scenes, val_source, source, run.export)


def read_data(data):
    """The training scenes and those held out (or `None`), every file of them checked."""
    source = build.build_source(data, data.split or "train")
    val_source = build.build_source(data, "val")
    for name, checked in (("Training data", source), ("Validation data", val_source)):
        if isinstance(checked, FileSource):
            lines = validate(checked)
            print(f"{name}: {lines[0]}", *lines[1:], sep="\n")
    if val_source is None:
        print("There are no validation scenes: samples and scores will be of scenes trained on.")
    return source, val_source


def print_plan(model, stages, strategy, training, steps_per_epoch, batch_size):
    """What is going to be trained, how long, and how much memory it takes."""
    height, width = batch_size
    replicas = strategy.num_replicas_in_sync
    memory = plan.memory_estimate(model, training.batch_size // replicas, height, width)
    print("\nPlan")
    print(*plan.parameter_lines(model), sep="\n")
    for stage in stages:
        print(f"  {stage.name}: {stage.epochs} epochs of {steps_per_epoch} steps")
    if training.max_steps:
        print(f"  at most {training.max_steps} steps in all")
    print(f"  {training.batch_size} pictures of {width}x{height} a step, on {replicas} device(s), {training.precision}")
    print(f"  about {memory / 2**30:.1f} GiB of memory on each device\n")


def pick_scenes(source, count):
    """`count` scenes spread over a source: list of (inputs, image), NumPy arrays."""
    count = min(count, len(source))
    scenes = [source.load(round(i * (len(source) - 1) / max(count - 1, 1))) for i in range(count)]
    return [({key: value for key, value in scene.items() if key != "image"}, scene["image"]) for scene in scenes]


def fit_stages(model, stages, strategy, dataset, steps_per_epoch, max_steps, folder, scenes, sample_epochs):
    """Trains stage after stage; epochs are counted over all of them."""
    stop = StopAfter(max_steps) if max_steps else None
    first_epoch = 0
    for stage in stages:
        with strategy.scope():
            model.compile(**stage.compile_arguments)
        print(f"\nStage: {stage.name}")
        log_dir = folder.logs / stage.name.replace(" ", "_")
        callbacks = [
            StopOnNonFinite(),
            LogRates(),
            SampleGrid(scenes, folder.samples, sample_epochs, log_dir),
            keras.callbacks.CSVLogger(f"{log_dir}.csv"),
            keras.callbacks.TensorBoard(log_dir, write_graph=False),
        ]
        callbacks += [stop] if stop else []
        last_epoch = first_epoch + stage.epochs
        model.fit(
            dataset,
            initial_epoch=first_epoch,
            epochs=last_epoch,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            shuffle=False,
        )
        if stop and stop.left <= 0:
            return
        first_epoch = last_epoch


def finish(model, folder, scenes, val_source, source, export):
    """Writes the finished model, its served form, its scores, and the last pictures."""
    finished = Pix2PixHD(model.conditioning, model.inference_generator, model.discriminator)
    finished.save(folder.model)
    if export:
        finished.save(folder.servable)
    scores = agreement(finished, val_source or source, source)
    write_json(folder.scores, {"unseen": val_source is not None, **scores})
    grid = SampleGrid(scenes, folder.samples)
    grid.set_model(finished)
    last = folder.path / "samples.png"
    with replacing(last) as temporary:
        Image.fromarray(grid.draw()).save(temporary)
    kind = "unseen" if val_source is not None else "trained"
    print(
        f"\nOn {scores['scenes']} {kind} scenes: PSNR {scores['psnr']:.2f} dB, SSIM {scores['ssim']:.3f} "
        f"(a picture in mean colours: {scores['mean_color_psnr']:.2f} dB, {scores['mean_color_ssim']:.3f})"
    )
    print(f"Pictures (input | real | generated): {last}\nModel: {folder.model}")
    if export:
        print(f"For TensorFlow Serving: {folder.servable.parent}")


if __name__ == "__main__":
    commands.run(main, "train")
