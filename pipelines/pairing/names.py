"""The name that pairs a file, and the flags that pair files whose names differ in case, or in parts that all have."""

import itertools
import re
import unicodedata

from pipelines.errors import DataError

FLAGS = {"source": "source_name", "label_map": "label_name", "instance_map": "instance_name", "image": "target_name"}
SEPARATORS = r"_. /()\[\]+@-"  # as in a set of a regular expression
NUMBERED = r"(.*?)0*(\d+)"  # names that end in a number, whose leading zeros are left out
TOKENS = f"([{SEPARATORS}])", rf"([{SEPARATORS}]|(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d))"  # the second: `001ir` is two
PARTS = 2  # that all names of a folder have and another folder's names lack, at most: `IR/001_T` beside `VIS/001_V`
FEW = 200  # names that flags are looked for with; they are then tried on all
SHARE = 0.5  # of the names must pair for flags to be proposed


def pairing_name(name, ending="", pattern="", ignore_case=False):
    """The name that pairs a file, see `pairs.find_files`, or `None` if the file is not meant."""
    name, ending, pattern = (unicodedata.normalize("NFC", text) for text in (name, ending, pattern))
    if not name.endswith(ending):
        return None
    name = name.removesuffix(ending)
    if pattern:
        fits = _fullmatch(pattern, name)
        if not fits:
            return None
        name = "/".join(group.strip("/") for group in fits.groups() if group) if fits.groups() else name
    return name.casefold() if ignore_case else name


def _fullmatch(pattern, name):
    try:
        return re.fullmatch(pattern, name)
    except re.error as error:
        raise DataError(f"{pattern!r} is no regular expression: {error}.") from error


def pairing_flags(names):
    """The flags, as they are typed, by which names pair that otherwise do not; an empty string if there are none.

    Args:
        names: Dict: role -> list of names.
    """
    for case, flag in ((str, ""), (str.casefold, "--ignore_case")):
        if _paired([[case(name) for name in own] for own in names.values()]):
            return flag
    if _paired([_strip(own, NUMBERED, str) for own in names.values()]):
        return " ".join(f"--{FLAGS[role]}='{NUMBERED}'" for role in names)
    few = {role: sorted(own)[:FEW] for role, own in names.items()}
    for parts in range(1, PARTS + 1):
        for case, flag in ((str, ""), (str.casefold, "--ignore_case ")):
            for patterns in _patterns(few, parts, case):
                if _paired([_strip(names[role], pattern, case) for role, pattern in patterns.items()]):
                    flags = (f"--{FLAGS[role]}='{pattern}'" for role, pattern in patterns.items() if pattern)
                    return flag + " ".join(flags)
    return ""


def _patterns(names, parts, case):
    """Patterns by which names pair that lack so many parts and are changed by `case`: dicts of role -> pattern."""
    stripped = {role: _stripped(own, parts, case) for role, own in names.items()}
    first, *others = names
    for pattern, wanted in stripped[first].items():
        chosen = {first: pattern}
        for role in others:
            fitting = (pattern for pattern, own in stripped[role].items() if _paired([wanted, own]))
            chosen[role] = next(fitting, None)
            if chosen[role] is None:
                break
        else:
            yield chosen


def _paired(lists):
    fitting = [[name for name in own if name is not None] for own in lists]
    common = set.intersection(*map(set, fitting))
    distinct = all(len(set(own)) == len(own) for own in fitting)
    return distinct and len(common) >= max(SHARE * max(map(len, lists)), 1)


def _stripped(names, parts, case):
    """The names without what they have in common: dict of pattern -> list. Those first that leave the most."""
    patterns = dict.fromkeys(["", *(pattern for token in TOKENS for pattern in _candidates(names, token, parts))])
    found = {pattern: _strip(names, pattern, case) for pattern in patterns}
    return {pattern: own for pattern, own in found.items() if None not in own}


def _strip(names, pattern, case):
    """The pairing names by a pattern, changed by `case`; of names that it does not fit, `None`."""
    found = (pairing_name(name, pattern=pattern) for name in names)
    return [name if name is None else case(name) for name in found]


def _candidates(names, token, parts):
    """Patterns that leave out up to `parts` of the parts that stand in each name, with the separators around them."""
    first, *others = (re.split(token, name) for name in names)
    common = set(first[::2]).intersection(*(set(own[::2]) for own in others)) - {""}
    for count in range(1, parts + 1):
        for chosen in itertools.combinations(sorted(common), count):
            pattern = _pattern(first, chosen)
            if "(.*)" in pattern:
                yield pattern


def _pattern(tokens, chosen):
    """The regular expression of names without some parts; `tokens` are parts and the separators between them."""
    parts = [place % 2 == 0 and text in chosen for place, text in enumerate(tokens)]
    left_out = [own or before or after for before, own, after in zip([False, *parts], parts, [*parts[1:], False])]
    pattern = ""
    for is_out, run in itertools.groupby(zip(left_out, tokens), key=lambda pair: pair[0]):
        text = "".join(token for _, token in run)
        if is_out:
            pattern += re.escape(text).replace("\\-", "-").replace("\\ ", " ")
        elif text:  # there is nothing before a bracket that begins a name, or behind one that ends it
            pattern += "(.*)"
    return pattern
