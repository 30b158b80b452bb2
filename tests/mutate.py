"""Damages files: bytes as disks, downloads and enemies change them, and JSON by its parts. Seeded."""

import copy
import json

ODD_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
ODD_VALUES = [
    None, True, False, 0, -1, 1, 3.5, 2**31, -(2**63), 2**64, 10**400, 1e300, "", "x", "a/../b", "../x", "/etc/x",
    "x/", ".", "..", "a\0b", "\ud800", "n" * 300, "ß" * 40, [], {}, [[]], [None], {"a": 1}, [0] * 50, ["x"] * 3,
    float("nan"), float("inf"),
]  # fmt: skip


def damaged_bytes(content, rng):
    """Content with one to four changes: cut short, bits turned, bytes set, parts doubled, taken out, or moved."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 5)):
        if not content:
            break
        at = int(rng.integers(len(content)) if rng.random() < 0.6 else rng.integers(min(len(content), 200)))
        length = int(rng.integers(1, 33))
        kind = rng.integers(7)
        if kind == 0:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[at] = int(rng.choice(ODD_BYTES))
        elif kind == 2:
            content[at : at + 4] = rng.bytes(4) if rng.random() < 0.5 else b"\xff\xff\xff\x7f"
        elif kind == 3:
            del content[at : at + length]
        elif kind == 4:
            content[at:at] = content[at : at + length]
        elif kind == 5:
            content[at : at + length] = rng.bytes(length)
        else:
            del content[at:]
    return bytes(content)


def damaged_record(record, rng):
    """A JSON value of which one to three parts, anywhere in it, are odd, missing, doubled, or changed."""
    record = copy.deepcopy(record)
    for _ in range(rng.integers(1, 4)):
        places = list(_places(record))
        if not places:
            return ODD_VALUES[rng.integers(len(ODD_VALUES))]
        holder, key = places[rng.integers(len(places))]
        value, kind = holder[key], rng.integers(6)
        if kind == 0:
            del holder[key]
        elif kind == 1 and type(value) is int:
            holder[key] = value + int(rng.choice([-1, 1, 2**20, -(2**20), 2**40]))
        elif kind == 1 and isinstance(value, str):
            holder[key] = str(rng.choice(["/", "../", "", "a/"])) + value + str(rng.choice(["/", "/..", "x", "\0"]))
        elif kind == 2:
            other_holder, other = places[rng.integers(len(places))]
            holder[key] = copy.deepcopy(other_holder[other])
        elif kind == 3 and isinstance(holder, list):
            holder.append(copy.deepcopy(value))
        else:
            holder[key] = copy.deepcopy(ODD_VALUES[rng.integers(len(ODD_VALUES))])
    return record


def _places(record):
    """(holder, key) of every value inside of a record."""
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in list(items):
        yield record, key
        yield from _places(value)


def damaged_json(content, rng):
    """The content of a JSON file, text or bytes, damaged in one of both ways: bytes."""
    content = content.encode() if isinstance(content, str) else content
    if rng.random() < 0.4:
        return damaged_bytes(content, rng)
    return json.dumps(damaged_record(json.loads(content), rng)).encode()
