"""Label maps whose numbers cannot be the ids that somebody drew."""

import numpy as np
import pytest
from PIL import Image

from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.folder import Folder
from pipelines.reading.decode import read_ids, read_instance_map, read_label_map

Y, X = np.mgrid[:48, :64]
DISC = np.where((X - 30) ** 2 + (Y - 20) ** 2 < 200, 26, 7).astype("uint8")


def check(folder, **options):
    return validate(Folder(label_dir=folder, **{"num_classes": 35, **options}), show_progress=False)


@pytest.mark.parametrize("suffix, options", [(".jpg", {}), (".webp", {}), (".tif", {"compression": "jpeg"})])
def test_formats_with_losses_are_refused_with_what_they_hold(save, suffix, options):
    path = save("x" + suffix, DISC, **options)
    for read in (read_ids, read_instance_map) if suffix != ".webp" else (read_instance_map,):
        with pytest.raises(DataError, match=f"x{suffix} .*losses.* values"):
            read(path)
    table = {"by_color": True, "ids": {0x070707: 0, 0x1A1A1A: 1}}
    with pytest.raises(DataError, match=f"x{suffix} .*losses"):
        read_label_map(path, table)


def test_webp_without_losses_is_read(save):
    rgb = np.stack([DISC] * 3, -1)
    table = {"by_color": True, "ids": {0x070707: 0, 0x1A1A1A: 1}}
    np.testing.assert_array_equal(read_label_map(save("x.webp", rgb, lossless=True), table), DISC // 26)


@pytest.mark.parametrize("num_classes", [35, 8])
@pytest.mark.parametrize("scale", [2, 3])
def test_maps_that_were_resized_with_a_filter(save, tmp_path, scale, num_classes):
    """Also where the mixed ids are no classes: naming them as 'no class' would hide what happened."""
    save("l/x.png", Image.fromarray(DISC).resize((64 * scale, 48 * scale), Image.BILINEAR))
    with pytest.raises(DataError, match="resized") as error:
        check(tmp_path / "l", num_classes=num_classes)
    assert "dont_care" not in str(error.value)
    save("l/x.png", Image.fromarray(DISC).resize((64 * scale, 48 * scale), Image.NEAREST))
    check(tmp_path / "l")


def test_thin_things_and_noise_are_no_mixture(save, tmp_path, rng):
    street = np.where(Y < 20, 23, 7).astype("uint8")
    street[5:40, ::9] = 17  # posts of one pixel
    street[20] = 12  # a kerb of one pixel, between sky and road
    save("l/street.png", street), save("l/noise.png", rng.integers(0, 35, (48, 64)).astype("uint8"))
    check(tmp_path / "l")


def palette_picture(path, ids, colors):
    picture = Image.fromarray(ids)
    picture.putpalette(np.array(colors, "uint8").ravel().tolist())
    path.parent.mkdir(exist_ok=True)
    picture.save(path)


def test_palettes_that_differ_are_named(tmp_path):
    ids = (DISC // 26).astype("uint8")
    palette_picture(tmp_path / "l" / "a.png", ids, [(10, 20, 30), (40, 50, 60)])
    palette_picture(tmp_path / "l" / "b.png", ids, [(10, 20, 30), (40, 50, 60), (1, 1, 1)])
    check(tmp_path / "l")
    palette_picture(tmp_path / "l" / "c.png", ids, [(10, 20, 30), (70, 80, 90)])
    with pytest.raises(DataError, match=r"1 is #28323c in .*a\.png, #46505a in .*c\.png"):
        check(tmp_path / "l")
    colors = {0x0A141E: 0, 0x28323C: 1, 0x46505A: 2}
    check(tmp_path / "l", label_table={"by_color": True, "ids": colors, "names": {}})


def test_instance_ids_coded_by_colour(save):
    """As in COCO's panoptic files."""
    ids = np.array([[0, 7], [70000, 256 * 256 * 200 + 256 * 3 + 9]])
    rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], -1).astype("uint8")
    np.testing.assert_array_equal(read_instance_map(save("x.png", rgb)), ids)
