"""What a setting is: name, type, default, unit, help and bounds. `flags` makes command-line flags of it.

Settings are checked against one another when they are made; what depends on the data is checked in `assemble`.
"""

import dataclasses
import re

from pipelines.errors import UserError


class SettingsError(UserError, ValueError):
    """Says which setting is wrong, what was received, and how to mend it."""

    exit_code = 2


def setting(default, help, choices=None, per_level=False, repeated=False):
    """A field with its help text and, where it is a choice, the values it can have.

    A field `per_level` is one value, or a tuple of them: the first for the global generator, one for each enhancer. One
    that is `repeated` is a tuple of strings, one for each time that the flag is given.
    """
    metadata = {"help": help, "choices": choices, "per_level": per_level, "repeated": repeated}
    return dataclasses.field(default=default, metadata=metadata)


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


def check_evaluated(labels):
    """Raises `SettingsError` unless label ids differ, and are whole numbers that are not negative."""
    if any(label != int(label) or label < 0 for label in labels) or len(set(labels)) < len(labels):
        raise SettingsError(f"--evaluated_labels should be different whole numbers from 0 on. Received: {labels}")
