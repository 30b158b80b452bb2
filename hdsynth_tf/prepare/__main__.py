"""`python -m hdsynth_tf.prepare`: packs a dataset of many small files into a few large ones."""

import keras

from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolderError, check_space, check_writable
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.prepare.settings import PrepareSettings
from pipelines.checks.validate import validate
from pipelines.packed import holds, write_packed
from pipelines.paths import as_path

USAGE = """
Checks a dataset and packs it into TFRecord files, for disks, networks and buckets that are slow with many small files.
The files' own bytes are packed: nothing is lost. Train on it with --dataset=packed --data_dir=FOLDER. Started again, it
goes on where it stopped.

  python -m hdsynth_tf.prepare --dataset=cityscapes --data_dir=CITYSCAPES --output_dir=packed/city
"""
SPLITS = ("train", "val", "test")


def main(argv):
    asked, data = flags.parse(argv, (PrepareSettings, DataSettings), USAGE)
    if not asked.output_dir:
        raise SettingsError("Say where the packed dataset goes: --output_dir=FOLDER.")
    assemble.check_pairs(data, "prepare")
    if data.dataset in ("toy_street", "packed"):
        raise SettingsError(f"--dataset={data.dataset} has no files to pack.")
    output_dir = as_path(asked.output_dir)
    assemble.check_apart(output_dir, data)
    check_writable(output_dir)
    sources = find_splits(data)
    with only_writer(output_dir, "prepare"):
        missing = without_packed(sources, output_dir)
        for split, source in missing.items():
            findings = validate(source)
            print(f"{split}: {findings.lines[0]}", *findings.notes, sep="\n")
        check_space(output_dir, sum(packed_bytes(source) for source in missing.values()))
        pack(missing, output_dir, asked.shard_megabytes * 2**20)


def without_packed(sources, output_dir):
    """The splits that an interrupted command has not packed: dict of name -> source. The others are checked.

    Raises:
        RunFolderError: If all are there already, or one that is there is damaged, or of other files.
    """
    missing = {split: source for split, source in sources.items() if not (output_dir / split).exists()}
    for split in set(sources) - set(missing):
        if not holds(output_dir / split, sources[split]):
            raise RunFolderError(
                f"{output_dir / split} is there already, and is damaged or of other files. Choose another "
                "--output_dir, or remove it."
            )
    if not missing:
        raise RunFolderError(f"{output_dir} is there already, and whole. Choose another --output_dir, or remove it.")
    for split in sources:
        if split not in missing:
            print(f"{split}: {len(sources[split])} scenes are there already, and whole: {output_dir / split}")
    return missing


def pack(sources, output_dir, shard_bytes):
    """Packs each split into a folder of its own."""
    for split, source in sources.items():
        bar = keras.utils.Progbar(len(source), unit_name="scene")
        with replacing(output_dir / split) as temporary:
            write_packed(source, temporary, shard_bytes, lambda bar=bar: bar.add(1))
        print(f"{split}: {len(source)} scenes in {output_dir / split}")


def find_splits(data):
    """The splits that are there, or the one asked for: dict of name -> source."""
    if data.split:
        return {data.split: assemble.build_source(data, data.split, images=data.split != "test")}
    splits = SPLITS[:2] if assemble.is_named(data) else SPLITS  # what has no split in its name has no test split
    sources = {split: assemble.find_source(data, split, images=split != "test") for split in splits}
    return {split: source for split, source in sources.items() if source is not None}


def packed_bytes(source):
    return sum(path.stat().st_size for paths in source.paths.values() for path in paths)


if __name__ == "__main__":
    commands.run(main, "prepare")
