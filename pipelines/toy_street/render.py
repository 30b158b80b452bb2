"""Draws a toy street: label map, instance map, photograph and thermal image of the same scene, at any size.

Everything is painted from far to near onto one canvas; each stroke carries its label, its instance id, its colour and its
temperature, so that the four pictures agree to the pixel. Textures are functions of world coordinates (metres), not of
pixels: the same scene at another size shows the same bricks.
"""

import functools

import numpy as np
from PIL import Image, ImageDraw

from pipelines.toy_street import scene as street

HAZE = np.array([0.74, 0.79, 0.84], "float32")
HAZE_DISTANCE = 150.0  # metres over which 63 % of a colour turns into haze
COUNTS_PER_KELVIN = 100  # of the thermal image, as radiometric cameras write it

COLORS = {  # of each hidden mode, in the order of scene.MODES
    street.BUILDING: [(0.60, 0.31, 0.24), (0.58, 0.58, 0.57), (0.80, 0.70, 0.50)],
    street.VEGETATION: [(0.24, 0.40, 0.14), (0.62, 0.38, 0.10)],
    street.ROAD: [(0.33, 0.33, 0.35), (0.56, 0.50, 0.41)],
    street.SIDEWALK: [(0.60, 0.59, 0.57), (0.58, 0.43, 0.36)],
    street.LANE_MARKING: [(0.93, 0.93, 0.91), (0.93, 0.75, 0.22)],
    street.CAR: [(0.12, 0.26, 0.58), (0.11, 0.11, 0.13), (0.72, 0.73, 0.75), (0.68, 0.10, 0.09)],
    street.PERSON: [(0.20, 0.47, 0.33), (0.86, 0.45, 0.12), (0.88, 0.87, 0.83)],
    street.POLE: [(0.52, 0.54, 0.56), (0.40, 0.28, 0.18)],
    street.SIGN: [(0.10, 0.28, 0.68), (0.93, 0.72, 0.10)],
}
SKY_TOP = [(0.27, 0.50, 0.85), (0.63, 0.66, 0.70), (0.42, 0.40, 0.62)]
SKY_BOTTOM = [(0.74, 0.86, 0.95), (0.83, 0.84, 0.85), (0.98, 0.70, 0.48)]
GLASS = np.array([0.16, 0.22, 0.29], "float32")
TYRE = (0.07, 0.07, 0.08)
SKIN = (0.80, 0.60, 0.48)
TROUSERS = (0.17, 0.19, 0.27)

_CIRCLE = np.stack([np.cos(np.arange(17) * 2 * np.pi / 17), np.sin(np.arange(17) * 2 * np.pi / 17)], -1)

KELVIN = {  # mean temperature of each class
    street.SKY: 258.0, street.BUILDING: 289.0, street.VEGETATION: 285.0, street.ROAD: 294.0, street.SIDEWALK: 291.5,
    street.LANE_MARKING: 292.5, street.CAR: 293.0, street.PERSON: 304.0, street.POLE: 287.0, street.SIGN: 286.0,
}  # fmt: skip


def render(scene, height, width):
    """Draws `scene`.

    Returns:
        Dict of arrays: `label_map` (height, width) int32, class ids of `scene.CLASS_NAMES`; `instance_map` (height, width)
        int32, `class * 1000 + k` for things and the class id for stuff; `image` (height, width, 3) uint8; `thermal`
        (height, width, 1) uint16, hundredths of a kelvin.
    """
    canvas = Canvas(scene.camera, height, width)
    _paint_sky(canvas, scene)
    for thing in scene.backdrop:
        _PAINTERS[thing.label](canvas, thing)
    _paint_ground(canvas, scene)
    canvas.paint_behind = np.zeros((height, width), bool)  # the near buildings hide most of the far ones:
    for building in sorted(scene.buildings, key=lambda thing: thing.z):  # nearest first, so that each pixel is drawn once
        _paint_building(canvas, building)
    canvas.paint_behind = None
    for thing in scene.standing:
        _PAINTERS[thing.label](canvas, thing)
    return canvas.finish()


