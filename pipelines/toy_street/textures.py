"""Surfaces of a toy street as functions of world coordinates in metres: another size shows the same bricks."""

import functools

import numpy as np

from pipelines.toy_street import palette
from pipelines.toy_street import scene as street

HAZE_DISTANCE = 150.0  # metres over which 63 % of a colour turns into haze
COURSE_AND_STONE = ((0.4, 0.9), (1.6, 3.2), (street.STOREY_HEIGHT, 50.0))  # metres, of brick, concrete and plaster


@functools.cache
def _noise_table(size=256, octaves=4):
    """Tileable noise in [0, 1], (size, size) float32: grains of 1, 2, 4 ... pixels, alike in strength."""
    rng = np.random.default_rng(7)
    table = np.zeros((size, size), "float32")
    for octave in range(octaves):
        layer = rng.random((size, size), dtype="float32") - 0.5
        for _ in range(octave):
            for axis in (0, 1):  # wider grains: averages with neighbours, wrapping around
                layer = sum(np.roll(layer, k * 2 ** (octave - 1), axis) for k in (-1, 0, 1))
        table += layer / layer.std()
    return np.clip(0.5 + table / (5 * table.std()), 0, 1)


def noise(u, v):
    """Noise in [0, 1] at (u, v); it repeats after 1, its finest grain is 1/256."""
    row, column = np.floor(v * 256).astype("int32") & 255, np.floor(u * 256).astype("int32") & 255
    return _noise_table()[row, column]


def visibility(size, footprint):
    """How much shows of a pattern of `size` metres where a pixel covers `footprint` metres: 1 near, 0 far away."""
    return np.clip(size / footprint - 0.8, 0, 1)


def hazy(color, distance):
    """A colour (..., 3) seen from `distance` metres."""
    share = np.asarray(1 - np.exp(-np.asarray(distance) / HAZE_DISTANCE), "float32")[..., None]
    return np.asarray(color, "float32") * (1 - share) + palette.HAZE * share


def wheel_tracks(across):
    """How close the road is to where wheels run, 0 to 1; `across` metres from its middle."""
    return np.exp(-(((np.abs(np.abs(across) - street.LANE) - 0.75) / 0.25) ** 2))


def road(mode, across, ahead, footprint):
    """Asphalt or gravel, (..., 3): fine grain, and tracks that are dark on asphalt and light on gravel."""
    grain, tracks = ((0.10, -0.10), (0.34, 0.10))[mode]
    value = 1 + grain * (noise(across * 0.09, ahead * 0.09) - 0.5) * visibility(0.12, footprint)
    return palette.color_of(street.ROAD, mode) * (value + tracks * wheel_tracks(across))[..., None]


def sidewalk(mode, across, ahead, footprint):
    """Slabs or pavers with joints, behind a light kerb, (..., 3)."""
    size, joint = (1.0, 0.5)[mode], 0.05
    from_kerb = np.abs(across) - street.ROAD_HALF_WIDTH
    in_joint = (from_kerb % size < joint) | (ahead % size < joint)
    value = 1 - 0.3 * in_joint * visibility(size, 3 * footprint) + 0.16 * (noise(across * 0.05, ahead * 0.05) - 0.5)
    value = np.where(from_kerb < 0.22, 1.22, value)
    return palette.color_of(street.SIDEWALK, mode) * value[..., None]


def facade(thing, along, above, distance, footprint, light):
    """A front of bricks, slabs or plaster with a window in each bay of each storey, (pixels, 3).

    `along` and `above` are metres from the front's near lower corner, `light` the brightness of the wall.
    """
    color = _wall(thing, along, above, footprint) * light
    inside_x, inside_y = np.abs(along % street.BAY - street.BAY / 2), np.abs(above % street.STOREY_HEIGHT - 1.85)
    below_roof = above < thing.height - 0.9
    frame = (inside_x < 0.28 * street.BAY + 0.12) & (inside_y < 0.97) & below_roof
    glass = (inside_x < 0.28 * street.BAY) & (inside_y < 0.85) & below_roof
    reflection = np.clip(0.9 - (above % street.STOREY_HEIGHT) / street.STOREY_HEIGHT, 0, 1)[:, None]
    color = np.where(frame[:, None], 0.92 * light, color)
    color = np.where(glass[:, None], palette.GLASS + 0.25 * reflection * palette.HAZE, color)
    cornice = np.minimum(palette.color_of(street.BUILDING, thing.mode) * 1.25, 1) * light
    color = np.where((above > thing.height - 0.45)[:, None], cornice, color)
    return hazy(color, distance)


def _wall(thing, along, above, footprint):
    course, stone = COURSE_AND_STONE[thing.mode]
    shift = 0.5 * stone * (np.floor(above / course) % 2)  # every second course begins with half a stone
    in_joint = (above % course < 0.09) | ((along + shift) % stone < 0.09)
    stain = noise(along * 0.02 + 0.13 * thing.storeys, above * 0.03) - 0.5
    value = 1 - 0.28 * in_joint * visibility(course, 2.5 * footprint) + 0.16 * stain
    return palette.color_of(street.BUILDING, thing.mode) * value[:, None]
