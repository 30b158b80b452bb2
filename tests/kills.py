"""Kills commands at their renames and at any moment, and looks whether they end right: `python tests/kills.py`.

Every command runs in a process of its own that is forked from this one, which has imported everything and computed
nothing. It is killed a few times, each time going on from what the one before left; then it may end, and must leave
what one that nobody disturbed leaves. What can be seen of its files must be whole at every moment.
"""

import argparse
import contextlib
import dataclasses
import importlib.util
import io
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import hdsynth_tf  # noqa: F401  isort: skip  before TensorFlow, which it sets up

import h5py
import numpy as np
from PIL import Image

from hdsynth_tf.config import commands
from hdsynth_tf.files import storage
from hdsynth_tf.files.lock import NAME as LOCK

TINY = [
    "--num_scenes=4", "--image_height=32", "--image_width=64", "--num_filters=4", "--num_downsamples=2",
    "--num_residual_blocks=1", "--discriminator_filters=4", "--discriminator_layers=1", "--num_scales=1",
    "--warm_start_epochs=1", "--epochs=1", "--decay_epochs=0", "--steps_per_epoch=3", "--checkpoint_steps=1",
    "--num_samples=1", "--feature_channels=2", "--encoder_filters=4", "--encoder_downsamples=2",
    "--upsampling=transposed", "--padding=zero", "--noskip_connections", "--norow_channel",
    "--discriminator_norm=instance", "--precision=float32",
]  # fmt: skip
HAS_TORCH = importlib.util.find_spec("torch") is not None
UNEQUAL = ("events.out", "README")  # begin the names of files that tell times and places


@dataclasses.dataclass(frozen=True)
class Verb:
    """A command, and where it writes.

    Attributes:
        name: String.
        arguments: Function: folder to write to -> list of strings.
        begin: Function: makes what must be in the folder before.
    """

    name: str
    arguments: object
    begin: object = lambda folder: None


def verbs(base, data):
    """The commands that write files. `base`: a run; `data`: a folder of pairs of pictures."""
    pairs = ["--dataset=folder", f"--source_dir={data / 'source'}", f"--target_dir={data / 'target'}"]
    scenes = ["--num_scenes=6", "--image_height=32", "--image_width=64"]
    return [
        Verb("train", lambda to: [*TINY, f"--run_dir={to / 'run'}"]),
        Verb("styles", lambda to: [f"--model={to / 'run'}"], lambda to: shutil.copytree(base, to / "run")),
        Verb("export", lambda to: [f"--model={base}", f"--output_dir={to / 'serving' / '1'}"]),
        Verb("generate", lambda to: [f"--model={base}", *scenes, f"--output_dir={to / 'pictures'}"]),
        Verb("evaluate", lambda to: [f"--method=a={base}", *scenes, "--features=none", f"--output_dir={to / 'table'}"]),
        Verb("register", lambda to: [*pairs, f"--output_dir={to / 'page'}"]),
        Verb("prepare", lambda to: [*pairs, "--val_share=0.3", "--shard_megabytes=1", f"--output_dir={to / 'packed'}"]),
        Verb(
            "train_segmenter",
            lambda to: [*scenes, "--num_filters=4", "--num_downsamples=2", "--epochs=2", "--steps_per_epoch=2",
                        f"--output={to / 'segmenter.keras'}"],
        ),
        *([Verb("convert", lambda to: [f"--model={base}", f"--to_torch={to / 'released'}"])] if HAS_TORCH else []),
    ]  # fmt: skip


def make_data(folder):
    rng = np.random.default_rng(0)
    for i, kind in itertools.product(range(6), ("source", "target")):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), "uint8")).save(folder / kind / f"{i}.png")


# === Running and killing ===


