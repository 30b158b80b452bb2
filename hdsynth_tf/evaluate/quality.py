"""Agreement with the real pictures: PSNR, SSIM, edges and sharpness, beside what a picture in mean colours gets."""

import numpy as np
import tensorflow as tf

from pipelines.dataset import make_sample

SCORES = ("psnr", "ssim", "edge_correlation", "sharpness")


def scores(model, source, limit=64):
    """PSNR, SSIM, edge correlation and sharpness against the real images, at the working size, in 8 bits.

    A model with an encoder takes its styles from the real pictures.

    Args:
        model: `Pix2PixHD`.
        source: `pipelines.source.Source` with images: the scenes to score.
        limit: Integer, scenes at most, spread evenly.

    Returns:
        Dict of means over scenes: `psnr` (dB), `ssim`, `edge_correlation` (are edges where they should be: -1 to 1) and
        `sharpness` (1: as much gradient as in the real picture).
    """
    rows = []
    for inputs, image in make_sample(source, limit):
        real = _to_bytes(model.conditioning.target(inputs, image))
        rows.append(score(_to_bytes(model({**inputs, "style_image": image})), real))
    return _means(rows)


def score(fake, real):
    """The `scores` of one pair of pictures `(1, height, width, channels)`, 0 to 255."""
    edges, real_edges = edge_map(fake), edge_map(real)
    sharpness = float(tf.reduce_mean(edges) / tf.maximum(tf.reduce_mean(real_edges), 1e-6))
    values = _psnr(fake, real), _ssim(fake, real), _correlation(edges, real_edges), sharpness
    return dict(zip(SCORES, values))


def mean_color_scores(model, source, training_source, limit=64):
    """The `scores` of pictures that have the mean colour of its class everywhere, or of the dataset without classes.

    Args:
        model, source, limit: See `scores`.
        training_source: Source the colours are taken from.
    """
    colors, rows = _mean_colors(model.conditioning, training_source, limit), []
    for inputs, image in make_sample(source, limit):
        flat = tf.einsum("bhwk,kc->bhwc", _classes(model.conditioning, inputs), colors)
        rows.append(score(_to_bytes(flat), _to_bytes(model.conditioning.target(inputs, image))))
    return _means(rows)


def agreement(model, source, training_source, limit=64):
    """Scores of a finished training: `scenes`, the model's `scores`, and `mean_color_psnr`, `mean_color_ssim`."""
    flat = mean_color_scores(model, source, training_source, limit)
    baseline = {"mean_color_psnr": flat["psnr"], "mean_color_ssim": flat["ssim"]}
    return {"scenes": min(limit, len(source)), **scores(model, source, limit), **baseline}


def _means(rows):
    return {name: float(np.mean([row[name] for row in rows])) for name in SCORES}


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
    return float(tf.reduce_sum(a * b) / tf.maximum(tf.norm(a) * tf.norm(b), 1e-6))


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


def _psnr(fake, real):
    return float(tf.image.psnr(fake, real, 255.0)[0])


def _ssim(fake, real):
    return float(tf.image.ssim(fake, real, 255.0, filter_size=min(11, *fake.shape[1:3]))[0])
