"""Packed datasets: the same scenes as the files they were made of, read from a few large ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from mutate import damaged_json

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.packed import Packed, PackedFile, write_packed
from pipelines.reading.decode import read_label_table


def assert_same(packed, source):
    assert packed.names == source.names and packed.formats == source.formats and len(packed) == len(source)
    assert packed.common_size == source.common_size
    for i in range(len(source)):
        assert packed.file_name(i) == source.file_name(i)
        a, b = packed.load(i), source.load(i)
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].dtype == b[key].dtype
            np.testing.assert_array_equal(a[key], b[key])


@pytest.fixture
def labelled(save, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(5):
        save(f"label/sub/{i}.png", rng.integers(0, 4, (6, 8)).astype("uint8"))
        save(f"inst/sub/{i}.png", rng.integers(0, 60000, (6, 8)).astype("uint16"))
        save(f"photo/sub/{i}.jpg", rng.integers(0, 256, (6, 8, 3)).astype("uint8"))
    return Folder(None, tmp_path / "label", tmp_path / "inst", tmp_path / "photo", num_classes=4, dont_care=(255,))


@pytest.mark.parametrize("shard_bytes, shards", [(2**28, 1), (1, 5)])
def test_packed_scenes_are_those_of_the_files(labelled, shard_bytes, shards, tmp_path):
    done = []
    write_packed(labelled, tmp_path / "packed", shard_bytes, lambda: done.append(1))
    assert len(done) == 5
    assert len(list((tmp_path / "packed").glob("*.tfrecord"))) == shards
    packed = Packed(tmp_path / "packed")
    assert_same(packed, labelled)
    assert packed.num_classes == 4 and list(packed.dont_care) == [255]
    assert validate(packed, show_progress=False).lines == validate(labelled, show_progress=False).lines
    assert set(Packed(tmp_path / "packed", images=False).formats) == {"label_map", "instance_map"}


def test_shards_are_tfrecords(labelled, tmp_path):
    write_packed(labelled, tmp_path / "packed")
    (shard,) = (tmp_path / "packed").glob("*.tfrecord")
    records = [record.numpy() for record in tf.data.TFRecordDataset(str(shard))]
    assert len(records) == 15
    assert records[0] == next(iter(labelled.paths.values()))[0].read_bytes()


def test_sources_and_label_tables_are_packed_too(save, tmp_path):
    save("t/a.tif", np.arange(48, dtype="float32").reshape(6, 8))
    save("t/b.tif", np.arange(48, dtype="float32").reshape(6, 8) + 1)
    source = Folder(source_dir=tmp_path / "t")
    write_packed(source, tmp_path / "packed")
    assert_same(Packed(tmp_path / "packed"), source)

    save("l/a.png", np.full((2, 2, 3), (0, 128, 255), "uint8"))
    (tmp_path / "table.csv").write_text("value,id,name\n#0080ff,1,sea\n#000000,0,land\n")
    coded = Folder(label_dir=tmp_path / "l", label_table=read_label_table(tmp_path / "table.csv"))
    write_packed(coded, tmp_path / "packed_labels")
    assert_same(Packed(tmp_path / "packed_labels"), coded)


def test_what_is_no_packed_dataset_is_said_to_be(labelled, tmp_path):
    with pytest.raises(DataError, match="is no packed dataset"):
        Packed(tmp_path)
    write_packed(labelled, tmp_path / "packed")
    (shard,) = (tmp_path / "packed").glob("*.tfrecord")
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(DataError, match=r"cannot be read as a picture.*Is it whole"):
        validate(Packed(tmp_path / "packed"), show_progress=False)


# === A stranger's folder ===


def forge(change):
    """Packs two scenes at hand, and changes the index."""

    def write(folder):
        index = json.loads((folder / "index.json").read_text())
        change(index)
        (folder / "index.json").write_text(json.dumps(index))

    return write


def rename(name):
    return forge(lambda index: index["names"].__setitem__(0, name))


def place(at, value):
    return forge(lambda index: index["files"]["label_map"][0].__setitem__(at, value))


FORGED = {
    "absolute name": rename("/tmp/evil"),
    "name upwards": rename("../evil"),
    "name upwards inside": rename("sub/../../evil"),
    "name with a separator behind": rename("sub/"),
    "name that is no name": rename(""),
    "half a character": rename("\ud800"),
    "too long a name": rename("n" * 256),
    "one name twice": forge(lambda index: index["names"].__setitem__(1, index["names"][0])),
    "absolute file": place(3, "/etc/passwd"),
    "file upwards": place(3, "a/../../../b.png"),
    "file with a separator behind": place(3, "label/x/"),
    "absolute shard": place(0, "/etc/passwd"),
    "shard upwards": place(0, "../scenes-00000.tfrecord"),
    "shard in a folder": place(0, "sub/scenes-00000.tfrecord"),
    "other file as a shard": place(0, "index.json"),
    "no such shard": place(0, "scenes-00009.tfrecord"),
    "offset before the shard": place(1, -5),
    "offset behind the shard": place(1, 2**40),
    "length beyond the shard": place(2, 2**40),
    "offset that is no number": place(1, "12"),
    "classes without end": forge(lambda index: index["classes"].__setitem__("num_classes", 10**12)),
    "fewer names of classes": forge(lambda index: index["classes"].__setitem__("class_names", ["a"])),
    "fewer files than scenes": forge(lambda index: index["files"]["image"].pop()),
    "files of nothing known": forge(lambda index: index["files"].__setitem__("x", [])),
    "no input": forge(lambda index: [index[part].pop("label_map") for part in ("files", "formats")]),
    "another kind of number": forge(lambda index: index["formats"].__setitem__("label_map", [[], "float32"])),
    "another version": forge(lambda index: index.__setitem__("version", 99)),
    "not a number": lambda folder: (folder / "index.json").write_text('{"names": NaN}'),
    "nested without end": lambda folder: (folder / "index.json").write_text("[" * 100_000),
    "empty": lambda folder: (folder / "index.json").write_text(""),
    "a list": lambda folder: (folder / "index.json").write_text("[]"),
}


@pytest.mark.parametrize("write", FORGED.values(), ids=FORGED)
def test_a_forged_index_is_refused_before_anything_is_read(labelled, write, tmp_path, monkeypatch):
    folder = tmp_path / "packed"
    write_packed(labelled, folder)
    write(folder)
    monkeypatch.setattr(PackedFile, "read_bytes", lambda file: pytest.fail(f"{file} was read"))
    with pytest.raises(DataError) as caught:
        Packed(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_of_350_mutated_indexes_none_does_anything_but_be_refused_or_read(labelled, tmp_path):
    folder, rng = tmp_path / "packed", np.random.default_rng(0)
    write_packed(labelled, folder)
    text = (folder / "index.json").read_text()
    refused = 0
    for _ in range(350):
        (folder / "index.json").write_bytes(damaged_json(text, rng))
        try:
            packed = Packed(folder)
            assert all(not Path(packed.file_name(i)).is_absolute() for i in range(len(packed)))
            validate(packed, show_progress=False)
        except DataError:
            refused += 1
    assert 200 < refused < 350


def test_the_index_has_no_whole_paths_and_that_of_earlier_versions_is_read(labelled, tmp_path):
    folder = tmp_path / "packed"
    write_packed(labelled, folder)
    index = json.loads((folder / "index.json").read_text())
    assert str(tmp_path) not in json.dumps(index)
    del index["version"]
    for own in index["files"].values():
        for file in own:
            file[3] = f"/data/of/someone/{file[3]}"
    (folder / "index.json").write_text(json.dumps(index))
    assert_same(Packed(folder), labelled)
