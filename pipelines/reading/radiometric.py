"""Radiometric JPEGs of FLIR cameras: the counts inside, and the kelvin that they mean.

The picture that viewers show is a preview in false colours. The counts stand in APP1 segments, one stream of records
altogether: a directory, the raw frame as PNG, TIFF or plain numbers, what the camera knew of itself and the weather.
"""

import dataclasses
import io
import struct

import numpy as np
from PIL import Image

from pipelines.errors import DataError
from pipelines.reading.decode import Part

MARK = b"FLIR\0"
RAW, CAMERA = 0x01, 0x20  # kinds of records
PIXELS_AT = 32  # bytes into the record of the raw frame
FIELDS = {  # of the camera's record: name -> (bytes from its start, how it is stored)
    "emissivity": (0x20, "f"), "distance": (0x24, "f"), "reflected": (0x28, "f"), "air": (0x2C, "f"),
    "window": (0x30, "f"), "window_transmission": (0x34, "f"), "humidity": (0x3C, "f"),
    "r1": (0x58, "f"), "b": (0x5C, "f"), "f": (0x60, "f"), "alpha_1": (0x70, "f"), "alpha_2": (0x74, "f"),
    "beta_1": (0x78, "f"), "beta_2": (0x7C, "f"), "x": (0x80, "f"), "o": (0x308, "i"), "r2": (0x30C, "f"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Radiometric(Part):
    """The temperatures in a radiometric JPEG, as if they were a file `.npy`.

    Attributes:
        path: `Path`, or whatever else is a file here.
    """

    path: object
    suffix = ".npy"

    @property
    def stem(self):
        return self.path.stem

    def read_bytes(self):
        file = io.BytesIO()
        np.save(file, read_kelvin(self.path))
        return file.getvalue()

    def __str__(self):
        return f"{self.path} (kelvin)"


def read_kelvin(path):
    """The temperatures in a file: (height, width) float32, kelvin.

    Raises:
        DataError: If it is no radiometric JPEG, or the frame or the camera's constants in it cannot be read.
    """
    try:
        records = _records(_stream(path.read_bytes()))
        counts = _frame(records[RAW])
        return kelvin(counts, _camera(records[CAMERA]))
    except Exception as error:  # whatever damaged files lead Pillow and us to
        raise DataError(
            f"{path} holds no thermal frame of a FLIR camera that could be read ({type(error).__name__}: {error}). "
            "Read the pictures themselves: leave --radiometric out."
        ) from error


def _stream(data):
    """The bytes of all of a JPEG's FLIR segments, put together."""
    parts, position = {}, 2
    while data[position : position + 1] == b"\xff" and data[position + 1] not in (0xDA, 0xD9):
        marker, length = data[position + 1], struct.unpack_from(">H", data, position + 2)[0]
        content = data[position + 4 : position + 2 + length]
        if marker == 0xE1 and content.startswith(MARK):
            parts[content[6]] = content[8:]  # the mark, a version, this segment's number and the last one's
        position += 2 + length
    if not parts:
        raise ValueError("no FLIR segments")
    return b"".join(parts[number] for number in sorted(parts))


def _records(stream):
    """Dict: kind -> the bytes of the first record of that kind."""
    if stream[:4] not in (b"FFF\0", b"AFF\0"):
        raise ValueError("no FLIR header")
    orders = [order for order in "><" if 100 <= struct.unpack_from(f"{order}I", stream, 0x14)[0] < 200]
    if not orders:
        raise ValueError("a FLIR header of no known version")
    order = orders[0]
    at, count = struct.unpack_from(f"{order}II", stream, 0x18)
    found = {}
    for entry in range(min(count, 1000)):
        kind, *_, offset, length = struct.unpack_from(f"{order}HHIIII", stream, at + 32 * entry)
        found.setdefault(kind, stream[offset : offset + length])
    if not {RAW, CAMERA} <= set(found):
        raise ValueError("no raw frame or no camera's constants among its records")
    return found


def _order(record):
    """Order of bytes in a record, which begins with the number 2."""
    return "<" if record[:2] == b"\2\0" else ">"


def _frame(record):
    """The counts: (height, width) uint16."""
    order, content = _order(record), record[PIXELS_AT:]
    width, height = struct.unpack_from(f"{order}HH", record, 2)
    if content[:4] in (b"\x89PNG", b"II*\0", b"MM\0*"):
        with Image.open(io.BytesIO(content)) as picture:
            is_png = picture.format == "PNG"
            counts = np.asarray(picture).astype("uint16")
        return _smoother(counts, counts.byteswap()) if is_png else counts
    return np.frombuffer(content, f"{order}u2", width * height).reshape(height, width).astype("uint16")


def _smoother(first, second):
    """Of two readings of a frame the one that changes less: cameras write PNG in either order of bytes."""
    changes = [np.abs(np.diff(counts.astype("float64"))).sum() for counts in (first, second)]
    return second if changes[1] < changes[0] else first


def _camera(record):
    """Dict: name of `FIELDS` -> number."""
    order = _order(record)
    return {name: struct.unpack_from(f"{order}{kind}", record, at)[0] for name, (at, kind) in FIELDS.items()}


def kelvin(counts, camera):
    """Temperatures of what was seen: what the air, a window and reflections add to the counts is taken away.

    Args:
        counts: `(height, width)` uint16.
        camera: Dict, see `FIELDS`: temperatures in kelvin, the distance in metres, the rest shares of 1.

    Returns:
        `(height, width)` float32, kelvin.
    """
    c = camera
    air = _through_air(c)
    passed = [c["emissivity"], air, c["window_transmission"], air]  # in front of the window, and behind it
    added = (
        _radiance(c["reflected"], c) * (1 - passed[0]) / passed[0]
        + _radiance(c["air"], c) * (1 - air) / np.prod(passed[:2])
        + (_radiance(c["window"], c) * (1 - passed[2]) / np.prod(passed[:3]) if passed[2] < 1 else 0)
        + _radiance(c["air"], c) * (1 - air) / np.prod(passed)
    )
    seen = counts.astype("float64") / np.prod(passed) - added
    with np.errstate(invalid="ignore", divide="ignore"):
        found = c["b"] / np.log(c["r1"] / (c["r2"] * (seen + c["o"])) + c["f"])
    return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0).clip(0).astype("float32")


def _radiance(temperature, c):
    """The counts of a black body."""
    return c["r1"] / (c["r2"] * (np.exp(c["b"] / temperature) - c["f"])) - c["o"]


def _through_air(c):
    """The share of radiation that half of the air between passes on."""
    celsius = c["air"] - 273.15
    humidity = c["humidity"] / 100 if c["humidity"] > 1 else c["humidity"]
    water = humidity * np.exp(1.5587 + 0.06939 * celsius - 2.7816e-4 * celsius**2 + 6.8455e-7 * celsius**3)
    reach = np.sqrt(c["distance"] / 2)
    parts = [np.exp(-reach * (c[f"alpha_{i}"] + c[f"beta_{i}"] * np.sqrt(water))) for i in (1, 2)]
    return c["x"] * parts[0] + (1 - c["x"]) * parts[1]
