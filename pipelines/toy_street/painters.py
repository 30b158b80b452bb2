"""Paints the things of a toy street, each from far to near: houses, trees, poles, signs, people, cars."""

import numpy as np

from pipelines.toy_street import palette, textures
from pipelines.toy_street import scene as street

_TURN = np.arange(17) * 2 * np.pi / 17
CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1)
SUNLIT, SHADED, FACING_US = 1.0, 0.74, 0.86  # light on walls: the sun stands on the left, behind the camera


def board(thing, width, bottom, top, dx=0.0):
    """Corners of an upright board at the thing's place that faces the camera; metres."""
    left, right = thing.x + dx - width / 2, thing.x + dx + width / 2
    return [(left, bottom, thing.z), (right, bottom, thing.z), (right, top, thing.z), (left, top, thing.z)]


def paint_building(canvas, thing):
    """A wall that faces the camera and, beside the street, a front along it."""
    instance = canvas.new_instance(thing)
    outer = thing.x + (np.sign(thing.x) if thing.length else 1) * thing.width
    if thing.z > street.NEAREST + 0.1:
        _paint_wall_facing_us(canvas, thing, instance, outer)
    if thing.length:
        _paint_front(canvas, thing, instance)


def _paint_wall_facing_us(canvas, thing, instance, outer):
    camera, x, z, top = canvas.camera, thing.x, thing.z, thing.height

    def color(px, py):
        along = np.abs(camera.offset + (px - camera.vanishing_x) * z / camera.focal_length - x)
        above = camera.height - (py - camera.horizon) * z / camera.focal_length
        return textures.facade(thing, along, above, np.full_like(px, z), camera.footprint(z, canvas), FACING_US)

    corners = [(x, 0, z), (outer, 0, z), (outer, top, z), (x, top, z)]
    canvas.paint(corners, street.BUILDING, instance, color, palette.KELVIN[street.BUILDING])


def _paint_front(canvas, thing, instance):
    camera, x, top = canvas.camera, thing.x, thing.height
    near, far = max(thing.z, street.NEAREST), thing.z + thing.length
    light, warmth = (SUNLIT, 2.0) if x > 0 else (SHADED, -1.0)

    def color(px, py):
        sideways = px - camera.vanishing_x
        ahead = (x - camera.offset) * camera.focal_length / np.where(sideways == 0, 1e-6, sideways)
        above = camera.height - (py - camera.horizon) * ahead / camera.focal_length
        return textures.facade(thing, ahead - thing.z, above, ahead, camera.footprint(ahead, canvas), light)

    corners = [(x, 0, near), (x, 0, far), (x, top, far), (x, top, near)]
    canvas.paint(corners, street.BUILDING, instance, color, palette.KELVIN[street.BUILDING] + warmth)


def paint_vegetation(canvas, thing):
    """A tree, or a hedge at the end of the street: lumps of leaves."""
    kelvin, label = palette.KELVIN[street.VEGETATION], street.VEGETATION
    if thing.variant:
        trunk = board(thing, 0.26, 0.0, 0.55 * thing.height)
        canvas.paint(trunk, label, label, palette.BARK, kelvin + 2)
        y, radius_x, radius_y = 0.68 * thing.height, 0.5 * thing.width, 0.36 * thing.height
    else:
        y, radius_x, radius_y = 0.45 * thing.height, 0.6 * thing.width, 0.55 * thing.height
    count = 5 if thing.z < 30 else 0  # farther away lumps can't be told apart
    turn = np.random.default_rng(thing.seed).uniform(0, 1) + np.arange(count) * 2 * np.pi / 5
    lumps = [(0.42 * np.cos(a), 0.42 * np.sin(a), 0.64) for a in sorted(turn, key=np.sin)]
    for dx, dy, size in [*lumps, (0.0, 0.1, 0.7 if count else 0.95)]:
        center = (thing.x + dx * radius_x, y + dy * radius_y, thing.z)
        _paint_leaves(canvas, thing, center, size * radius_x, size * radius_y)


