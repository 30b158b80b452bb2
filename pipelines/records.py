"""JSON files as they should be: whole, of the types that their form names, and of nothing else."""

import json

from pipelines.errors import first_line


class FormError(ValueError):
    """Says where what was read is not of its form, as the end of a sentence that begins with the file's name."""


class Optional:
    """A form: what is of `form`, is missing or, if `null` is true, is `None`."""

    def __init__(self, form, null=True):
        self.form, self.null = form, null


def read_record(path, form):
    """What a JSON file holds, checked.

    Args:
        path: `Path` or `RemotePath`.
        form: What it should be. A type: a value of just that type. `[form]`: a list. `(form, form)`: a list of just so
            many. `{"name": form}`: an object that has these names, and perhaps others; these are of `form` if it is
            `{str: form}`. `Optional(form)`. A function: it returns true of what is right.

    Raises:
        FormError: If it is damaged, or of another form.
        OSError: If there is no such file.
    """
    try:
        content = json.loads(path.read_bytes().decode(), parse_constant=_refuse)
        check_form(content, form)
    except FormError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormError(f"is no whole JSON file ({first_line(error)})") from error
    return content


def _refuse(name):
    raise ValueError(f"it holds {name}")


def check_form(value, form, place=""):
    """Raises `FormError` unless a value, which is at `place` of a file, is of a form; see `read_record`."""
    if isinstance(form, Optional):
        if value is not None or not form.null:
            check_form(value, form.form, place)
    elif isinstance(form, dict):
        _check_kind(value, dict, place)
        for name, part in form.items():
            if name is not str and name not in value and not isinstance(part, Optional):
                raise FormError(f"has no {f'{place}/{name}'.strip('/')}")
        for name, part in value.items():
            if (own := form.get(name, form.get(str))) is not None:
                check_form(part, own, f"{place}/{name}")
    elif isinstance(form, list):
        _check_kind(value, list, place)
        for i, part in enumerate(value):
            check_form(part, form[0], f"{place}/{i}")
    elif isinstance(form, tuple):
        if type(value) is not list or len(value) != len(form):
            raise FormError(f"has {_shown(value)} as {_named(place)}, not a list of {len(form)}")
        for i, (part, own) in enumerate(zip(value, form)):
            check_form(part, own, f"{place}/{i}")
    elif isinstance(form, type):
        _check_kind(value, form, place)
    elif not form(value):
        raise FormError(f"has {_shown(value)} as {_named(place)}, which cannot be")


def _check_kind(value, kind, place):
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise FormError(f"has {_shown(value)} as {_named(place)}, not {KINDS[kind]}")


KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _named(place):
    return place.strip("/") or "all that it holds"


def _shown(value):
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole_number(low, high):
    """A form: a whole number from `low` to `high`."""
    return lambda value: type(value) is int and low <= value <= high


def one_of(*values):
    """A form: one of some values, of their types."""
    return lambda value: any(type(value) is type(known) and value == known for known in values)


def is_range(value):
    """A form: two numbers, the first below the second."""
    return (
        type(value) is list and len(value) == 2 and all(type(x) in (int, float) for x in value) and value[0] < value[1]
    )
