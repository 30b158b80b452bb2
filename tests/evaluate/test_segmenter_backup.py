"""A segmenter's training that is interrupted goes on from a backup that is whole, or begins again."""

import keras
import numpy as np
import pytest

from hdsynth_tf.evaluate.segmentation import EvaluatedClasses
from hdsynth_tf.files.run_folder import RunFolderError
from hdsynth_tf.files.storage import TEMPORARY
from hdsynth_tf.train_segmenter.training import EPOCHS, WEIGHTS, Backup, batches_of
from pipelines.toy_street import ToyStreet


def network():
    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    made.compile(keras.optimizers.Adam(0.1), "mse")
    made.optimizer.build(made.trainable_variables)
    return made


DATA = np.eye(3, dtype="float32"), np.ones((3, 2), "float32")


def test_it_goes_on_as_if_nothing_had_been(tmp_path):
    whole = network()
    whole.fit(*DATA, epochs=3, shuffle=False, verbose=0)
    first, second = network(), network()
    first.fit(*DATA, epochs=2, shuffle=False, verbose=0, callbacks=[Backup(tmp_path / "b" / "state")])
    (tmp_path / "b" / f"{TEMPORARY}999999.state").mkdir()  # what was killed while it saved
    begin = Backup(tmp_path / "b" / "state").restore(second)
    assert begin == 2 and [path.name for path in (tmp_path / "b").iterdir()] == ["state"]
    second.fit(*DATA, initial_epoch=begin, epochs=3, shuffle=False, verbose=0)
    for own, wanted in zip(second.get_weights(), whole.get_weights()):
        np.testing.assert_array_equal(own, wanted)


def test_without_one_it_begins(tmp_path):
    assert Backup(tmp_path / "state").restore(network()) == 0


@pytest.mark.parametrize("name, content", [(WEIGHTS, b"\x89HDF"), (EPOCHS, b"{"), (EPOCHS, b'{"finished": "x"}')])
def test_a_damaged_one_is_named(tmp_path, name, content):
    made = network()
    made.fit(*DATA, epochs=1, verbose=0, callbacks=[Backup(tmp_path / "state")])
    (tmp_path / "state" / name).write_bytes(content)
    with pytest.raises(RunFolderError, match=r"state.*[Rr]emove"):
        Backup(tmp_path / "state").restore(network())


def test_a_stream_that_begins_later_is_the_rest_of_the_whole():
    source = ToyStreet(5, 16, 32)
    classes = EvaluatedClasses.of(source)
    whole = list(batches_of(source, classes, 2, seed=3).take(4))
    rest = list(batches_of(source, classes, 2, seed=3, start=2).take(2))
    for own, wanted in zip(rest, whole[2:], strict=True):
        for a, b in zip(own, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(rest[0][0], whole[0][0])
