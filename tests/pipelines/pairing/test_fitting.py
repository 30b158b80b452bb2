"""Two cameras of different resolutions."""

import numpy as np
import pytest

from pipelines.checks.registration import register_all
from pipelines.checks.validate import validate
from pipelines.dataset import make_train
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.pairing.fitting import crop_that_fits, fit, fits


@pytest.fixture
def cameras(save, rng, tmp_path):
    """A function that writes a pair of two sizes, (height, width)."""

    def write(source, image, name="x"):
        counts = rng.integers(27000, 31000, (3, 4)).astype("uint16")
        save(f"a/{name}.png", fit(counts[..., None], source)[..., 0])
        save(f"b/{name}.png", np.repeat((fit(counts[..., None], image) - 27000) // 16, 3, -1).astype("uint8"))
        return Folder(source_dir=tmp_path / "a", image_dir=tmp_path / "b")

    return write


@pytest.mark.parametrize("source, image", [((24, 32), (96, 128)), ((96, 128), (24, 32)), ((120, 160), (48, 65))])
def test_sources_are_brought_to_the_size_of_their_targets(cameras, source, image):
    scenes = cameras(source, image)
    first, second = validate(scenes, show_progress=False).lines[:2]
    assert first.endswith(f"1 of {image[1]}x{image[0]}") and f"1 of {source[1]}x{source[0]}" in second
    scene = scenes.load(0)
    assert scenes.size(0) == scene["source"].shape[:2] == scene["image"].shape[:2] == image
    assert scene["source"].dtype == np.uint16 and scene["source"].min() >= 27000 and scene["source"].max() < 31000
    inputs, target = next(iter(make_train(scenes, 1)))
    assert inputs["source"].shape[1:3] == target.shape[1:3] == image
    assert len(register_all(scenes, range(1))) == 1


def test_other_shapes_are_refused_with_the_crop_that_fits(cameras):
    with pytest.raises(DataError, match=r"x should be of one size.* 32x24.* 160x96.*crop the target to 128x96"):
        validate(cameras((24, 32), (96, 160)), show_progress=False)


def test_label_maps_are_never_resized(save, tmp_path):
    save("l/x.png", np.zeros((24, 32), "uint8")), save("b/x.png", np.zeros((48, 64, 3), "uint8"))
    with pytest.raises(DataError, match="should be of one size"):
        validate(Folder(label_dir=tmp_path / "l", image_dir=tmp_path / "b", num_classes=1), show_progress=False)


@pytest.mark.parametrize("size, wanted, crop", [((480, 640), (120, 160), (480, 640)), ((480, 640), (4, 5), (480, 600)),
                                                ((500, 500), (1, 2), (250, 500))])  # fmt: skip
def test_crops_fit(size, wanted, crop):
    assert crop_that_fits(size, wanted) == crop and fits(crop, wanted)
    assert fits(size, wanted) == (size == crop)
