"""The perceptual loss that the flags ask for."""

import numpy as np
import pytest
from weight_files import efficientnet_tensors, lpips_content, write_lpips, write_old_tensors

from hdsynth_tf.assemble import build_levels
from hdsynth_tf.assemble.perceptual import build_perceptual_loss, check_perceptual_size
from hdsynth_tf.config.groups import PERCEPTUAL, DataSettings, LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.networks import SegmentationUNet
from hdsynth_tf.pretrained import (
    LPIPS,
    AlexNetFeatures,
    EfficientNetLite0Features,
    SegmenterFeatures,
    VGG16Features,
    VGG19Features,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("weights"), np.random.default_rng(0)
    made = {net: str(write_lpips(folder / f"{net}.ckpt", lpips_content(net, rng))) for net in ("alex", "vgg")}
    write_old_tensors(folder / "efficientnet.pth", efficientnet_tensors(rng))
    segmenter = SegmentationUNet(4, 6, 2)
    segmenter.build((None, None, None, 3))
    segmenter.save(folder / "segmenter.keras")
    return {**made, **{path.stem: str(path) for path in map(folder.joinpath, ("efficientnet.pth", "segmenter.keras"))}}


def losses(name, files):
    file = next((file for net, file in files.items() if net in name), "random")
    weights = "random" if name == "vgg19" else file
    return LossSettings(perceptual=name, perceptual_weights=weights)


@pytest.mark.parametrize("name", PERCEPTUAL)
def test_every_network_tells_equal_pictures_from_others(name, files, rng):
    loss = build_perceptual_loss(losses(name, files), "float32")
    kinds = {
        "efficientnet": EfficientNetLite0Features,
        "segmenter": SegmenterFeatures,
        "vgg19": VGG19Features,
        "vgg16": VGG16Features,
        "alex": AlexNetFeatures,
    }
    network = getattr(loss, "feature_extractor", None) or loss.distance
    assert type(network) is kinds.get(name, LPIPS) and loss.name == "perceptual"
    real, fake = (rng.uniform(-1, 1, (2, 40, 48, 3)).astype("float32") for _ in range(2))
    assert np.abs(loss.call(real, real)).max() < 1e-6 < np.min(loss.call(real, fake))


def test_names_say_where_weights_come_from():
    assert not LossSettings().uses_perceptual
    assert LossSettings(perceptual_weights="imagenet").perceptual_network == "vgg19"
    assert LossSettings(perceptual="vgg19").perceptual_source == "imagenet"
    assert LossSettings(perceptual="lpips_alex").perceptual_source == "package"
    assert not LossSettings(perceptual="alex", perceptual_weight=0).uses_perceptual
    with pytest.raises(SettingsError, match=r"vgg19.*--perceptual=alex"):
        LossSettings(perceptual="alex", perceptual_weights="imagenet")


def test_a_segmenter_is_named_by_its_file():
    with pytest.raises(SettingsError, match=r"train_segmenter"):
        LossSettings(perceptual="segmenter")


def test_pictures_smaller_than_the_network_needs_are_refused():
    data = DataSettings(image_height=24, image_width=64)
    (level,) = build_levels(data, NetworkSettings(), TrainingSettings())
    check_perceptual_size([level], LossSettings(perceptual="vgg16"))
    with pytest.raises(SettingsError, match=r"34 pixels.*24"):
        check_perceptual_size([level], LossSettings(perceptual="lpips_alex"))
