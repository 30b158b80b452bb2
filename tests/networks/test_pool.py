"""The pool of earlier fakes, against the same in a plain loop."""

import keras
import numpy as np
import pytest

from hdsynth_tf.networks import ImagePool

pytestmark = pytest.mark.backend


def numbered(first, count, size=(2, 3)):
    """Images that are their own number everywhere."""
    return np.broadcast_to(np.arange(first, first + count, dtype="float32")[:, None, None, None], (count, *size, 1))


def built(capacity, seed=0):
    pool = ImagePool(capacity, seed)
    pool.build((None, 2, 3, 1))
    return pool


def stream(pool, batches):
    """The numbers that come back of batches of so many images each."""
    given, first = [], 0
    for count in batches:
        given += keras.ops.convert_to_numpy(pool(numbered(first, count)))[:, 0, 0, 0].tolist()
        first += count
    return given


def held(pool):
    return keras.ops.convert_to_numpy(pool.images)[:, 0, 0, 0].tolist()


def test_it_fills_with_what_comes_and_gives_it_back():
    pool = built(5)
    assert stream(pool, [2, 3]) == [0, 1, 2, 3, 4] and held(pool) == [0, 1, 2, 3, 4]


def test_it_is_the_plain_rule():
    """Whatever comes back is the new image, or one that was in the pool, whose place the new one has then."""
    pool, kept = built(4), []
    swaps = 0
    for n in range(200):
        (given,) = keras.ops.convert_to_numpy(pool(numbered(n, 1)))[:, 0, 0, 0].tolist()
        if n < 4:
            kept.append(n)
            assert given == n
        elif given != n:
            kept[kept.index(given)] = n
            swaps += 1
        assert held(pool)[: len(kept)] == kept
    assert 70 < swaps < 126  # half of 196, by four deviations


@pytest.mark.slow
def test_every_place_is_drawn_alike():
    pool = built(4)
    counts = np.zeros(4, int)
    before = held(pool)
    for n in range(400):
        pool(numbered(n, 1))
        after = held(pool)
        counts += [a != b for a, b in zip(before, after)]
        before = after
    assert counts.min() > 0.6 * counts.max()


def test_batches_change_nothing():
    assert stream(built(7), [1] * 60) == stream(built(7), [3] * 20) == stream(built(7), [60])


def test_seeds_draw_otherwise():
    assert stream(built(7, 1), [1] * 60) != stream(built(7), [1] * 60)


def test_it_goes_on_from_its_variables():
    whole = stream(built(5), [1] * 40)
    pool = built(5)
    first = stream(pool, [1] * 17)
    again = built(5)
    again.set_weights(pool.get_weights())
    rest = [float(keras.ops.convert_to_numpy(again(numbered(n, 1)))[0, 0, 0, 0]) for n in range(17, 40)]
    assert first + rest == whole


def test_without_capacity_images_come_back():
    assert stream(built(0), [2, 2]) == [0, 1, 2, 3]


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 3, 1\).*\(4, 4, 1\)"):
        built(3)(np.zeros((1, 4, 4, 1), "float32"))


def test_config_round_trip():
    config = ImagePool(3, 4).get_config()
    assert ImagePool.from_config(config).get_config() == config
