"""Agreement with the real pictures: PSNR and SSIM, beside what a picture in mean colours gets."""

import numpy as np
import tensorflow as tf

from pipelines.dataset import make_eval


def agreement(model, source, training_source, limit=64):
    """PSNR and SSIM on scenes, at the model's working size, in 8 bits.

    Args:
        model: `Pix2PixHD`.
        source: `pipelines.source.Source` with images: the scenes to score.
        training_source: Source the mean colours are taken from.
        limit: Integer, scenes at most, from the start of either source.

    Returns:
        Dict: `scenes` integer; `psnr` (dB) and `ssim` of the model; `mean_color_psnr` and `mean_color_ssim` of a
        picture that has the mean colour of its class everywhere, or of the dataset where there are no classes.
    """
    colors = _mean_colors(model.conditioning, training_source, limit)
    scores = []
    for inputs, image in make_eval(source).take(limit):
        real = _to_bytes(model.conditioning.target(inputs, image))
        flat = tf.einsum("bhwk,kc->bhwc", _classes(model.conditioning, inputs), colors)
        pair = [_to_bytes(model(inputs)), _to_bytes(flat)]
        scores.append([score for fake in pair for score in (_psnr(fake, real), _ssim(fake, real))])
    names = ("psnr", "ssim", "mean_color_psnr", "mean_color_ssim")
    return {"scenes": len(scores), **dict(zip(names, np.mean(scores, axis=0).tolist()))}


def _mean_colors(conditioning, source, limit):
    """Mean colour of each class, `(classes, 3)` in [-1, 1]."""
    total, count = 0.0, 0.0
    for inputs, image in make_eval(source).take(limit):
        classes = _classes(conditioning, inputs)
        total += tf.einsum("bhwk,bhwc->kc", classes, conditioning.target(inputs, image))
        count += tf.reduce_sum(classes, axis=(0, 1, 2))
    return total / tf.maximum(count, 1.0)[:, None]


def _classes(conditioning, inputs):
    """One-hot classes `(batch, height, width, classes)`; one class everywhere where there are no labels."""
    semantic_input = tf.cast(conditioning(inputs), tf.float32)
    classes = getattr(conditioning, "num_classes", None)
    return tf.ones_like(semantic_input[..., :1]) if classes is None else semantic_input[..., :classes]


def _to_bytes(image):
    return tf.round(tf.clip_by_value((image + 1) * 127.5, 0.0, 255.0))


def _psnr(fake, real):
    return float(tf.image.psnr(fake, real, 255.0)[0])


def _ssim(fake, real):
    return float(tf.image.ssim(fake, real, 255.0, filter_size=min(11, *fake.shape[1:3]))[0])