def _paint_leaves(canvas, thing, center, radius_x, radius_y):
    """A ball of leaves, lit from the upper left."""
    rim = (center[0] + radius_x, center[1] + radius_y, center[2])
    (cx, cy), (ex, ey) = canvas.camera.project([center, rim])
    rx, ry = ex - cx, cy - ey
    base = palette.color_of(street.VEGETATION, thing.mode)

    def color(px, py):
        leaves = textures.noise((px - cx) * thing.z * 0.05 + 0.37 * center[1], (py - cy) * thing.z * 0.05)
        light = 0.92 - 0.3 * (py - cy) / ry - 0.18 * (px - cx) / rx + 0.55 * (leaves - 0.5)
        return textures.hazy(base * light[:, None], np.full_like(px, thing.z))

    outline = CIRCLE * (rx, ry) + (cx, cy)
    kelvin = palette.KELVIN[street.VEGETATION]
    canvas.paint_outline(outline, street.VEGETATION, street.VEGETATION, color, kelvin)


def paint_pole(canvas, thing):
    """A pole, lighter on its left; some carry a lamp on an arm over the road."""
    color, kelvin = palette.color_of(street.POLE, thing.mode), palette.KELVIN[street.POLE]

    def fill(corners, paint, warmth=0.0):
        canvas.paint(corners, street.POLE, street.POLE, textures.hazy(paint, thing.z), kelvin + warmth)

    fill(board(thing, thing.width, 0, thing.height), color * 0.8)
    fill(board(thing, thing.width / 2, 0, thing.height, -thing.width / 4), color * 1.1)
    if thing.variant:
        reach = -0.9 * np.sign(thing.x)
        fill(board(thing, 1.9, thing.height - 0.12, thing.height, reach), color * 0.9)
        fill(board(thing, 0.7, thing.height - 0.3, thing.height - 0.1, 2 * reach), palette.LAMP, warmth=8.0)


def paint_sign(canvas, thing):
    """A disc, a square or a triangle: white rim, coloured inside, a white bar."""
    instance, kelvin = canvas.new_instance(thing), palette.KELVIN[street.SIGN]
    center = (thing.x, thing.height, thing.z)
    (cx, cy), (ex, _) = canvas.camera.project([center, (thing.x + thing.width / 2, thing.height, thing.z)])
    corners, start, size = ((20, 0.0, 1.1), (4, np.pi / 4, 1.25), (3, -np.pi / 2, 1.1))[thing.variant]
    turn = start + np.arange(corners) * 2 * np.pi / corners
    outline = np.stack([np.cos(turn), np.sin(turn)], -1) * (ex - cx) * size
    white, color = (textures.hazy(c, thing.z) for c in (palette.WHITE, palette.color_of(street.SIGN, thing.mode)))
    canvas.paint_outline(np.add((cx, cy), outline), street.SIGN, instance, white, kelvin)
    canvas.paint_outline(np.add((cx, cy), 0.76 * outline), street.SIGN, instance, color, kelvin)
    bar = board(thing, 0.34, thing.height - 0.06, thing.height + 0.06)
    canvas.paint(bar, street.SIGN, instance, white, kelvin)


