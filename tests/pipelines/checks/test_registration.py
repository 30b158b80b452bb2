"""The shift between two pictures of a scene, in other light, and the page that shows it."""

import numpy as np
import pytest
from PIL import Image
from shared_data import ROADSCENE, needs_roadscene

from pipelines.checks.registration import FARTHEST, describe, register, register_all
from pipelines.folder import Folder
from pipelines.toy_street import ToyStreet


def thermal_and_visible(index, height=128, width=256):
    """A street as two cameras see it: what is warm has nothing to do with what is bright."""
    visible, thermal = (ToyStreet(9, height, width, thermal=flag).load(index) for flag in (False, True))
    return thermal["source"], visible["image"]


@pytest.mark.parametrize("down, right", [(0, 0), (8, 0), (0, -8), (-3, 5), (20, -11)])
@pytest.mark.parametrize("index", range(3))
def test_shifts_are_found(index, down, right):
    thermal, visible = thermal_and_visible(index)
    inner = slice(24, -24), slice(24, -24)
    moved = np.roll(thermal, (down, right), (0, 1))[inner]
    found = register(visible[inner], moved)
    assert abs(found.down - down) <= 1 and abs(found.right - right) <= 1
    assert found.is_certain and found.shift == pytest.approx(np.hypot(found.down, found.right))


def test_pictures_of_different_things_have_no_shift(rng):
    def clouds():
        coarse = Image.fromarray(rng.integers(0, 256, (24, 48)).astype("uint8"))
        return np.asarray(coarse.resize((256, 128), Image.BICUBIC))[..., None]

    certain = [register(clouds(), clouds()).is_certain for _ in range(20)]
    assert sum(certain) <= 1


@pytest.mark.parametrize("image", [np.zeros((40, 50, 1), "uint8"), np.full((9, 5, 3), 7.0, "float32")])
def test_nothing_to_see(image):
    found = register(image, image)
    assert abs(found.down) <= FARTHEST and np.isfinite(found.certainty) and not found.is_certain


def test_large_pictures_are_made_smaller(rng):
    image = np.asarray(Image.fromarray(rng.integers(0, 256, (80, 100)).astype("uint8")).resize((1600, 1280)))[..., None]
    found = register(image, np.roll(image, (24, -40), (0, 1)))
    assert abs(found.down - 24) <= 2 and abs(found.right + 40) <= 2 and found.is_certain


def test_equal_pictures_lie_on_each_other(rng):
    image = rng.integers(0, 256, (60, 80, 3)).astype("uint8")
    found = register(image, image)
    assert (found.down, found.right, found.words) == (0, 0, "not shifted")
    assert found.similarity == pytest.approx(1, abs=1e-6)


def write_pairs(folder, shifted=()):
    """Six pairs; those numbered in `shifted` are 8 pixels off."""
    for name in ("thermal", "visible"):
        (folder / name).mkdir()
    for index in range(6):
        thermal, visible = thermal_and_visible(index)
        thermal = ((thermal - 25000.0) / 6000 * 255).clip(0, 255).astype("uint8")
        moved = np.roll(thermal, 8, 0) if index in shifted else thermal
        Image.fromarray(moved[10:-10, 10:-10, 0]).save(folder / "thermal" / f"p{index}.png")
        Image.fromarray(visible[10:-10, 10:-10]).save(folder / "visible" / f"p{index}.png")
    return [f"--source_dir={folder / 'thermal'}", f"--target_dir={folder / 'visible'}"]


def test_register_command(command, tmp_path):
    folders = write_pairs(tmp_path, shifted=(1, 4))
    code, output, error = command("register", *folders, f"--output_dir={tmp_path / 'page'}")
    assert code == 0, error
    assert "p1: 8 pixels down" in output and "p4: 8 pixels down" in output
    assert not any(f"p{i}:" in output for i in (0, 2, 3, 5))
    page = (tmp_path / "page" / "index.html").read_text()
    assert page.count("<section>") == 6 and page.index("p4") < page.index("p0")
    picture = np.asarray(Image.open(tmp_path / "page" / "pairs" / "000001.webp"))
    assert picture.shape == (108, 3 * 236, 3)
    code, _, error = command("register", "--dataset=toy_street", f"--output_dir={tmp_path / 'page'}")
    assert code == 2 and "no pairs of pictures" in error


@pytest.mark.slow
def test_training_names_shifted_pairs(command, tmp_path):
    folders = write_pairs(tmp_path, shifted=(1,))
    crop = ["--crop_height=32", "--crop_width=32", "--num_filters=4", "--num_residual_blocks=1", "--dry_run"]
    code, output, error = command("train", "--dataset=folder", *folders, *crop, f"--run_dir={tmp_path / 'run'}")
    assert code == 0 and "p1: 8 pixels down" in output and "hdsynth_tf.register" in output, error


@needs_roadscene
def test_real_pairs():
    source = Folder(source_dir=ROADSCENE / "thermal", image_dir=ROADSCENE / "visible")
    indices = range(0, 176, 8)
    found = register_all(source, indices, show_progress=False)
    shifts = [registration.shift for registration in found if registration.is_certain]
    assert len(shifts) >= 18 and np.median(shifts) <= 2
    assert describe(found, [source.names[i] for i in indices], 4)[0].startswith("Registration of 22 pairs: half")
    for index in indices:
        visible, thermal = source.read("image", index), source.read("source", index)
        before, after = register(visible, thermal), register(visible[:-8], thermal[8:])
        assert abs(after.down - before.down + 8) <= 1 and abs(after.right - before.right) <= 1
