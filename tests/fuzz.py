"""Feeds damaged files to all that reads files: `python tests/fuzz.py --seconds=600`, or `make fuzz`.

Each kind of file is made whole, then damaged in many ways, by seeds that are fixed, and read by all that reads such
files. A reader may give something or raise an error of the project's own; any other exception is a fault, and so is a
read that takes above 2 s or 1 GiB.
"""

import argparse
import collections
import contextlib
import dataclasses
import io
import json
import re
import struct
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import hdsynth_tf  # noqa: F401  isort: skip  before TensorFlow, which it sets up

import numpy as np
import tifffile
from mutate import damaged_bytes, damaged_json
from PIL import Image
from tiny import semantic_model

from hdsynth_tf.config import flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import form_of
from hdsynth_tf.convert.clusters import read_clusters, write_clusters
from hdsynth_tf.edit.scenes.classes import class_table
from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.packing import pack
from hdsynth_tf.edit.scenes.record import FORMAT, replay
from hdsynth_tf.edit.server.packets import parse
from hdsynth_tf.evaluate import measurement
from hdsynth_tf.files.model_file import load_model
from hdsynth_tf.files.run_folder import RunFolder, read_settings
from hdsynth_tf.generate.picture_folder import MANIFEST, check_output
from hdsynth_tf.styles import clustering
from hdsynth_tf.train.checkpoints import Checkpoints, Position, _checksum
from hdsynth_tf.train.pace import Pace
from hdsynth_tf.train.validation import Validation
from hdsynth_tf.web.errors import Refused
from hdsynth_tf.web.incoming import checked_upload
from pipelines.checks.validate import validate
from pipelines.errors import UserError
from pipelines.folder import Folder
from pipelines.packed import Packed, write_packed
from pipelines.pairing.pairs import Found
from pipelines.pairing.table import read_pairs
from pipelines.reading import decode, depth, viewing

OWN = (UserError, EditError, Refused)  # errors that a reader may raise
SLOW, LARGE = 2.0, 2**30  # seconds and bytes of a read that are a fault
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")

TARGETS = {}  # name -> (makes whole files in a folder: path -> how it is damaged; reads one of them)


def target(make, damage=damaged_bytes):
    """Names a reader, of the files that `make` gives."""

    def named(read):
        TARGETS[read.__name__] = (make, damage, read)
        return read

    return named


# === Pictures ===


def pictures(folder):
    rng = np.random.default_rng(0)
    grey, wide = rng.integers(0, 4, (24, 20), "uint8"), rng.integers(0, 60_000, (24, 20), "uint16")
    color = rng.integers(0, 256, (24, 20, 3), "uint8")
    whole = [("grey.png", grey), ("wide.png", wide), ("color.png", color), ("grey.tif", grey), ("color.jpg", color),
             ("color.webp", color), ("color.bmp", color), ("grey.pgm", grey), ("color.ppm", color),
             ("float.tif", wide.astype("float32"))]  # fmt: skip
    for name, values in whole:
        Image.fromarray(values).save(folder / name)
    Image.fromarray(np.dstack([color, color[..., :1]])).save(folder / "alpha.png")
    Image.fromarray(grey).convert("P").save(folder / "palette.png")
    Image.fromarray(color).save(folder / "turned.jpg", exif=_turned())
    for bits in (1, 2, 4):
        Image.fromarray(grey).convert("P").save(folder / f"few{bits}.png", bits=bits)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        Image.fromarray(color).save(folder / f"{compression}.tif", compression=compression)
    tifffile.imwrite(folder / "pages.tif", np.stack([wide] * 3), photometric="minisblack")
    tifffile.imwrite(folder / "signed.tif", wide.astype("int16"))
    with (folder / "deep.png").open("wb") as file:
        file.write(_deep_png(rng.integers(0, 60_000, (24, 20, 3), "uint16")))
    np.save(folder / "numbers.npy", wide)
    np.save(folder / "channels.npy", color.astype("float32"))
    return sorted(folder.iterdir())


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _deep_png(values):
    import tensorflow as tf

    return tf.io.encode_png(values).numpy()


@target(pictures)
def photographs(path):
    decode.read_image(path, viewing.White())


@target(pictures)
def ids(path):
    decode.read_label_map(path)


@target(pictures)
def instances(path):
    decode.read_instance_map(path)


@target(pictures)
def deep_pictures(path):
    depth.read_deep(path, "channels", viewing.White())


@target(pictures)
def sizes(path):
    depth.deep_size(path)


@target(pictures)
def whole_folders(path):
    files = {"source": Found([("x", path)])}
    validate(Folder(files=files, pages="channels"), show_progress=False)


@target(pictures)
def uploads(path):
    decode.read_ids(checked_upload(path.name, path.read_bytes()))


