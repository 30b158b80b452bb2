"""A run with a discriminator on pretrained features: it needs them to train, and nothing of them afterwards."""

import keras
import numpy as np
import pytest

from hdsynth_tf.config import flags
from hdsynth_tf.config.groups import LossSettings, NetworkSettings
from hdsynth_tf.networks import ProjectedDiscriminator

TINY = [
    "--discriminator=projected", "--discriminator_filters=4", "--toy_thermal", "--num_scenes=6", "--image_height=32",
    "--image_width=64", "--num_filters=4", "--num_downsamples=1", "--num_residual_blocks=1", "--num_enhancers=1",
    "--num_enhancer_blocks=1", "--enhancer_epochs=0", "--epochs=1", "--decay_epochs=0", "--steps_per_epoch=1",
    "--num_samples=1",
]  # fmt: skip


def test_it_brings_feature_matching_of_features_relative_to_their_magnitude():
    _, losses = flags.parse(["train", "--discriminator=projected"], (NetworkSettings, LossSettings), "usage")
    assert losses.relative_matching and losses.feature_matching_weight == 4


@pytest.mark.slow
def test_a_run_coarse_to_fine_is_saved_with_the_features(command, efficientnet_weights, tmp_path):
    efficientnet_weights()
    code, _, error = command("train", *TINY, f"--run_dir={tmp_path / 'run'}")
    assert code == 0, error
    efficientnet_weights(present=False)
    model = keras.saving.load_model(tmp_path / "run" / "model.keras", compile=False)
    assert isinstance(model.discriminator, ProjectedDiscriminator) and model.level == 1
    features = model.discriminator.feature_extractor.get_weights()
    assert all(np.any(weight) for weight in features)


def test_without_the_package_it_is_said_before_anything_is_written(command, efficientnet_weights, tmp_path):
    efficientnet_weights(present=False)
    code, _, error = command("train", *TINY, f"--run_dir={tmp_path / 'run'}")
    assert code != 0 and "make pretrained" in error and "Traceback" not in error
    assert not (tmp_path / "run" / "model.keras").exists() and not (tmp_path / "run" / "checkpoints").exists()