class Canvas:
    """The four pictures while they are painted, and the strokes that paint them."""

    def __init__(self, camera, height, width):
        self.camera, self.height, self.width = camera, height, width
        self.label_map = np.zeros((height, width), "int32")
        self.instance_map = np.zeros((height, width), "int32")
        self.color = np.zeros((height, width, 3), "float32")
        self.kelvin = np.zeros((height, width), "float32")
        self.y = ((np.arange(height, dtype="float32") + 0.5) / height)[:, None]  # in image heights, as Camera has it
        self.x = ((np.arange(width, dtype="float32") + 0.5 - width / 2) / height)[None, :]
        self.paint_behind = None  # boolean (height, width): pixels that are taken; None: strokes cover what was there
        self._counts = {}

    def next_instance(self, label):
        """The id of one more object of class `label`."""
        self._counts[label] = self._counts.get(label, 0) + 1
        return label * 1000 + self._counts[label]

    def polygon(self, points, label, instance, color, kelvin):
        """Fills a polygon given by image points (n, 2). `color` and `kelvin`: values, or functions of (x, y)."""
        region = self._rasterize(points)
        if region is None:
            return
        rows, cols, mask = region
        if callable(color):
            row, col = np.nonzero(mask)
            color = color(self.x[0, cols][col], self.y[rows, 0][row])
        self.color[rows, cols][mask] = color
        self.kelvin[rows, cols][mask] = kelvin
        self.label_map[rows, cols][mask] = label
        self.instance_map[rows, cols][mask] = instance

    def quad(self, corners, label, instance, color, kelvin):
        """Fills a polygon given by world points (n, 3) in metres."""
        self.polygon(self.camera.project(corners), label, instance, color, kelvin)

    def darken(self, corners, factor):
        """Multiplies the photograph by `factor` inside a polygon of world points: a shadow has no label."""
        region = self._rasterize(self.camera.project(corners))
        if region is not None:
            rows, cols, mask = region
            self.color[rows, cols][mask] *= factor
            self.kelvin[rows, cols][mask] -= 1.0

    def _rasterize(self, points):
        """Bounding box and mask of the pixels of a polygon, or None where it is outside the picture."""
        pixels = np.asarray(points) * self.height + (self.width / 2, 0)
        left, top = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(pixels.max(0)), (self.width, self.height)).astype(int)
        if left >= right or top >= bottom:
            return None
        mask = Image.new("L", (right - left, bottom - top))
        # Pillow paints pixels whose centre or edge is touched; half a pixel back makes it centres.
        ImageDraw.Draw(mask).polygon([tuple(p) for p in pixels - (left + 0.5, top + 0.5)], fill=1)
        rows, cols, mask = slice(top, bottom), slice(left, right), np.asarray(mask, bool)
        if self.paint_behind is not None:
            mask = mask & ~self.paint_behind[rows, cols]
            self.paint_behind[rows, cols] |= mask
        return (rows, cols, mask) if mask.any() else None

    def finish(self):
        """The finished pictures, seen through a slightly soft lens and a slightly noisy sensor."""
        noise = _noise(np.arange(self.width)[None, :] / 256.0, np.arange(self.height)[:, None] / 256.0)
        image = _soften(self.color) + 0.012 * (noise[..., None] - 0.5)
        kelvin = _soften(self.kelvin[..., None]) + 0.4 * (noise[..., None] - 0.5)
        return {
            "label_map": self.label_map,
            "instance_map": self.instance_map,
            "image": (np.clip(image, 0, 1) * 255 + 0.5).astype("uint8"),
            "thermal": (kelvin * COUNTS_PER_KELVIN + 0.5).astype("uint16"),
        }


