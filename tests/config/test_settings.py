"""What settings can be: each by itself, within its bounds, and together."""

import dataclasses
import importlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from hdsynth_tf.config import flags, groups
from hdsynth_tf.config.groups import DataSettings, LossSettings, TrainingSettings
from hdsynth_tf.config.settings import LARGEST_SEED, Settings, SettingsError, is_number, is_whole, limits

VERBS = sorted(path.parent.name for path in (ROOT / "hdsynth_tf").glob("*/__main__.py"))
MODULES = [groups, *(importlib.import_module(f"hdsynth_tf.{verb}.settings") for verb in VERBS)]
GROUPS = [
    group
    for module in MODULES
    for group in vars(module).values()
    if isinstance(group, type) and issubclass(group, Settings) and group is not Settings
]
NUMBERS = {  # those of all verbs
    f"{group.__name__}.{field.name}": (group, field)
    for group in GROUPS
    for field in dataclasses.fields(group)
    if is_number(field)
}
ANY_VALUE = {  # ids, counts, degrees: no bounds
    "dont_care",
    "source_range",
    "target_range",
    "segmenter_range",
    "detector_range",
}


def alone(group):
    """The group without the checks of several settings together."""
    return type(group.__name__, (group,), {"check": lambda self: None})


def numbers(field, **limits):
    """Numbers of a field's kind; `low` and `high`, if given, and `open` where they are left out themselves."""
    low, high, is_open = limits.get("low"), limits.get("high"), limits.get("open", False)
    if is_whole(field):
        return st.integers(None if low is None else low + is_open, None if high is None else high - is_open)
    options = dict(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    return st.floats(
        low, high, exclude_min=is_open and low is not None, exclude_max=is_open and high is not None, **options
    )


def outside(field):
    """Values beyond one of a field's bounds, and no numbers at all."""
    beyond = {
        "at_least": lambda bound: numbers(field, high=bound, open=True),
        "above": lambda bound: numbers(field, high=bound),
        "at_most": lambda bound: numbers(field, low=bound, open=True),
        "below": lambda bound: numbers(field, low=bound),
    }
    bounds = [beyond[name](bound) for name, bound in field.metadata["bounds"].items()]
    return st.one_of(st.sampled_from([math.nan, math.inf, -math.inf]), *bounds)


def inside(field):
    """Values within a field's bounds, and the bounds that are themselves allowed."""
    bounds = field.metadata["bounds"]
    low, high = bounds.get("at_least", bounds.get("above")), bounds.get("at_most", bounds.get("below"))
    edges = [bounds[name] for name in ("at_least", "at_most") if name in bounds]
    is_open = "above" in bounds or "below" in bounds
    return st.one_of(numbers(field, low=low, high=high, open=is_open), *(st.just(edge) for edge in edges))


def as_field(field, value, other):
    """`value` as a field takes it: by itself, or, where there are several, behind another."""
    if field.type in (tuple[int, ...], tuple[float, ...]):
        return (other, value)
    return (other, value) if field.metadata["per_level"] and value != other else value


def test_all_groups_are_looked_at():
    assert {group.__module__ for group in GROUPS} == {module.__name__ for module in MODULES}
    assert len(GROUPS) == len(VERBS) + 4 and len(NUMBERS) > 60


def test_every_number_has_bounds():
    assert {field.name for _, field in NUMBERS.values() if not limits(field)} == ANY_VALUE


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_numbers_outside_their_bounds_are_refused_by_name(name, data):
    group, field = NUMBERS[name]
    value, other = data.draw(outside(field)), data.draw(inside(field))
    for given_value in (value if field.type in (int, float) else (value,), as_field(field, value, other)):
        with pytest.raises(SettingsError) as error:
            group(**{field.name: given_value})
        assert str(error.value).startswith(f"--{field.name} should be ") and str(value) in str(error.value)
        assert limits(field) in str(error.value) or not math.isfinite(value)


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_numbers_within_their_bounds_are_accepted(name, data):
    group, field = NUMBERS[name]
    value = as_field(field, data.draw(inside(field)), data.draw(inside(field)))
    assert getattr(alone(group)(**{field.name: value}), field.name) == value


@pytest.mark.parametrize("name", [name for name, (_, field) in NUMBERS.items() if is_whole(field)])
def test_whole_numbers_are_whole(name):
    group, field = NUMBERS[name]
    with pytest.raises(SettingsError, match=rf"--{field.name} should be whole.*100\.5"):
        group(**{field.name: 100.5 if field.type is int else (100.5,)})


@pytest.mark.parametrize("group", GROUPS)
def test_choices_are_refused_by_name_with_those_there_are(group):
    for field in dataclasses.fields(group):
        if choices := field.metadata["choices"]:
            several = isinstance(field.default, tuple)
            assert set(field.default if several else (field.default,)) <= set(choices)
            with pytest.raises(SettingsError) as error:
                group(**{field.name: ("nonsense",) if several else "nonsense"})
            assert f"--{field.name}" in str(error.value) and "nonsense" in str(error.value)
            assert all(choice in str(error.value) for choice in choices)


def test_messages_name_the_flag_the_rule_and_what_was_received():
    for made, message in (
        (lambda: TrainingSettings(batch_size=(4, 0)), "--batch_size should be 1 or more, at most 65536. Received: 4,0"),
        (lambda: TrainingSettings(beta_1=1.0), "--beta_1 should be 0 or more, below 1. Received: 1.0"),
        (lambda: TrainingSettings(seed=LARGEST_SEED + 1), f"at most {LARGEST_SEED}. Received: {LARGEST_SEED + 1}"),
        (lambda: DataSettings(zoom=(1.0, math.nan)), "--zoom should be finite. Received: 1.0,nan"),
    ):
        with pytest.raises(SettingsError) as error:
            made()
        assert str(error.value).endswith(message)


@pytest.mark.parametrize("window", [(), (5,), (99, 1), (1, 50, 99)])
def test_percentiles_are_two_the_lower_one_first(window):
    with pytest.raises(SettingsError, match="--source_percentiles"):
        DataSettings(source_percentiles=window)


def test_every_setting_has_help_and_survives_the_command_line():
    for group in (DataSettings, groups.NetworkSettings, LossSettings, TrainingSettings):
        for field in dataclasses.fields(group):
            assert len(field.metadata["help"]) > 10
            value = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
            (read,) = flags.parse(["x", f"--{field.name}={value}"], (group,), "usage")
            assert read == group()


def test_keras_weights_are_not_fed_raw_pictures():
    with pytest.raises(SettingsError, match="are for --perceptual_weights=torchvision"):
        LossSettings(perceptual_weights="imagenet", perceptual_input="raw")
