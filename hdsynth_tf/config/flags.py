"""The only place that knows absl flags: settings become flags, a command line becomes settings."""

import dataclasses
import functools
import operator
import os
import sys
from pathlib import Path

from absl import flags

from hdsynth_tf.config.recipes import CHOICES
from hdsynth_tf.config.settings import SWITCH, SettingsError, is_whole, limits
from pipelines.errors import DataError
from pipelines.texts import read_text

PACKAGE = Path(__file__).resolve().parent.parent
HOMES = (PACKAGE, PACKAGE.parent)  # of experiments/: an installed package has it inside, the repository beside it


def parse(argv, groups, usage, defaults=None):
    """Reads a command line. Prints the help and exits with 0 on `--help`.

    Args:
        argv: List of strings, the program's name first. `--flagfile FILE` reads more of them from a file, a line each.
        groups: Settings classes, in the order of the help.
        usage: String, what the command does and an example; shown above the flags in the help.
        defaults: Dict of name -> value, instead of the settings' own defaults, or `None`; without those that do not go
            with what is given, see `Settings.fitting`.

    Returns:
        One settings object for each group. Where one has a `recipe`, what was not given is as the recipe says, and
        the kinds of discriminator and generator.

    Raises:
        SettingsError: If a flag is unknown, has an impossible value, or contradicts another.
    """
    if any(argument in ("--help", "-help", "-h", "--helpfull", "--helpshort") for argument in argv[1:]):
        print(help_text(groups, usage))
        sys.exit(0)
    values = _read(argv, groups, defaults or {})
    if defaults:
        given = {name: values[name].value for name in values if values[name].present}
        defaults = functools.reduce(lambda found, group: group.fitting(found, given), groups, defaults)
        values = _read(argv, groups, defaults)
    chosen = [sets.get(values[name].value, {}) for name, sets in CHOICES.items() if name in values]
    if any(chosen):
        values = _read(argv, groups, functools.reduce(operator.or_, chosen, defaults or {}))
    return [group(**{field.name: _value(values, field) for field in dataclasses.fields(group)}) for group in groups]


def _read(argv, groups, defaults):
    """The values of all flags of `groups`."""
    values = flags.FlagValues()
    for group in groups:
        for field in dataclasses.fields(group):
            _define(field, defaults.get(field.name, field.default), values)
    try:
        rest = values([argv[0], *_expand_flagfiles(argv[1:])])
    except (flags.Error, ValueError) as error:  # the second of --noNAME=VALUE
        raise SettingsError(str(error)) from error
    if rest[1:]:
        raise SettingsError(f"Flags look like --name=value. Received: {' '.join(rest[1:])}")
    return values


def _define(field, default, values):
    help = field.metadata["help"]
    if field.metadata["repeated"]:
        flags.DEFINE_multi_string(field.name, list(default), help, flag_values=values)
    elif _is_list(field):
        parts = default if isinstance(default, (tuple, list)) else [default]
        flags.DEFINE_list(field.name, [str(part) for part in parts], help, flag_values=values)
    elif field.metadata["choices"] == SWITCH:
        flag = flags.EnumFlag(field.name, default, help, SWITCH)
        flag.boolean = True  # what absl calls those that need no value
        flags.DEFINE_flag(flag, values)
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
    numbers = _numbers(field, value)
    return numbers[0] if field.metadata["per_level"] and len(numbers) == 1 else numbers


def _numbers(field, texts):
    """The numbers that a list is made of; of a field with a value for each level, one at least."""
    try:
        numbers = tuple(_number(text, is_whole(field)) for text in texts)
    except ValueError:
        numbers = None
    if numbers is None or (field.metadata["per_level"] and not numbers):
        kinds = "whole numbers" if is_whole(field) else "numbers"
        raise SettingsError(f"--{field.name} should be {kinds}, commas between. Received: {','.join(texts)}")
    return numbers


def _number(text, whole):
    try:
        return int(text)
    except ValueError:
        if whole:
            raise
        return float(text)


def _expand_flagfiles(arguments, chain=()):
    """Puts the lines of flag files in the place of `--flagfile=FILE` and `--flagfile FILE`.

    Args:
        arguments: Strings, of the command line or the lines of a file.
        chain: Paths: the file that they come from, last, and those that led there, each named in the one before.
    """
    expanded, left = [], iter(arguments)
    for argument in left:
        name, equals, path = argument.partition("=")
        if name in ("--flagfile", "-flagfile"):
            path = _find_flagfile(path if equals else next(left, ""), chain)
            expanded += _expand_flagfiles(_read_flagfile(path), (*chain, path))
        else:
            expanded.append(argument)
    return expanded


def _find_flagfile(path, chain):
    """The file `path` as it is given, or beside the file that names it; those of `experiments/` from anywhere."""
    if not path:
        raise SettingsError("--flagfile should name a file. Received: nothing")
    path = os.path.expanduser(path)
    if chain and not os.path.exists(path):
        path = os.path.join(os.path.dirname(chain[-1]), path)
    if os.path.dirname(path) == "experiments" and not os.path.exists(path):
        path = next((str(home / path) for home in HOMES if (home / path).exists()), path)
    if os.path.realpath(path) in map(os.path.realpath, chain):
        raise SettingsError(f"The flag file {path} leads back to itself: {' -> '.join((*chain, path))}")
    return path


def _read_flagfile(path):
    """Its lines without those that are empty or comments."""
    try:
        lines = [line.strip() for line in read_text(path, "flag file").splitlines()]
    except DataError as error:
        raise SettingsError(f"{error} It should hold flags, a line each{_where(path)}") from error
    lines = [line for line in lines if line and not line.startswith(("#", "//"))]
    for before, line in zip(["=", *lines], lines):
        if not line.startswith("-") and "=" in before:  # else it may be the value of the flag before it
            raise SettingsError(f"The flag file {path} should hold flags, --name=value, a line each. It holds: {line}")
    return lines


def _where(path):
    """Which flag files there are, where one was not found."""
    if os.path.exists(path):
        return "."
    ours = sorted(f"experiments/{file.name}" for home in HOMES for file in home.glob("experiments/*.flags"))
    return f". These come with the package: {', '.join(ours)}."


def help_text(groups, usage):
    """The usage, then every flag with its default and what it can be, group by group."""
    lines = [usage.strip(), "", "--flagfile=FILE reads flags from a file, a line each; later flags win."]
    for group in groups:
        lines += ["", f"{group.__doc__}:"]
        for field in dataclasses.fields(group):
            default = field.default
            shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
            shown = str(shown).lower() if isinstance(default, bool) else shown
            allowed = limits(field)
            lines.append(f"  --{field.name}={shown}")
            lines.append(f"        {field.metadata['help']}" + (f" [{allowed}]" if allowed else ""))
    lines += ["", "A flag that is true or false is also turned off by --noNAME."]
    return "\n".join(lines)