def _soften(image, share=0.1):
    """Blurs (height, width, channels) a little: each pixel takes `share` from each of its four neighbours in turn."""
    for axis in (0, 1):
        image = np.moveaxis(image, axis, 0)
        result = (1 - 2 * share) * image
        result[1:] += share * image[:-1]
        result[:-1] += share * image[1:]
        result[[0, -1]] += share * image[[0, -1]]  # the picture's edge stands in for what lies beyond it
        image = np.moveaxis(result, 0, axis)
    return image


@functools.cache
def _noise_table(size=256, octaves=4):
    """Tileable noise in [0, 1]: (size, size) float32, sums of random grids of 2, 4, ... pixels a cell."""
    rng = np.random.default_rng(7)
    table = np.zeros((size, size), "float32")
    for octave in range(octaves):
        layer = rng.random((size, size), dtype="float32") - 0.5
        for _ in range(octave):
            for axis in (0, 1):  # wider grains: averages with neighbours, wrapping around
                layer = sum(np.roll(layer, k * 2 ** (octave - 1), axis) for k in (-1, 0, 1))
        table += layer / layer.std()
    return np.clip(0.5 + table / (5 * table.std()), 0, 1)


def _noise(u, v):
    """Noise in [0, 1] at (u, v); it repeats after 1, its finest grain is 1/256."""
    table = _noise_table()
    row, col = np.floor(v * 256).astype("int32") & 255, np.floor(u * 256).astype("int32") & 255
    return table[row, col]


def _detail(size, footprint):
    """How visible a pattern of `size` metres is where a pixel covers `footprint` metres: 1 near, 0 where it would alias."""
    return np.clip(size / footprint - 0.8, 0, 1)


def _hazy(color, distance):
    share = np.asarray(1 - np.exp(-np.asarray(distance) / HAZE_DISTANCE), "float32")[..., None]
    return color * (1 - share) + HAZE * share


def _paint_sky(canvas, scene):
    mode, label = scene.stuff[street.SKY], street.SKY
    top, bottom = np.array(SKY_TOP[mode], "float32"), np.array(SKY_BOTTOM[mode], "float32")
    share = np.clip(canvas.y / scene.camera.horizon, 0, 1)[..., None] ** 1.3
    clouds = _noise(canvas.x * 0.06 + 0.31 * mode, canvas.y * 0.2)[..., None]
    canvas.color[:] = top * (1 - share) + bottom * share + 0.05 * (clouds - 0.5)
    canvas.kelvin[:] = street_kelvin = KELVIN[label] + 14 * share[..., 0]
    del street_kelvin
    canvas.label_map[:] = canvas.instance_map[:] = label


def _paint_ground(canvas, scene):
    """Road, sidewalks and markings below the horizon, pixel by pixel from their world coordinates."""
    camera = scene.camera
    first = int(np.searchsorted(canvas.y[:, 0], camera.horizon + camera.focal_length * camera.height / street.FAR_END))
    rows = slice(first, canvas.height)
    ahead = camera.focal_length * camera.height / (canvas.y[rows] - camera.horizon)  # (rows, 1) metres
    across = camera.offset + (canvas.x - camera.vanishing_x) * ahead / camera.focal_length  # (rows, width)
    ahead = np.broadcast_to(ahead, across.shape)
    footprint = ahead / (camera.focal_length * canvas.height)
    on_road = np.abs(across) < street.ROAD_HALF_WIDTH
    marked = on_road & _is_marking(scene, across, ahead, footprint)

    color = np.where(
        on_road[..., None],
        _road_color(scene.stuff[street.ROAD], across, ahead, footprint),
        _sidewalk_color(scene.stuff[street.SIDEWALK], across, ahead, footprint),
    )
    paint = np.array(COLORS[street.LANE_MARKING][scene.stuff[street.LANE_MARKING]], "float32")
    wear = 0.85 + 0.15 * _noise(across * 0.11, ahead * 0.03)
    color = np.where(marked[..., None], paint * wear[..., None], color)
    label = np.where(marked, street.LANE_MARKING, np.where(on_road, street.ROAD, street.SIDEWALK))
    tracks = np.exp(-(((np.abs(np.abs(across) - 1.9) - 0.75) / 0.25) ** 2))
    canvas.color[rows] = _hazy(color, ahead)
    canvas.kelvin[rows] = np.choose(label, [KELVIN[k] for k in sorted(KELVIN)]) + 1.5 * tracks * on_road
    canvas.label_map[rows] = canvas.instance_map[rows] = label


