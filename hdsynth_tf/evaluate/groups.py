"""Scenes in groups: by day and by night, by sequence; and those that a method did best and worst."""

import numpy as np

from hdsynth_tf.evaluate.steadiness import sequences_of
from hdsynth_tf.show.pictures import show_values

NIGHT_BELOW = 127.5  # mean of a real image in 8 bits, as it is shown
ORDER = ("lpips_vgg", "lpips_alex", "psnr")  # what tells best from worst: the first that was measured


def group_scenes(source, how, window, pattern=""):
    """The group of every scene.

    Args:
        source: `pipelines.source.Source` with images.
        how: `"light"`: day or night, by the mean of the real image; `"sequence"`: what a pattern finds in names, or
            their folder.
        window: `(low, high)`, values of images that become 0 and 255.
        pattern: String, a regular expression, see `pipelines.pairing.pairs.sequence`.

    Returns:
        List of strings, one for each scene.
    """
    if how == "sequence":
        return [name or "." for name in sequences_of(source.names, pattern)]
    means = (show_values(source.load(index)["image"], window).mean() for index in range(len(source)))
    return ["night" if mean < NIGHT_BELOW else "day" for mean in means]


def in_groups(measured, groups):
    """The rows of a `Measured` by groups: dict of group -> `Measured`, in the order of their names."""
    found = np.array(groups)
    return {str(group): measured.of_scenes(np.flatnonzero(found == group)) for group in np.unique(found)}


def extremes(measured, count):
    """The scenes that a method did best, from the best on, then those that it did worst, the worst last.

    By LPIPS, of VGG16 rather than of AlexNet; where there is none, by PSNR.

    Args:
        measured: `Measured`, of the method.
        count: Integer, scenes in all, half of each kind.

    Returns:
        List of indices, each once.
    """
    name = next(name for name in ORDER if getattr(measured, name) is not None)
    values = getattr(measured, name) * (-1 if name == "psnr" else 1)
    order = [int(i) for i in np.argsort(values, kind="stable")]  # where it was not measured comes last
    if count >= len(order):
        return order
    return order[: (count + 1) // 2] + order[len(order) - count // 2 :]
