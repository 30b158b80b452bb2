"""What happens beside training: pictures, rates in the log, a stop when a loss is no number or the time is up."""

import csv
import io
import signal

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.model.saving import first_not_finite
from hdsynth_tf.show.pictures import compare
from hdsynth_tf.stopping import SIGNALS, patient
from hdsynth_tf.train.checkpoints import Position
from pipelines.errors import UserError


class NotFinite(UserError, RuntimeError):
    """Training cannot go on: a value is not finite. Says what is left of it.

    Args:
        what: String, the value and where it arose.
        way_out: String, what to do.
    """

    def __init__(self, what, way_out):
        super().__init__(f"{what} {way_out}")
        self.what = what


class Interrupted(UserError, RuntimeError):
    """The process was told to stop, and has saved its work.

    Args:
        signum: Integer, the signal.
        position: `Position` saved.
    """

    def __init__(self, signum, position):
        super().__init__(
            f"Stopped by {signal.Signals(signum).name} after {position.total} steps. All is saved: the same command "
            "goes on from here."
        )
        self.exit_code = 128 + signum


class SampleGrid(keras.callbacks.Callback):
    """Draws the same scenes again and again: input | real | generated, as PNG and for TensorBoard.

    Args:
        scenes: List of `(inputs, image)` of single scenes, NumPy arrays without a batch axis.
        folder: `Path` for `epoch_0001.png`, ...
        every_epochs: Integer.
        log_dir: Folder of the TensorBoard log, or `None`.
        compare: Function of scenes and a list of models that draws the grid.
    """

    def __init__(self, scenes, folder, every_epochs=1, log_dir=None, compare=compare):
        super().__init__()
        self.scenes = scenes
        self.folder = folder
        self.every_epochs = every_epochs
        self.compare = compare
        self.writer = tf.summary.create_file_writer(str(log_dir)) if log_dir else None

    def draw(self):
        """The grid as it is now: RGB uint8."""
        return self.compare(self.scenes, [self.model])

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every_epochs:
            return
        picture = self.draw()
        with replacing(self.folder / f"epoch_{epoch + 1:04d}.png") as temporary:
            Image.fromarray(picture).save(temporary)
        if self.writer:
            with self.writer.as_default():
                tf.summary.image("samples", picture[None], step=epoch + 1)


class LogRates(keras.callbacks.Callback):
    """Adds the learning rates to the logs of each epoch."""

    def on_epoch_end(self, epoch, logs=None):
        for player in ("generator", "discriminator"):
            optimizer = getattr(self.model, f"{player}_optimizer")
            if optimizer is not None and logs is not None:
                logs[f"{player}_learning_rate"] = float(keras.ops.convert_to_numpy(optimizer.learning_rate))


class LogTable(keras.callbacks.Callback):
    """Writes the logs of each epoch as a row of a CSV file. Of a file that is there, earlier epochs' rows are kept.

    Keras' own `CSVLogger` cannot write to buckets, and would have twice what a run that goes on does again.

    Args:
        path: `Path` or `RemotePath`.
    """

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.rows = []
        if path.exists():
            self.rows = list(csv.DictReader(io.StringIO(path.read_text())))

    def on_epoch_end(self, epoch, logs=None):
        self.rows = [row for row in self.rows if int(row["epoch"]) < epoch] + [{"epoch": epoch, **(logs or {})}]
        with replacing(self.path) as temporary, temporary.open("w", newline="") as file:
            columns = dict.fromkeys(name for row in self.rows for name in row)  # not every epoch has all
            table = csv.DictWriter(file, list(columns), restval="")
            table.writeheader()
            table.writerows(self.rows)


class StopOnNonFinite(keras.callbacks.Callback):
    """Ends training with an error as soon as a loss is not finite, and at the end of an epoch if a weight is not.

    The losses of a step are known before its update: an update that makes NaN shows in the weights alone. The first
    callback in the list, so that the others never see such a model.

    Args:
        checkpoints: `Checkpoints`, whose newest the message names.
    """

    def __init__(self, checkpoints):
        super().__init__()
        self.checkpoints = checkpoints

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not np.isfinite(value):
                self._stop(f"The loss term {name}")

    def on_epoch_end(self, epoch, logs=None):
        weight = first_not_finite(self.model.weights)
        if weight:
            self._stop(f"The weight {weight}")

    def _stop(self, what):
        step = int(self.model.generator_optimizer.iterations)
        raise NotFinite(f"{what} was not finite at step {step} of this stage.", self.checkpoints.way_out())


class StopAfter(keras.callbacks.Callback):
    """Stops training after so many steps, counted over all stages.

    Args:
        steps: Integer.
    """

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left <= 0:
            self.model.stop_training = True


class StopSignals:
    """While it is entered, SIGTERM and Ctrl-C are noted, not obeyed at once; a second Ctrl-C is. Can be entered again.

    Attributes:
        number: Integer, the signal that came, or `None`.
    """

    number = None

    def __enter__(self):
        self.patience = patient()
        self.patience.__enter__()
        self.handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *error):
        self.patience.__exit__(None, None, None)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def _note(self, number, frame):
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves checkpoints: every so many steps or after each epoch, at the end, and when the process is told to stop.

    Then the step under way is finished and saved, and `Interrupted` is raised. The last callback in the list, and the
    last step of an epoch is saved with the epoch only, so that the others have done their work: a run that goes on from
    there does not do it again.

    Args:
        checkpoints: `Checkpoints`, or `None` in a process that does not write.
        signals: `StopSignals`, entered.
        position: `Position` to start from; as an attribute, where the training is now.
        every_steps: Integer; 0: after each epoch.
    """

    def __init__(self, checkpoints, signals, position, every_steps=0):
        super().__init__()
        self.checkpoints = checkpoints
        self.signals = signals
        self.position = self.saved = position
        self.every_steps = every_steps

    def on_train_batch_end(self, batch, logs=None):
        at = self.position
        self.position = Position(at.stage, at.step + 1, at.total + 1)
        if batch + 1 < self.params["steps"] and not self.model.stop_training:
            self._save_if_due(self.every_steps)

    def on_epoch_end(self, epoch, logs=None):
        self._save_if_due(self.every_steps or 1)

    def _save_if_due(self, every_steps):
        if self.signals.number or (every_steps and self.position.step % every_steps == 0):
            self._save()
        if self.signals.number:
            raise Interrupted(self.signals.number, self.position)

    def on_train_end(self, logs=None):
        self._save()

    def _save(self):
        if self.position != self.saved:
            if self.checkpoints:
                self.checkpoints.save(self.model, self.position)
            self.saved = self.position
