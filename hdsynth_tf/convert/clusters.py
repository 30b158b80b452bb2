"""The released code's style file, `features_clustered_010.npy`: class -> centres of the clusters of its features.

It is a NumPy file of a Python dict, which NumPy can read only by calling whatever the file names. Here it may name what
such files consist of, and gets plain data of it; nothing that the file names is ever called.
"""

import io

import numpy as np

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.files.torch_files import WeightsFileError
from hdsynth_tf.files.unpickling import plain_content
from pipelines.paths import as_path

MOST_BYTES = 2**26  # of a file; a thousand classes of a hundred centres of a hundred features are 40 MB


def read_clusters(path):
    """Class -> `(clusters, features)` float32.

    Raises:
        WeightsFileError: If the file is anything but such a dict. Nothing that it asks for is executed.
    """
    try:
        with as_path(path).open("rb") as file:
            code = file.read(MOST_BYTES + 1)
        if len(code) > MOST_BYTES:
            raise WeightsFileError(f"{path} has more than {MOST_BYTES:,} bytes: no style file; nothing was executed.")
        content = _content(io.BytesIO(code))
        (clusters,) = content.objects()
        return {int(label): _centers(array) for label, array in clusters.items()}
    except WeightsFileError:
        raise
    except Exception as error:  # whatever reading damaged data runs into
        raise WeightsFileError(f"{path} is no style file, class -> centres; nothing of it was executed.") from error


def write_clusters(path, clusters):
    """Writes class -> `(clusters, features)` as the released code reads it."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, clusters)


def _content(file):
    """The array in a NumPy file of objects."""
    major, _ = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(file)
    return plain_content(file) if dtype.hasobject else None


def _centers(array):
    centers = array.floats()
    if centers.ndim != 2 or min(centers.shape) < 1:
        raise ValueError(f"centres should be (clusters, features) floats, not {centers.shape}")
    return np.asarray(centers, "float32")