def _is_marking(scene, across, ahead, footprint):
    half_width = np.maximum(0.1, 0.5 * footprint)  # a line stays a pixel wide in the distance
    dashes = (np.abs(across) < half_width) & ((ahead - scene.dash_start) % 7 < 3)
    edges = np.abs(np.abs(across) - 3.7) < half_width
    zebra = (np.abs(ahead - scene.crossing - 1.5) < 1.5) & (across % 1.0 < 0.5) & (scene.crossing > 0)
    near_enough = ahead < 40
    return (dashes | edges) & near_enough & ~(np.abs(ahead - scene.crossing - 1.5) < 2.2) | zebra


def _road_color(mode, across, ahead, footprint):
    base = np.array(COLORS[street.ROAD][mode], "float32")
    grain = _noise(across * 0.09, ahead * 0.09) - 0.5
    amplitude, tracks = ((0.10, -0.10), (0.34, 0.10))[mode]  # wheels darken asphalt, and clear gravel
    wheel = np.exp(-(((np.abs(np.abs(across) - 1.9) - 0.75) / 0.25) ** 2))
    value = 1 + amplitude * grain * _detail(0.06, footprint * 0.5) + tracks * wheel
    return base * value[..., None]


def _sidewalk_color(mode, across, ahead, footprint):
    base = np.array(COLORS[street.SIDEWALK][mode], "float32")
    size = (1.0, 0.5)[mode]
    from_kerb = np.abs(across) - street.ROAD_HALF_WIDTH
    joint = 0.05
    on_joint = (from_kerb % size < joint) | (ahead % size < joint)
    value = 1 - 0.3 * on_joint * _detail(size, footprint * 3) + 0.16 * (_noise(across * 0.05, ahead * 0.05) - 0.5)
    value = np.where(from_kerb < 0.22, 1.22, value)  # the kerb stones
    return base * value[..., None]


def _paint_building(canvas, thing):
    """A block beside the street: its front, in perspective, and its side that faces the camera."""
    instance = canvas.next_instance(street.BUILDING)
    camera, x, top = canvas.camera, thing.x, thing.height
    outer = x + np.sign(x) * thing.width
    if thing.z > street.NEAREST + 0.1:
        wall = [(x, 0, thing.z), (outer, 0, thing.z), (outer, top, thing.z), (x, top, thing.z)]
        _paint_wall(canvas, thing, instance, wall, shade=0.86)

    def front_color(px, py):
        ahead = (x - camera.offset) * camera.focal_length / np.where(px == camera.vanishing_x, 1e-6, px - camera.vanishing_x)
        above = camera.height - (py - camera.horizon) * ahead / camera.focal_length
        shade = 1.0 if x > 0 else 0.74  # the sun stands on the left, behind the camera
        return _facade_color(thing, ahead - thing.z, above, ahead, canvas, shade)

    near, far = thing.z, thing.z + thing.length
    front = [(x, 0, near), (x, 0, far), (x, top, far), (x, top, near)]
    canvas.quad(front, street.BUILDING, instance, front_color, KELVIN[street.BUILDING] + (2.0 if x > 0 else -1.0))


def _paint_backdrop_building(canvas, thing):
    corners = [(thing.x, 0), (thing.x + thing.width, 0), (thing.x + thing.width, thing.height), (thing.x, thing.height)]
    wall = [(x, y, thing.z) for x, y in corners]
    _paint_wall(canvas, thing, canvas.next_instance(street.BUILDING), wall, shade=0.86)


