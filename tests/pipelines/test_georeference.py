"""Pictures that lie on the map, whatever their bands."""

import pytest

from pipelines.folder import Folder
from pipelines.georeference import georeferenced_file

rasterio = pytest.importorskip("rasterio", reason="the extra `geo` is not installed")


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
@pytest.mark.parametrize("bands, dtype", [(1, "uint16"), (3, "uint8"), (5, "uint8"), (3, "float32")])
@pytest.mark.parametrize("on_map", [True, False])
def test_files_of_any_bands_lie_on_the_map(tmp_path, rng, bands, dtype, on_map):
    place = dict(crs="EPSG:32632", transform=rasterio.Affine(2, 0, 9, 0, -2, 9)) if on_map else {}
    kind = dict(driver="GTiff", count=bands, height=8, width=12, dtype=dtype, **place)
    with rasterio.open(tmp_path / "x.tif", "w", **kind) as file:
        file.write(rng.integers(0, 200, (bands, 8, 12)).astype(dtype))
    assert georeferenced_file(Folder(source_dir=tmp_path), 0) == (tmp_path / "x.tif" if on_map else None)
