"""Agreement with the real pictures: LPIPS, PSNR, SSIM, edges, sharpness, beside what a picture in mean colours gets."""

import numpy as np
import tensorflow as tf

from hdsynth_tf.evaluate.artefacts import artefacts
from hdsynth_tf.evaluate.perceptual import lpips, lpips_nets
from pipelines.dataset import make_sample
from pipelines.source import spread

SCORES = ("psnr", "ssim", "edge_correlation", "sharpness")  # of every pair of pictures; LPIPS where it can be had
SSIM_WINDOW = 11  # pixels a side; smaller pictures have one as large as they are
VGG_SCENES = 16  # VGG16 takes twenty times as long as AlexNet


def scores(model, source, limit=64, vgg_limit=VGG_SCENES):
    """LPIPS, PSNR, SSIM, edge correlation and sharpness against the real images, at the working size, in 8 bits.

    A model with an encoder takes its styles from the real pictures.

    Args:
        model: `Pix2PixHD`.
        source: `pipelines.source.Source` with images: the scenes to score.
        limit: Integer, scenes at most, spread evenly.
        vgg_limit: Integer, of these at most that are scored by VGG16's LPIPS, too.

    Returns:
        Dict of means over scenes: `lpips_alex`, `lpips_vgg` (0: equal; where they can be had, see `perceptual.lpips`),
        `psnr` (dB), `ssim`, `edge_correlation` (are edges where they should be: -1 to 1), `sharpness` (1: as much
        gradient as in the real picture) and, of pictures with plain surfaces, `weave` and `spots` (see `artefacts`).
    """
    rows, draw = [], tf.function(model, autograph=False, reduce_retracing=True)
    for (inputs, image), nets in zip(make_sample(source, limit), _nets(min(limit, len(source)), vgg_limit)):
        real = _to_bytes(model.conditioning.target(inputs, image))
        fake = _to_bytes(draw({**inputs, **model.with_styles_of(image)}))
        rows.append({**score(fake, real, nets), **artefacts(fake[0], real[0])})
    return _means(rows)


def _nets(count, vgg_limit):
    """For each of so many scenes, the nets that score it: VGG16 is only for some, spread evenly."""
    slow = set(spread(vgg_limit, count))
    return [[net for net in lpips_nets() if net != "vgg" or i in slow] for i in range(count)]


def score(fake, real, nets=None):
    """The `scores` but for artefacts of one pair of pictures `(1, height, width, channels)`, 0 to 255.

    Args:
        fake, real: The pictures.
        nets: Names of LPIPS' nets. Default: all that can be had.
    """
    fake, real = tf.convert_to_tensor(fake), tf.convert_to_tensor(real)
    values = map(float, _pixel_scores(fake, real, min(SSIM_WINDOW, *fake.shape[1:3])))
    perceptual = lpips(fake, real, lpips_nets() if nets is None else nets)
    return {**perceptual, **dict(zip(SCORES, values))}


@tf.function(autograph=False, reduce_retracing=True)
def _pixel_scores(fake, real, window):
    """The values of `SCORES`."""
    edges, real_edges = edge_map(fake), edge_map(real)
    sharpness = tf.reduce_mean(edges) / tf.maximum(tf.reduce_mean(real_edges), 1e-6)
    ssim = tf.image.ssim(fake, real, 255.0, filter_size=window)[0]
    return tf.image.psnr(fake, real, 255.0)[0], ssim, _correlation(edges, real_edges), sharpness


def mean_color_scores(model, source, training_source, limit=64):
    """The `scores` of pictures that have the mean colour of its class everywhere, or of the dataset without classes.

    Args:
        model, source, limit: See `scores`. LPIPS is AlexNet's alone.
        training_source: Source the colours are taken from.
    """
    colors, rows = _mean_colors(model.conditioning, training_source, limit), []
    nets = [net for net in lpips_nets() if net == "alex"]
    for inputs, image in make_sample(source, limit):
        flat = tf.einsum("bhwk,kc->bhwc", _classes(model.conditioning, inputs), colors)
        rows.append(score(_to_bytes(flat), _to_bytes(model.conditioning.target(inputs, image)), nets))
    return _means(rows)


def agreement(model, source, training_source, limit=64):
    """Scores of a finished training: `scenes`, the model's `scores`, and some of a picture in mean colours."""
    flat = mean_color_scores(model, source, training_source, limit)
    baseline = {f"mean_color_{name}": flat[name] for name in ("lpips_alex", "psnr", "ssim") if name in flat}
    return {"scenes": min(limit, len(source)), **scores(model, source, limit), **baseline}


def _means(rows):
    """Means of all scores, each over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def diversity(pictures):
    """Diversity of pictures of one input: mean absolute difference in grey levels, over all pairs of them.

    Args:
        pictures: `(count, height, width, channels)` uint8, two or more.
    """
    pictures = np.asarray(pictures, "float32")
    pairs = [np.abs(pictures[i] - pictures[:i]).mean(axis=(1, 2, 3)) for i in range(1, len(pictures))]
    return float(np.concatenate(pairs).mean())


def edge_map(image):
    """Length of the gradient of the grey picture: `(batch, height, width, channels)` -> `(batch, height, width)`."""
    down, across = tf.image.image_gradients(tf.reduce_mean(image, axis=-1, keepdims=True))
    return tf.sqrt(tf.square(down) + tf.square(across))[..., 0]


def _correlation(a, b):
    a, b = a - tf.reduce_mean(a), b - tf.reduce_mean(b)
    return tf.reduce_sum(a * b) / tf.maximum(tf.norm(a) * tf.norm(b), 1e-6)


def _mean_colors(conditioning, source, limit):
    """Mean colour of each class, `(classes, 3)` in [-1, 1]."""
    total, count = 0.0, 0.0
    for inputs, image in make_sample(source, limit):
        classes = _classes(conditioning, inputs)
        total += tf.einsum("bhwk,bhwc->kc", classes, tf.cast(conditioning.target(inputs, image), tf.float32))
        count += tf.reduce_sum(classes, axis=(0, 1, 2))
    return total / tf.maximum(count, 1.0)[:, None]


def _classes(conditioning, inputs):
    """One-hot classes `(batch, height, width, classes)`; one class everywhere where there are no labels."""
    semantic_input = tf.cast(conditioning(inputs), tf.float32)
    classes = getattr(conditioning, "num_classes", None)
    return tf.ones_like(semantic_input[..., :1]) if classes is None else semantic_input[..., :classes]


def _to_bytes(image):
    return tf.round(tf.clip_by_value((tf.cast(image, tf.float32) + 1) * 127.5, 0.0, 255.0))
