"""Pictures in tiles: they join without seams, know the whole picture, and keep their place on the map."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import image_model

from hdsynth_tf.generate import picture_folder
from hdsynth_tf.generate.tiles import Tiles
from pipelines.conditioning import ImageConditioning, percentile_window
from pipelines.georeference import write_geotiff
from pipelines.reading.depth import read_deep


class Stub:
    """In a model's place: `make` says what it makes of a tile."""

    def __init__(self, make, **conditioning):
        self.conditioning, self.make = ImageConditioning(1, image_channels=1, **conditioning), make

    def generate(self, inputs, seed):
        return self.make(inputs)


@settings(deadline=None, max_examples=60)
@given(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.tuples(st.integers(2, 20), st.integers(2, 20)), st.data())
def test_tiles_that_agree_join_to_the_whole(size, tile, data):
    overlap = data.draw(st.integers(0, min(tile) - 1))
    source = np.random.default_rng(0).integers(0, 256, (*size, 1), "uint8")
    tiles, seen = Tiles(tile, overlap), []
    made = tiles.generate(Stub(lambda inputs: inputs["source"]), {"source": source}, done=lambda: seen.append(1))
    np.testing.assert_array_equal(made, source)
    assert made.dtype == "uint8" and len(seen) == tiles.count(size)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_what_disagrees_is_blended_by_distance_from_the_edge(rng, dtype):
    size, tile, overlap = (23, 31), (10, 12), 4
    levels = iter(rng.uniform(0, 1000, 100))
    used = []

    def flat(inputs):
        used.append(next(levels))
        return np.full(inputs["source"].shape, used[-1], "float32")

    stub = Stub(flat, image_dtype=dtype, image_range=(0, 1000))
    made = Tiles(tile, overlap).generate(stub, {"source": np.zeros((*size, 1), "uint8")})

    starts = [[0, 4, 9, 13], [0, 6, 13, 19]]  # steps of at most 10 - 4 and 12 - 4 pixels
    starts = [[s for s in own if s <= length - t] for own, length, t in zip(starts, size, tile)]
    places = [(y, x) for y in starts[0] for x in starts[1]]
    assert len(used) == len(places)
    total, weights = np.zeros(size), np.zeros(size)
    for (top, left), level in zip(places, used):
        for y in range(tile[0]):
            for x in range(tile[1]):
                weight = min(y + 1, tile[0] - y, overlap) * min(x + 1, tile[1] - x, overlap)
                total[top + y, left + x] += weight * level
                weights[top + y, left + x] += weight
    wanted = total / weights
    wanted = np.round(wanted) if dtype == "uint16" else wanted
    np.testing.assert_allclose(made[..., 0], wanted, rtol=1e-5, atol=1 if dtype == "uint16" else 0)


def test_a_tile_knows_where_it_lies_and_the_window_of_the_whole(rng):
    source, told = rng.uniform(0, 900, (40, 50, 1)).astype("float32"), []
    stub = Stub(lambda inputs: told.append(inputs) or inputs["source"], percentiles=(1, 99))
    Tiles((20, 30), 10).generate(stub, {"source": source})
    assert [tuple(own["rows"] * 40) for own in told[::2]] == [(0, 20), (10, 30), (20, 40)]
    window = np.asarray(percentile_window(source[None], (1, 99)))[0]
    assert all((own["window"] == window).all() for own in told)


def test_a_crop_is_made_as_a_part_of_the_whole(rng):
    """A model that works at another size, and knows rows: of a crop nothing is resized, and its rows are its own."""
    source = rng.integers(0, 256, (32, 24, 1), "uint8")
    free = image_model(row_channel=True)
    fixed = free.at_size((16, 16))
    crop, rows = source[8:24], np.array([0.25, 0.75], "float32")
    made = fixed.generate({"source": crop, "rows": rows})
    assert made.shape == (16, 24, 3)
    np.testing.assert_array_equal(made, free.generate({"source": crop, "rows": rows}))
    inputs = free.conditioning({"source": crop[None].astype("float32"), "rows": rows[None]})
    assert np.allclose(np.asarray(inputs)[0, :, 0, 1], (2 * (np.arange(16) + 8.5) / 32 - 1))
    np.testing.assert_array_equal(
        Tiles((64, 64), 8).generate(free, {"source": source}), free.generate({"source": source})
    )


@pytest.fixture
def run(save, rng, tmp_path, command):
    """Generates of two pictures, one of them larger than a tile; a function of more flags."""
    image_model().save(tmp_path / "model.keras")
    for name, size in (("small", (16, 12)), ("large", (40, 72))):
        save(f"a/{name}.png", rng.integers(0, 256, size, "uint8"))
    given = ["--dataset=folder", f"--model={tmp_path / 'model.keras'}", f"--source_dir={tmp_path / 'a'}"]
    return lambda *more: command("generate", *given, f"--output_dir={tmp_path / 'out'}", *more)


TILES = ["--tile_height=24", "--tile_width=32", "--tile_overlap=8"]


def test_the_command(run, tmp_path):
    code, output, errors = run(*TILES)
    assert code == 0 and "2 pictures made" in output, errors
    assert Image.open(tmp_path / "out" / "large.png").size == (72, 40)
    assert (tmp_path / "out" / "gallery" / "large_made.webp").exists()
    page = (tmp_path / "out" / "index.html").read_text()
    assert "gallery/large_made.webp" in page
    code, output, errors = run(*TILES)
    assert code == 0 and "0 pictures made" in output
    code, _, errors = run()
    assert code == 1 and "another" in errors  # pictures made whole are others