def paint_person(canvas, thing):
    """Shadow, legs, arms, shirt, head, hair; heights are shares of the person's own."""
    instance, tall, x, z = canvas.new_instance(thing), thing.height, thing.x, thing.z
    shirt = palette.color_of(street.PERSON, thing.mode)
    stride = (0.10, 0.16, 0.22)[thing.variant]

    def part(width, bottom, top, dx, color, kelvin):
        corners = board(thing, width, bottom * tall, top * tall, dx)
        canvas.paint(corners, street.PERSON, instance, textures.hazy(color, z), kelvin)

    canvas.shade([(x - 0.4, 0, z - 0.15), (x + 0.6, 0, z - 0.15), (x + 0.7, 0, z + 0.2), (x - 0.3, 0, z + 0.2)], 0.6)
    for side in (-1, 1):
        part(0.17, 0.0, 0.5, side * stride, palette.TROUSERS, 300.0)
        part(0.13, 0.45, 0.8, side * 0.29, 0.8 * shirt, 301.0)
    part(0.42, 0.46, 0.84, 0.0, shirt, palette.KELVIN[street.PERSON])
    part(0.24, 0.84, 0.99, 0.0, palette.SKIN, 306.0)
    part(0.26, 0.94, 1.0, 0.0, palette.HAIR, 303.0)


def paint_car(canvas, thing):
    """Shadow, the side that can be seen, bonnet or boot, cabin, and the end towards the camera."""
    instance, cold = canvas.new_instance(thing), palette.KELVIN[street.CAR]
    body = palette.color_of(street.CAR, thing.mode)
    left, right = thing.x - thing.width / 2, thing.x + thing.width / 2
    near, far = thing.z, thing.z + thing.length
    waist, roof = 0.92, thing.height
    rear, engine = thing.variant == 0, 0.0 if thing.variant == 0 else 9.0  # the engine is in front

    def fill(corners, color, warmth=0.0):
        canvas.paint(corners, street.CAR, instance, textures.hazy(color, thing.z), cold + warmth)

    def end(x0, x1, y0, y1, color, z=near, slope=0.0, warmth=0.0):
        fill([(x0, y0, z), (x1, y0, z), (x1 - slope, y1, z), (x0 + slope, y1, z)], color, warmth)

    ground = [(left - 0.15, 0, near - 0.3), (right + 0.5, 0, near - 0.3), (right + 0.5, 0, far), (left - 0.15, 0, far)]
    canvas.shade(ground, 0.45)
    side = left if thing.x > canvas.camera.offset else right
    fill([(side, 0.28, near), (side, 0.28, far), (side, waist, far), (side, waist, near)], 0.72 * body)
    for z in (near + 0.75, far - 0.85):
        fill([(side, 0.33 + 0.33 * v, z + 0.36 * u) for u, v in CIRCLE], palette.TYRE, 8.0)
    deck = [(left, waist, near), (right, waist, near), (right, waist, far), (left, waist, far)]
    fill(deck, np.minimum(1.2 * body + 0.04, 1), engine)
    back, front = (near + 0.45, far - 1.4) if rear else (near + 1.3, far - 0.4)  # of the cabin
    inner = side + (0.14 if side == left else -0.14)
    window = [(inner, waist, back), (inner, waist, front), (inner, roof, front - 0.5), (inner, roof, back + 0.4)]
    fill(window, 0.8 * palette.GLASS)
    end(left + 0.06, right - 0.06, waist, roof, body, z=back, slope=0.16)
    end(left + 0.16, right - 0.16, waist + 0.04, roof - 0.14, palette.GLASS + 0.12, z=back, slope=0.10)
    for x in (left + 0.08, right - 0.34):
        end(x, x + 0.26, 0.0, 0.34, palette.TYRE, warmth=8.0)
    end(left, right, 0.26, waist, body, warmth=engine)
    end(left, right, 0.26, 0.42, 0.45 * body)
    for x in (left + 0.05, right - 0.36):
        end(x, x + 0.31, 0.62, 0.80, palette.TAIL_LIGHT if rear else palette.HEADLIGHT, warmth=3.0)
    end(thing.x - 0.26, thing.x + 0.26, 0.46, 0.58, palette.WHITE)


PAINTERS = {
    street.BUILDING: paint_building,
    street.VEGETATION: paint_vegetation,
    street.CAR: paint_car,
    street.PERSON: paint_person,
    street.POLE: paint_pole,
    street.SIGN: paint_sign,
}
