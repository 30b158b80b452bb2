"""The float type: what is asked for, what a run began with, or what the device computes faster."""

import pytest
import tensorflow as tf

from hdsynth_tf.assemble import precision
from hdsynth_tf.assemble.precision import choose_precision, speed_of_bfloat16


@pytest.mark.parametrize(("factor", "expected"), [(0.06, "float32"), (1.1, "float32"), (2.5, "mixed_bfloat16")])
def test_auto_is_what_is_faster_here(monkeypatch, factor, expected):
    monkeypatch.setattr(precision, "speed_of_bfloat16", lambda: factor)
    chosen, why = choose_precision("auto")
    assert chosen == expected and f"{factor:g} times" in why


def test_a_run_keeps_what_it_began_with(monkeypatch):
    monkeypatch.setattr(precision, "speed_of_bfloat16", lambda: 0.5)
    assert choose_precision("auto", "float32")[0] == "float32"
    chosen, why = choose_precision("auto", "mixed_bfloat16")  # begun on another machine: what it costs is said
    assert chosen == "mixed_bfloat16" and "0.5 times" in why and "WARNING" in why
    assert choose_precision("mixed_float16", "float32")[0] == "mixed_float16"  # a flag wins


def test_slow_bfloat16_is_allowed_and_warned_about(monkeypatch):
    monkeypatch.setattr(precision, "speed_of_bfloat16", lambda: 0.0625)
    chosen, why = choose_precision("mixed_bfloat16")
    assert chosen == "mixed_bfloat16" and "0.062 times" in why and "--precision=float32" in why
    monkeypatch.setattr(precision, "speed_of_bfloat16", lambda: 3.0)
    assert "WARNING" not in choose_precision("mixed_bfloat16")[1]


def test_several_workers_measure_nothing(monkeypatch):
    monkeypatch.setattr(precision, "speed_of_bfloat16", lambda: pytest.fail("measured"))
    assert choose_precision("auto", num_workers=2)[0] == "float32"


def test_the_probe_measures_something():
    assert 0.001 < speed_of_bfloat16() < 1000


def test_bfloat16_that_fails_is_not_chosen(monkeypatch):
    """As where ONEDNN_MAX_CPU_ISA keeps oneDNN to instructions for which it has no kernels."""

    def failing(step):
        raise tf.errors.InvalidArgumentError(None, None, "could not create a primitive descriptor")

    monkeypatch.setattr(precision, "_seconds", failing)
    chosen, why = choose_precision("auto")
    assert chosen == "float32" and "cannot be computed" in why
    assert "WARNING" in choose_precision("mixed_bfloat16")[1]
