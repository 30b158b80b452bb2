"""Fits a generator's `ToneAdjustment` to the training scenes, once, before the networks train."""

import keras
import numpy as np
from keras import ops
from sklearn.cluster import KMeans

from hdsynth_tf.networks.tone import cosines, standardize, tone_of

STEPS, BATCH_SIZE, LEARNING_RATE = 1500, 32, 1e-3
DROPOUT = 0.3, 0.5  # of statistics and of hidden units: a few hundred pictures are easily known by heart
ROWS = 48  # of a picture, that are compared
PARTS, FEWEST = 4, 20  # of the scenes, that are held out in turn; scenes that tell how far tones are to be drawn
FURTHEST = 1.6  # beyond it chance would be drawn out, not light


def fit_tone(generator, conditioning, scenes, seed=0):
    """Finds the weights with which a picture in nothing but its tone comes nearest to the real one, in decibels.

    What is to be expected lies nearer to the mean than what is, and would make a dusk of every night: tones are drawn
    away from their mean until those of scenes not fitted to vary in lightness as much as the photographs do.

    The further tones of one input are those of the training photographs: centers of K-means, dark to light.

    Args:
        generator: Built, with a tone, whose weights are replaced.
        conditioning: `pipelines.conditioning.Conditioning` at the size at which the model is going to be used; or where
            the generator has `input_features`, at which these are going to see.
        scenes: Training scenes, batches of one: sized iterable of `(inputs, image)`, as the conditioning reads them.
        seed: Integer. The same seed gives the same weights again.

    Returns:
        Float: the PSNR of such pictures on the training scenes, mean over pictures, in dB.
    """
    tone = generator.tone
    statistics, targets = _survey(generator, conditioning, scenes)
    center, spread = statistics.mean(0), statistics.std(0) + 1e-2
    standard = ops.convert_to_numpy(standardize(statistics, center, spread))
    network = _regression(standard, targets, tone, seed)
    further = _further(standard, targets, tone, seed)
    hidden_kernel, hidden_bias, kernel, bias = network.get_weights()
    mean = ops.convert_to_numpy(network(standard)).mean(0)
    network.set_weights([hidden_kernel, hidden_bias, further * kernel, mean + further * (bias - mean)])
    others = [_others(targets, tone, seed)] if tone.num_images > 1 else []
    tone.set_weights([center, spread, *network.get_weights(), *others])
    squares = _mean_square(targets, network(standard), cosines(ROWS, tone.num_cosines))
    return float(np.mean(10 * np.log10(4 / ops.convert_to_numpy(squares))))


def _regression(standard, targets, tone, seed):
    """A network that finds the tones of scenes: statistics, standardized, -> tones."""
    network = keras.Sequential(
        [
            keras.Input(standard.shape[1:]),
            keras.layers.Dropout(DROPOUT[0], seed=seed),
            keras.layers.Dense(tone.hidden_units, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed)),
            keras.layers.Dropout(DROPOUT[1], seed=seed + 1),
            keras.layers.Dense(tone.num_cosines * tone.channels, kernel_initializer="zeros"),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, STEPS)
    waves = cosines(ROWS, tone.num_cosines)

    def log_error(y_true, y_pred):
        return ops.log(_mean_square(y_true, y_pred, waves))

    network.compile(keras.optimizers.Adam(rate), log_error)
    order = np.random.default_rng(seed).integers(0, len(standard), (STEPS, BATCH_SIZE))
    batches = ((standard[scenes], targets[scenes]) for scenes in order)  # all at once are 1 GB, of label maps
    network.fit(batches, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    return network


def _further(standard, targets, tone, seed):
    """Times as far from their mean as tones that are to be expected photographs' are in lightness, 1 to `FURTHEST`.

    Each part of the scenes, neighbours together, is looked at by a regression on the others. A few scenes tell nothing.
    """
    if len(standard) < FEWEST:
        return 1.0
    expected, scenes = [], np.arange(len(standard))
    for held in np.array_split(scenes, PARTS):
        others = np.setdiff1d(scenes, held)
        network = _regression(standard[others], targets[others], tone, seed)
        expected.append(ops.convert_to_numpy(network(standard[held])))
    both = np.concatenate(expected), _own(targets, tone)
    lightness, own = (tones[:, : tone.channels].mean(1) for tones in both)
    return float(np.clip(own.std() / max(lightness.std(), 1e-6), 1, FURTHEST))


def _survey(generator, conditioning, scenes):
    """Looks at the scenes: statistics `(scenes, features)`, and what `_mean_square` compares with."""
    statistics, targets = [], []
    bar = keras.utils.Progbar(len(scenes), unit_name="scene")
    for inputs, image in scenes:
        x = ops.cast(conditioning(inputs), "float32")
        statistics.append(ops.convert_to_numpy(generator.statistics(x))[0])
        targets.append(_row_means(conditioning.target(inputs, image)))
        bar.add(1)
    return np.stack(statistics), np.stack(targets)


def _row_means(image):
    """A picture's colours from top to bottom and, last, the mean square of what differs from them."""
    rows = ops.mean(image, axis=2, keepdims=True)  # resized across, the middle would count more than the sides
    rows = ops.image.resize(rows, (ROWS, 1), "bilinear", antialias=True, data_format="channels_last")
    rest = ops.mean(ops.square(image)) - ops.mean(ops.square(rows))
    return np.append(ops.convert_to_numpy(rows), np.maximum(ops.convert_to_numpy(rest), 1e-4)).astype("float32")


def _own(targets, tone):
    """The tones that the photographs have, `(scenes, num_cosines * channels)`."""
    rows = targets[:, :-1].reshape(len(targets), ROWS, tone.channels)
    return ops.convert_to_numpy(tone_of(rows, tone.num_cosines))


def _others(targets, tone, seed):
    """As many tones as the scenes have, that are unlike each other; the first is left out."""
    centers = KMeans(tone.num_images - 1, n_init=10, random_state=seed).fit(_own(targets, tone)).cluster_centers_
    lightness = centers[:, : tone.channels].sum(1)  # of the constant cosine
    return np.concatenate([np.zeros_like(centers[:1]), centers[np.argsort(lightness)]])


def _mean_square(targets, tones, waves):
    """The mean squared difference of pictures and their tones alone, `(batch,)`."""
    num_cosines = waves.shape[1]
    rows = ops.tanh(ops.matmul(waves, ops.reshape(tones, (-1, num_cosines, tones.shape[-1] // num_cosines))))
    differences = ops.reshape(rows, (-1, targets.shape[-1] - 1)) - targets[:, :-1]
    return ops.mean(ops.square(differences), axis=1) + targets[:, -1]
