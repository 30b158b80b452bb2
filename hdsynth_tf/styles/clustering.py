"""What all objects of a dataset look like -> a few styles for each class."""

import dataclasses
import hashlib

import keras
import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans, MiniBatchKMeans

from hdsynth_tf.files.storage import remove, remove_leftovers, replacing
from pipelines.dataset import make_eval

SCENES_PER_FILE = 64
MANY = 50_000  # instances of a class, from which on clusters are found on parts of them at a time


@dataclasses.dataclass(frozen=True)
class Instances:
    """The instances of a dataset, one an entry.

    Attributes:
        scene, instance, label: `(count,)` int32: number of the scene, id and class.
        area: `(count,)` float32, share of the picture.
        features: `(count, feature_channels)` float32, what the encoder found.
    """

    scene: np.ndarray
    instance: np.ndarray
    label: np.ndarray
    area: np.ndarray
    features: np.ndarray

    @classmethod
    def join(cls, parts):
        """Several of them as one."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def encode_instances(model, source, folder):
    """Finds the features of every instance of every scene, one scene after the other.

    What is done is kept in `folder`, a file for each few scenes; started again, it goes on from there. Files of another
    encoder or of other scenes are removed.

    Args:
        model: `Pix2PixHD` with an encoder.
        source: `pipelines.source.Source` with label maps, instance maps and images.
        folder: `Path`.

    Returns:
        `Instances`.
    """
    key = _key(model, source)
    if not (folder / key).exists():
        remove(folder)
        folder.mkdir(parents=True)
        with replacing(folder / key) as temporary:
            temporary.touch()
    remove_leftovers(folder)
    spans = [
        range(start, min(start + SCENES_PER_FILE, len(source))) for start in range(0, len(source), SCENES_PER_FILE)
    ]
    left = [span for span in spans if _read(_part(folder, span)) is None]
    bar = keras.utils.Progbar(sum(map(len, left)), unit_name="scene")
    encode = _encoder_graph(model)
    for span in left:
        scenes = zip(span, make_eval(source, indices=span))
        found = []
        for number, (inputs, image) in scenes:
            found.append(_instances(number, *(array[0].numpy() for array in encode(inputs, image))))
            bar.add(1)
        with replacing(_part(folder, span)) as temporary:
            np.savez(temporary, **dataclasses.asdict(Instances.join(found)))
    return Instances.join([_read(_part(folder, span)) for span in spans])


def _key(model, source):
    """Names what the features depend on: the encoder's weights, the working size, the scenes."""
    digest = hashlib.sha256(repr((model.conditioning.image_size, list(source.names))).encode())
    for weight in model.encoder.weights:
        digest.update(keras.ops.convert_to_numpy(weight).tobytes())
    return f"of_{digest.hexdigest()[:16]}"


def _part(folder, span):
    return folder / f"scenes_{span.start:07d}.npz"


def _read(path):
    """The instances in a file, or `None` if it is not there, or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            return Instances(**{name: saved[name] for name in saved.files})
    except FileNotFoundError:
        return None
    except Exception:  # whatever reading damaged data runs into; it can be made again
        print(f"{path} is damaged: it is made again.")
        return None


def _encoder_graph(model):
    """Inputs and image of a scene -> label map, instance map and feature map at the working size."""

    @tf.function(reduce_retracing=True)
    def encode(inputs, image):
        maps = model.conditioning.at_working_size(inputs)
        features = model.encoder(model.conditioning.target(inputs, image), maps["instance_map"])
        return maps["label_map"], maps["instance_map"], features

    return encode


def _instances(number, label_map, instance_map, feature_map):
    """The instances of one scene; the class is that of the first of its pixels."""
    ids, first, sizes = np.unique(instance_map, return_index=True, return_counts=True)
    return Instances(
        scene=np.full(len(ids), number, "int32"),
        instance=ids.astype("int32"),
        label=label_map.ravel()[first].astype("int32"),
        area=(sizes / instance_map.size).astype("float32"),
        features=feature_map.reshape(-1, feature_map.shape[-1])[first],
    )


def find_styles(instances, num_classes, num_styles=10, min_area=1 / 64, seed=0):
    """Clusters the features of each class.

    Args:
        instances: `Instances`.
        num_classes: Integer.
        num_styles: Integer, styles a class can have; it has fewer if fewer of its instances differ.
        min_area: Float, share of the picture: smaller instances are left out, since their features are noise. A class
            that has only such ones gets one style, their mean.
        seed: Integer.

    Returns:
        Dict: class -> `(count, feature_channels)` styles, the most frequent first; and dict: class -> how many
        instances each of them stands for. Classes that never occur are in neither.
    """
    styles, counts = {}, {}
    for label in range(num_classes):
        own = instances.label == label
        features = instances.features[own & (instances.area > min_area)]
        if len(features):
            styles[label], counts[label] = _cluster(features, num_styles, seed)
        elif own.any():
            styles[label], counts[label] = instances.features[own].mean(axis=0, keepdims=True), [int(own.sum())]
    return styles, counts


def _cluster(features, num_styles, seed):
    count = min(num_styles, len(np.unique(features, axis=0)))
    kind = KMeans if len(features) < MANY else MiniBatchKMeans
    result = kind(count, n_init=10, random_state=seed).fit(features)
    sizes = np.bincount(result.labels_, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    return result.cluster_centers_[order].astype("float32"), sizes[order].tolist()
