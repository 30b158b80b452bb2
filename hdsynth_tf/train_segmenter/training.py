"""Trains a segmenter on the real images and label maps of a source."""

import keras
import numpy as np
import tensorflow as tf

from hdsynth_tf.evaluate.segmentation import VOID
from hdsynth_tf.files.run_folder import RunFolderError, read_own, write_json
from hdsynth_tf.files.storage import remove, remove_leftovers, replacing
from pipelines.dataset import make_train
from pipelines.source import spread

WEIGHTS, EPOCHS = "latest.weights.h5", "epochs.json"
WARM_UP_STEPS = 50  # over which the learning rate rises
LARGEST_WEIGHT = 30.0  # of a class that hardly occurs, before weights are brought to a mean of 1
NOISE, GAIN, OFFSET = 0.06, 0.15, 0.1  # at most, of pictures in [-1, 1]


def train(network, batches, epochs, steps_per_epoch, learning_rate, backup):
    """Trains with Adam, its rate falling along a cosine, and a progress bar.

    Args:
        network: `SegmentationUNet`.
        batches: `batches_of`, a function of the number of the first batch alone.
        epochs, steps_per_epoch: Integers.
        learning_rate: Float, the highest.
        backup: `Path` of a folder, from which an interrupted training goes on. It is removed at the end.

    Raises:
        RunFolderError: If what lies there is damaged.
    """
    steps = epochs * steps_per_epoch
    rise = min(WARM_UP_STEPS, steps // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 10, steps - rise, warmup_target=learning_rate, warmup_steps=rise
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=VOID)
    network.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    network.optimizer.build(network.trainable_variables)
    keep = Backup(backup / "state")
    first = keep.restore(network)
    left = batches(start=first * steps_per_epoch)
    network.fit(left, initial_epoch=first, epochs=epochs, steps_per_epoch=steps_per_epoch, callbacks=[keep])
    remove(backup)


class Backup(keras.callbacks.Callback):
    """Keeps the last epoch that was finished, in a folder that is whole or not there.

    Keras' own `BackupAndRestore` writes over its files: killed meanwhile, it could not go on.

    Args:
        folder: `Path`.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        with replacing(self.folder) as temporary:
            temporary.mkdir()
            self.model.save_weights(temporary / WEIGHTS)
            write_json(temporary / EPOCHS, {"finished": epoch + 1})

    def restore(self, network):
        """Loads weights and optimizer into a compiled network; returns how many epochs were finished."""
        remove_leftovers(self.folder.parent)
        if not self.folder.exists():
            return 0
        finished = read_own(self.folder / EPOCHS, {"finished": int}, f"Remove {self.folder}: it then begins again.")
        try:
            network.load_weights(self.folder / WEIGHTS)
        except Exception as error:  # whatever damaged files lead HDF5 to
            raise RunFolderError(f"{self.folder} is damaged. Remove it: the training then begins again.") from error
        return finished["finished"]


def batches_of(source, classes, batch_size, image_size=None, crop_size=None, flip=True, seed=0, start=0):
    """An endless stream of `(image, classes, weight)`.

    Rare classes weigh more, by the root of their share: signs and poles would else be learned last, if at all.
    Sharpness, brightness, contrast and noise vary, so that a segmenter does not take small faults of a generated
    picture for another class.

    Args:
        source: `pipelines.source.Source` with label maps and images.
        classes: `EvaluatedClasses`.
        batch_size, image_size, crop_size, flip, seed: See `pipelines.dataset.make_train`.
        start: Integer, number of the first batch: what is disturbed, and how, follows from (seed, number) alone.

    Returns:
        `tf.data.Dataset` of float32 `(batch, height, width, 3)` about in [-1, 1]; int32 `(batch, height, width)`,
        `VOID` where there is nothing to learn; and float32 of that shape.
    """
    table, weights = tf.constant(classes.table), tf.constant(_class_weights(source, classes))

    def prepare(number, batch):
        inputs, image = batch
        label_map = inputs["label_map"]
        known = (label_map >= 0) & (label_map < len(classes.table))
        truth = tf.gather(table, tf.where(known, label_map, len(classes.table) - 1))
        return (
            _disturb(image, tf.stack([tf.cast(seed, tf.int64), number])),
            truth,
            tf.gather(weights, tf.maximum(truth, 0)),
        )

    stream = make_train(source, batch_size, image_size, crop_size, flip, seed, start * batch_size)
    return stream.enumerate(start).map(prepare).prefetch(2)


def _disturb(image, seed):
    """uint8 pictures -> float32 about in [-1, 1], each a little softer, brighter or darker, flatter, noisier."""
    image = tf.cast(image, tf.float32) / 127.5 - 1
    per_picture, seeds = (tf.shape(image)[0], 1, 1, 1), tf.random.split(seed, 5)

    def draw(which, low, high):
        return tf.random.stateless_uniform(per_picture, seeds[which], low, high)

    gain, offset = draw(0, -GAIN, GAIN), draw(1, -OFFSET, OFFSET)
    noise = tf.random.stateless_normal(tf.shape(image), seeds[2]) * draw(3, 0, NOISE)
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    softer = tf.nn.avg_pool2d(tf.pad(image, around, "REFLECT"), 3, 1, "VALID")
    image += (softer - image) * draw(4, 0, 1)
    return image * (1 + gain) + offset + noise


def _class_weights(source, classes, limit=64):
    """float32 `(classes,)`, from some scenes spread over a source; 1 on average over their pixels."""
    counts = np.zeros(len(classes))
    for index in spread(limit, len(source)):
        found = classes(source.load(index)["label_map"])
        counts += np.bincount(found[found != VOID], minlength=len(classes))
    shares = np.maximum(counts, 1) / max(counts.sum(), 1)
    weights = np.minimum(shares**-0.5, LARGEST_WEIGHT)
    return (weights / (weights * shares).sum()).astype("float32")
