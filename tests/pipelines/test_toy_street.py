"""The embedded dataset: the same scene always, maps that agree, modes that are hidden or told."""

import itertools

import numpy as np
import pytest
from PIL import Image

from pipelines.toy_street import ToyStreet
from pipelines.toy_street.canvas import _soften
from pipelines.toy_street.scene import (
    BUILDING,
    CAR,
    CLASS_NAMES,
    LANE_MARKING,
    MODES,
    POLE,
    ROAD,
    SKY,
    THING_CLASSES,
    VEGETATION,
    make_scene,
)


def test_a_scene_is_a_function_of_seed_and_index():
    a, b = (ToyStreet(3, 48, 96).load(2) for _ in range(2))
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])
    assert not np.array_equal(a["image"], ToyStreet(3, 48, 96).load(1)["image"])
    assert not np.array_equal(a["image"], ToyStreet(3, 48, 96, seed=1).load(2)["image"])
    assert not np.array_equal(a["image"], ToyStreet(3, 48, 96, "val").load(2)["image"])


@pytest.mark.parametrize("size", [(64, 128), (97, 131), (256, 512), (20, 300)])
def test_any_size(size):
    scene = ToyStreet(1, *size).load(0)
    assert scene["image"].shape == (*size, 3) and scene["image"].dtype == np.uint8
    assert scene["label_map"].shape == size and scene["label_map"].dtype == np.int32


def test_sizes_show_the_same_scene():
    small, large = (ToyStreet(1, height, 2 * height).load(0) for height in (64, 256))
    labels = np.asarray(Image.fromarray(large["label_map"]).resize((128, 64), Image.NEAREST))
    assert (labels == small["label_map"]).mean() > 0.93


