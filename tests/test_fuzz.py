"""A few damaged files of each kind for every reader; `make fuzz` feeds them for ten minutes."""

import contextlib
import io

import fuzz
import pytest

FEW = {"model_files": 3, "whole_folders": 8, "packed_datasets": 15}
USUAL = 30


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_damaged_files_are_read_or_refused(name, tmp_path):
    with contextlib.redirect_stdout(io.StringIO()):
        feeder = fuzz.Feeder(name, tmp_path)
        for _ in range(FEW.get(name, USUAL)):
            feeder.feed()
    feeder.tally.faults.pop("took too long", None)  # the machine may be busy; `make fuzz` looks at the time
    assert feeder.tally.whole and not feeder.tally.faults
    assert feeder.tally.refused or name in ("checkpoints", "kept_parts", "model_files")


def test_faults_are_found(tmp_path, monkeypatch):
    """Whatever is no error of the project's own, with its place."""
    make, damage, _ = fuzz.TARGETS["style_files"]
    whole = []
    monkeypatch.setitem(fuzz.TARGETS, "broken", (make, damage, lambda path: whole.append(path) if not whole else {}[0]))
    feeder = fuzz.Feeder("broken", tmp_path)
    feeder.feed()
    (fault,) = feeder.tally.faults
    assert "KeyError in test_fuzz.py:" in fault
