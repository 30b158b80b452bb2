"""Scores by groups of scenes, and the scenes that a method did best and worst."""

import json

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.evaluate.groups import extremes, group_scenes, in_groups
from hdsynth_tf.evaluate.measurement import Measured
from pipelines.folder import Folder

LEVELS = {"drive1/a": 20, "drive1/b": 200, "drive2/c": 127, "drive2/d": 128, "evening": 240}  # of the real images
ERRORS = {"drive1/a": 3, "drive1/b": 30, "drive2/c": 1, "drive2/d": 10, "evening": 5}  # of the pictures, in grey levels


@pytest.fixture
def frames(tmp_path):
    """Grey frames in three folders: thermal, visible, and made, which is off by some levels."""
    squares = np.indices((40, 48)).sum(0) % 2 * 2 - 1  # nothing is one value everywhere
    for name, level in LEVELS.items():
        made = level + ERRORS[name] * (1 if level < 100 else -1)
        for folder, value in (("thermal", 90), ("visible", level), ("made", made)):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = (value + squares).astype("uint8")
            Image.fromarray(image if folder == "thermal" else np.stack([image] * 3, -1)).save(path)
    return tmp_path


def psnr(names):
    return np.mean([20 * np.log10(255 / ERRORS[name]) for name in names])


def evaluate(command, frames, *flags):
    places = [
        f"--source_dir={frames / 'thermal'}",
        f"--target_dir={frames / 'visible'}",
        f"--output_dir={frames / 'out'}",
    ]
    options = ["--dataset=folder", "--split=test", "--features=none", f"--method=ours={frames / 'made'}"]
    code, output, error = command("evaluate", *options, *places, *flags)
    assert code == 0, error
    return output, json.loads((frames / "out" / "table.json").read_text())["methods"]["ours"]


def test_scenes_are_of_day_and_night_or_of_their_folder(frames):
    source = Folder(source_dir=frames / "thermal", image_dir=frames / "visible")
    light = dict(zip(source.names, group_scenes(source, "light", (0, 255))))
    assert {name.removesuffix(".png"): group for name, group in light.items()} == {
        name: "night" if level <= 127 else "day" for name, level in LEVELS.items()
    }
    folders = dict(zip(source.names, group_scenes(source, "sequence", (0, 255))))
    assert sorted(folders.values()) == [".", "drive1", "drive1", "drive2", "drive2"]
    found = group_scenes(source, "sequence", (0, 255), "[a-e](?=$|[.]|vening)")
    assert sorted(found) == list("abcde")


def test_rows_by_groups_are_the_rows_of_their_scenes(rng):
    measured = Measured(psnr=rng.random(5), features=rng.random((5, 3)))
    parts = in_groups(measured, ["b", "a", "b", "c", "a"])
    assert list(parts) == ["a", "b", "c"] and parts["a"].ssim is None
    np.testing.assert_array_equal(parts["b"].psnr, measured.psnr[[0, 2]])
    np.testing.assert_array_equal(parts["a"].features, measured.features[[1, 4]])


def test_best_and_worst_are_told_by_lpips_of_vgg_before_others():
    vgg, alex = np.array([0.3, 0.1, np.nan, 0.5, 0.2]), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    assert extremes(Measured(lpips_vgg=vgg, lpips_alex=alex, psnr=alex), 4) == [1, 4, 3, 2]
    assert extremes(Measured(lpips_alex=alex, psnr=-alex), 3) == [0, 1, 4]
    assert extremes(Measured(psnr=alex), 2) == [4, 0]
    assert extremes(Measured(psnr=alex), 9) == [4, 3, 2, 1, 0]


def test_the_table_has_a_row_for_day_and_one_for_night(command, frames):
    output, found = evaluate(command, frames, "--group_by=light")
    night, day = ["drive1/a", "drive2/c"], ["drive1/b", "drive2/d", "evening"]
    assert found["groups"]["night"]["psnr"]["value"] == pytest.approx(psnr(night), abs=1e-3)
    assert found["groups"]["day"]["psnr"]["value"] == pytest.approx(psnr(day), abs=1e-3)
    assert found["psnr"]["value"] == pytest.approx(psnr(LEVELS), abs=1e-3)
    assert "| ours: day" in output and "Groups by light: 3 of day, 2 of night scenes." in output
    assert (frames / "out" / "index.html").read_text().count("<table>") == 2


def test_the_page_shows_the_best_and_the_worst(command, frames, lpips_weights):
    lpips_weights(present=False)
    evaluate(command, frames, "--pictures=extremes", "--num_pictures=4")
    page = (frames / "out" / "index.html").read_text()
    order = sorted(LEVELS, key=ERRORS.get)
    wanted = [*order[:2], *order[-2:]]
    places = [page.index(name) for name in wanted]
    assert places == sorted(places) and order[2] not in page
