"""The ladder from a source of scenes to batches `(inputs, image)`, every rung a line.

The n-th sample of a training stream, its crop and its flip are functions of (seed, n) alone: a stream that starts later
continues where another stopped.
"""

import atexit
import threading
import time

import tensorflow as tf

from pipelines.augment import NO_ZOOM, random_crop, random_flip, random_part, resize
from pipelines.conditioning import percentile_window
from pipelines.progress import available_cores
from pipelines.source import spread

READERS = max(available_cores(), 2)  # scenes decoded at a time
PART_SEEDS = 7919  # between the seeds of a source's parts; of large numbers TensorFlow's shuffle reads the low bits


class _Reading:
    """Counts the reads under way, so that the interpreter can wait for them before it goes.

    TensorFlow's threads call back into Python to read a scene. One that does so while the interpreter shuts down, as
    after an error in the middle of an epoch, would block for ever, and the process with it.
    """

    def __init__(self):
        self.count, self.last = 0, 0.0
        self.lock = threading.Lock()
        atexit.register(self.wait_until_idle)

    def __enter__(self):
        with self.lock:
            self.count += 1

    def __exit__(self, *error):
        with self.lock:
            self.count, self.last = self.count - 1, time.monotonic()

    def wait_until_idle(self, quiet_s=0.2, limit_s=60):
        """Returns when nothing was read for `quiet_s`: then the buffers are full, and no read will begin."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end and (self.count or time.monotonic() - self.last < quiet_s):
            time.sleep(0.02)


_reading = _Reading()


def make_train(
    source,
    batch_size,
    image_size=None,
    crop_size=None,
    flip=True,
    seed=0,
    start=0,
    shard=(0, 1),
    zoom=NO_ZOOM,
    changes=(),
    percentiles=None,
):
    """An endless stream of shuffled, augmented batches.

    Every pass over the source is in another order. A batch never has fewer than `batch_size` samples; what is left at
    the end of a pass begins the first batch of the next. Of a source with several `parts` each has passes, crops and
    flips of its own.

    Args:
        source: `pipelines.source.Source` with images.
        batch_size: Integer, of all shards and replicas together.
        image_size: (height, width), or `None`. Scenes are resized to it on the host before a crop is cut.
        crop_size: (height, width), or `None`: whole scenes.
        zoom: (low, high), limits of a random factor by which scenes are enlarged before a crop is cut. Without
            `crop_size`, parts of the scenes are brought to `image_size`.
        changes: Functions `(sample, seed) -> sample` of `pipelines.cameras`, of what is cut out, one after the other.
        percentiles: `(low, high)`, or `None`. With them the inputs have `window`, what `conditioning.percentile_window`
            finds in each whole source, before anything is cut out of it.
        flip: Boolean, whether half of the samples are mirrored.
        seed: Integer.
        start: Integer, number of the first sample; a multiple of `batch_size` where there are several shards.
        shard: (index, count): which of `count` equal parts of every batch this stream has. All parts together are the
            stream of one shard; each reads its own samples only.

    Returns:
        `tf.data.Dataset` of `(inputs, image)`: dict of integer or source arrays, and images
        `(batch, height, width, channels)` as the source has them.

    Example:

    >>> from pipelines.dataset import make_train
    >>> from pipelines.toy_street import ToyStreet
    >>> batches = make_train(ToyStreet(num_scenes=4, height=32, width=64), batch_size=2, crop_size=(32, 48))
    >>> inputs, image = next(iter(batches))
    >>> sorted(inputs), tuple(image.shape)
    (['instance_map', 'label_map', 'rows'], (2, 32, 48, 3))
    """
    part = batch_size // shard[1]
    numbers = tf.data.Dataset.counter(start // shard[1])
    numbers = numbers.map(lambda m: m // part * batch_size + shard[0] * part + m % part)  # of all samples, this shard's
    streams = [
        _samples(numbers, each, image_size, crop_size, flip, seed + place * PART_SEEDS, zoom, changes, percentiles)
        for place, each in enumerate(source.parts)
    ]
    dataset = tf.data.Dataset.zip(*streams).map(_merged) if len(streams) > 1 else streams[0]
    dataset = dataset.map(_split)
    dataset = dataset.batch(part, drop_remainder=True)
    return _finish(dataset)


def _samples(numbers, source, image_size, crop_size, flip, seed, zoom, changes, percentiles):
    """The augmented scenes of one source that have these numbers in its stream. Other arguments: see `make_train`."""
    dataset = numbers.map(lambda n: (_shuffled(n, len(source), seed), tf.stack([seed, 2 * n])))
    dataset = dataset.map(lambda index, draw: (_load(source, index), draw), READERS)
    if percentiles and "source" in source.formats:
        dataset = dataset.map(lambda sample, draw: (_with_window(sample, percentiles), draw), READERS)
    if zoom != NO_ZOOM and not crop_size:
        dataset = dataset.map(lambda sample, draw: (random_part(sample, image_size, draw, zoom), draw), READERS)
    elif image_size:
        dataset = dataset.map(lambda sample, draw: (resize(sample, image_size), draw), READERS)
    if crop_size:
        dataset = dataset.map(lambda sample, draw: (random_crop(sample, crop_size, draw, zoom), draw), READERS)
    if changes:
        dataset = dataset.map(lambda sample, draw: (_changed(sample, changes, draw), draw), READERS)
    if flip:
        dataset = dataset.map(lambda sample, draw: (random_flip(sample, draw), draw), READERS)
    return dataset.map(lambda sample, draw: sample)


def _changed(sample, changes, draw):
    for change in changes:
        sample = change(sample, draw)
    return sample


def _merged(*samples):
    """One sample of independent ones; where it was cut from is that of the first."""
    merged = {}
    for sample in reversed(samples):
        merged |= sample
    return merged


def make_eval(source, batch_size=1, indices=None, changes=(), seed=0):
    """Scenes once, in order, whole and as large as they are.

    Args:
        source: `pipelines.source.Source`, with or without images.
        batch_size: Integer; above 1, all scenes must be of one size. The last batch may be smaller.
        indices: Integers: which scenes; `None`: all.
        changes: See `make_train`. None, unless a training wants to know what its changed sources are like.
        seed: Integer, of the changes.

    Returns:
        `tf.data.Dataset` of `(inputs, image)`, or of `inputs` if the source has no images.
    """
    indices = range(len(source)) if indices is None else indices
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(list(indices), tf.int64))
    dataset = dataset.map(lambda index: _load(source, index), READERS)
    if changes:
        dataset = dataset.enumerate().map(lambda n, sample: _changed(sample, changes, tf.stack([seed, n])), READERS)
    dataset = dataset.map(_split)
    dataset = dataset.batch(batch_size)
    return _finish(dataset)


def make_sample(source, limit):
    """The `make_eval` of `limit` scenes at most, spread evenly over a source."""
    return make_eval(source, indices=spread(limit, len(source)))


def _finish(dataset):
    """Two batches ahead. Tuning by TensorFlow is off: its thread holds up every end of an iterator for many seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(2).with_options(options)


def _shuffled(n, count, seed):
    """The scene that is the `n`-th of the stream: a new permutation for each pass."""
    draw = tf.stack([tf.cast(seed, tf.int64), n // count])
    return tf.random.experimental.index_shuffle(n % count, draw, tf.cast(count - 1, tf.int64))


def _load(source, index):
    """The arrays of one scene, read by Python on the host: Pillow knows every format and keeps ids exact."""
    keys = list(source.formats)

    def read(i):
        with _reading:
            sample = source.load(int(i))
        return [sample[key] for key in keys]

    arrays = tf.numpy_function(read, [index], [source.formats[key][1] for key in keys])
    for key, array in zip(keys, arrays):
        array.set_shape((*(source.common_size or (None, None)), *source.formats[key][0]))
    return dict(zip(keys, arrays))


def _with_window(sample, percentiles):
    return {**sample, "window": percentile_window(sample["source"][None], percentiles)[0]}


def _split(sample):
    """`(inputs, image)`, or the inputs alone where there is no image."""
    inputs = {key: value for key, value in sample.items() if key != "image"}
    return (inputs, sample["image"]) if "image" in sample else inputs
