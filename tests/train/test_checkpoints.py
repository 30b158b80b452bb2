"""Checkpoints: whole or not there, the newest whole one is found, and what does not fit is refused."""

import json
import signal
import types

import numpy as np
import pytest
from mutate import damaged_json
from tiny import compiled, semantic_batch, semantic_model

from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import MultiScaleDiscriminator, UNetGenerator
from hdsynth_tf.train.callbacks import Interrupted, SaveCheckpoints, StopSignals
from hdsynth_tf.train.checkpoints import CheckpointError, Checkpoints, Position
from pipelines.conditioning import SemanticConditioning


def values(model):
    owners = model, model.generator_optimizer, model.discriminator_optimizer
    return [np.array(variable) for owner in owners for variable in owner.variables]


def trained(steps=2, **options):
    """Without graphs, which a few steps are not worth."""
    model = compiled(semantic_model(norm="spectral", ema_momentum=0.9, **options), run_eagerly=True)
    for _ in range(steps):
        model.train_on_batch(*semantic_batch())
    return model


@pytest.fixture(scope="module")
def model():
    """For tests that only write it."""
    return trained(1)


def test_a_restored_model_goes_on_as_if_nothing_had_been(tmp_path):
    model, other = trained(), trained(0)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(1, 2, 7))
    path, position = checkpoints.newest()
    assert position == Position(1, 2, 7) and path.name == "step_00000007"
    checkpoints.restore(path, other)
    for _ in range(2):
        for each in (model, other):
            each.train_on_batch(*semantic_batch())
    assert all(np.array_equal(a, b) for a, b in zip(values(model), values(other), strict=True))


def dropout_model():
    generator = UNetGenerator(4, 3)
    model = Pix2PixHD(SemanticConditioning(4), generator, MultiScaleDiscriminator(1, 4, 1))
    return compiled(model, run_eagerly=True)


def test_random_states_are_restored(tmp_path):
    model, other = dropout_model(), dropout_model()
    model.train_on_batch(*semantic_batch())
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(0, 1, 1))
    checkpoints.restore(checkpoints.newest()[0], other)
    for each in (model, other):
        each.train_on_batch(*semantic_batch())
    assert all(np.array_equal(a, b) for a, b in zip(values(model), values(other), strict=True))


