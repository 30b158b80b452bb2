"""The measures of artefacts see what people see, and nothing in photographs."""

import numpy as np
import pytest
from scipy import ndimage

from hdsynth_tf.evaluate.artefacts import artefacts

HEIGHT, WIDTH = 96, 160


@pytest.fixture
def real(rng):
    """A sky that darkens upwards, above coarse texture."""
    sky = np.linspace(150, 200, HEIGHT // 2)[:, None] + rng.normal(0, 1, (HEIGHT // 2, WIDTH))
    ground = 100 + 60 * ndimage.gaussian_filter(rng.normal(0, 4, (HEIGHT // 2, WIDTH)), 2)
    return np.repeat(np.clip(np.concatenate([sky, ground]), 0, 255)[..., None], 3, -1)


@pytest.mark.parametrize("period", [2, 4, 8])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_faint_weave_is_measured_in_grey_levels_at_any_period_and_way(real, period, axis):
    wave = 3 * np.cos(2 * np.pi * np.arange(real.shape[axis]) / period)
    woven = real + np.expand_dims(wave, (1, 2) if axis == 0 else (0, 2))
    assert artefacts(real, real) == {"weave": 0, "spots": 0}
    found = artefacts(woven, real)
    assert found["weave"] == pytest.approx(3, abs=0.8)
    assert abs(found["spots"]) < 0.5


def test_other_light_blur_noise_and_a_shift_are_no_weave(real, rng):
    for other in (real * 0.8 + 20, ndimage.gaussian_filter(real, (1, 1, 0)), np.roll(real, 3, 1)):
        assert artefacts(other, real)["weave"] < 0.5
    assert artefacts(real + rng.normal(0, 5, real.shape), real)["weave"] < 1.5


def test_spots_on_plain_surfaces_are_counted_by_their_area(real):
    spotted, below = real.copy(), real.copy()
    spotted[10:17, 30:37] -= 60
    one = artefacts(spotted, real)["spots"]
    spotted[20:27, 90:97] += 60
    assert one > 0.3 and artefacts(spotted, real)["spots"] == pytest.approx(2 * one, rel=0.2)
    below[75:82, 30:37] -= 60  # where the real picture is not plain
    assert artefacts(below, real)["spots"] == 0


def test_without_a_plain_surface_there_is_no_number(rng):
    noise = rng.uniform(0, 255, (HEIGHT, WIDTH, 3))
    assert artefacts(noise, noise) == {}
