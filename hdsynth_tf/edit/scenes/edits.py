"""The edits: small functions of a scene and what an edit needs, each giving a new scene.

Everything that moves is a `shapes.Shape` that stands on a foot; everything that is taken away leaves a hole that
`fill` closes. Points and distances are (x, y) in pixels of the picture.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.fill import fill_hole
from hdsynth_tf.edit.scenes.shapes import Shape, stroke

# === Of one object ===


def restyle(scene, classes, object, style):
    """Gives an object a style of its class; `None`: what the seed says.

    Objects of other classes that share its id get it, too, as far as they have styles: a model knows them by ids.
    """
    thing = scene.objects[object]
    count = classes.num_styles(thing.label)
    if not count:
        raise EditError(f"The model has no styles of {classes.name(thing.label)}.")
    if style is not None and style >= count:
        raise EditError(f"{classes.name(thing.label)} has the styles 0 to {count - 1}. Received: {style}")
    same = [other.instance == thing.instance and classes.num_styles(other.label) > 0 for other in scene.objects]
    objects = [dataclasses.replace(o, style=style) if is_same else o for o, is_same in zip(scene.objects, same)]
    return dataclasses.replace(scene, objects=tuple(objects))


def change_class(scene, classes, object, label):
    """Makes an object one of another class: an object of its own where those are counted, else a part of them."""
    mask = scene.mask(object)
    if scene.objects[object].label == label:
        raise EditError(f"It is {classes.name(label)} already.")
    scene, number = scene.add(label, label in classes.things)
    return scene.with_pixels(mask, number)


def remove(scene, classes, object):
    """Takes an object away; its surroundings grow over the hole."""
    return _without(scene, classes, scene.mask(object))


def move(scene, classes, object, by, keep_size=False, in_front=False):
    """Moves an object, which grows as it comes nearer unless `keep_size`; what it hid is filled.

    Things that stand farther down in the picture hide it unless `in_front`.
    """
    shape = _shape(scene, object)
    foot = shape.foot[0] + by[0], shape.foot[1] + by[1]
    rest = _without(scene, classes, scene.mask(object))
    return _put(rest, object, _sized(shape, foot, scene, classes, scene.objects[object].label, keep_size), in_front)


def mirror(scene, classes, object):
    """Turns an object left to right where it stands, behind what hides it; what it uncovers is filled."""
    shape = _shape(scene, object)
    rest = _without(scene, classes, scene.mask(object))
    return _put(rest, object, shape.mirrored(), in_front=False)


def duplicate(scene, classes, object, by, style=None, keep_size=False, in_front=False):
    """Puts a second object like one beside it, in a style of its own or the one it has; see `move`."""
    thing, shape = scene.objects[object], _shape(scene, object)
    foot = shape.foot[0] + by[0], shape.foot[1] + by[1]
    scene, number = scene.add(thing.label, thing.is_counted, thing.style if style is None else style)
    return _put(scene, number, _sized(shape, foot, scene, classes, thing.label, keep_size), in_front)


# === Of the picture ===


def paste(scene, classes, label, mask, foot, to, style=None, keep_size=False, in_front=False):
    """Puts a new object into the picture.

    Args:
        label: Integer, its class.
        mask: Boolean array, its shape, as large as it would be where it was cut out.
        foot: Where it stood there, (x, y) in this picture's pixels.
        to: Where it shall stand.
        style: See `scene.Object`.
    """
    scene, number = scene.add(label, label in classes.things, style)
    shape = _sized(Shape(mask, foot), to, scene, classes, label, keep_size)
    return _put(scene, number, shape, in_front)


def paint(scene, classes, points, radius, label, onto=None, over=None):
    """A brush stroke of a class.

    Args:
        points: List of (x, y).
        radius: Pixels.
        label: Integer.
        onto: Number of an object of that class that grows by what is painted, or `None`: a new one, if its kind is
            counted.
        over: `"stuff"`, a class, or `None`: what may be painted over; `None` is everything.
    """
    mask = stroke(points, radius, scene.size)
    if over == "stuff":
        mask &= scene.lookup([not (o.is_counted or o.label in classes.things) for o in scene.objects], bool)
    elif over is not None:
        mask &= scene.lookup([o.label == over for o in scene.objects], bool)
    if not mask.any():
        raise EditError("The brush touched nothing that it may paint over.")
    return _painted(scene, classes, mask, label, onto)


def fill(scene, classes, at, label, onto=None):
    """Gives all that is joined to a pixel and is of its object to a class; see `paint`."""
    x, y = at
    parts, _ = ndimage.label(scene.mask(scene.object_map[y, x]))
    return _painted(scene, classes, parts == parts[y, x], label, onto)


def reseed(scene, classes, seed, keep_styles=False):
    """Another style for everything; for what was chosen, too, unless `keep_styles`."""
    objects = scene.objects
    if not keep_styles:
        objects = tuple(dataclasses.replace(thing, style=None) for thing in objects)
    return dataclasses.replace(scene, seed=seed, objects=objects)


# === Parts ===


def _shape(scene, object):
    shape = Shape.cut(scene.mask(object))
    if shape is None:
        raise EditError("The object has no pixel left in the picture.")
    return shape


def _sized(shape, foot, scene, classes, label, keep_size):
    """A shape on another foot, as large as it is there."""
    rule = classes.sizes.get(label)
    if rule is None or keep_size:
        return shape.at(foot)
    return shape.scaled(rule.factor(shape.foot[1], foot[1], scene.size[0])).at(foot)


def _without(scene, classes, hole):
    """The scene with a hole filled."""
    if not hole.any():
        raise EditError("The object has no pixel left in the picture.")
    known = scene.lookup([classes.is_ground(thing) for thing in scene.objects], bool) & ~hole
    if not known.any():
        known = ~hole
    if not known.any():
        raise EditError("It is all that there is: nothing could be in its place.")
    return dataclasses.replace(scene, object_map=fill_hole(scene.object_map, hole, known, classes.fill_weight))


def _put(scene, object, shape, in_front):
    """The scene with a shape given to an object; counted objects that stand nearer hide it."""
    mask = shape.paint(scene.size)
    if not in_front:
        mask &= ~np.isin(scene.object_map, nearer(scene, mask, shape.foot[1]))
    if not mask.any():
        raise EditError("Nothing of the object would be seen there.")
    return scene.with_pixels(mask, object)


def nearer(scene, mask, foot):
    """Numbers of the counted objects under a mask that reach farther down than the row `foot`, in its columns."""
    columns = np.flatnonzero(mask.any(axis=0))
    part = scene.object_map[foot + 1 :, columns[0] : columns[-1] + 1] if len(columns) else scene.object_map[:0]
    below, under = np.unique(part), np.unique(scene.object_map[mask])
    return [number for number in np.intersect1d(below, under) if scene.objects[number].is_counted]


def _painted(scene, classes, mask, label, onto):
    if onto is not None and scene.objects[onto].label != label:
        raise EditError(f"The object that should grow is no {classes.name(label)}.")
    if onto is None:
        scene, onto = scene.add(label, label in classes.things)
    if np.array_equal(scene.object_map[mask], np.full(mask.sum(), onto)):
        raise EditError(f"That is {classes.name(label)} already.")
    return scene.with_pixels(mask, onto)
