"""Packed datasets: the same scenes as the files they were made of, read from a few large ones."""

import numpy as np
import pytest
import tensorflow as tf

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.packed import Packed, write_packed
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
