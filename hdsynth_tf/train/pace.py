"""How long a training takes on this machine: told from its first steps, and kept to a limit by shorter epochs."""

import itertools
import time
from statistics import median

import keras

from hdsynth_tf.files.run_folder import read_epoch_steps, write_json

UNTIMED, TIMED = 3, 7  # first steps of a stage: those that compile and warm up, and those that are timed
FIRST_STEPS = UNTIMED + TIMED
COST_OF_A_DISCRIMINATOR = 1.3  # times as long as one without takes a step with it, at 256x128 and at 1024x512


class Pace:
    """The length of each stage's epochs: as asked for, or shorter where the steps would take longer than there is time.

    Each stage has its share of the limit, by its steps, pictures and pixels. What was settled is kept in the run
    folder: a run that goes on keeps it, on another machine too.

    Args:
        stages: List of `Stage`.
        levels: List of `assemble.Level`, all of them, coarse to fine.
        record: `Path` of a JSON file, what was settled.
        minutes: Float, the limit for the steps of all stages together; 0: none.
    """

    def __init__(self, stages, levels, record, minutes=0.0):
        self.stages = stages
        self.levels = levels
        self.record = record
        self.minutes = minutes
        self.settled = read_epoch_steps(record)

    def steps_per_epoch(self, stage):
        return self.settled.get(stage.name, self.asked(stage))

    def asked(self, stage):
        """Steps of an epoch as the settings have it."""
        return self.levels[stage.level].steps_per_epoch

    def speed(self, stage):
        """How fast the stage passes through its schedule of rates, which is made for epochs as they were asked for."""
        return self.asked(stage) / self.steps_per_epoch(stage)

    def is_open(self, stage):
        """Whether the length of the stage's epochs is still to be settled, from its first steps."""
        return bool(self.minutes) and stage.name not in self.settled and self.asked(stage) > FIRST_STEPS

    def settle(self, stage, seconds):
        """Shortens the epochs of a stage whose steps take `seconds` each, if they must be; returns a line about it."""
        asked, needed = self.asked(stage), seconds * stage.epochs * self.asked(stage)
        share = 60 * self.minutes * self._cost(stage) / sum(self._cost(each) for each in self.stages)
        steps = max(FIRST_STEPS, min(asked, int(share / seconds / stage.epochs)))
        self.settled[stage.name] = steps
        write_json(self.record, self.settled)
        line = f"{seconds:.2g} s a step on this machine: {stage.name} takes about {duration(needed)}"
        if steps == asked:
            return line + f", within its share of --time_limit={self.minutes:g}."
        shortened = seconds * stage.epochs * steps
        line += f". Its epochs have {steps} steps instead of {asked} ({duration(shortened)})"
        if shortened <= share:
            return line + f", to keep to --time_limit={self.minutes:g}."
        return line + (
            f", the fewest there are: its share of --time_limit={self.minutes:g}, {duration(share)}, is too short for "
            f"{stage.epochs} epochs. Ask for fewer, or for more time."
        )

    def forecast(self, stage, seconds):
        """A line that says how long the rest of the run takes, where a step of this stage takes `seconds`."""
        own = seconds * stage.epochs * self.asked(stage)
        rest = self.stages[self.stages.index(stage) :]
        whole = own * sum(self._cost(each) for each in rest) / self._cost(stage)
        later = f", with what comes after it {duration(whole)}" if len(rest) > 1 else ""
        return f"{seconds:.2g} s a step on this machine: {stage.name} takes about {duration(own)}{later}."

    def _cost(self, stage):
        level = self.levels[stage.level]
        height, width = level.size
        steps = stage.epochs * self.asked(stage) * (COST_OF_A_DISCRIMINATOR if stage.adversarial else 1.0)
        return steps * level.training.batch_size * height * width


class TimeSteps(keras.callbacks.Callback):
    """Times the first steps of a `fit`, and prints what is made of it.

    Args:
        tell: Function of the seconds that a step takes, which returns the line to print.
        steps: Integer, more than `UNTIMED`: after which it is called.
    """

    def __init__(self, tell, steps=FIRST_STEPS):
        super().__init__()
        self.tell = tell
        self.count = steps
        self.ends = []

    def on_train_batch_end(self, batch, logs=None):
        self.ends.append(time.perf_counter())
        if len(self.ends) == self.count:
            timed = self.ends[UNTIMED - 1 :]
            print("\n" + self.tell(median(end - start for start, end in itertools.pairwise(timed))))


def duration(seconds):
    """`"45 s"`, `"3 min 20 s"`, `"2 h 5 min"`."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 1:
        return f"{seconds:.0f} s"
    if hours < 1:
        return f"{int(minutes)} min {int(seconds % 60)} s"
    return f"{int(hours)} h {int(minutes % 60)} min"