def test_label_is_told_by_the_instance_id():
    for i in range(8):
        scene = ToyStreet(8, 64, 128).load(i)
        ids, labels = scene["instance_map"], scene["label_map"]
        np.testing.assert_array_equal(np.where(ids < 1000, ids, ids // 1000), labels)
        assert set(np.unique(labels[ids >= 1000])) <= set(THING_CLASSES)
        assert set(np.unique(labels)) <= set(range(len(CLASS_NAMES)))


def test_all_classes_occur():
    labels = [ToyStreet(20, 64, 128).load(i)["label_map"] for i in range(20)]
    assert set(np.unique(labels)) == set(range(len(CLASS_NAMES)))


def test_modes_have_the_shares_they_claim():
    scenes = [make_scene(0, i) for i in range(300)]
    things = [thing for scene in scenes for thing in scene.buildings + scene.standing]
    for label in (BUILDING, CAR):
        counts = np.bincount([thing.mode for thing in things if thing.label == label])
        np.testing.assert_allclose(counts / counts.sum(), list(MODES[label].values()), atol=0.05)


@pytest.mark.slow
def test_a_mode_shows_in_the_picture():
    """Blue cars are blue and red ones red, in the pixels of their instances."""
    source, seen = ToyStreet(60, 96, 192), {0: [], 3: []}
    for i in range(60):
        scene = source.load(i)
        for instance, mode in source.modes(i).items():
            pixels = scene["image"][scene["instance_map"] == instance].astype(float)
            if instance // 1000 == CAR and mode in seen and len(pixels) > 60:
                seen[mode].append(pixels.mean(0))
    blue, red = (np.mean(seen[mode], axis=0) for mode in (0, 3))
    assert blue[2] > blue[0] + 20 and red[0] > red[2] + 20


@pytest.mark.parametrize("label, mode", [(CAR, 3), (ROAD, 1), (SKY, 2), (POLE, 0)])
def test_a_street_in_another_mode(label, mode):
    """Restyling changes nothing but pixels of the class (and what the soft lens mixes with them)."""
    source = ToyStreet(12, 64, 128)
    for i in range(12):
        scene, restyled = source.load(i), source.restyled(i, label, mode)
        near = _soften((scene["label_map"] == label)[..., None].astype("float32"))[..., 0] > 0
        np.testing.assert_array_equal(restyled[~near], scene["image"][~near])
        modes = {m for instance, m in source.modes(i).items() if (instance // 1000 or instance) == label}
        if modes == {mode}:
            np.testing.assert_array_equal(restyled, scene["image"])
        elif modes and (scene["label_map"] == label).any():
            assert not np.array_equal(restyled, scene["image"])


def test_modes_are_known_for_everything_that_has_one():
    source = ToyStreet(5, 64, 128)
    for i in range(5):
        ids = set(np.unique(source.load(i)["instance_map"]))
        assert ids - set(source.modes(i)) <= {VEGETATION, POLE}  # trees and poles of one picture differ


def test_visible_modes_follow_the_layout():
    for i in range(20):
        for thing in make_scene(0, i, hidden_modes=False).standing:
            if thing.label == CAR:
                assert thing.mode == (0 if thing.x > 0 else 3)


def test_hiding_modes_changes_no_layout():
    hidden, visible = (ToyStreet(4, 64, 128, hidden_modes=flag).load(3) for flag in (True, False))
    np.testing.assert_array_equal(hidden["instance_map"], visible["instance_map"])
    assert not np.array_equal(hidden["image"], visible["image"])


def test_thermal_image():
    source = ToyStreet(2, 64, 128, thermal=True)
    thermal = source.load(0)["source"]
    labels = ToyStreet(2, 64, 128).load(0)["label_map"]
    assert source.formats["source"] == ((1,), "uint16") and thermal.dtype == np.uint16
    kelvin = thermal[..., 0] / 100
    people, road = labels == CLASS_NAMES.index("person"), labels == CLASS_NAMES.index("road")
    assert kelvin[people].mean() > kelvin[road].mean() + 4
    assert kelvin.min() > 240 and kelvin.max() < 320


def test_edges_of_the_maps_are_edges_of_the_picture():
    scene = ToyStreet(1, 128, 256).load(0)
    step = np.abs(np.diff(scene["image"].astype(float), axis=1)).mean(-1)
    border = np.diff(scene["label_map"], axis=1) != 0
    assert step[border].mean() > 2 * step[~border].mean()


def test_a_drive_begins_with_its_scene():
    drives, scenes = ToyStreet(2, 48, 96, drive_frames=3), ToyStreet(2, 48, 96)
    assert len(drives) == 6 and drives.names[3:5] == ["street_000001/0000", "street_000001/0001"]
    for key in ("image", "label_map", "instance_map"):
        np.testing.assert_array_equal(drives.load(3)[key], scenes.load(1)[key])
    with pytest.raises(ValueError, match="drive_frames=401"):
        ToyStreet(2, 48, 96, drive_frames=401)


def test_on_a_drive_the_ground_comes_nearer():
    """What lies 7 metres ahead is seen there again from 5 metres further on, where it is 2 metres ahead."""
    height, width, alike = 128, 256, {0: [], 5: []}

    def ground(label_map, camera, across, ahead):
        ((x, y),) = camera.project([(across, 0, ahead)])
        row, column = int(y * height), int(x * height + width / 2)
        found = label_map[row, column] if 0 <= row < height and 0 <= column < width else None
        return found if found in (ROAD, LANE_MARKING) else None

    for index in range(8):
        camera, before = make_scene(0, index).camera, ToyStreet(index + 1, height, width).load(index)["label_map"]
        after = ToyStreet(index + 1, height, width, drive_frames=51).load(51 * index + 50)["label_map"]
        for ahead, across in itertools.product(np.arange(8.0, 16.0, 0.25), (-2.75, -1.25, -0.75, 0.0, 0.75, 1.25)):
            for metres, found in alike.items():
                seen = ground(before, camera, across, ahead), ground(after, camera, across, ahead - metres)
                if None not in seen:
                    found.append(seen[0] == seen[1])
    assert len(alike[5]) > 500 and np.mean(alike[5]) > 0.93, [np.mean(found) for found in alike.values()]
    assert 1 - np.mean(alike[5]) < 0.5 * (1 - np.mean(alike[0]))  # as if nothing had moved


def test_a_drive_has_no_jumps():
    """Nothing of any size appears, goes or changes its place from a frame to the next."""
    drive = ToyStreet(3, 64, 128, drive_frames=120)
    for start in (0, 120, 240):
        frames = np.stack([drive.load(start + frame)["label_map"] for frame in range(120)])
        changed = (frames[1:] != frames[:-1]).mean((1, 2))
        assert changed.max() < 0.15 and 0.0005 < np.median(changed) < 0.05
