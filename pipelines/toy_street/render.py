"""Draws a toy street: label map, instance map, photograph and thermal image of one scene, at any size."""

import numpy as np

from pipelines.toy_street import palette, textures
from pipelines.toy_street import scene as street
from pipelines.toy_street.canvas import Canvas
from pipelines.toy_street.painters import PAINTERS, paint_building


def draw(scene, height, width):
    """Draws `scene` at `height` x `width` pixels.

    Returns:
        Dict of arrays, and dict of hidden modes. Arrays: `label_map` (height, width) int32, classes of
        `scene.CLASS_NAMES`; `instance_map` (height, width) int32, `class * 1000 + k` for things and the class for
        stuff; `image` (height, width, 3) uint8; `source`, the thermal image (height, width, 1) uint16 in hundredths of
        a kelvin. Modes: id in the instance map -> index into `scene.MODES[class]`, for things and for stuff that has
        one mode in the whole picture.
    """
    canvas = Canvas(scene.camera, height, width)
    canvas.modes.update(scene.stuff)
    paint_sky(canvas, scene)
    for thing in scene.backdrop:
        PAINTERS[thing.label](canvas, thing)
    paint_ground(canvas, scene)
    canvas.taken = np.zeros((height, width), bool)  # near houses hide most of the far ones: each pixel is drawn once,
    for building in sorted(scene.buildings, key=lambda thing: thing.z):  # by the nearest
        paint_building(canvas, building)
    canvas.taken = None
    for thing in scene.standing:
        PAINTERS[thing.label](canvas, thing)
    return canvas.finish(scene.travelled), canvas.modes


def paint_sky(canvas, scene):
    """The whole canvas as sky: a gradient down to the horizon, faint clouds."""
    mode = scene.stuff[street.SKY]
    top, bottom = np.array(palette.SKY_TOP[mode], "float32"), np.array(palette.SKY_BOTTOM[mode], "float32")
    share = np.clip(canvas.y / scene.camera.horizon, 0, 1)[..., None] ** 1.3
    clouds = textures.noise(canvas.x * 0.06 + 0.31 * mode, canvas.y * 0.2)[..., None]
    canvas.color[:] = top * (1 - share) + bottom * share + 0.05 * (clouds - 0.5)
    canvas.kelvin[:] = palette.KELVIN[street.SKY] + 14 * share[..., 0]
    canvas.label_map[:] = canvas.instance_map[:] = street.SKY


def paint_ground(canvas, scene):
    """Road, sidewalks and markings below the horizon, pixel by pixel from their world coordinates."""
    camera = scene.camera
    farthest = camera.horizon + camera.focal_length * camera.height / (street.FAR_END - scene.travelled)
    rows = slice(int(np.searchsorted(canvas.y[:, 0], farthest)), canvas.height)
    ahead = camera.focal_length * camera.height / (canvas.y[rows] - camera.horizon)  # metres, (rows, 1)
    across = camera.offset + (canvas.x - camera.vanishing_x) * ahead / camera.focal_length  # metres, (rows, width)
    ahead = np.broadcast_to(ahead, across.shape)
    footprint = camera.footprint(ahead, canvas)
    along = ahead + scene.travelled  # of the street

    on_road = np.abs(across) < street.ROAD_HALF_WIDTH
    marked = on_road & _is_marked(scene, across, ahead, along, footprint)
    road = textures.road(scene.stuff[street.ROAD], across, along, footprint)
    sidewalk = textures.sidewalk(scene.stuff[street.SIDEWALK], across, along, footprint)
    wear = 0.85 + 0.15 * textures.noise(across * 0.11, along * 0.03)
    paint = palette.color_of(street.LANE_MARKING, scene.stuff[street.LANE_MARKING]) * wear[..., None]
    color = np.where(marked[..., None], paint, np.where(on_road[..., None], road, sidewalk))
    label = np.where(marked, street.LANE_MARKING, np.where(on_road, street.ROAD, street.SIDEWALK))

    canvas.color[rows] = textures.hazy(color, ahead)
    kelvin = np.choose(label, [palette.KELVIN[k] for k in sorted(palette.KELVIN)])
    canvas.kelvin[rows] = kelvin + 1.5 * textures.wheel_tracks(across) * on_road
    canvas.label_map[rows] = canvas.instance_map[rows] = label


def _is_marked(scene, across, ahead, along, footprint):
    """Where the road has paint: dashes in the middle, lines at the edges, a zebra crossing."""
    half_width = np.maximum(0.1, 0.5 * footprint)  # a line stays a pixel wide in the distance
    dashes = (np.abs(across) < half_width) & ((along - scene.dash_start) % 7 < 3)
    edges = np.abs(np.abs(across) - 3.7) < half_width
    from_crossing = np.abs(along - scene.crossing - 1.5)
    zebra = (from_crossing < 1.5) & (across % 1.0 < 0.5) & (scene.crossing > 0)
    return (dashes | edges) & (ahead < 40) & (from_crossing > 2.2) | zebra
