"""What a setting is: name, type, default, unit, help and bounds. `flags` makes command-line flags of it.

Settings are checked when they are made, each by itself and against one another; what depends on the data is checked in
`assemble`.
"""

import dataclasses
import math
import operator
import re

from pipelines.errors import UserError
from pipelines.records import Optional

BOUNDS = {  # name -> what holds between a value and the bound, and how that is said
    "at_least": (operator.ge, "{} or more"),
    "above": (operator.gt, "above {}"),
    "at_most": (operator.le, "at most {}"),
    "below": (operator.lt, "below {}"),
}
SWITCH = ("auto", "true", "false")  # choices of a setting that is also given as --NAME and --noNAME
LARGEST_SEED = 2**31 - 1  # of those that TensorFlow and models take


class SettingsError(UserError, ValueError):
    """Says which setting is wrong, what was received, and how to mend it."""

    exit_code = 2


def setting(default, help, choices=None, *, per_level=False, repeated=False, **bounds):
    """A field of a group of `Settings`. Its annotation says of what type it is: `int`, `tuple[float, ...]`, ...

    Args:
        default: What it is unless a flag says otherwise.
        help: String, shown in the help.
        choices: Tuple of strings: it is one of them. `None`: any.
        per_level: Boolean, whether it is one value, or a tuple of them: the first for the global generator, one for
            each enhancer.
        repeated: Boolean, whether it is a tuple of strings, one for each time that the flag is given.
        bounds: Numbers `at_least`, `above`, `at_most`, `below`, where it has such; of a tuple, each number is within.
    """
    metadata = {"help": help, "choices": choices, "per_level": per_level, "repeated": repeated, "bounds": bounds}
    return dataclasses.field(default=default, metadata=metadata)


def seed_setting(help):
    """A seed, 0 by default."""
    return setting(0, help, at_least=0, at_most=LARGEST_SEED)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base class of a group of settings: each is one of its choices, and within its bounds.

    Raises:
        SettingsError: If one is not, or is no finite number where it should be a number, or if `check` says so.
    """

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            for part in values(value):
                if wanted := _missed(field, part):
                    raise SettingsError(f"--{field.name} should be {wanted}. Received: {_shown(value)}")
        self.check()

    @classmethod
    def fitting(cls, defaults, given):
        """Those of `defaults` that go with what is given, both dicts of name -> value: all, unless a subclass knows."""
        return defaults

    def check(self):
        """Raises `SettingsError` where settings that are fine by themselves contradict one another; of subclasses."""


def _missed(field, value):
    """What one value of a field should be and is not, or `None` if it is as it should be."""
    choices = field.metadata["choices"]
    if choices and value not in choices:
        return limits(field)
    if not is_number(field):
        return None
    if not -math.inf < value < math.inf:
        return "finite"
    if is_whole(field) and value != int(value):
        return "whole"
    within = all(BOUNDS[name][0](value, bound) for name, bound in field.metadata["bounds"].items())
    return None if within else limits(field)


def _shown(value):
    return repr(value) if isinstance(value, str) else ",".join(map(str, values(value)))


def limits(field):
    """Allowed values of a field in words: its choices, or its bounds; empty if it has neither."""
    choices, bounds = field.metadata["choices"], field.metadata["bounds"]
    return " | ".join(filter(None, choices or ())) or ", ".join(
        phrase.format(bounds[name]) for name, (_, phrase) in BOUNDS.items() if name in bounds
    )


def is_number(field):
    """Whether a field is a number, or several."""
    return is_whole(field) or field.type in (float, tuple[float, ...])


def is_whole(field):
    """Whether a field is a whole number, or several."""
    return field.type in (int, tuple[int, ...])


def form_of(group):
    """The form of a group's settings in a file, see `pipelines.records`: each may be missing.

    Args:
        group: Class of `Settings`.
    """
    return {
        field.name: Optional(lambda value, field=field: _may_be(field, value), null=False)
        for field in dataclasses.fields(group)
    }


def _may_be(field, value):
    """Whether a value from a file is of the type of a field, and within its bounds."""
    many = isinstance(field.default, tuple)
    if isinstance(value, list) != many and not (field.metadata["per_level"] and value != []):
        return False
    parts = value if isinstance(value, list) else [value]
    kinds = (int,) if is_whole(field) else (int, float) if is_number(field) else (str,) if many else (field.type,)
    return all(type(part) in kinds and _missed(field, part) is None for part in parts)


def per_level(group):
    """Names of the fields that may have a value for each level."""
    return [field.name for field in dataclasses.fields(group) if field.metadata["per_level"]]


def at_level(group, level, num_levels):
    """Settings of one level: what was given for each is now one value.

    Raises:
        SettingsError: If a field has neither one value nor one for each level.
    """
    chosen = {}
    for name in per_level(group):
        value = getattr(group, name)
        if isinstance(value, tuple):
            if len(value) != num_levels:
                raise SettingsError(
                    f"--{name} should be one value, or {num_levels} with commas between: one for the global generator "
                    f"and one for each enhancer. Received: {','.join(map(str, value))}"
                )
            chosen[name] = value[level]
    return dataclasses.replace(group, **chosen)


def values(value):
    """The values of a field, one or many."""
    return value if isinstance(value, tuple) else (value,)


def named_places(texts, reserved=()):
    """Texts `NAME=PLACE` of the flag `--method` -> dict of name -> place.

    Raises:
        SettingsError: If one is of another form, or its name is there twice or is `reserved`.
    """
    places = {}
    for text in texts:
        name, _, place = text.partition("=")
        if not re.fullmatch(r"(?!\.)[\w+.-]+( [\w+.-]+)*", name) or not place or name in places or name in reserved:
            others = f" and not {' or '.join(sorted(reserved))}" if reserved else ""
            raise SettingsError(
                "--method should be NAME=PLACE, each name once, of letters, digits and _ + . - or single spaces, "
                f"beginning with no dot{others}. Received: {text!r}"
            )
        places[name] = place
    return places


def check_size(group, kind):
    """Raises `SettingsError` if of the settings `{kind}_height` and `{kind}_width` one is 0, and not the other."""
    heights, widths = (values(getattr(group, f"{kind}_{side}")) for side in ("height", "width"))
    if [length > 0 for length in heights] != [length > 0 for length in widths]:
        raise SettingsError(
            f"--{kind}_height and --{kind}_width are given together, or not at all. "
            f"Received: {_shown(heights)} and {_shown(widths)}"
        )


def check_seeds(group):
    """Raises `SettingsError` if the last of the seeds from `seed` on, one for each of `styles`, is too large."""
    largest = LARGEST_SEED - group.styles + 1
    if group.seed > largest:
        raise SettingsError(
            f"With --styles={group.styles}, each of the next seed, --seed should be {largest} at most. "
            f"Received: {group.seed}"
        )


def check_evaluated(labels):
    """Raises `SettingsError` if a label id is there twice."""
    if len(set(labels)) < len(labels):
        raise SettingsError(f"--evaluated_labels should be different whole numbers. Received: {_shown(labels)}")
