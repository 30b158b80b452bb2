"""Finds the flags that pair files whose names differ in their case, or in a part that all files of a folder have."""

import re

FLAGS = {"source": "source_name", "label_map": "label_name", "instance_map": "instance_name", "image": "target_name"}
SEPARATORS = "_. /-"  # the last one where it means itself in a set
SHARE = 0.5  # of the names must pair for flags to be proposed


def pairing_flags(names):
    """The flags, as they are typed, by which names pair that otherwise do not; an empty string if there are none.

    Args:
        names: Dict: role -> list of names.
    """
    for case, flag in ((str, ""), (str.casefold, "--ignore_case")):
        if _paired([[case(name) for name in own] for own in names.values()]):
            return flag
    for case, flag in ((str, ""), (str.casefold, "--ignore_case ")):
        patterns = _patterns(names, case)
        if patterns:
            return flag + patterns
    return ""


def _patterns(names, case):
    """The flags of names without a part, changed by `case`; an empty string if there are none by which they pair."""
    parts = {role: [None, *_constant_parts(own)] for role, own in names.items()}
    first, *others = names
    for part in parts[first]:
        stripped = [case(name) for name in strip(names[first], part)]
        chosen = {first: part}
        for role in others:
            fitting = [p for p in parts[role] if _paired([stripped, [case(name) for name in strip(names[role], p)]])]
            if not fitting:
                break
            chosen[role] = fitting[0]
        else:
            return " ".join(f"--{FLAGS[role]}='{_pattern(names[role], p)}'" for role, p in chosen.items() if p)
    return ""


def _paired(lists):
    common = set.intersection(*map(set, lists))
    distinct = all(len(set(own)) == len(own) for own in lists)
    return distinct and len(common) >= max(SHARE * max(map(len, lists)), 1)


def _constant_parts(names):
    """Parts that stand in each name: `_ir`, `IR_`, `/lwir/`, with the separators around them, or `ir` of `001ir`."""
    pieces = [set(re.split(f"[{SEPARATORS}]", name)) for name in names]
    found = []
    for piece in sorted(set.intersection(*pieces) - {""}):
        for part in (rf"([{SEPARATORS}]){re.escape(piece)}([{SEPARATORS}])", rf"([{SEPARATORS}]){re.escape(piece)}$",
                     rf"^{re.escape(piece)}([{SEPARATORS}])"):  # fmt: skip
            match = re.search(part, names[0])
            if match:
                found.append(match.group())
                break
    return found + _letters_at_the_ends(names)


def _letters_at_the_ends(names):
    """The letters that all names begin with, and those that all end with, beside a digit."""
    ways = r"^[^\W\d_]+(?=\d)", r"(?<=\d)[^\W\d_]+$"
    found = [{(re.search(way, name) or [""])[0] for name in names} for way in ways]
    parts = [own.pop() for own in found if len(own) == 1]
    return [part for part in parts if part and all(name.count(part) == 1 for name in names)]


def _split(name, part):
    """What stands before and after a part of a name."""
    before, _, after = name.partition(part)
    return [before, after]


def strip(names, part):
    """Names without a part, as `pairs.pairing_name` leaves it out."""
    return names if part is None else ["/".join(rest for rest in _split(name, part) if rest) for name in names]


def _pattern(names, part):
    rests = [_split(name, part) for name in names]
    before, after = ("(.*)" if any(rest[i] for rest in rests) else "" for i in (0, 1))
    return f"{before}{re.escape(part)}{after}".replace("\\-", "-").replace("\\ ", " ")
