"""Held-out scenes in the middle of a training: scores, the best model, the warning."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import semantic_model

from hdsynth_tf.evaluate.quality import scores
from hdsynth_tf.train import validation
from hdsynth_tf.train.validation import PATIENCE, Validation, rank
from pipelines.toy_street import ToyStreet


def found(psnr, edges=0.0, **more):
    return {**more, "psnr": psnr, "ssim": 0.5, "edge_correlation": edges, "sharpness": 1.0}


def seen(lpips, psnr=10.0):
    return found(psnr, lpips_alex=lpips, lpips_vgg=0.5)


@pytest.fixture
def validate(monkeypatch, tmp_path):
    """A validation whose scores are made up: runs epochs, returns which were kept, and the callback."""

    def run(series, first=0, stage="G1", every=1):
        kept, series = [], iter(series)
        monkeypatch.setattr(validation, "scores", lambda *_: next(series))
        callback = Validation(None, stage, tmp_path / "best.json", kept.append, every)
        callback.set_model(SimpleNamespace(served=lambda: "model"))
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


def test_lpips_chooses_where_it_can_be_had(validate, tmp_path):
    """The lowest, whatever PSNR says."""
    kept, _, logs = validate([seen(0.4, 15), seen(0.3, 12), seen(0.35, 20), seen(0.29, 11)])
    assert kept == 3 and logs[1]["val_lpips_alex"] == 0.3 and logs[1]["val_lpips_vgg"] == 0.5
    best = json.loads((tmp_path / "best.json").read_text())
    assert (best["epoch"], best["lpips_alex"]) == (4, 0.29)


def test_records_of_earlier_versions_are_read(validate, tmp_path):
    """They have no LPIPS: the first that is better is found as then, and what comes later by LPIPS."""
    validate([found(15)])
    kept, callback, _ = validate([seen(0.1, 14), seen(0.4, 16), seen(0.5, 20), seen(0.3, 10)], first=1)
    assert kept == 2 and callback.best["lpips_alex"] == 0.3
    assert validate([found(15)], first=5)[0] == 1  # and the other way round: the weights are gone


def test_lpips_that_gets_worse_is_said(validate, capsys):
    validate([seen(0.3), *[seen(0.31, 5)] * (PATIENCE + 3)])
    assert "Warning" not in capsys.readouterr().out
    validate([seen(0.3), *[seen(0.33, 15)] * (PATIENCE + 3)], stage="other")
    output = capsys.readouterr().out
    assert output.count("Warning") == 1 and "0.300" in output and "0.330" in output


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