def test_the_newest_are_kept(model, tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for total in (1, 2, 3):
        checkpoints.save(model, Position(0, total, total))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step_00000002", "step_00000003"]
    assert Checkpoints(tmp_path / "none").newest() == (None, Position())


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip_a_bit, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_a_damaged_newest_falls_back(damage, model, tmp_path, capsys):
    checkpoints = Checkpoints(tmp_path)
    for total in (1, 2):
        checkpoints.save(model, Position(0, total, total))
    damage(tmp_path / "step_00000002" / "variables.npz")
    assert checkpoints.newest()[1] == Position(0, 1, 1)
    assert "step_00000002 is damaged" in capsys.readouterr().out
    (tmp_path / "step_00000001" / "position.json").write_text("{")
    assert checkpoints.newest() == (None, Position())


def test_what_was_half_written_is_removed(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(0, 1, 1))
    half = tmp_path / ".writing-123.step_00000002"
    half.mkdir()
    (half / "variables.npz").write_bytes(b"half")
    assert checkpoints.newest()[1].total == 1 and not half.exists()


def test_other_networks_are_refused(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(0, 1, 1))
    with pytest.raises(CheckpointError, match="of other networks or optimizers"):
        checkpoints.restore(tmp_path / "step_00000001", trained(0, row_channel=True))


def test_a_full_disk_leaves_the_one_before(model, tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(0, 1, 1))

    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(model, Position(0, 2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001"]
    assert json.loads((tmp_path / "step_00000001" / "position.json").read_text())["total"] == 1


def test_weights_that_are_not_finite_are_never_written(tmp_path):
    model, checkpoints = trained(0), Checkpoints(tmp_path)
    checkpoints.save(model, Position(0, 1, 1))
    kernel = model.generator.stem.conv.kernel
    kernel.assign(np.array(kernel) * np.inf)
    with pytest.raises(CheckpointError, match=r"stem/conv/kernel is not finite.*step_00000001.*--learning_rate"):
        checkpoints.save(model, Position(0, 2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["step_00000001"]


def test_a_checkpoint_that_is_not_finite_is_passed_over(model, tmp_path, capsys):
    """As versions before this one wrote them."""
    checkpoints = Checkpoints(tmp_path)
    for total in (1, 2):
        checkpoints.save(model, Position(0, total, total))
    path = tmp_path / "step_00000002" / "variables.npz"
    with np.load(path, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    arrays["model/0000"] = np.full_like(arrays["model/0000"], np.nan)
    np.savez(path, **arrays)
    assert checkpoints.newest()[1] == Position(0, 1, 1)
    assert "step_00000002" in capsys.readouterr().out


def test_of_300_mutated_positions_none_is_taken_for_another(model, tmp_path, rng):
    """`position.json` is covered by a checksum, as are the variables."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(1, 2, 7))
    path = tmp_path / "step_00000007" / "position.json"
    text = path.read_text()
    found = []
    while len(found) < 300:
        path.write_bytes(damaged_json(text, rng))
        if path.read_text(errors="replace") != text:
            found.append(checkpoints.newest()[1])
    assert set(found) == {Position()}


def test_positions_of_earlier_versions_have_no_checksum_and_possible_numbers(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(model, Position(1, 2, 7))
    path = tmp_path / "step_00000007" / "position.json"
    path.with_name("checksum").unlink()
    for numbers, is_possible in [((1, 2, 7), True), ((1, 2, 8), False), ((1, 8, 7), False), ((-1, 2, 7), False),
                                 ((1.0, 2, 7), False), (("1", 2, 7), False), ((True, 2, 7), False)]:  # fmt: skip
        path.write_text(json.dumps(dict(zip(("stage", "step", "total"), numbers))))
        assert (checkpoints.newest()[0] is not None) == is_possible, numbers


def test_variables_of_another_checkpoint_are_not_taken(model, tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for total in (1, 2):
        checkpoints.save(model, Position(0, total, total))
        model.generator.stem.conv.kernel.assign(np.array(model.generator.stem.conv.kernel) * 0.5)
    first, second = (tmp_path / f"step_0000000{total}" for total in (1, 2))
    (second / "variables.npz").write_bytes((first / "variables.npz").read_bytes())
    assert checkpoints.newest()[1] == Position(0, 1, 1)


# === When they are saved ===


class Saved:
    """In the place of `Checkpoints`: notes what is saved among what else happens."""

    def __init__(self):
        self.events = []

    def save(self, model, position):
        self.events.append(position.step)


@pytest.mark.parametrize(
    "every_steps, signal_at, events",
    [
        (0, None, ["epoch", 3, "epoch", 6]),
        (1, None, [1, 2, "epoch", 3, 4, 5, "epoch", 6]),
        (2, None, [2, "epoch", 4, "epoch", 6]),
        (0, 2, [2]),
        (0, 3, ["epoch", 3]),  # what an epoch ends with is done before the last step is saved, else it never would be
        (4, 5, ["epoch", 4, 5]),
    ],
)
def test_an_epoch_is_saved_when_all_that_ends_it_is_done(every_steps, signal_at, events):
    checkpoints, signals = Saved(), StopSignals()
    saver = SaveCheckpoints(checkpoints, signals, Position(0, 0, 0), every_steps)
    saver.set_params({"steps": 3, "epochs": 2})
    saver.set_model(types.SimpleNamespace(stop_training=False))
    try:
        for step in range(6):
            signals.number = signal.SIGTERM if signal_at == step + 1 else None
            saver.on_train_batch_end(step % 3)
            if step % 3 == 2:
                checkpoints.events.append("epoch")  # pictures, scores
                saver.on_epoch_end(step // 3)
        saver.on_train_end()
        assert signal_at is None
    except Interrupted:
        assert signal_at == saver.position.step
    assert checkpoints.events == events
