"""Value windows of deep images, mapped to [-1, 1] for the networks: fixed, or found from the training data."""

import dataclasses

from hdsynth_tf.config.settings import SettingsError

EIGHT_BITS = (0, 255)
FLAGS = {"source": "--source_range", "image": "--target_range"}
MOST_CLIPPED = 0.2  # share of the values that a window may leave out


def percentiles(data):
    """`(low, high)` between which the window of values of each source lies, or `None`: it is the same for all."""
    return data.source_percentiles if data.source_window == "percentiles" and not data.source_range else None


def settle_windows(levels, values, before):
    """The levels with windows of values that are known: as flags say, as the run began, or as the data are.

    Args:
        levels: List of `data.Level`.
        values: See `with_windows`.
        before: Dict that may have `source` and `image`: the windows that the run began with.
    """
    settled = []
    for level in levels:
        kept = {
            flag: tuple(before[key])
            for flag, key in (("source_range", "source"), ("target_range", "image"))
            if before.get(key) and not getattr(level.data, flag)
        }
        data = with_windows(dataclasses.replace(level.data, **kept), level.source.formats, values)
        settled.append(dataclasses.replace(level, data=data))
    return settled


def with_windows(data, formats, values):
    """Data settings whose windows are known.

    Args:
        data: `DataSettings`.
        formats: `formats` of the source of scenes.
        values: Dict: `source`, `image`, of what has other values than 0 to 255 -> `pipelines.checks.values.Values`.

    Returns:
        `DataSettings` with a `target_range` and, unless each source has a window of its own, a `source_range`.

    Raises:
        SettingsError: If a window leaves out more than a fifth of the values.
    """
    source = data.source_range or _window("source", formats, values, data.source_window == "dataset")
    target = data.target_range or _window("image", formats, values, False)
    if "source" in values and not percentiles(data):
        _check_window("--source_range", values["source"], source)
    if "image" in values:
        _check_window("--target_range", values["image"], target)
    source = () if percentiles(data) else tuple(source)
    return dataclasses.replace(data, source_range=source, target_range=tuple(target))


def _window(key, formats, values, from_data):
    """The window of sources or of images that no flag gives."""
    if key not in formats or (formats[key][1] == "uint8" and not from_data):
        return EIGHT_BITS
    if values[key].dtype == "float32" and values[key].nodata is not None:
        flag, (low, high) = FLAGS[key], values[key].without_nodata
        raise SettingsError(
            f"{values[key].nodata:g} stands far from all other values of {key}, as what means 'no value' does: the "
            f"window would be empty but for it. The others are {low:g} to {high:g}: give {flag}={low:g},{high:g}, or "
            "fill these pixels."
        )
    return values[key].low, values[key].high


def describe_clipped(values, conditioning):
    """Lines that say so, if a trained model's window leaves out more than a fifth of the values; else nothing.

    Args:
        values: `pipelines.checks.values.Values` of sources.
        conditioning: `ImageConditioning` of the model that reads them.
    """
    window = conditioning.value_range
    share = 0 if conditioning.percentiles else sum(values.clipped(window))
    if share <= MOST_CLIPPED:
        return ""
    return (
        f"  {share:.0%} of the values lie outside of the model's window, {window[0]:g} to {window[1]:g}, and will "
        f"look alike.\n  They are {values.describe()}.\n"
        "  Are they of the same camera and depth as those it was trained on?\n"
    )


def _check_window(flag, values, window):
    """Raises `SettingsError` if a window leaves out much of the values."""
    below, above = values.clipped(window)
    if below + above > MOST_CLIPPED:
        low, high = values.percentiles(1, 99)
        raise SettingsError(
            f"{flag}={window[0]:g},{window[1]:g} clips {below + above:.0%} of the values ({below:.0%} are below, "
            f"{above:.0%} above): everything hotter or colder would look alike. The data are {values.describe()}. "
            f"Give {flag}={low:g},{high:g}, or leave it out."
        )
