"""The tone that is fitted before training: it finds what light depends on, and is the same again."""

import numpy as np
import pytest

from hdsynth_tf.networks import GlobalGenerator
from hdsynth_tf.networks.tone import ToneAdjustment, tone_statistics
from hdsynth_tf.train import tone_fitting
from hdsynth_tf.train.tone_fitting import fit_tone
from pipelines.conditioning import ImageConditioning
from pipelines.dataset import make_eval
from pipelines.source import Source

SIZE = (24, 32)


class Rooms(Source):
    """Noise about a level; the photograph is lighter the lower that is, and reddish below."""

    formats = {"source": ((1,), "uint8"), "image": ((3,), "uint8")}
    common_size = None

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def load(self, index):
        rng = np.random.default_rng(index)
        level = 40 + 170 * (index * 0.618 % 1)
        return {"source": noisy(rng, np.full((*SIZE, 1), level)), "image": noisy(rng, self.light(level))}

    @staticmethod
    def light(level):
        image = np.full((*SIZE, 3), 240 - 0.9 * level)
        image[SIZE[0] // 2 :, :, 1:] -= 30
        return image


class Lobbies(Rooms):
    """Light comes from both sides."""

    @staticmethod
    def light(level):
        image = Rooms.light(level) - 100
        image[:, : SIZE[1] // 4] += 150
        image[:, -SIZE[1] // 4 :] += 150
        return image


def noisy(rng, image):
    return np.clip(image + rng.normal(0, 8, image.shape), 0, 255).astype("uint8")


def fitted_tone(seed=0, source=None):
    generator = GlobalGenerator(4, 1, 1, tone_channels=1)
    generator.build((None, None, None, 2))
    psnr = fit_tone(generator, ImageConditioning(1, row_channel=True), make_eval(source or Rooms(60)), seed)
    return generator.tone, psnr


def picture(layer, x):
    """One of nothing but the tone that is read from a thermal image."""
    statistics = tone_statistics(x.astype("float32"))
    return np.tanh(layer(np.zeros((1, *SIZE, 3), "float32"), statistics).numpy())[0]


@pytest.fixture(scope="module")
def tone():
    return fitted_tone()


@pytest.mark.slow
def test_light_of_unseen_rooms(tone):
    layer, psnr = tone
    assert psnr > 25
    for level in (60, 120, 190):
        x = noisy(np.random.default_rng(level), np.full((1, *SIZE, 1), level)) / 127.5 - 1
        made = picture(layer, x)
        difference = (made + 1) * 127.5 - Rooms.light(level)
        assert np.sqrt(np.mean(difference**2)) < 14  # grey levels; one colour for all is 46 off


@pytest.mark.slow
def test_all_of_a_row_counts_alike():
    """Dark in the middle, light at the sides: what is said is what pictures of nothing but their tone have."""
    rooms = Lobbies(20)
    layer, psnr = fitted_tone(source=rooms)
    found = []
    for scene in map(rooms.load, range(20)):
        x = scene["source"][None] / np.float32(127.5) - 1
        made = picture(layer, x)
        found.append(10 * np.log10(4 / np.mean((made - (scene["image"] / 127.5 - 1)) ** 2)))
    assert psnr == pytest.approx(np.mean(found), abs=0.1)


@pytest.mark.parametrize(
    "known, further",
    [
        (0.5, 1.4),
        pytest.param(1.0, 1.0, marks=pytest.mark.slow),
        pytest.param(0.0, tone_fitting.FURTHEST, marks=pytest.mark.slow),
    ],
)
def test_tones_are_drawn_away_from_their_mean_as_far_as_photographs_are(monkeypatch, known, further):
    """Of the variance of light a share is told by the statistics, so that what is expected varies by that share."""
    monkeypatch.setattr(tone_fitting, "STEPS", 250)
    monkeypatch.setattr(tone_fitting, "LEARNING_RATE", 1e-2)
    rng = np.random.default_rng(0)
    told, chance = rng.normal(0, 1, (2, 400))
    light = 0.4 * (np.sqrt(known) * told + np.sqrt(1 - known) * chance)
    rows = np.tanh(light)[:, None].repeat(tone_fitting.ROWS * 3, 1)
    targets = np.concatenate([rows, np.full((400, 1), 0.01)], 1).astype("float32")
    standard = told.astype("float32")[:, None].repeat(20, 1)  # often, for dropout
    layer = ToneAdjustment()
    layer.build((None, *SIZE, 3), (None, 20))
    assert tone_fitting._further(standard, targets, layer, 0) == pytest.approx(further, abs=0.15)


@pytest.mark.slow
def test_size_does_not_matter(tone):
    layer, _ = tone
    x = noisy(np.random.default_rng(5), np.full((1, *SIZE, 1), 100)) / 127.5 - 1
    large = np.repeat(np.repeat(x, 3, 1), 3, 2)
    light, same = (np.arctanh(picture(layer, part)) for part in (x, large))
    np.testing.assert_allclose(light.mean((0, 1)), same.mean((0, 1)), atol=0.15)


@pytest.mark.slow
def test_same_seed_same_weights(monkeypatch):
    monkeypatch.setattr(tone_fitting, "STEPS", 100)
    first, again, other = (fitted_tone(seed, Rooms(20))[0].get_weights() for seed in (0, 0, 1))
    for a, b in zip(first, again):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.abs(first[2] - other[2]).max() > 0.01
