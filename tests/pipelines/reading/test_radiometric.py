"""Radiometric JPEGs: the temperatures inside, whatever the order of bytes and the kind of the frame; made here."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.radiometric import FIELDS, kelvin, read_kelvin

CAMERA = {
    "emissivity": 0.95, "distance": 2.0, "reflected": 293.15, "air": 293.15, "window": 293.15,
    "window_transmission": 1.0, "humidity": 0.5, "r1": 16556.0, "b": 1428.0, "f": 1.0, "alpha_1": 0.006569,
    "alpha_2": 0.01262, "beta_1": -0.002276, "beta_2": -0.00667, "x": 1.9, "o": -207, "r2": 0.0125,
}  # fmt: skip


def counts_of(temperatures):
    """The counts of black bodies right in front of the lens."""
    return CAMERA["r1"] / (CAMERA["r2"] * (np.exp(CAMERA["b"] / temperatures) - CAMERA["f"])) - CAMERA["o"]


def frame(counts, kind, order):
    """The counts as PNG, TIFF or plain numbers, in one of both orders of bytes."""
    if kind == "plain":
        return counts.astype(f"{order}u2").tobytes()
    file = io.BytesIO()
    if kind == "png":
        Image.fromarray(counts.byteswap() if order == "<" else counts).save(file, "png")
        return file.getvalue()
    directory = struct.pack(f"{order}H", 8)
    height, width = counts.shape
    tags = [
        (256, width),
        (257, height),
        (258, 16),
        (259, 1),
        (262, 1),
        (273, 110),
        (278, height),
        (279, counts.size * 2),
    ]
    directory += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + directory + counts.astype(f"{order}u2").tobytes()


def radiometric_jpeg(counts, kind="png", order="<", segment=400, **camera):
    """A JPEG whose preview shows nothing and whose counts stand in several segments."""
    mark = b"\2\0" if order == "<" else b"\0\2"
    height, width = counts.shape
    raw = mark + struct.pack(f"{order}HH", width, height) + bytes(26) + frame(counts, kind, order)
    about = bytearray(mark + bytes(0x310))
    for name, (place, code) in FIELDS.items():
        struct.pack_into(f"{order}{code}", about, place, {**CAMERA, **camera}[name])
    start = 64 + 2 * 32
    stream = b"FFF\0" + b"test".ljust(16, b"\0") + struct.pack(f"{order}III", 101, 64, 2) + bytes(32)
    for number, length, offset in ((1, len(raw), start), (0x20, len(about), start + len(raw))):
        stream += struct.pack(f"{order}HHIIII", number, 0, 100, 1, offset, length) + bytes(12)
    stream += raw + bytes(about)
    parts = [stream[i : i + segment] for i in range(0, len(stream), segment)]
    segments = b""
    for number, part in enumerate(parts):
        body = b"FLIR\0\1" + bytes([number, len(parts) - 1]) + part
        segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    file = io.BytesIO()
    Image.new("L", (8, 8), 99).save(file, "jpeg")
    return file.getvalue()[:2] + segments + file.getvalue()[2:]


@pytest.fixture
def temperatures():
    return np.add.outer(np.linspace(0, 30, 12), np.linspace(270, 300, 16))


PLAIN = {"emissivity": 1.0, "distance": 0.0}


@pytest.mark.parametrize("kind", ["png", "tiff", "plain"])
@pytest.mark.parametrize("order", "<>")
def test_temperatures_are_read(tmp_path, temperatures, kind, order):
    counts = np.round(counts_of(temperatures)).astype("uint16")
    path = tmp_path / "x.jpg"
    path.write_bytes(radiometric_jpeg(counts, kind, order, **PLAIN))
    found = read_kelvin(path)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, temperatures, atol=0.1)


def test_what_air_windows_and_reflections_add_is_taken_away(temperatures):
    """Radiation as it comes to the lens, step by step."""
    weather = {"emissivity": 0.8, "reflected": 310.0, "air": 285.0, "distance": 50.0}
    camera = {**CAMERA, **weather, "window": 300.0, "window_transmission": 0.9}
    celsius = 285.0 - 273.15
    water = 0.5 * np.exp(1.5587 + 0.06939 * celsius - 0.00027816 * celsius**2 + 0.00000068455 * celsius**3)
    passed = [np.exp(-5 * (camera[f"alpha_{i}"] + camera[f"beta_{i}"] * water**0.5)) for i in (1, 2)]
    air = 1.9 * passed[0] - 0.9 * passed[1]
    signal = 0.8 * counts_of(temperatures) + 0.2 * counts_of(310.0)
    signal = air * signal + (1 - air) * counts_of(285.0)
    signal = 0.9 * signal + 0.1 * counts_of(300.0)
    signal = air * signal + (1 - air) * counts_of(285.0)
    np.testing.assert_allclose(kelvin(signal, camera), temperatures, atol=0.01)


def test_asked_for_they_are_sources(tmp_path, temperatures, save):
    for name in ("x", "y"):
        (tmp_path / "a").mkdir(exist_ok=True)
        counts = np.round(counts_of(temperatures)).astype("uint16")
        (tmp_path / "a" / f"{name}.jpg").write_bytes(radiometric_jpeg(counts, **PLAIN))
        save(f"b/{name}.png", np.zeros((12, 16, 3), "uint8"))
    folders = {"source_dir": tmp_path / "a", "image_dir": tmp_path / "b"}
    source = Folder(**folders, radiometric=True)
    assert source.formats["source"] == ((1,), "float32") and source.file_name(0) == "x"
    np.testing.assert_allclose(source.load(0)["source"][..., 0], temperatures, atol=0.1)
    lines = validate(source, show_progress=False).lines
    assert not any("radiometric" in line for line in lines)
    preview = Folder(source_dir=tmp_path / "a")
    assert preview.formats["source"] == ((1,), "uint8")
    assert any("--radiometric" in line for line in validate(preview, show_progress=False).lines)


@pytest.mark.parametrize(
    "before, after, said",
    [
        (struct.pack("<I", 101), struct.pack("<I", 7), "no known version"),  # the header's
        (struct.pack("<HHII", 1, 0, 100, 1), struct.pack("<HHII", 9, 0, 100, 1), "no raw frame"),
    ],
)
def test_what_is_missing_is_said(tmp_path, temperatures, before, after, said):
    whole = radiometric_jpeg(np.round(counts_of(temperatures)).astype("uint16"))
    (tmp_path / "x.jpg").write_bytes(whole.replace(before, after, 1))
    with pytest.raises(DataError, match=said):
        read_kelvin(tmp_path / "x.jpg")


@pytest.mark.parametrize("content", ["plain", "cut"])
def test_files_without_a_frame_are_named(tmp_path, temperatures, content):
    whole = radiometric_jpeg(np.round(counts_of(temperatures)).astype("uint16"))
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "jpeg")
    (tmp_path / "x.jpg").write_bytes(file.getvalue() if content == "plain" else whole[:700])
    with pytest.raises(DataError, match=r"x\.jpg.*--radiometric"):
        Folder(source_dir=tmp_path, radiometric=True)
