"""Label files that were stored with losses: their numbers are no ids any more."""

import numpy as np

from pipelines.errors import DataError

FORMATS = ("JPEG", "MPO", "JPEG2000", "AVIF")


def check(path, values, kind):
    """Raises `DataError` if ids, or colours that stand for them, come from a file whose format changes numbers.

    Args:
        path: File, see `decode`.
        values: Array of whole numbers.
        kind: `stored.Storage`.
    """
    if kind.format in FORMATS or kind.lossy or (kind.format == "WEBP" and b"VP8L" not in path.read_bytes()):
        found, counts = np.unique(values, return_counts=True)
        often = np.sort(found[np.argsort(-counts)][:4]).tolist()
        raise DataError(
            f"{path} is stored with losses ({kind.format}), which change numbers near edges: it holds {len(found)} "
            f"values, most often {', '.join(map(str, often))}. Save label and instance maps as PNG, from what they "
            "were before."
        )