def _paint_wall(canvas, thing, instance, corners, shade):
    """A wall that faces the camera."""
    camera = canvas.camera

    def color(px, py):
        along = np.abs(camera.offset + (px - camera.vanishing_x) * thing.z / camera.focal_length - thing.x)
        above = camera.height - (py - camera.horizon) * thing.z / camera.focal_length
        return _facade_color(thing, along, above, np.full_like(px, thing.z), canvas, shade)

    canvas.quad(corners, street.BUILDING, instance, color, KELVIN[street.BUILDING])


def _facade_color(thing, along, above, distance, canvas, shade):
    """Bricks, slabs or plaster with rows of windows; `along` and `above` are metres from the front's lower near corner."""
    footprint = distance / (canvas.camera.focal_length * canvas.height)
    base = np.array(COLORS[street.BUILDING][thing.mode], "float32")
    course, stone = ((0.4, 0.9), (1.6, 3.2), (street.STOREY_HEIGHT, 50.0))[thing.mode]  # height and length of a brick, a slab, a storey
    row = np.floor(above / course)
    joint = (above % course < 0.09) | ((along + 0.5 * stone * (row % 2)) % stone < 0.09)
    stain = _noise(along * 0.02 + 0.13 * thing.storeys, above * 0.03) - 0.5
    value = shade * (1 - 0.28 * joint * _detail(course, footprint * 2.5) + 0.16 * stain)
    color = base * value[:, None]

    storey, bay = street.STOREY_HEIGHT, street.BAY
    inside_x, inside_y = np.abs(along % bay - bay / 2), np.abs(above % storey - 1.85)
    in_wall = above < thing.height - 0.9
    frame = (inside_x < 0.28 * bay + 0.12) & (inside_y < 0.97) & in_wall
    glass = (inside_x < 0.28 * bay) & (inside_y < 0.85) & in_wall
    reflection = np.clip(0.9 - (above % storey) / storey, 0, 1)[:, None]
    color = np.where(frame[:, None], 0.92 * shade, color)
    color = np.where(glass[:, None], GLASS + np.float32(0.25) * reflection * HAZE, color)
    cornice = above > thing.height - 0.45
    color = np.where(cornice[:, None], np.minimum(base * 1.25, 1) * shade, color)
    return _hazy(color.astype("float32"), distance)


def _paint_vegetation(canvas, thing):
    if thing.variant:
        trunk = _upright(thing, 0.26, 0.0, 0.55 * thing.height)
        canvas.quad(trunk, street.VEGETATION, street.VEGETATION, (0.27, 0.19, 0.13), KELVIN[street.VEGETATION] + 2)
        center_y, radius_x, radius_y = 0.68 * thing.height, thing.width / 2, 0.36 * thing.height
    else:
        center_y, radius_x, radius_y = 0.45 * thing.height, thing.width * 0.6, thing.height * 0.55
    rng = np.random.default_rng(thing.seed)
    count = 5 if thing.z < 30 else 0  # lumps can't be told apart farther away
    angles = sorted(rng.uniform(0, 1) + np.arange(count) * 2 * np.pi / 5, key=np.sin)
    lumps = [(0.42 * np.cos(a), 0.42 * np.sin(a), 0.64) for a in angles] + [(0.0, 0.1, 0.7 if count else 0.95)]
    for dx, dy, size in lumps:
        _paint_lump(canvas, thing, thing.x + dx * radius_x, center_y + dy * radius_y, size * radius_x, size * radius_y)


def _paint_lump(canvas, thing, x, y, radius_x, radius_y):
    """A ball of leaves, lit from the upper left."""
    (cx, cy), (ex, ey) = canvas.camera.project([(x, y, thing.z), (x + radius_x, y + radius_y, thing.z)])
    rx, ry = ex - cx, cy - ey
    base = np.array(COLORS[street.VEGETATION][thing.mode], "float32")

    def color(px, py):
        u, v = (px - cx) / rx, (py - cy) / ry
        leaves = _noise((px - cx) * thing.z * 0.05 + 0.37 * y, (py - cy) * thing.z * 0.05)
        light = 0.92 - 0.3 * v - 0.18 * u + 0.55 * (leaves - 0.5)
        return _hazy(base * light[:, None], np.full_like(px, thing.z))

    outline = _CIRCLE * (rx, ry) + (cx, cy)
    canvas.polygon(outline, street.VEGETATION, street.VEGETATION, color, KELVIN[street.VEGETATION])


