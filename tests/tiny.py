"""Small models and batches for tests."""

import json

import keras
import numpy as np

from hdsynth_tf.losses import FeatureMatchingLoss, PyramidLoss, SegmentationLoss
from hdsynth_tf.model import CycleGAN, Pix2PixHD
from hdsynth_tf.model.terms import Term
from hdsynth_tf.networks import (
    FeatureEncoder,
    GlobalGenerator,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    SegmentationDiscriminator,
)
from hdsynth_tf.pretrained import EfficientNetLite0Features
from pipelines.conditioning import ImageConditioning, SemanticConditioning


def semantic_model(ema_momentum=None, norm="instance", **conditioning):
    return Pix2PixHD(
        SemanticConditioning(4, **conditioning),
        GlobalGenerator(4, 2, 1, kernel_initializer="he_normal"),
        MultiScaleDiscriminator(2, 4, 1, norm),
        ema_momentum=ema_momentum,
    )


def class_model(ema_momentum=None, window=(8, 16), dtype=None, **conditioning):
    """A semantic model with a discriminator that knows the classes."""
    return Pix2PixHD(
        SemanticConditioning(4, dtype=dtype, **conditioning),
        GlobalGenerator(4, 2, 1, kernel_initializer="he_normal", dtype=dtype),
        SegmentationDiscriminator(4, 2, 2, window, dtype=dtype),
        ema_momentum=ema_momentum,
    )


def compiled_classes(model, rate=1e-3, **options):
    """The same compiled with its loss, and feature matching."""
    terms = [Term("adversarial", SegmentationLoss()), Term("feature_matching", FeatureMatchingLoss())]
    return compiled(model, rate, **{"terms": [*terms, Term("pixel", PyramidLoss(2), 10.0)], **options})


def style_model(ema_momentum=None, norm="instance", **conditioning):
    """A semantic model with an encoder of two features."""
    return Pix2PixHD(
        SemanticConditioning(4, **conditioning),
        GlobalGenerator(4, 2, 1, kernel_initializer="he_normal"),
        MultiScaleDiscriminator(2, 4, 1, norm),
        ema_momentum=ema_momentum,
        encoder=FeatureEncoder(2, 4, 2, kernel_initializer="he_normal"),
    )


def efficientnet(rng, strides):
    """An EfficientNet-Lite0 of weights that matter, as no package's are."""
    features = EfficientNetLite0Features(None, strides)
    features.set_weights([rng.normal(0, 0.3, weight.shape) for weight in features.get_weights()])
    return features


def image_model(**conditioning):
    return Pix2PixHD(ImageConditioning(1, (0, 255), **conditioning), GlobalGenerator(4, 2, 1), None)


def compiled(model, rate=1e-3, adversarial=True, pixel_weight=10.0, more_terms=(), **options):
    terms, optimizers = [], dict(generator_optimizer=keras.optimizers.Adam(rate, 0.5))
    if adversarial:
        terms += [Term("adversarial", "least_squares"), Term("feature_matching", FeatureMatchingLoss(), 10.0)]
        optimizers["discriminator_optimizer"] = keras.optimizers.Adam(rate, 0.5)
    terms += more_terms
    if pixel_weight:
        terms.append(Term("pixel", PyramidLoss(2), pixel_weight))
    model.compile(**{**optimizers, "terms": terms, **options})
    return model


def semantic_batch(batch=2, height=16, width=24, seed=0):
    rng = np.random.default_rng(seed)
    label_map = rng.integers(0, 4, (batch, height, width)).astype("int32")
    inputs = {"label_map": label_map, "instance_map": label_map * 1000 + 1}
    return inputs, rng.integers(0, 256, (batch, height, width, 3)).astype("uint8")


def direction(channels_in=3, channels_out=3, ema_momentum=None, dtype=None, initializer="he_normal", **conditioning):
    """One of the models that a small CycleGAN consists of."""
    return Pix2PixHD(
        ImageConditioning(channels_in, image_channels=channels_out, dtype=dtype, **conditioning),
        GlobalGenerator(4, 2, 1, channels_out, kernel_initializer=initializer, dtype=dtype),
        ema_momentum=ema_momentum,
    )


def cycle_model(channels=(3, 3), training_size=(16, 24), pool_size=3, norm="instance", dtype=None, **options):
    critics = [PatchDiscriminator(4, 1, norm, "he_normal", pad=1, dtype=dtype) for _ in "ab"]
    ab, ba = direction(*channels, dtype=dtype, **options), direction(*channels[::-1], dtype=dtype, **options)
    return CycleGAN(ab, ba, *critics, training_size=training_size, pool_size=pool_size, dtype=dtype)


def unpaired_batch(batch=2, height=16, width=24, channels=(3, 3), seed=0):
    rng = np.random.default_rng(seed)
    source, image = (rng.integers(0, 256, (batch, height, width, c)).astype("uint8") for c in channels)
    return {"source": source}, image


def round_trip(model, batch, path):
    """`model` from a Keras file: of the same configs, of the same pictures; both have trained a step since."""
    model.save(path)
    loaded = keras.saving.load_model(path)
    for config in ("get_config", "get_compile_config"):
        written, read = (json.dumps(getattr(m, config)(), sort_keys=True) for m in (model, loaded))
        assert written == read
    np.testing.assert_array_equal(loaded.generate(batch[0]), model.generate(batch[0]))
    for m in (model, loaded):
        m.train_step(batch)  # the optimizers too are where they were
    return loaded
