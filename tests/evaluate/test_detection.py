"""evaluate --detector as a user runs it, on thermal and visible pictures of squares, some of which are made wrong."""

import json

import numpy as np
import pytest
from PIL import Image
from square_detectors import NAMES, keras_detector, objects_of, picture_of, write_onnx

from hdsynth_tf.evaluate import measurement

REAL = {  # squares of each scene: row, column, colour
    "day/a": [(1, 1, 0), (3, 3, 1), (5, 5, 2)],
    "day/b": [(2, 2, 0), (2, 6, 0)],
    "night/c": [(4, 4, 1)],
    "night/d": [],
}
MADE = {
    "day/a": [(1, 1, 0), (3, 3, 1), (5, 5, 0), (6, 1, 2)],  # one in another colour, one that is not there
    "day/b": [(2, 2, 0)],
    "night/c": [(4, 5, 1)],
    "night/d": [],
}
SKY = np.linspace(0, 20, 64 * 64).reshape(64, 64).astype("uint8")


@pytest.fixture
def frames(tmp_path):
    for name, squares in REAL.items():
        thermal = np.maximum(picture_of(squares).max(-1), SKY)
        thermal[0] = 250  # white, in each frame's percentiles
        pictures = {"thermal": thermal, "visible": np.maximum(picture_of(squares), SKY[..., None])}
        for folder, picture in {**pictures, "made": picture_of(MADE[name])}.items():
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    keras_detector().save(tmp_path / "d.keras")
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    return tmp_path


def evaluate(command, frames, *flags, detector="d.keras"):
    places = [f"--source_dir={frames / 'thermal'}", f"--target_dir={frames / 'visible'}", "--dataset=folder"]
    options = ["--split=test", "--features=none", f"--method=ours={frames / 'made'}", f"--output_dir={frames / 'out'}"]
    return command("evaluate", *options, *places, f"--detector={frames / detector}", *flags)


def table(frames):
    content = json.loads((frames / "out" / "table.json").read_text())
    return content["methods"], "\n".join(content["protocol"])


def values(scores):
    return {name: scores[name]["value"] for name in ("objects", "recall", "precision", "f1")}


def expected(names):
    """Squares lie in cells: they are the same or do not overlap."""
    real, made = ({(name, *one) for name in names for one in objects_of(squares[name])} for squares in (REAL, MADE))
    both = len(real & made)
    return {
        "objects": len(made),
        "recall": both / len(real),
        "precision": both / len(made),
        "f1": 2 * both / (len(real) + len(made)),
    }


def test_objects_of_methods_are_compared_with_those_of_the_real_images(command, frames):
    code, output, error = evaluate(
        command, frames, "--input", "--group_by=sequence", f"--detector_names={frames / 'names.txt'}"
    )
    assert code == 0, error
    methods, protocol = table(frames)
    assert values(methods["ours"]) == pytest.approx(expected(REAL))
    assert values(methods["real images (oracle)"]) == {"objects": 6, "recall": 1, "precision": 1, "f1": 1}
    interval = methods["ours"]["recall"]
    assert interval["low"] <= interval["value"] <= interval["high"] and interval["low"] < interval["high"]
    assert methods["input"]["objects"]["value"] == 6 and methods["input"]["recall"]["value"] == pytest.approx(3 / 6)
    for group in ("day", "night"):
        names = [name for name in REAL if name.startswith(group)]
        assert values(methods["ours"]["groups"][group]) == pytest.approx(expected(names))
    assert "| object recall" in output and "Detector: d.keras. Pictures of 8 bits are brought to 64x64" in protocol
    assert "IoU of 0.5 or more" in protocol and "score of 0.5 or more" in protocol


def test_the_page_shows_boxes_with_their_names(command, frames):
    """Over all pictures; over the input those of the real image."""
    evaluate(command, frames, f"--detector_names={frames / 'names.txt'}", "--num_pictures=4")
    page = (frames / "out" / "index.html").read_text()
    assert "objects in ours" in page and "objects of real" in page and "object F1" in page and "repeat(3, 1fr)" in page
    shown = [np.asarray(Image.open(path).convert("RGB")) for path in sorted((frames / "out" / "page").glob("000_*"))]
    assert len(shown) == 6
    plain, boxed = shown[:3], shown[3:]
    np.testing.assert_array_equal(plain[2], np.asarray(Image.open(frames / "made" / "day" / "a.png")))
    for before, after, made in zip(plain, boxed, (REAL, REAL, MADE)):
        changed = (before != after).any(-1)
        for left, _, right, bottom, _ in objects_of(REAL["day/a"] + MADE["day/a"]):
            there = any(one[0] == left and one[3] == bottom for one in objects_of(made["day/a"]))
            assert changed[bottom - 1, left:right].all() == there
    assert not (plain[2] != boxed[2]).any(-1)[56:].any()  # below the last object


def test_no_objects_have_no_scores(command, frames):
    code, _, error = evaluate(command, frames, "--detector_score=0.999")
    assert code == 0 and "RuntimeWarning" not in error, error
    methods, _ = table(frames)
    assert methods["ours"]["objects"]["value"] == 0
    assert methods["ours"]["recall"] == methods["ours"]["f1"] == {"value": None, "low": None, "high": None}


def test_what_was_measured_with_another_detector_is_measured_anew(command, frames, monkeypatch):
    measured, measure = [], measurement.Instruments.measure
    monkeypatch.setattr(
        measurement.Instruments, "measure", lambda self, s, i, m, bar: measured.append(m) or measure(self, s, i, m, bar)
    )
    for flags, count in ((), 2), ((), 2), (["--detector_score=0.4"], 4), (["--detector_score=0.4"], 4):
        assert evaluate(command, frames, *flags)[0] == 0
        assert len(measured) == count
    assert evaluate(command, frames, "--detector_score=0.4", f"--detector_names={frames / 'names.txt'}")[0] == 0
    assert len(measured) == 4  # names are for the page alone
    (frames / "d.keras").touch()
    assert evaluate(command, frames, "--detector_score=0.4")[0] == 0
    assert len(measured) == 6


def test_an_onnx_detector(command, frames):
    pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    write_onnx(frames / "d.onnx", "yolov5", metadata={"names": str(dict(enumerate(NAMES)))})
    code, _, error = evaluate(command, frames, detector="d.onnx")
    assert code == 0, error
    assert values(table(frames)[0]["ours"]) == pytest.approx(expected(REAL))


@pytest.mark.parametrize(
    "flags, detector, code, message",
    [
        ([], "none.onnx", 1, "none.onnx, which is not there"),
        (["--detector_range=0,1,2"], "d.keras", 2, "--detector_range should be low,high"),
        (["--detector_score=0"], "d.keras", 2, "--detector_score should be above 0"),
        (["--detector_score=1.5"], "d.keras", 2, "--detector_score should be"),
        (["--detector_range=0,999"], "d.keras", 1, "Scores should be 0 to 1"),
        (["--detector_names=none.txt"], "d.keras", 1, "list of class names none.txt cannot be read"),
    ],
)
def test_wrong_use_is_told_before_anything_is_written(command, frames, flags, detector, code, message):
    found, _, error = evaluate(command, frames, "--input", *flags, detector=detector)
    assert found == code and message in error and not (frames / "out" / "pictures").exists()


def test_flags_of_no_detector_are_refused(command, tmp_path):
    code, _, error = command("evaluate", "--method=a=x", f"--output_dir={tmp_path / 'o'}", "--detector_names=n.txt")
    assert code == 2 and "--detector" in error
