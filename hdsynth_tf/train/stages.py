"""Runs the stages of a training one after the other, from wherever its newest checkpoint left off."""

import math

import keras

from hdsynth_tf import assemble
from hdsynth_tf.files.run_folder import read_own, write_json
from hdsynth_tf.stopping import Stopped, as_stopped, saying
from hdsynth_tf.train.callbacks import (
    Interrupted,
    LogRates,
    LogTable,
    NotFinite,
    SampleGrid,
    SaveCheckpoints,
    StopAfter,
    StopOnNonFinite,
    StopSignals,
)
from hdsynth_tf.train.checkpoints import CheckpointError, Position
from hdsynth_tf.train.content_scales import measured_scales
from hdsynth_tf.train.pace import FIRST_STEPS, TIMED, TimeSteps
from hdsynth_tf.train.tone_fitting import fit_tone
from hdsynth_tf.train.validation import Validation
from pipelines.augment import NO_ZOOM
from pipelines.dataset import make_eval, make_sample, make_train
from pipelines.errors import UserError
from pipelines.source import spread

TONE_SCENES = 2000  # at most that the tone is fitted to
CHANGED_ROUNDS = 3  # how often each of them comes as another camera would see it, where sources are changed
LOST_SCALES = "Remove it: the scales are measured again."


