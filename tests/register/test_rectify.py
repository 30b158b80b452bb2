"""Two cameras to one frame: the transform found, the pairs written, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
from places import loaded
from shared_data import ROADSCENE, needs_roadscene

from hdsynth_tf.register.frames import apply, scaling, warp
from hdsynth_tf.register.rig import Rig, calibrate, find_offset
from pipelines.errors import DataError
from pipelines.folder import Folder

rigs = loaded("experiments/benchmarks/rigs.py")


@pytest.fixture(scope="module")
def scenes():
    return rigs.streets(8, (256, 512))


def residual(rig, true):
    return rigs.residual(rig.matrix, true, rig.source_size, rig.target_size)[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(4))
def test_toy_rigs_are_found(scenes, number):
    thermal, visible, true, words = rigs.toy_rig(number, scenes)
    rig = calibrate(thermal, visible)
    assert residual(rig, true) < 1, words


@needs_roadscene
@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_moved_pairs_are_found(number):
    thermal, visible, true, words = rigs.moved_pairs(number, ROADSCENE)
    assert residual(calibrate(thermal, visible), true) < 1.5, words


def test_warp_takes_means_and_keeps_centres():
    ramp = np.add.outer(np.arange(40.0), 100 * np.arange(60.0)).astype("float32")
    for factor in (0.25, 0.4, 1.7):
        small, inside = warp(ramp, scaling(factor), (int(40 * factor), int(60 * factor)))
        rows, columns = np.indices(small.shape)
        back = apply(np.linalg.inv(scaling(factor)), np.column_stack([columns.ravel(), rows.ravel()]))
        wanted = (back[:, 1] + 100 * back[:, 0]).reshape(small.shape)
        assert inside.all()
        np.testing.assert_allclose(small[3:-3, 3:-3], wanted[3:-3, 3:-3], atol=2)


def write_drive(folder, thermal, visible):
    for name, pictures in (("thermal", thermal), ("visible", visible)):
        (folder / name).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture.squeeze()).save(folder / name / f"f{number}.png")
    return ["--rectify", f"--source_dir={folder / 'thermal'}", f"--target_dir={folder / 'visible'}"]


def test_rectify_command(command, tmp_path, scenes):
    """One pair is of other scenes, one is blank: both are left out. A second drive takes the transform over."""
    thermal, visible, true, _ = rigs.toy_rig(1, scenes, 7)
    visible[2], visible[4] = visible[5][::-1], np.full_like(visible[4], 7)
    drive = write_drive(tmp_path / "one", thermal, visible)
    code, output, error = command("register", *drive, f"--output_dir={tmp_path / 'pairs'}")
    assert code == 0, error
    outcomes = {one["name"]: one for one in json.loads((tmp_path / "pairs" / "pairs.json").read_text())}
    assert set(outcomes) == {f"f{i}" for i in range(7)} and "one value" in outcomes["f4"]["left_out"]
    assert "another moment" in outcomes["f2"]["left_out"]
    assert "f2" in output and "f4" in output and "7 pairs" in output
    kept = [name for name, one in outcomes.items() if not one["left_out"]]
    assert kept == ["f0", "f1", "f3", "f5", "f6"]
    assert all(outcomes[name]["residual"] < 2 for name in kept if outcomes[name]["residual"] is not None)
    pairs = Folder(source_dir=tmp_path / "pairs" / "source", image_dir=tmp_path / "pairs" / "target")
    assert pairs.names == kept and len({pairs.size_of(key, 0) for key in ("source", "image")}) == 1
    assert pairs.read("source", 0).dtype == "uint16" and pairs.read("image", 0).shape[-1] == 3
    page = (tmp_path / "pairs" / "index.html").read_text()
    assert page.count("<section>") == 6 and "left out" in page

    rig = Rig.load(tmp_path / "pairs" / "transform.json")
    assert residual(rig, true) < 1
    again = write_drive(tmp_path / "two", thermal[:1], visible[:1])
    reused = f"--transform={tmp_path / 'pairs' / 'transform.json'}"
    code, output, error = command("register", *again, reused, f"--output_dir={tmp_path / 'pairs2'}")
    assert code == 0, error
    files = [tmp_path / name / "target" / "f0.png" for name in ("pairs", "pairs2")]
    assert files[0].read_bytes() == files[1].read_bytes()
    small = write_drive(tmp_path / "three", [thermal[0][::2, ::2]], visible[:1])
    code, _, error = command("register", *small, reused, f"--output_dir={tmp_path / 'pairs3'}")
    assert code == 1 and "x" in error and not (tmp_path / "pairs3").exists()
    code, _, error = command("register", *again, reused, f"--output_dir={tmp_path / 'pairs2'}")
    assert code == 1 and "pairs2" in error


@pytest.mark.slow
def test_a_rig_with_nothing_in_common_is_refused(command, tmp_path, scenes):
    thermal, visible, _, _ = rigs.toy_rig(1, scenes, 6)
    drive = write_drive(tmp_path, thermal, [*visible[2:], *visible[:2]])
    code, _, error = command("register", *drive, f"--output_dir={tmp_path / 'pairs'}")
    assert code == 1 and "nothing in common" in error
    assert not (tmp_path / "pairs" / "source").exists() and not (tmp_path / "pairs" / "transform.json").exists()


def test_lagging_cameras(scenes):
    """Cameras that turn to the right."""

    def frame(picture, number):
        return picture[40:200, 8 * number : 8 * number + 200].astype("float32")

    scene = scenes[0]
    rig = Rig("translation", np.eye(3), (160, 200), (160, 200))
    for lag in (3, -2, 0):
        found = find_offset(
            rig,
            lambda i: frame(scene["source"][..., 0], 5 + i),
            lambda i, lag=lag: frame(scene["image"].mean(-1), 5 + i - lag),
            24,
        )
        assert found == lag


@pytest.mark.parametrize("text", ["{}", "no json", '{"matrix": [[1]], "source_size": [1, 1], "target_size": [1, 1]}'])
def test_other_files_are_no_transforms(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(DataError, match=r"t\.json"):
        Rig.load(tmp_path / "t.json")


@pytest.mark.parametrize(
    "flag", ["--time_offset=soon", "--time_offset=1.5", "--transform=t.json", "--time_offset=auto"]
)
def test_flags_that_make_no_sense(command, tmp_path, flag):
    code, _, error = command("register", flag, f"--source_dir={tmp_path}", f"--output_dir={tmp_path / 'out'}")
    assert code == 2 and flag.split("=")[0] in error