# === Tables and flags ===


def tables(folder):
    (folder / "numbers.csv").write_text("value,id,name\n0,0,road\n255,-1,void\n7,1,sky\n")
    (folder / "colors.csv").write_text("value;id;name\n#804080;0;road\n#000000;1;sky\n", encoding="utf-16")
    (folder / "pairs.csv").write_text("source,target\na.png,b.png\nc.png,d.png\n")
    for name in "abcd":
        (folder / f"{name}.png").touch()
    (folder / "run.flags").write_text("# a run\n--num_scenes=4\n--dont_care=255,3\n--flip\n--val_share=0.1\n")
    return [path for path in sorted(folder.iterdir()) if path.suffix != ".png"]


@target(tables)
def label_tables(path):
    decode.read_label_table(path)


@target(tables)
def tables_of_pairs(path):
    read_pairs(path)


@target(tables)
def flag_files(path):
    flags.parse(["fuzz", f"--flagfile={path}"], [DataSettings], "")


# === Records ===


def records(folder):
    whole = {
        "settings.json": {"data": {"num_scenes": 3, "dont_care": [255], "source_range": [0, 1.5], "split": "val"}},
        "windows.json": {"source": [0, 300.5], "image": []},
        "precision.json": {"precision": "float32", "why": "", "rematerialize": ["true", "false"]},
        "steps.json": {"G1": 20, "G2": 30},
        "best.json": {"stage": "G1", "epoch": 3, "psnr": 20.5},
        MANIFEST: {"model": "abc", "style_from": "", "source_video": ""},
    }
    for name, content in whole.items():
        (folder / name).write_text(json.dumps(content))
    return sorted(folder.iterdir())


@target(records, damaged_json)
def records_of_runs(path):
    folder = RunFolder(path.parent)
    {
        "settings.json": lambda: read_settings(path.parent, "data", form_of(DataSettings)),
        "windows.json": folder.read_windows,
        "precision.json": lambda: (folder.read_precision(), folder.read_rematerialize()),
        "steps.json": lambda: Pace([], [], path),
        "best.json": lambda: Validation([], "G1", path, None),
        MANIFEST: lambda: check_output(path.parent, {"model": "abc", "style_from": "", "source_video": ""}),
    }[path.name]()


def sessions(folder):
    maps = np.arange(24 * 16).reshape(24, 16) // 64
    edits = [{"do": "reseed", "seed": 3}, {"do": "paint", "points": [[1, 2], [8, 9]], "radius": 3, "label": 1}]
    record = {"format": FORMAT, "model": "m", "scene": "s", "seed": 0, "edits": edits}
    text = json.dumps({**record, "label_map": pack(maps % 4), "instance_map": pack(maps)})
    (folder / "session.json").write_text(text)
    return [folder / "session.json"]


CLASSES = class_table([f"class {i}" for i in range(4)], [(i, i, i) for i in range(4)], [], style_counts=(2,) * 4)


@target(sessions, damaged_json)
def sessions_of_the_editor(path):
    text = path.read_bytes()
    head, _ = parse(struct.pack("<I", len(text)) + text)
    replay(head, CLASSES)


# === Packed datasets, checkpoints, kept parts, models ===


def packed(folder):
    files = Path(tempfile.mkdtemp(dir=folder))
    for i in range(2):
        for kind in ("label", "inst", "photo"):
            (files / kind).mkdir(exist_ok=True)
            values = np.full((6, 8), i, "uint8")
            Image.fromarray(np.dstack([values] * 3) if kind == "photo" else values).save(files / kind / f"{i}.png")
    write_packed(Folder(None, files / "label", files / "inst", files / "photo", num_classes=4), folder / "packed")
    return [folder / "packed" / "index.json", *sorted((folder / "packed").glob("*.tfrecord"))]


@target(packed, lambda content, rng: (damaged_json if content[:1] == b"{" else damaged_bytes)(content, rng))
def packed_datasets(path):
    validate(Packed(path.parent), show_progress=False)


def checkpoint(folder):
    path = folder / "step_00000007"
    path.mkdir()
    (path / "position.json").write_text(json.dumps(dataclasses.asdict(Position(1, 2, 7))))
    np.savez(path / "variables.npz", **{"model/0000": np.ones((3, 4), "float32"), "model/0001": np.zeros(5)})
    (path / "checksum").write_text(_checksum(path))
    return sorted(path.iterdir())


@target(checkpoint)
def checkpoints(path):
    found = Checkpoints(path.parent.parent).newest()[1]
    assert found in (Position(), Position(1, 2, 7)), found