class StagedTraining:
    """A training of many stages, in one run folder.

    Everything random is a function of the seed, the stage and the step, so that a run that was interrupted ends where
    it would have ended without that.

    Args:
        stages: List of `Stage`.
        levels: List of `assemble.Level`, all of them, coarse to fine.
        folder: `RunFolder`.
        checkpoints: `Checkpoints`.
        strategy: `tf.distribute.Strategy`.
        num_workers, is_chief: Integer and boolean: how many processes take part, and whether this one writes.
        models: What `assemble.model_maker` made.
        pace: `Pace`, how long the epochs are.
        seed: Integer.
        max_steps: Integer, of all stages together; 0: no limit.
        num_samples, sample_epochs: Integers: scenes in a grid of samples, epochs between grids.
        checkpoint_steps: Integer, steps between checkpoints; 0: one after each epoch.
    """

    def __init__(
        self,
        stages,
        levels,
        folder,
        checkpoints,
        strategy,
        num_workers,
        is_chief,
        models,
        pace,
        seed=0,
        max_steps=0,
        num_samples=6,
        sample_epochs=1,
        checkpoint_steps=0,
    ):
        self.stages = stages
        self.levels = levels
        self.folder = folder
        self.checkpoints = checkpoints
        self.strategy = strategy
        self.num_workers = num_workers
        self.is_chief = is_chief
        self.models = models
        self.pace = pace
        self.seed = seed
        self.max_steps = max_steps
        self.num_samples = num_samples
        self.sample_epochs = sample_epochs
        self.checkpoint_steps = checkpoint_steps

    @property
    def is_over(self):
        """Whether nothing is left to train."""
        position = self._newest()[1]
        is_last = position.stage == len(self.stages) - 1
        return self._left(position) == 0 or (is_last and position.step >= self._steps(position.stage))

    def _newest(self):
        """The newest checkpoint and its position, which must be one of these stages."""
        checkpoint, position = self.checkpoints.newest()
        if position.stage >= len(self.stages):
            raise CheckpointError(
                f"The checkpoint {checkpoint} is of stage {position.stage + 1}, and this run has {len(self.stages)}. "
                "Use the settings the run was begun with, or another --run_dir."
            )
        return checkpoint, position

    def _steps(self, index):
        """Steps of stage `index`."""
        stage = self.stages[index]
        return stage.epochs * self.pace.steps_per_epoch(stage)

    def run(self, trackers=()):
        """Trains to the end of the last stage or to `max_steps`, whichever comes first; returns the model.

        Args:
            trackers: Callbacks that send the logs elsewhere.

        Raises:
            Interrupted: If the process is told to stop; everything is saved then.
            NotFinite: If a loss or a weight is not finite, and again when its steps are taken once more.
        """
        self.trackers = trackers
        checkpoint, self.position = self._newest()
        try:
            with saying(lambda number: Interrupted(number, self.position)), as_stopped(but=UserError):
                return self._run_past_glitches(checkpoint, StopSignals())
        except Stopped as stop:  # between steps, where all that was made is saved
            raise Interrupted(stop.number, self.position) from stop

    def _run_past_glitches(self, checkpoint, signals):
        """Trains. Values that are not finite are computed once more: on a busy machine some do not come again."""
        broken_from = None
        while True:
            try:
                return self._run(checkpoint, signals)
            except NotFinite as error:
                checkpoint, self.position = self._newest()
                if self.num_workers > 1 or self.position.total == broken_from:
                    raise
                broken_from = self.position.total
                print(f"\n{error.what} Once more from {checkpoint or 'the beginning'}: it may not come again.")

    def _run(self, checkpoint, signals):
        position = self.position
        if checkpoint:
            print(f"Going on from {checkpoint}.")
        model = None
        for index in range(position.stage, len(self.stages)):
            if position.stage != index:
                position = Position(index, 0, position.total)
            model = self._prepare(index, model)
            if checkpoint:
                self.checkpoints.restore(checkpoint, model)
                checkpoint = None
            elif position.total == 0:
                self._fit_tone(model)
            if self.stages[index].rescaled:
                self._rescale(index, model)
            position = self.position = self._train(model, position, signals)
            self._keep_coarse_model(model, position)
            if self._left(position) == 0:
                break
        return model

    def _prepare(self, index, model):
        """The compiled model of stage `index`, which goes on from `model` if there is one."""
        stage = self.stages[index]
        keras.utils.set_random_seed(self.seed + index)
        with self.strategy.scope():
            model = self.models.make(stage.level, model)
            model.compile(**self.models.compile_arguments(stage, self._speed(stage)))
        print("\n" + self.describe(stage, model))
        return model

    def _rescale(self, index, model):
        """Gives the content loss the scales of stage `index`: measured where it begins, and kept in the folder."""
        stage, path = self.stages[index], self.folder.content_scales
        (loss,) = (term.loss for term in model.terms if term.name == "content")
        known = read_own(path, {str: [float]}, LOST_SCALES) if path.exists() else {}
        if stage.name not in known:
            batches = self._stream(self.levels[stage.level], Position(index), (0, 1))
            known[stage.name] = measured_scales(model, loss, batches)
            if self.is_chief:
                write_json(path, known)
        loss.scales = tuple(known[stage.name])
        print(f"  scales of the content loss: {', '.join(f'{scale:.3g}' for scale in loss.scales)}")

    def _speed(self, stage):
        """How fast the rates of a stage fall: a variable, where the length of its epochs may be settled under way."""
        if not self.pace.minutes and stage.name not in self.pace.settled:
            return None
        self.speed = keras.Variable(self.pace.speed(stage), trainable=False, name="speed")
        return self.speed

    def _fit_tone(self, model):
        """Finds the tone of this run's scenes, also for the model of an earlier run; each worker for itself, alike."""
        if not self.models.networks.tone:
            return
        level = self.levels[0 if self.models.networks.input_features else -1]  # as a pretrained network will look at it
        print("\nTone: how light and of what tint a picture is, from the whole input")
        scenes, changes = make_sample(level.source, TONE_SCENES), assemble.source_changes(level.data)
        if changes:
            numbers = [*spread(TONE_SCENES, len(level.source))] * CHANGED_ROUNDS
            scenes = scenes.concatenate(make_eval(level.source, indices=numbers, changes=changes, seed=self.seed))
        fitted = fit_tone(model.generator, self.models.conditioning(level), scenes, self.seed)
        model.reset_average()
        print(f"\n  a picture that is nothing but its tone has {fitted:.2f} dB, the mean of the training scenes")

    def describe(self, stage, model):
        """Summary of a stage: networks that train, size, numbers of parameters."""
        height, width = self.levels[stage.level].size
        lines = [
            f"Stage: {stage.name}, {stage.epochs} epochs of {self.pace.steps_per_epoch(stage)} steps at "
            f"{width}x{height}"
        ]
        trained = {id(variable) for _, variables, _ in model.players() for variable in variables}
        for name, network in model.trained_networks().items():
            count = sum(math.prod(weight.shape) for weight in network.trainable_variables if id(weight) in trained)
            lines.append(f"  {name}: {count:,d} of {network.count_params():,d} parameters train")
        return "\n".join(lines)

    def _left(self, position):
        """Steps until `max_steps`, or `None` where there is no limit."""
        return max(self.max_steps - position.total, 0) if self.max_steps else None

    def _train(self, model, position, signals):
        """Trains a stage from `position` to its end: its first steps, what is left of an epoch, then the rest."""
        stage, level = self.stages[position.stage], self.levels[self.stages[position.stage].level]
        saver = SaveCheckpoints(self.checkpoints if self.is_chief else None, signals, position, self.checkpoint_steps)
        watchers = self._watchers(stage, level) if self.is_chief else []
        if self.pace.is_open(stage) and position.step < TIMED:
            span = (0, 1, FIRST_STEPS - position.step)
            self._fit(model, saver, signals, span, [TimeSteps(self._settle(stage), span[-1])])
        elif position.step == 0:
            watchers = [TimeSteps(lambda seconds: self.pace.forecast(stage, seconds)), *watchers]
        steps = self.pace.steps_per_epoch(stage)
        epoch, done = divmod(saver.position.step, steps)
        if done:
            self._fit(model, saver, signals, (epoch, epoch + 1, steps - done), watchers)
        self._fit(model, saver, signals, (epoch + bool(done), stage.epochs, steps), watchers)
        return saver.position

    def _settle(self, stage):
        """Settles the length of the stage's epochs by the seconds of a step, and the fall of its rates with it."""

        def settle(seconds):
            line = self.pace.settle(stage, seconds)
            self.speed.assign(self.pace.speed(stage))
            return line

        return settle

    def _fit(self, model, saver, signals, span, watchers):
        """Trains for a span of epochs of the stage, `(first, last, steps of each)`, or to `max_steps`.

        Told to stop, it finishes the step under way and saves.
        """
        (first, last, steps), left = span, self._left(saver.position)
        if first == last or left == 0:
            return
        before = sum(stage.epochs for stage in self.stages[: saver.position.stage])
        with signals:
            model.fit(
                self._batches(self.levels[self.stages[saver.position.stage].level], saver.position),
                initial_epoch=before + first,
                epochs=before + last,
                steps_per_epoch=steps,
                callbacks=[StopOnNonFinite(self.checkpoints), *watchers, *([StopAfter(left)] if left else []), saver],
                shuffle=False,
            )
        self.position = saver.position
        if signals.number:  # it came after the last step
            raise Interrupted(signals.number, saver.position)

    def _watchers(self, stage, level):
        """The callbacks that write logs and pictures."""
        log_dir = self.folder.log(stage.name)
        scenes = pick_scenes(level.val_source or level.source, self.num_samples)
        grid = SampleGrid(scenes, self.folder.samples, self.sample_epochs, log_dir, self.models.compare)
        watchers = [LogRates(), grid]
        if level.val_source is not None and level.val_source.is_paired:
            record = self.folder.best_record
            watchers.append(Validation(level.val_source, stage.name, record, self._keep_best, self.sample_epochs))
        return [
            *watchers,
            LogTable(log_dir.with_name(f"{log_dir.name}.csv")),
            *self.trackers,
            keras.callbacks.TensorBoard(str(log_dir), write_graph=False),
        ]

    def _keep_best(self, model):
        model.finished().save(self.folder.best)

    def _batches(self, level, position):
        """The stream of batches from `position` on; with several workers, each has its part of every batch."""
        if self.num_workers == 1:
            return self._stream(level, position, (0, 1))
        batch_size = level.training.batch_size

        def own_part(context):
            part = self._stream(level, position, (context.input_pipeline_id, context.num_input_pipelines))
            return part.rebatch(context.get_per_replica_batch_size(batch_size), drop_remainder=True)

        return self.strategy.distribute_datasets_from_function(own_part)

    def _stream(self, level, position, shard):
        """The batches from `position` on, or of `shard`, (number, count), its part of each."""
        batch_size = level.training.batch_size
        return make_train(
            level.source,
            batch_size,
            level.host_size,
            level.crop_size,
            level.data.flip,
            self.seed + position.stage,
            position.step * batch_size,
            shard,
            level.data.zoom or NO_ZOOM,
            assemble.source_changes(level.data),
            assemble.percentiles(level.data),
        )

    def _keep_coarse_model(self, model, position):
        """Writes the model of a level that is finished and not the last."""
        stage = self.stages[position.stage]
        later = self.stages[position.stage + 1 :]
        is_whole = position.step == self._steps(position.stage)
        path = self.folder.level_model(stage.level)
        if self.is_chief and later and later[0].level > stage.level and is_whole and not path.exists():
            model.finished().save(path)


def pick_scenes(source, count):
    """`count` scenes spread over a source: list of (inputs, image), NumPy arrays."""
    scenes = [source.load(index) for index in spread(count, len(source))]
    return [({key: value for key, value in scene.items() if key != "image"}, scene["image"]) for scene in scenes]
