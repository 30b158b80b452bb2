"""Who sees what: pairs, order, sides and viewing times of one rater, as a function of the study and the rater's id.

Nothing of it is stored: a server that was killed, or a page that was closed, finds the same order again.
"""

import collections
import dataclasses
import functools
import hashlib

DEGRADED = "degraded"  # stands for the other picture of a check, an obviously worse version of the method's


@dataclasses.dataclass(frozen=True)
class Plan:
    """Design of a study: settings that all raters share.

    Attributes:
        comparisons: Pairs of methods.
        images: Names.
        degraded: Pairs `(method, image)` of which there is a degraded version.
        durations: Seconds; 0 is without limit.
        num_pairs: Integer, pairs that each rater judges, at most `len(comparisons) * len(images)`.
        practice: Integer, pairs before them.
        checks: Float, share of the pairs.
        seed: Integer.
        practice_images: Names that practice has for itself; none if it may show what is judged later.
        secret: String. Who knows all else, and how it is computed, still does not know the order and the sides.
    """

    comparisons: tuple
    images: tuple
    degraded: tuple
    durations: tuple
    num_pairs: int
    practice: int
    checks: float
    seed: int
    practice_images: tuple = ()
    secret: str = ""

    def __post_init__(self):
        for name in ("comparisons", "degraded"):  # the order depends on how they are written
            object.__setattr__(self, name, tuple(tuple(pair) for pair in getattr(self, name)))
        object.__setattr__(self, "durations", tuple(float(seconds) for seconds in self.durations))
        for name in ("images", "practice_images"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def judged_images(self):
        """Those of the pairs that count."""
        return tuple(image for image in self.images if image not in set(self.practice_images))


@dataclasses.dataclass(frozen=True)
class Trial:
    """A pair of pictures to judge.

    Attributes:
        kind: `practice`, `pair` (what the study is about), `repeat` (a pair again, sides swapped), or `degraded` (one
            picture is obviously worse).
        image: Name.
        left, right: Methods, or `DEGRADED`.
        duration: Seconds; 0 is without limit.
    """

    kind: str
    image: str
    left: str
    right: str
    duration: float

    @property
    def truth(self):
        """The side that an attentive rater tells, `left` or `right`; `None` where there is none."""
        if self.kind != "degraded":
            return None
        return "left" if self.right == DEGRADED else "right"


@functools.lru_cache(maxsize=256)
def trials(plan, rater):
    """All trials of a rater: practice, then pairs with the checks among them.

    Every rater sees an image once in a comparison. Comparisons come in shuffled rounds, and so do viewing times within
    each comparison. Sides are drawn by lot for each pair: who is sure of one knows nothing of the others. In studies
    without a secret, which are older, they alternate within what has comparison and viewing time in common.

    Args:
        plan: `Plan`.
        rater: String, the rater's id.
    """
    key = (plan.seed, rater, plan.secret) if plan.secret else (plan.seed, rater)
    pairs = _pairs(plan, key)
    return (*_practice(plan, key), *_with_checks(plan, key, pairs))


def _pairs(plan, key):
    rounds = -(-plan.num_pairs // len(plan.comparisons))
    order = [c for n in range(rounds) for c in shuffled(plan.comparisons, *key, "comparisons", n)][: plan.num_pairs]
    cells = {
        comparison: zip(
            shuffled(plan.judged_images, *key, "images", comparison),
            (d for n in range(rounds) for d in shuffled(plan.durations, *key, "durations", comparison, n)),
        )
        for comparison in plan.comparisons
    }
    found, turns = [], collections.Counter()
    for comparison in order:
        image, duration = next(cells[comparison])
        cell = comparison, duration
        drawn = _number(*key, "side", cell, turns[cell]) if plan.secret else _number(*key, "side", cell) + turns[cell]
        found.append(Trial("pair", image, *_sides(comparison, drawn % 2), duration))
        turns[cell] += 1
    return found


def _practice(plan, key):
    """Longest viewing times first; images of its own, or those that come last, or not at all, among the pairs."""
    times = sorted(plan.durations, key=lambda d: d or float("inf"), reverse=True)
    found = []
    for n in range(plan.practice):
        comparison = plan.comparisons[n % len(plan.comparisons)]
        images = shuffled(plan.practice_images or plan.images, *key, "images", comparison)
        image = images[-1 - n // len(plan.comparisons) % len(images)]
        sides = _sides(comparison, _number(*key, "practice", n) % 2)
        found.append(Trial("practice", image, *sides, times[n * len(times) // plan.practice]))
    return found


def _with_checks(plan, key, pairs):
    """A third of the checks are repeats, half a session later; degraded pairs, seen longest, are spread evenly."""
    count = max(1, round(plan.checks * len(pairs))) if plan.checks else 0
    placed = list(enumerate(pairs))
    half = len(pairs) // 2
    for place in shuffled(range(half), *key, "repeats")[: count // 3]:
        trial = pairs[place]
        swapped = dataclasses.replace(trial, kind="repeat", left=trial.right, right=trial.left)
        placed.append((place + half + 0.5, swapped))
    longest = max(plan.durations, key=lambda d: d or float("inf"))
    wanted = min(count - count // 3, len(plan.degraded))
    for n, (method, image) in enumerate(shuffled(plan.degraded, *key, "degraded")[:wanted]):
        place = (n + _number(*key, "place", n) % 1000 / 1000) * len(pairs) / wanted
        sides = _sides((method, DEGRADED), _number(*key, "degraded side", n) % 2)
        placed.append((place, Trial("degraded", image, *sides, longest)))
    return [trial for _, trial in sorted(placed, key=lambda entry: entry[0])]


def images_of_practice(count, comparisons):
    """Images that practice needs for itself: each is shown once in a comparison."""
    return -(-count // len(comparisons))


def _sides(comparison, swap):
    return comparison[::-1] if swap else comparison


def shuffled(items, *key):
    """Items in an order that depends on nothing but them and the key, on any machine and in any version."""
    return sorted(items, key=lambda item: _number(*key, item))


def _number(*key):
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest())
