"""The adversarial loss of discriminators that know the classes: cross-entropy of every pixel, balanced over classes."""

import keras
from keras import ops

from hdsynth_tf.losses.adversarial import PACKAGE, AdversarialLoss, per_sample_mean
from hdsynth_tf.networks.precision import widen


def class_weights(classes):
    """Weights with which all classes of a batch count alike, however large they are.

    Args:
        classes: `(batch, height, width, num_classes)` float, 1 for a pixel's class and 0 for others; pixels of no class
            have zeros alone.

    Returns:
        `(num_classes,)` float32: the number of pixels, divided by those of the class and by the number of classes that
        there are; 0 for classes that are not there. Over all pixels the mean of the weights of their classes is 1.
    """
    classes = widen(classes)
    counts = ops.sum(classes, axis=(0, 1, 2))
    present = ops.cast(counts > 0, counts.dtype)
    pixels = ops.cast(ops.prod(ops.shape(classes)[:3]), counts.dtype)
    return present * pixels / (ops.maximum(counts, 1) * ops.maximum(ops.sum(present), 1))


@keras.saving.register_keras_serializable(package=PACKAGE)
class SegmentationLoss(AdversarialLoss):
    """OASIS: the discriminator finds the classes of real pixels and calls fake ones fake; the generator wants classes.

    With `t` the class of a pixel, `a` its weight by `class_weights` and `CE` the cross-entropy of the scores `D`, where
    "fake" comes first: `mean a[t] CE(D(x), t + 1)` for the real image `x` and `mean CE(D(G(s)), 0)` for the fake one;
    `mean (D(mix) - (mask D(x) + (1 - mask) D(G(s))))^2`, LabelMix, makes the judgement of a pixel one of its object;
    against `mean a[t] CE(D(G(s)), t + 1)` of the generator.

    Args:
        mix_weight: Float, of LabelMix.

    Reference:
        - [Sushko et al., 2021](https://arxiv.org/abs/2012.04781)
    """

    verdict = "classes"

    def __init__(self, mix_weight=10.0):
        self.mix_weight = mix_weight

    @property
    def discriminator_weights(self):
        return {**super().discriminator_weights, "discriminator_mix": self.mix_weight}

    def discriminator_terms(self, real_scores, fake_scores, mix, classes, mask):
        """Discriminator loss: `(real, fake, mix)`, each `(batch,)` float32.

        Args:
            real_scores, fake_scores: Lists of one scale: `(batch, height, width, num_classes + 1)` scores.
            mix: The same of the mixed image.
            classes: See `class_weights`.
            mask: `(batch, height, width, 1)` float, 1 where the mixed image is real.
        """
        (real,), (fake,) = real_scores, fake_scores
        real, fake, mix, mask = widen(real), widen(fake), widen(mix), widen(mask)
        on_fake = per_sample_mean(-ops.log_softmax(fake, axis=-1)[..., 0])
        on_mix = per_sample_mean(ops.square(mix - (mask * real + (1 - mask) * fake)))
        return balanced_cross_entropy(real, classes), on_fake, on_mix

    def generator_term(self, fake_scores, classes, **others):
        """Generator loss: `(batch,)` float32. The arguments are those of `discriminator_terms`."""
        (fake,) = fake_scores
        return balanced_cross_entropy(fake, classes)

    def get_config(self):
        return {"mix_weight": self.mix_weight}


def balanced_cross_entropy(scores, classes):
    """`(batch,)` float32: cross-entropy of scores, "fake" first, with the classes that there should be; see above."""
    likely = ops.log_softmax(widen(scores), axis=-1)[..., 1:]
    return per_sample_mean(-ops.sum(widen(classes) * class_weights(classes) * likely, axis=-1))
