"""How far real and generated pictures are from each other in each layer of the content loss, on the training data."""

import numpy as np
import tensorflow as tf

from hdsynth_tf.losses.content import scales_from

SCENES = 100  # at least, over which distances are averaged


def measured_scales(model, loss, batches):
    """Scales for a content loss, with which every layer counts alike.

    Args:
        model: `Pix2PixHD`.
        loss: `ContentLoss`.
        batches: Dataset of `(inputs, image)`.

    Returns:
        Tuple of floats.
    """

    @tf.function(autograph=False)
    def distances(inputs, image):
        _, images = model.learn_from(inputs, image)
        return [tf.reduce_sum(distance) for distance in loss.distances(*images)]

    totals, seen = 0.0, 0
    for inputs, image in batches:
        totals = totals + np.array([float(total) for total in distances(inputs, image)])
        seen += len(image)
        if seen >= SCENES:
            return scales_from(totals)
