"""One scale for three or more methods from comparisons of two at a time (Bradley and Terry, 1952)."""

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression

from hdsynth_tf.evaluate.intervals import interval
from hdsynth_tf.study.shares import Resampling

PENALTY = 0.01  # keeps the strength of a method that always won finite; of no weight with hundreds of answers
RESAMPLES = 500  # each is a fit


def is_connected(lefts, rights, count):
    """Whether every method was compared with every other, be it through others: else there is no common scale."""
    linked = np.zeros((count, count), bool)
    linked[lefts, rights] = True
    return int(connected_components(linked, directed=False, return_labels=False)) == 1


def fit(lefts, rights, left_won, weights, count):
    """Strengths of methods, so that logit P(left is preferred) = strength[left] - strength[right] + bias.

    Args:
        lefts, rights: Integer arrays, the methods shown.
        left_won: Boolean array.
        weights: Float array.
        count: Integer, number of methods.

    Returns:
        Array of strengths, whose mean is 0, and the bias towards the left, a float.
    """
    design = np.zeros((len(lefts), count))
    rows = np.arange(len(lefts))
    design[rows, lefts], design[rows, rights] = 1, -1
    model = LogisticRegression(C=1 / PENALTY, solver="newton-cholesky").fit(design, left_won, sample_weight=weights)
    strengths = model.coef_[0]
    return strengths - strengths.mean(), float(model.intercept_[0])


def scale(answers, methods, seed=0):
    """Strengths with two-way bootstrap intervals, and how probable it is that each method is the best.

    Args:
        answers: Dict of arrays, one entry for each answer: `rater`, `image`, `left`, `right` (names of methods) and
            `left_share` (1: left was preferred, 0: right, 0.5: neither).
        methods: List of their names.

    Returns:
        Dict: `methods` -> list of dicts `name`, `strength`, `low`, `high`, `best` (probability), the strongest first;
        `left_bias` -> float.

    Raises:
        ValueError: If the methods are not connected by comparisons.
    """
    index = {name: i for i, name in enumerate(methods)}
    lefts, rights = (np.array([index[name] for name in answers[side]]) for side in ("left", "right"))
    if not is_connected(lefts, rights, len(methods)):
        raise ValueError("Some methods were compared with none of the others, so there is no scale of all yet.")
    share = np.asarray(answers["left_share"], "float64")
    cells = sorted({(left, right) for left, right in zip(lefts, rights)})
    both = np.array([*cells, *cells])  # each pair of sides once won by the left, once by the right
    won = np.repeat([True, False], len(cells))
    masks = [(lefts == left) & (rights == right) for left, right in cells]
    parts = [*(mask * share for mask in masks), *(mask * (1 - share) for mask in masks)]

    strengths, bias = fit(*both.T, won, np.array([part.sum() for part in parts]), len(methods))
    resampling = Resampling(answers["rater"], answers["image"], RESAMPLES, seed)
    weights = np.stack([resampling.sums(part) for part in parts], 1)
    weights = weights[weights.any(1)]  # where some rater did not see every image, a draw can be without any answer
    draws = np.array([fit(*both.T, won, row, len(methods))[0] for row in weights])
    best = np.bincount(draws.argmax(1), minlength=len(methods)) / len(draws)
    rows = []
    for i in np.argsort(-strengths):
        low, high = interval(draws[:, i])
        rows.append(dict(name=methods[i], strength=float(strengths[i]), low=low, high=high, best=float(best[i])))
    return {"methods": rows, "left_bias": bias}