@pytest.mark.parametrize(
    "more, code, said",
    [
        (["--tile_height=24"], 2, "both --tile_height and --tile_width"),
        (["--tile_height=24", "--tile_width=64", "--tile_overlap=24"], 2, "larger than what they share"),
        ([*TILES, "--style_from=x.png"], 2, "not both"),
        (["--tile_height=4", "--tile_width=64", "--tile_overlap=2"], 2, "more than 4 pixels"),
    ],
)
def test_tiles_that_cannot_be(run, more, code, said):
    found, _, errors = run(*more)
    assert found == code and said in errors


def test_pictures_too_small_for_the_networks_are_named_first(save, rng, tmp_path, command):
    """Tiles are not resized, so that a working size is no help."""
    image_model(image_size=(64, 64)).save(tmp_path / "model.keras")
    for name, size in (("a", (40, 72)), ("b", (3, 72))):
        save(f"a/{name}.png", rng.integers(0, 256, size, "uint8"))
    given = ["--dataset=folder", f"--model={tmp_path / 'model.keras'}", f"--source_dir={tmp_path / 'a'}"]
    code, _, errors = command("generate", *given, f"--output_dir={tmp_path / 'tiles'}", *TILES)
    assert code == 1 and "3 pixels are too small" in errors and not (tmp_path / "tiles" / "a.png").exists()
    code, _, errors = command("generate", *given, f"--output_dir={tmp_path / 'whole'}")
    assert code == 0, errors


def test_a_tone_is_of_the_whole_picture():
    from hdsynth_tf.config.settings import SettingsError

    model = image_model()
    model.generator.tone = object()
    with pytest.raises(SettingsError, match="--notone"):
        Tiles((24, 32), 8).check(model)


# === On the map ===


@pytest.fixture
def scene(tmp_path, rng):
    """A GeoTIFF file of 16 bits, in UTM, and its place."""
    rasterio = pytest.importorskip("rasterio", reason="GeoTIFF files are written by rasterio")
    transform = rasterio.Affine(30.0, 0.0, 399960.0, 0.0, -30.0, 5900040.0)
    (tmp_path / "a").mkdir()
    kind = {"driver": "GTiff", "height": 40, "width": 56, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "a" / "field.tif", "w", **kind, crs="EPSG:32633", transform=transform) as file:
        file.write(rng.integers(0, 256, (40, 56), "uint8"), 1)
    image_model().save(tmp_path / "model.keras")
    flags = ["--dataset=folder", f"--model={tmp_path / 'model.keras'}", f"--source_dir={tmp_path / 'a'}"]
    return transform, [*flags, f"--output_dir={tmp_path / 'out'}"]


@pytest.mark.parametrize("tiles", [[], TILES])
def test_a_picture_lies_where_its_input_does(scene, command, tmp_path, tiles):
    import rasterio

    transform, flags = scene
    code, output, errors = command("generate", *flags, *tiles)
    assert code == 0 and "1 pictures made" in output, errors
    with rasterio.open(tmp_path / "out" / "field.tif") as file:
        assert file.crs.to_epsg() == 32633 and file.transform == transform
        assert (file.count, file.height, file.width, file.dtypes[0]) == (3, 40, 56, "uint8")
        made = np.moveaxis(file.read(), 0, -1)
    assert made.std() > 0
    assert "gallery/field_made.webp" in (tmp_path / "out" / "index.html").read_text()


def test_without_rasterio_it_is_said(scene, command, tmp_path, monkeypatch):
    from hdsynth_tf.generate import __main__ as generate

    for module in (generate, picture_folder):
        monkeypatch.setattr(module, "has_rasterio", lambda: False)
    code, output, errors = command("generate", *scene[1])
    assert code == 0 and "rasterio" in output, errors
    assert (tmp_path / "out" / "field.png").exists()


@pytest.mark.parametrize("channels, dtype", [(1, "uint16"), (3, "uint8"), (3, "uint16"), (4, "uint8"), (5, "float32")])
def test_any_kind_is_written_beside_points_of_the_ground_and_read_again(tmp_path, rng, channels, dtype):
    rasterio = pytest.importorskip("rasterio", reason="GeoTIFF files are written by rasterio")
    place = dict(driver="GTiff", height=8, width=12, count=1, dtype="uint8", crs="EPSG:4326")
    points = [rasterio.control.GroundControlPoint(y, x, 10 + x, 50 - y) for y, x in ((0, 0), (0, 12), (8, 0), (8, 12))]
    with rasterio.open(tmp_path / "like.tif", "w", **place, gcps=points) as file:
        file.write(np.zeros((8, 12), "uint8"), 1)
    image = rng.integers(0, 255, (8, 12, channels)).astype(dtype)
    write_geotiff(image, tmp_path / "made.tif", tmp_path / "like.tif")
    with rasterio.open(tmp_path / "made.tif") as file:
        found, system = file.gcps
        assert system.to_epsg() == 4326 and [(p.row, p.col, p.x, p.y) for p in found] == [
            (p.row, p.col, p.x, p.y) for p in points
        ]
        assert rasterio.enums.ColorInterp.alpha not in file.colorinterp
    if (channels, dtype) != (4, "uint8"):  # of which Pillow takes the fourth for more than a colour
        np.testing.assert_array_equal(read_deep(tmp_path / "made.tif"), image)


def test_a_picture_of_before_rasterio_makes_place(scene, command, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "field.png").write_bytes(b"of before")
    code, _, errors = command("generate", *scene[1])
    assert code == 0, errors
    assert (tmp_path / "out" / "field.tif").exists() and not (tmp_path / "out" / "field.png").exists()
