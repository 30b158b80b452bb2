"""Each street is left out once, what was made is not made again, and sheets show what runs never saw."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from places import loaded

from hdsynth_tf.config import flags
from hdsynth_tf.train import __main__ as train

STREETS, OTHERS = 3, 2
COLOR = (200, 10, 90)


class Painter:
    """A model that paints every picture in one colour."""

    def generate(self, inputs):
        assert sorted(inputs) == ["instance_map", "label_map"]
        return np.full((*inputs["label_map"].shape, 3), COLOR, "uint8")


@pytest.fixture
def cityscapes(save, rng, tmp_path):
    for split, count in (("train", STREETS), ("test", OTHERS)):
        for number in range(count):
            name = f"aachen_{number:06d}_000019"
            ids = rng.integers(0, 34, (16, 32))
            save(f"data/{split}_label/{name}_gtFine_labelIds.png", ids.astype("uint8"))
            save(f"data/{split}_inst/{name}_gtFine_instanceIds.png", ids.astype("uint16"))
            if split == "train":
                save(f"data/train_img/{name}_leftImg8bit.png", rng.integers(0, 255, (16, 32, 3)).astype("uint8"))
    return tmp_path / "data"


def test_each_street_is_left_out_once(cityscapes, tmp_path, monkeypatch, capsys):
    program, calls = loaded("experiments/few_streets.py"), []

    def run(command, *given, log=None):
        settings, *_, whole = flags.parse(["train", *given], train.GROUPS.values(), "usage")
        calls.append((settings, whole))
        path = tmp_path / "out" / whole.run_dir
        path.mkdir(parents=True)
        scores = {key: 0.25 * len(calls) for key in program.COLUMNS if key != "lpips_vgg"}
        (path / "scores.json").write_text(json.dumps(scores))

    monkeypatch.setattr(sys.modules["commands"], "run", run)
    monkeypatch.setattr(program.assemble, "load_model", lambda run: Painter())
    monkeypatch.setattr(
        "sys.argv", ["few_streets.py", str(cityscapes), str(tmp_path / "out"), "--only=pixels,lpips_alex"]
    )
    program.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and "LPIPS vgg" not in lines[0]
    assert lines[2].startswith("| pixels | 0.750 (0.250 to 1.250)")  # calls 1, 3, 5
    assert len(calls) == (STREETS + 1) * 2
    for number in range(STREETS):
        folder = tmp_path / "out" / f"without_{number}"
        held = [path.name for kind in ("img", "label", "inst") for path in (folder / f"val_{kind}").iterdir()]
        assert len(held) == 3 and all(name.startswith(f"aachen_{number:06d}") for name in held)
        assert len(list((folder / "train_img").iterdir())) == STREETS - 1
        assert calls[2 * number][0].data_dir == str(folder)
    assert len(list((tmp_path / "out" / "all" / "train_img").iterdir())) == STREETS
    for name, rows in (("left_out", STREETS), ("others", OTHERS)):
        sheet = np.asarray(Image.open(tmp_path / "out" / f"{name}.png"))
        assert (sheet == COLOR).all(-1).sum() == rows * 2 * program.SIZE[0] * program.SIZE[1]
    program.main()
    assert len(calls) == (STREETS + 1) * 2  # started again, nothing is made twice