def start(verb, folder, at_rename=None):
    """Runs a command in a child; gives its number. `at_rename`: (which one, whether after it) kills it there."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        if at_rename:
            _kill_at(*at_rename)
        log = (folder.parent / f"{verb.name}.log").open("w")
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        sys.argv = [verb.name, *verb.arguments(folder)]
        commands.run(importlib.import_module(f"hdsynth_tf.{verb.name}.__main__").main, verb.name)
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        os._exit(code)


def _kill_at(number, after):
    renames = itertools.count(1)

    def killing(rename):
        def call(*paths, **options):
            is_it = next(renames) == number
            if is_it and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = rename(*paths, **options)
            if is_it:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        return call

    os.rename, os.replace = killing(os.rename), killing(os.replace)
    storage._exchange = killing(storage._exchange)


def wait(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_once(verb, folder, draw, seconds):
    """Kills a command at a rename or at a moment; says where, and whether it came to that."""
    if draw.random() < 0.6:
        place = draw.randint(1, 12), draw.random() < 0.5
        code = wait(start(verb, folder, place))
        return f"{'after' if place[1] else 'before'} rename {place[0]}", code
    child, moment = start(verb, folder), draw.uniform(0, seconds)
    time.sleep(moment)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return f"after {moment:.2f} s", wait(child)


# === Looking at what is there ===


def files_of(folder):
    """The files that anybody can see: dict of name -> path."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    hidden = (storage.TEMPORARY, storage.ASIDE, LOCK)
    return {name: path for name, path in found.items() if not any(part.startswith(hidden) for part in Path(name).parts)}


def check_whole(path):
    """Raises an error unless a file can be read to its end."""
    if path.suffix in (".keras", ".npz", ".pth"):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None, path
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix in (".png", ".webp"):
        Image.open(path).load()


def content(path):
    """What must be the same in files of two commands that did the same."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
            names = []
            weights.visit(names.append)
            return {name: weights[name][()].tobytes() for name in names if isinstance(weights[name], h5py.Dataset)}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name].tobytes() for name in arrays.files if name != "key"}
    if path.suffix == ".pth":
        with zipfile.ZipFile(path) as archive:
            return {Path(name).name: archive.read(name) for name in archive.namelist() if "/data/" in name}
    if path.suffix in (".png", ".webp"):
        return Image.open(path).tobytes()
    return None


def differences(folder, wanted):
    """Names of files that a command should have left, and did not, or left otherwise."""
    found, expected = files_of(folder), files_of(wanted)
    names = {n for n in {*found, *expected} if not Path(n).name.startswith(UNEQUAL) and "/logs/" not in n}
    left = [str(path) for prefix in (storage.TEMPORARY, storage.ASIDE) for path in folder.rglob(f"{prefix}*")]
    return left + [
        name for name in sorted(names)
        if name not in found or name not in expected or content(found[name]) != content(expected[name])
    ]  # fmt: skip


def try_verb(verb, root, kills, draw):
    """Kills a command so often, a few times in a row, and lets it end each time; gives a list of faults and a count."""
    wanted, faults, count, folder = root / "wanted" / verb.name, [], 0, root / "killed" / verb.name
    wanted.mkdir(parents=True)
    verb.begin(wanted)
    begin = time.monotonic()
    code = wait(start(verb, wanted))
    seconds = time.monotonic() - begin
    if code:
        return [f"{verb.name} ended with {code}: {(wanted.parent / f'{verb.name}.log').read_text()[-500:]}"], 0
    while count < kills:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        verb.begin(folder)
        places = []
        for _ in range(min(draw.randint(1, 4), kills - count)):
            place, code = kill_once(verb, folder, draw, seconds)
            places.append(f"{place} ({code})")
            if code != -signal.SIGKILL:
                break  # it had ended before that
            count += 1
            for path in files_of(folder).values():
                try:
                    check_whole(path)
                except Exception as error:
                    faults.append(f"{verb.name}, killed {places}: {path} is not whole ({error})")
        code = 0 if code == 0 else wait(start(verb, folder))
        log = (folder.parent / f"{verb.name}.log").read_text()
        if code and "is there already" not in log:
            faults.append(f"{verb.name}, killed {places}, ended with {code}: {log[-500:]}")
        elif strange := differences(folder, wanted):
            faults.append(f"{verb.name}, killed {places}: {strange[:5]}")
    return faults, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="of all commands together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="names of commands, commas between")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        root, draw, faults, total = Path(text), random.Random(asked.seed), [], 0
        base = Verb("train", lambda to: [*TINY, f"--run_dir={to}"])
        code = wait(start(base, root / "base"))
        assert code == 0, (root / "train.log").read_text()[-2000:]
        make_data(root / "data")
        chosen = [v for v in verbs(root / "base", root / "data") if not asked.only or v.name in asked.only.split(",")]
        for i, verb in enumerate(chosen):
            found, count = try_verb(verb, root, (asked.kills + i) // len(chosen), draw)
            faults, total = faults + found, total + count
            print(f"{verb.name:<16s} {count:4d} kills, {len(found)} faults", flush=True)
    print(f"{total} kills, {len(faults)} faults, seed {asked.seed}", *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
