"""Held-out scenes while a training goes on: their scores in the logs, the best model, a warning when scores fall."""

import json

import keras

from hdsynth_tf.evaluate.perceptual import NAMES
from hdsynth_tf.evaluate.quality import scores
from hdsynth_tf.files.storage import replacing
from pipelines.records import FormError, read_record

BEST = {"stage": str, "epoch": int, str: float}  # the form of the record, see `pipelines.records`
JUDGE = NAMES["alex"]  # lower is better
SCENES = 16  # at most, that are scored each time
PATIENCE = 5  # validations without a better one, after which falling scores are worth a warning
VGG_SCENES = 4  # of these, that VGG16 scores, too: as long as AlexNet takes for all
FALL = 0.5  # decibels, or 0.05 of edge correlation
LPIPS_FALL = 0.02


def rank(found):
    """Scores without LPIPS as one number to rank models by: PSNR in dB, and 10 for a perfect edge correlation.

    Pixels alone would prefer what is blurred, edges alone what is sharp and of the wrong colour.
    """
    return found["psnr"] + 10 * found["edge_correlation"]


def lead(found, best):
    """By how much some scores are better than others: 1 is what counts as a fall, if negative.

    By AlexNet's LPIPS, or by `rank` where one of the two does not have it: runs of earlier versions do not.
    """
    if JUDGE in found and JUDGE in best:
        return (best[JUDGE] - found[JUDGE]) / LPIPS_FALL
    return (rank(found) - rank(best)) / FALL


def describe(found):
    """Scores as a part of a sentence."""
    distance = f"LPIPS {found[JUDGE]:.3f}, " if JUDGE in found else ""
    return f"{distance}PSNR {found['psnr']:.2f} dB, edges {found['edge_correlation']:.2f}"


class Validation(keras.callbacks.Callback):
    """Scores held-out scenes every so many epochs. Adds `val_lpips_alex`, `val_psnr`, ... to the logs then.

    Args:
        source: `pipelines.source.Source`, what is held out.
        stage: String, the stage's name. What is best is the best of a stage: without a discriminator scores are higher.
        record: `Path` of the JSON file that says what the best model is.
        keep: Function of a model, that writes it as the best.
        every_epochs: Integer.
    """

    def __init__(self, source, stage, record, keep, every_epochs=1):
        super().__init__()
        self.source = source
        self.stage = stage
        self.record = record
        self.keep = keep
        self.every_epochs = every_epochs
        self.best = self._read()
        self.since = 0
        self.warned = False

    def _read(self):
        """What was best before an interruption, of this stage; `None` if nothing was, or nobody knows any more."""
        try:
            best = read_record(self.record, BEST) if self.record.exists() else {}
        except FormError as error:
            print(f"{self.record} {error}: the best model is found anew.")
            return None
        return best if best.get("stage") == self.stage else None

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every_epochs:
            return
        found = scores(self.model.served(), self.source, SCENES, VGG_SCENES)
        if logs is not None:
            logs.update({f"val_{name}": value for name, value in found.items()})
        if self.best is None or lead(found, self.best) > 0:
            self.keep(self.model)
            self.best, self.since = {"stage": self.stage, "epoch": epoch + 1, **found}, 0
            with replacing(self.record) as temporary:
                temporary.write_text(json.dumps(self.best, indent=2))
            return
        self.since += 1
        if self.since >= PATIENCE and lead(found, self.best) < -1 and not self.warned:
            self.warned = True
            print(
                f"\nWarning: on held-out scenes nothing was better than epoch {self.best['epoch']} "
                f"({describe(self.best)}; now {describe(found)}): the networks begin to know the training pictures by "
                f"heart. The model of that epoch is kept: {self.record.with_name('best.keras')}"
            )