def parts(folder):
    arrays = dict.fromkeys(("scene", "instance", "label"), np.arange(3))
    np.savez(folder / "styles.npz", **arrays, area=np.ones(3), features=np.ones((3, 2)))
    measurement._keep(measurement.Measured(psnr=np.ones(5), ssim=np.ones(5)), folder / "measured.npz", "digest")
    return sorted(folder.iterdir())


@target(parts)
def kept_parts(path):
    clustering._read(path) if path.name == "styles.npz" else measurement._kept(path, "digest", 5)


def clusters(folder):
    write_clusters(folder / "clusters.npy", {0: np.ones((2, 3)), 4: np.zeros((1, 3))})
    return [folder / "clusters.npy"]


@target(clusters)
def style_files(path):
    read_clusters(path)


def models(folder):
    semantic_model().save(folder / "model.keras")
    return [folder / "model.keras"]


@target(models)
def model_files(path):
    load_model(path)


# === The loop ===


@dataclasses.dataclass
class Tally:
    """What a reader did with files: how many whole ones it took, and what with damaged ones."""

    whole: int = 0
    fed: int = 0
    refused: int = 0
    slowest: float = 0.0
    largest: int = 0
    faults: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def _memory(name):
    found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return 1024 * int(found.group(1)) if found else 0


@contextlib.contextmanager
def _measured(tally):
    with contextlib.suppress(OSError):
        PEAK.write_text("5")  # the peak is now what is used
    before, clocks = _memory("VmRSS"), (time.perf_counter, time.process_time)
    begin = [clock() for clock in clocks]
    yield
    seconds = min(clock() - start for clock, start in zip(clocks, begin))  # other processes do not count
    taken = _memory("VmHWM") - before
    tally.slowest, tally.largest = max(tally.slowest, seconds), max(tally.largest, taken)
    if taken > LARGE:
        tally.faults["took too much memory"] += 1
    if seconds > SLOW:
        tally.faults["took too long"] += 1


class Feeder:
    """Feeds one target with damaged files, one at a time.

    Args:
        name: String, of `TARGETS`.
        folder: `Path`, empty.
        seed: Integer.
    """

    def __init__(self, name, folder, seed=0):
        self.make, self.damage, self.read = TARGETS[name]
        self.rng, self.tally = np.random.default_rng([seed, zlib.crc32(name.encode())]), Tally()
        self.whole = {path: path.read_bytes() for path in self.make(folder)}
        for path in self.whole:
            with contextlib.suppress(*OWN):
                self.read(path)  # what is loaded once is not counted below
                self.tally.whole += 1

    def feed(self):
        """Damages a file, has it read, and mends it."""
        path = list(self.whole)[self.rng.integers(len(self.whole))]
        content = self.whole[path]
        path.write_bytes(self.damage(content, self.rng))
        self.tally.fed += 1
        try:
            with _measured(self.tally):
                self.read(path)
        except OWN as error:
            self.tally.refused += 1
            if "Traceback" in str(error):
                self.tally.faults["a traceback in a message"] += 1
        except Exception as error:
            trace = error.__traceback__
            while trace.tb_next:
                trace = trace.tb_next
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
            self.tally.faults[f"{type(error).__name__} in {place}: {str(error)[:120]} ({path.name})"] += 1
        path.write_bytes(content)


def run(seconds, seed=0, names=TARGETS):
    """Feeds all targets in turn for so long; gives dict of name -> `Tally`."""
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feeders = {}
        for name in names:
            (Path(root) / name).mkdir()
            feeders[name] = Feeder(name, Path(root) / name, seed)
        spent, end = dict.fromkeys(names, 0.0), time.monotonic() + seconds
        while time.monotonic() < end:
            name = min(spent, key=spent.get)  # all get the same time
            begin = time.monotonic()
            feeders[name].feed()
            spent[name] += time.monotonic() - begin
    return {name: feeder.tally for name, feeder in feeders.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of readers, commas between")
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(TARGETS)
    tallies = run(asked.seconds, asked.seed, names)
    print(f"{'reader':<24s}{'whole':>6s}{'damaged':>9s}{'refused':>9s}{'slowest':>10s}{'memory':>10s}  faults")
    for name, tally in tallies.items():
        print(
            f"{name:<24s}{tally.whole:>6d}{tally.fed:>9,d}{tally.refused:>9,d}{tally.slowest:>8.2f} s"
            f"{tally.largest / 2**20:>6.0f} MiB{sum(tally.faults.values()):>8,d}"
        )
    total = sum(tally.fed for tally in tallies.values())
    faults = {f"{name}: {fault}": n for name, tally in tallies.items() for fault, n in tally.faults.items()}
    print(f"{total:,} damaged files, {sum(faults.values())} faults, seed {asked.seed}")
    for fault, count in sorted(faults.items(), key=lambda item: -item[1]):
        print(f"  {count} x {fault}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
