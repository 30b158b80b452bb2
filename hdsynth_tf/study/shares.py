"""Shares of answers, and how far they can be trusted when other raters might have judged other images.

Answers of one rater are alike, and so are answers to one image. Intervals that take all answers as independent are
therefore too narrow: on simulated studies they held the true share in 70 to 74 of 100 cases instead of 95. Resampling
raters and images, both, held it in 96 to 98.
"""

import math
import statistics

import numpy as np

from hdsynth_tf.evaluate.intervals import LEVEL

RESAMPLES = 2000


class Resampling:
    """Draws raters and images with replacement, again and again; an answer weighs as often as its rater was drawn times
    as often as its image was (product weights: Owen, 2007, The pigeonhole bootstrap).

    Whatever is computed from one `Resampling` was drawn jointly, so that differences can be taken draw by draw.

    Args:
        raters, images: Sequences, one entry for each answer: who gave it, to which image.
        resamples, seed: Integers.
    """

    def __init__(self, raters, images, resamples=RESAMPLES, seed=0):
        _, self.rater = np.unique(np.asarray(raters), return_inverse=True)
        _, self.image = np.unique(np.asarray(images), return_inverse=True)
        rng = np.random.default_rng(seed)
        self.rater_weights = _draws(rng, self.rater.max() + 1, resamples)
        self.image_weights = _draws(rng, self.image.max() + 1, resamples)

    def sums(self, values):
        """Weighted sums of values, one for each answer: float64 `(resamples,)`."""
        table = np.zeros((self.rater_weights.shape[1], self.image_weights.shape[1]))
        np.add.at(table, (self.rater, self.image), np.asarray(values, "float64"))
        return ((self.rater_weights @ table) * self.image_weights).sum(1)

    def shares(self, values, chosen=None):
        """Weighted means of the values of some answers, in each draw: `(resamples,)`; NaN where none was drawn.

        Args:
            values: One for each answer, 0 to 1.
            chosen: Boolean for each answer, or `None`: all.
        """
        chosen = np.ones(len(self.rater), bool) if chosen is None else np.asarray(chosen, bool)
        counts = self.sums(chosen)
        with np.errstate(invalid="ignore"):
            return self.sums(np.where(chosen, values, 0)) / np.where(counts > 0, counts, np.nan)


def _draws(rng, count, resamples):
    """How often each of `count` was drawn: float64 `(resamples, count)`."""
    return rng.multinomial(count, np.full(count, 1 / count), resamples).astype("float64")


def wilson(successes, count, level=LEVEL):
    """Wilson's interval of a share, as if all answers were independent: `(low, high)`.

    Args:
        successes: Number, 0 to `count`; a tie is half of one.
        count: Integer, 1 or more.
    """
    z = statistics.NormalDist().inv_cdf((1 + level) / 2)
    share, shrink = successes / count, 1 + z**2 / count
    center = (share + z**2 / (2 * count)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return center - half, center + half