def _upright(thing, width, bottom, top, dx=0.0):
    """Corners of an upright board at the thing's place, facing the camera."""
    left, right = thing.x + dx - width / 2, thing.x + dx + width / 2
    return [(left, bottom, thing.z), (right, bottom, thing.z), (right, top, thing.z), (left, top, thing.z)]


def _paint_pole(canvas, thing):
    color = _hazy(np.array(COLORS[street.POLE][thing.mode], "float32"), thing.z)
    kelvin = KELVIN[street.POLE]
    canvas.quad(_upright(thing, thing.width, 0, thing.height), street.POLE, street.POLE, color * 0.8, kelvin)
    canvas.quad(_upright(thing, thing.width / 2, 0, thing.height, -thing.width / 4), street.POLE, street.POLE, color * 1.1, kelvin)
    if thing.variant:  # a lamp on an arm over the road
        reach = -np.sign(thing.x) * 0.9
        arm = _upright(thing, 1.9, thing.height - 0.12, thing.height, reach)
        lamp = _upright(thing, 0.7, thing.height - 0.3, thing.height - 0.1, 2 * reach)
        canvas.quad(arm, street.POLE, street.POLE, color * 0.9, kelvin)
        canvas.quad(lamp, street.POLE, street.POLE, (0.95, 0.93, 0.80), kelvin + 8)


def _paint_sign(canvas, thing):
    instance = canvas.next_instance(street.SIGN)
    color = np.array(COLORS[street.SIGN][thing.mode], "float32")
    (cx, cy), (ex, _) = canvas.camera.project([(thing.x, thing.height, thing.z), (thing.x + thing.width / 2, thing.height, thing.z)])
    corners, start = ((20, 0.0), (4, np.pi / 4), (3, -np.pi / 2))[thing.variant]  # disc, square, triangle
    turn = start + np.linspace(0, 2 * np.pi, corners + 1)[:-1]
    outline = np.stack([np.cos(turn), np.sin(turn)], -1) * (ex - cx) * (1.25 if corners == 4 else 1.1)
    for size, paint in ((1.0, (0.94, 0.94, 0.93)), (0.76, color)):
        canvas.polygon((cx, cy) + outline * size, street.SIGN, instance, _hazy(np.asarray(paint, "float32"), thing.z), KELVIN[street.SIGN])
    canvas.quad(_upright(thing, 0.34, thing.height - 0.06, thing.height + 0.06), street.SIGN, instance, (0.94, 0.94, 0.93), KELVIN[street.SIGN])


def _paint_person(canvas, thing):
    instance = canvas.next_instance(street.PERSON)
    shirt, tall = COLORS[street.PERSON][thing.mode], thing.height
    stride = (0.10, 0.16, 0.22)[thing.variant]

    def board(width, bottom, top, dx, color, kelvin):
        shade = np.asarray(_hazy(np.asarray(color, "float32"), thing.z))
        canvas.quad(_upright(thing, width, bottom * tall, top * tall, dx), street.PERSON, instance, shade, kelvin)

    ground = [(thing.x - 0.4, 0, thing.z - 0.15), (thing.x + 0.6, 0, thing.z - 0.15), (thing.x + 0.7, 0, thing.z + 0.2), (thing.x - 0.3, 0, thing.z + 0.2)]
    canvas.darken(ground, 0.6)
    for dx in (-stride, stride):
        board(0.17, 0.0, 0.5, dx, TROUSERS, 300.0)
        board(0.13, 0.45, 0.8, 2.1 * dx * 0.14 / stride, np.multiply(shirt, 0.8), 301.0)
    board(0.42, 0.46, 0.84, 0.0, shirt, 302.0)
    board(0.24, 0.84, 0.99, 0.0, SKIN, 306.0)
    board(0.26, 0.94, 1.0, 0.0, (0.16, 0.11, 0.08), 303.0)


