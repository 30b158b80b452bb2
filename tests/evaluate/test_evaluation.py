"""Agreement with the real pictures, and the memory estimate of the plan."""

import itertools

import numpy as np
import pytest
from tiny import semantic_model

from hdsynth_tf.evaluate.quality import agreement, diversity
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator
from hdsynth_tf.train import plan
from pipelines.conditioning import ImageConditioning
from pipelines.source import Source


class Flat(Source):
    """Scenes whose photograph is one colour for each class: the mean colours are exactly right."""

    formats = {"label_map": ((), "int32"), "instance_map": ((), "int32"), "image": ((3,), "uint8")}
    common_size = (16, 24)
    names = ("a", "b", "c")

    def load(self, index):
        labels = np.random.default_rng(index).integers(0, 4, (16, 24)).astype("int32")
        colors = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [90, 90, 255]], "uint8")
        return {"label_map": labels, "instance_map": labels, "image": colors[labels]}


def test_diversity_is_the_mean_distance_of_all_pairs(rng):
    pictures = rng.integers(0, 256, (4, 5, 6, 3)).astype("uint8")
    pairs = [np.abs(a.astype(int) - b).mean() for a, b in itertools.combinations(pictures.astype(int), 2)]
    assert diversity(pictures) == pytest.approx(np.mean(pairs), rel=1e-5)
    assert diversity(np.stack([pictures[0]] * 3)) == 0


def test_agreement_of_a_model():
    model = semantic_model()
    scores = agreement(model, Flat(), Flat(), limit=2)
    assert scores["scenes"] == 2 and scores["mean_color_ssim"] == pytest.approx(1, abs=1e-4)
    assert scores["mean_color_psnr"] > 60 or np.isinf(scores["mean_color_psnr"])
    expected = []
    for i in range(2):
        scene = Flat().load(i)
        fake = model.generate(scene).astype(float)
        expected.append(10 * np.log10(255**2 / np.mean((fake - scene["image"]) ** 2)))
    assert scores["psnr"] == pytest.approx(np.mean(expected), abs=0.01)


def test_edges_and_sharpness_of_known_pictures():
    """Against NumPy's differences; the real picture itself is as sharp as it is, and all its edges are in place."""

    def edges(image):
        grey = image.astype(float).mean(-1)
        down, across = np.zeros_like(grey), np.zeros_like(grey)
        down[:-1], across[:, :-1] = np.diff(grey, axis=0), np.diff(grey, axis=1)
        return np.hypot(down, across)

    scene = Flat().load(0)
    fake = semantic_model().generate(scene)
    scores = agreement(Fixed(fake), Flat(), Flat(), limit=1)
    real, made = edges(scene["image"]), edges(fake)
    assert scores["sharpness"] == pytest.approx(made.mean() / real.mean(), rel=1e-4)
    assert scores["edge_correlation"] == pytest.approx(np.corrcoef(real.ravel(), made.ravel())[0, 1], abs=1e-4)
    perfect = agreement(Fixed(scene["image"]), Flat(), Flat(), limit=1)
    assert perfect["sharpness"] == pytest.approx(1) and perfect["edge_correlation"] == pytest.approx(1, abs=1e-5)


class Fixed:
    """Stands for a model that makes one picture whatever it is asked."""

    def __init__(self, picture):
        self.conditioning = semantic_model().conditioning
        self.picture = picture

    def __call__(self, inputs):
        return self.picture[None].astype("float32") / 127.5 - 1

    def with_styles_of(self, image):
        return {}


class Bright(Source):
    """What is warm is white."""

    formats = {"source": ((1,), "uint8"), "image": ((3,), "uint8")}
    common_size = (16, 24)
    names = ("a",)

    def load(self, index):
        warm = np.random.default_rng(index).integers(0, 256, (16, 24, 1)).astype("uint8")
        return {"source": warm, "image": np.full((16, 24, 3), 230, "uint8")}


def test_a_picture_does_not_take_its_light_from_the_real_one():
    """Of a tone that was not fitted all pictures are middle grey, however light the real one is."""
    model = Pix2PixHD(ImageConditioning(1), GlobalGenerator(4, 1, 1, tone_channels=1, tone_numbers=12))
    scores = agreement(model, Bright(), Bright(), limit=1)
    assert scores["psnr"] == pytest.approx(20 * np.log10(255 / (230 - 127.5)), abs=1)
    lit = model.generate(Bright().load(0), style_image=Bright().load(0)["image"])
    assert np.abs(lit.mean() - 230) < 5  # asked for, it does


def test_plan_counts_what_is_saved():
    model = semantic_model(ema_momentum=0.9)
    count = model.generator.count_params() + model.discriminator.count_params()
    assert plan.saved_bytes(model) == 4 * count
    assert len(plan.parameter_lines(model)) == 3
