"""What a tone looks with: a pretrained network needs pictures, and stays a part of the model."""

import keras
import numpy as np
import pytest

from hdsynth_tf.assemble.models import build_generator
from hdsynth_tf.config.groups import NetworkSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.networks.coarse_to_fine import grow
from pipelines.conditioning import ImageConditioning, SemanticConditioning

SETTINGS = NetworkSettings(
    num_filters=4, num_downsamples=1, num_residual_blocks=1, tone=True, tone_features="efficientnet"
)


@pytest.mark.parametrize(
    "conditioning, received", [(SemanticConditioning(3), "label maps"), (ImageConditioning(2), "2 channels")]
)
def test_it_looks_at_images_of_1_or_3_channels(conditioning, received):
    with pytest.raises(SettingsError, match=f"1 or 3 channels. Received: {received}: leave it out"):
        build_generator(SETTINGS, conditioning, "float32")


@pytest.mark.parametrize("grown", [False, True], ids=["G1", "G2"])
def test_it_is_saved_with_the_generator(efficientnet_weights, tmp_path, rng, grown):
    efficientnet_weights()
    generator = build_generator(SETTINGS, ImageConditioning(1, row_channel=True), "float32")
    x = rng.uniform(-1, 1, (1, 20, 30, 2)).astype("float32")
    generator(x)
    tone = generator.tone
    tone.assign(*(rng.normal(0, 0.1, weight.shape) for weight in tone.weights[:6]))
    statistics = keras.ops.convert_to_numpy(tone.statistics(x[..., :1]))
    assert statistics.any() and not tone.trainable_weights
    generator = grow(generator, 1) if grown else generator
    image = generator(x)
    generator.save(tmp_path / "generator.keras")
    efficientnet_weights(present=False)
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(loaded.tone.statistics(x[..., :1]), statistics, atol=1e-5)
    np.testing.assert_allclose(loaded(x), image, atol=1e-5)
