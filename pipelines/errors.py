"""The base of all errors that a person can mend, the one for data, and what messages of errors consist of."""


class UserError(Exception):
    """An error that a person can mend. Commands tell it in a line, without a traceback, and exit with `exit_code`."""

    exit_code = 1


class DataError(UserError, ValueError):
    """Says what is wrong with the data, what was found, and how to mend it. Commands print it as it is."""


def first_line(error):
    """Of another error's message: what is wrong, without what the library adds."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def first_of(lines, count=5):
    """The first few lines of a list, indented, and how many more there are: a part of an error's message."""
    more = [f"and {len(lines) - count} more"] if len(lines) > count else []
    return "".join(f"\n  {line}" for line in [*lines[:count], *more])
