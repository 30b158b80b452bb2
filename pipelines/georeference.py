"""Where a picture lies on the map: read from GeoTIFF files, and written to them, by rasterio."""

import functools
from pathlib import Path

from pipelines.reading import tiff
from pipelines.reading.bands import Bands
from pipelines.source import FileSource

GEO_KEYS = 34735  # the tag that all GeoTIFF files have


def georeferenced_file(source, index):
    """The GeoTIFF file of a scene's input, whose picture lies on the map; `None` for other files."""
    if not isinstance(source, FileSource):
        return None
    path = (source.paths.get("source") or source.paths["label_map"])[index]
    path = path.files[0] if isinstance(path, Bands) else path
    if not isinstance(path, Path) or path.suffix.lower() not in (".tif", ".tiff"):
        return None
    return path if _is_on_map(path) else None


@functools.lru_cache(1024)  # asked for each time that a picture's name is
def _is_on_map(path):
    try:
        with path.open("rb") as file:
            return GEO_KEYS in tiff.first_page(file, path, "first")[1]
    except Exception:  # whatever damaged tags lead Pillow to; who reads the file says what is wrong
        return False


def write_geotiff(image, path, like):
    """Writes a picture to where another one of its size lies on the map.

    Args:
        image: (height, width, channels) uint8, uint16 or float32.
        path: `Path` of the file.
        like: `Path` of a GeoTIFF file, whose coordinate system and place are taken.
    """
    import rasterio  # an extra

    height, width, channels = image.shape
    with rasterio.open(like) as file:
        points, system = file.gcps  # of pictures that no transform brings to the map
        place = {"gcps": points, "crs": system} if points else {"crs": file.crs, "transform": file.transform}
        place |= {"rpcs": file.rpcs} if file.rpcs else {}
    kind = {"driver": "GTiff", "height": height, "width": width, "count": channels, "dtype": image.dtype.name}
    kind |= {"photometric": "rgb"} if channels == 3 else {"photometric": "minisblack", "alpha": "no"}
    packed = {"compress": "deflate", "tiled": True, "bigtiff": "if_safer"}
    with rasterio.open(path, "w", **kind, **packed, **place) as file:
        for channel in range(channels):
            file.write(image[..., channel], channel + 1)