def _paint_car(canvas, thing):
    """A box of a car: shadow, tyres, the side that can be seen, bonnet or boot, cabin, and the end towards the camera."""
    instance = canvas.next_instance(street.CAR)
    body = np.array(COLORS[street.CAR][thing.mode], "float32")
    left, right, near, far = thing.x - thing.width / 2, thing.x + thing.width / 2, thing.z, thing.z + thing.length
    waist, roof = 0.92, thing.height
    warm = KELVIN[street.CAR] + (9.0 if thing.variant else 0.0)  # the engine is in front

    def fill(corners, color, kelvin=KELVIN[street.CAR]):
        canvas.quad(corners, street.CAR, instance, _hazy(np.asarray(color, "float32"), thing.z), kelvin)

    def end(x0, x1, y0, y1, color, z=near, slope=0.0, kelvin=KELVIN[street.CAR]):
        fill([(x0, y0, z), (x1, y0, z), (x1 - slope, y1, z), (x0 + slope, y1, z)], color, kelvin)

    canvas.darken([(left - 0.15, 0, near - 0.3), (right + 0.5, 0, near - 0.3), (right + 0.5, 0, far), (left - 0.15, 0, far)], 0.45)
    side = left if thing.x > canvas.camera.offset else right
    inner = side + (0.14 if side == left else -0.14)
    fill([(side, 0.28, near), (side, 0.28, far), (side, waist, far), (side, waist, near)], body * 0.72)
    turn = np.linspace(0, 2 * np.pi, 13)[:-1]
    for z in (near + 0.75, far - 0.85):
        fill([(side, 0.33 + 0.33 * np.sin(a), z + 0.36 * np.cos(a)) for a in turn], TYRE, KELVIN[street.CAR] + 8)
    fill([(left, waist, near), (right, waist, near), (right, waist, far), (left, waist, far)], np.minimum(body * 1.2 + 0.04, 1), warm)
    back, front = (near + 0.45, far - 1.4) if thing.variant == 0 else (near + 1.3, far - 0.4)  # of the cabin
    fill([(inner, waist, back), (inner, waist, front), (inner, roof, front - 0.5), (inner, roof, back + 0.4)], GLASS * 0.8)
    end(left + 0.06, right - 0.06, waist, roof, body, z=back, slope=0.16)
    end(left + 0.16, right - 0.16, waist + 0.04, roof - 0.14, GLASS + 0.12, z=back, slope=0.10)
    for x0, x1 in ((left + 0.08, left + 0.34), (right - 0.34, right - 0.08)):
        end(x0, x1, 0.0, 0.34, TYRE, kelvin=KELVIN[street.CAR] + 8)
    end(left, right, 0.26, waist, body, kelvin=warm)
    end(left, right, 0.26, 0.42, body * 0.45)
    light = ((0.85, 0.10, 0.06), (0.98, 0.95, 0.78))[thing.variant]
    for x0, x1 in ((left + 0.05, left + 0.36), (right - 0.36, right - 0.05)):
        end(x0, x1, 0.62, 0.80, light, kelvin=KELVIN[street.CAR] + 3)
    end(thing.x - 0.26, thing.x + 0.26, 0.46, 0.58, (0.93, 0.93, 0.90))


def _paint_backdrop_or_building(canvas, thing):
    _paint_backdrop_building(canvas, thing)


_PAINTERS = {
    street.BUILDING: _paint_backdrop_building,
    street.VEGETATION: _paint_vegetation,
    street.CAR: _paint_car,
    street.PERSON: _paint_person,
    street.POLE: _paint_pole,
    street.SIGN: _paint_sign,
}
