"""Held-out scenes in the middle of a training: scores, the best model, the warning."""

import json

import numpy as np
import pytest
from tiny import semantic_model

from hdsynth_tf.evaluate.quality import scores
from hdsynth_tf.train import validation
from hdsynth_tf.train.validation import PATIENCE, Validation, rank
from pipelines.toy_street import ToyStreet


def found(psnr, edges=0.0):
    return {"psnr": psnr, "ssim": 0.5, "edge_correlation": edges, "sharpness": 1.0}


@pytest.fixture
def validate(monkeypatch, tmp_path):
    """A validation whose scores are made up: runs epochs, returns which were kept, and the callback."""

    def run(series, first=0, stage="G1", every=1):
        kept, series = [], iter(series)
        monkeypatch.setattr(validation, "scores", lambda *_: next(series))
        callback = Validation(None, stage, tmp_path / "best.json", kept.append, every)
        callback.set_model("model")
        logs, epoch = [], first
        while True:
            try:
                logs.append({})
                callback.on_epoch_end(epoch, logs[-1])
            except StopIteration:
                return [len(kept), callback, logs]
            epoch += 1

    return run


def test_the_best_is_kept(validate, tmp_path):
    kept, _, logs = validate([found(10), found(12), found(11), found(11.9, 0.05), found(3)])
    assert kept == 3 and logs[1]["val_psnr"] == 12 and logs[4]["val_sharpness"] == 1
    best = json.loads((tmp_path / "best.json").read_text())
    assert (best["stage"], best["epoch"], best["psnr"]) == ("G1", 4, 11.9)
    assert rank(best) == pytest.approx(12.4)


def test_every_so_many_epochs(validate):
    kept, _, logs = validate([found(1), found(2)], every=3)
    assert [bool(log) for log in logs] == [False, False, True, False, False, True, False, False, False] and kept == 2


def test_a_stage_has_a_best_of_its_own_and_goes_on(validate):
    assert validate([found(15)])[0] == 1
    assert validate([found(14), found(16)], first=1)[0] == 1  # goes on: only 16 is better
    assert validate([found(9)], stage="G2 together")[0] == 1


def test_falling_scores_are_said_once(validate, capsys):
    validate([found(15), *[found(14.8)] * 8])
    assert "Warning" not in capsys.readouterr().out
    validate([found(15.5), *[found(13)] * (PATIENCE + 3)], stage="other")
    output = capsys.readouterr().out
    assert output.count("Warning") == 1 and "better than epoch 1 (PSNR 15.50" in output and "best.keras" in output


def test_scores_are_those_of_the_pictures():
    model, source = semantic_model(), ToyStreet(3, 32, 48)
    model = type(model)(
        type(model.conditioning)(source.num_classes), model.generator.__class__(4, 2, 1), ema_momentum=None
    )
    expected = []
    for index in range(3):
        scene = source.load(index)
        made = model.generate(scene).astype("float64")
        expected.append(10 * np.log10(255**2 / np.mean((made - scene["image"]) ** 2)))
    assert scores(model, source)["psnr"] == pytest.approx(np.mean(expected), abs=0.01)
