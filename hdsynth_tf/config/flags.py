"""The only place that knows absl flags: settings become flags, a command line becomes settings."""

import dataclasses
import os
import sys

from absl import flags

from hdsynth_tf.config.recipes import RECIPES
from hdsynth_tf.config.settings import SettingsError


def parse(argv, groups, usage, defaults=None):
    """Reads a command line. Prints the help and exits with 0 on `--help`.

    Args:
        argv: List of strings, the program's name first. `--flagfile=FILE` reads more of them from a file, a line each.
        groups: Settings classes, in the order of the help.
        usage: String, what the command does and an example; shown above the flags in the help.
        defaults: Dict of name -> value, instead of the settings' own defaults, or `None`.

    Returns:
        One settings object for each group. Where one has a `recipe`, what was not given is as the recipe says.

    Raises:
        SettingsError: If a flag is unknown, has an impossible value, or contradicts another.
    """
    if any(argument in ("--help", "-help", "-h", "--helpfull", "--helpshort") for argument in argv[1:]):
        print(help_text(groups, usage))
        sys.exit(0)
    values = _read(argv, groups, defaults or {})
    if "recipe" in values:
        values = _read(argv, groups, {**(defaults or {}), **RECIPES[values.recipe]})
    return [group(**{field.name: _value(values, field) for field in dataclasses.fields(group)}) for group in groups]


def _read(argv, groups, defaults):
    """The values of all flags of `groups`."""
    values = flags.FlagValues()
    for group in groups:
        for field in dataclasses.fields(group):
            _define(field, defaults.get(field.name, field.default), values)
    try:
        rest = values([argv[0], *_expand_flagfiles(argv[1:])])
    except flags.Error as error:
        raise SettingsError(str(error)) from error
    if rest[1:]:
        raise SettingsError(f"Flags look like --name=value. Received: {' '.join(rest[1:])}")
    return values


def _define(field, default, values):
    help, choices = field.metadata["help"], field.metadata["choices"]
    if choices:
        flags.DEFINE_enum(field.name, default, choices, help, flag_values=values)
    elif field.metadata["repeated"]:
        flags.DEFINE_multi_string(field.name, list(default), help, flag_values=values)
    elif _is_list(field):
        parts = default if isinstance(default, (tuple, list)) else [default]
        flags.DEFINE_list(field.name, [str(part) for part in parts], help, flag_values=values)
    elif isinstance(field.default, bool):
        flags.DEFINE_bool(field.name, default, help, flag_values=values)
    elif isinstance(field.default, int):
        flags.DEFINE_integer(field.name, default, help, flag_values=values)
    elif isinstance(field.default, float):
        flags.DEFINE_float(field.name, default, help, flag_values=values)
    else:
        flags.DEFINE_string(field.name, default, help, flag_values=values)


def _is_list(field):
    return isinstance(field.default, tuple) or field.metadata["per_level"]


def _value(values, field):
    value = values[field.name].value
    if field.metadata["repeated"]:
        return tuple(value)
    if not _is_list(field):
        return value
    kind = int if isinstance(field.default, int) else float
    try:
        numbers = tuple(_number(part, whole=kind is int) for part in value)
    except ValueError:
        kinds = "whole numbers" if kind is int else "numbers"
        raise SettingsError(f"--{field.name} should be {kinds}, commas between. Received: {','.join(value)}") from None
    return numbers[0] if field.metadata["per_level"] and len(numbers) == 1 else numbers


def _number(text, whole):
    try:
        return int(text)
    except ValueError:
        if whole:
            raise
        return float(text)


def _expand_flagfiles(arguments, folder=""):
    """Puts the lines of flag files in the place of `--flagfile=FILE`; a file named in a file may lie beside it."""
    expanded = []
    for argument in arguments:
        name, _, path = argument.lstrip("-").partition("=")
        if name != "flagfile":
            expanded.append(argument)
            continue
        beside = os.path.join(folder, path)
        path = path if os.path.exists(path) else beside
        try:
            with open(path) as file:
                lines = [line.strip() for line in file]
        except OSError as error:
            raise SettingsError(f"The flag file {path} cannot be read: {error.strerror}.") from error
        lines = [line for line in lines if line and not line.startswith(("#", "//"))]
        expanded += _expand_flagfiles(lines, os.path.dirname(path))
    return expanded


def help_text(groups, usage):
    """The usage, then every flag with its default, group by group."""
    lines = [usage.strip(), "", "--flagfile=FILE reads flags from a file, a line each; later flags win."]
    for group in groups:
        lines += ["", f"{group.__doc__}:"]
        for field in dataclasses.fields(group):
            default = field.default
            shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
            shown = str(shown).lower() if isinstance(default, bool) else shown
            choices = " | ".join(choice for choice in field.metadata["choices"] or () if choice)
            lines.append(f"  --{field.name}={shown}")
            lines.append(f"        {field.metadata['help']}" + (f" [{choices}]" if choices else ""))
    lines += ["", "A flag that is true or false is also turned off by --noNAME."]
    return "\n".join(lines)
