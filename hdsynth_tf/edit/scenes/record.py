"""The record of a session: edits as JSON, checked and carried out; the same record gives the same scene again."""

import numpy as np

from hdsynth_tf.edit.scenes import edits
from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.history import History
from hdsynth_tf.edit.scenes.packing import pack, unpack, unpack_mask
from hdsynth_tf.edit.scenes.scene import Scene

FORMAT = 1
MOST_POINTS = 20_000  # of a stroke
LONGEST_STROKE = 400_000  # pixels
LARGEST_RADIUS = 200
LARGEST_SEED = 2**31 - 1

# === Values of an edit ===


def _whole(low, high):
    def read(value, scene, classes):
        if type(value) is not int or not low <= value <= high:
            raise EditError(f"should be a whole number from {low} to {high}. Received: {value!r:.60}")
        return value

    return read


def _object(value, scene, classes):
    return _whole(0, len(scene.objects) - 1)(value, scene, classes)


def _label(value, scene, classes):
    return _whole(0, len(classes) - 1)(value, scene, classes)


def _or_nothing(read):
    return lambda value, scene, classes: None if value is None else read(value, scene, classes)


def _flag(value, scene, classes):
    if type(value) is not bool:
        raise EditError(f"should be true or false. Received: {value!r:.60}")
    return value


def _point(value, scene, classes):
    if not (isinstance(value, list) and len(value) == 2):
        raise EditError(f"should be [x, y]. Received: {value!r:.60}")
    return tuple(_whole(-100_000, 100_000)(part, scene, classes) for part in value)


def _inside(value, scene, classes):
    x, y = _point(value, scene, classes)
    if not (0 <= y < scene.size[0] and 0 <= x < scene.size[1]):
        raise EditError(f"should lie in the picture of {scene.size[1]}x{scene.size[0]} pixels. Received: {value}")
    return x, y


def _points(value, scene, classes):
    if not (isinstance(value, list) and 0 < len(value) <= MOST_POINTS):
        raise EditError(f"should be 1 to {MOST_POINTS} points.")
    points = [_point(point, scene, classes) for point in value]
    if np.abs(np.diff(points, axis=0)).sum() > LONGEST_STROKE:
        raise EditError(f"should be a line of {LONGEST_STROKE} pixels at most.")
    return points


def _over(value, scene, classes):
    return value if value == "stuff" else _or_nothing(_label)(value, scene, classes)


def _mask(value, scene, classes):
    return unpack_mask(value)


STYLE = _or_nothing(_whole(0, 2**15))
PLACE = {"keep_size": _flag, "in_front": _flag}
EDITS = {  # name -> function, its values, those of them that may be left out
    "restyle": (edits.restyle, {"object": _object, "style": STYLE}, {}),
    "change_class": (edits.change_class, {"object": _object, "label": _label}, {}),
    "remove": (edits.remove, {"object": _object}, {}),
    "move": (edits.move, {"object": _object, "by": _point}, PLACE),
    "mirror": (edits.mirror, {"object": _object}, {}),
    "duplicate": (edits.duplicate, {"object": _object, "by": _point}, {"style": STYLE, **PLACE}),
    "paste": (
        edits.paste,
        {"label": _label, "mask": _mask, "foot": _point, "to": _point},
        {"style": STYLE, **PLACE},
    ),
    "paint": (
        edits.paint,
        {"points": _points, "radius": _whole(0, LARGEST_RADIUS), "label": _label},
        {"onto": _or_nothing(_object), "over": _over},
    ),
    "fill": (edits.fill, {"at": _inside, "label": _label}, {"onto": _or_nothing(_object)}),
    "reseed": (edits.reseed, {"seed": _whole(0, LARGEST_SEED)}, {"keep_styles": _flag}),
}


def apply(scene, command, classes):
    """Carries out one edit.

    Args:
        scene: `Scene`.
        command: Dict of JSON: `do`, the name of a function of `edits`, and its arguments.
        classes: `ClassTable`.

    Returns:
        The new `Scene`.

    Raises:
        EditError: If the command is none, or cannot be carried out.
    """
    name = command.get("do") if isinstance(command, dict) else None
    if not isinstance(name, str) or name not in EDITS:
        raise EditError(f"An edit is one of {', '.join(EDITS)}. Received: {name!r:.60}")
    function, needed, optional = EDITS[name]
    given = {key: value for key, value in command.items() if key != "do"}
    if not set(needed) <= set(given) <= set(needed) | set(optional):
        expected = ", ".join([*needed, *(f"{key} (or not)" for key in optional)])
        raise EditError(f"The edit {name} has the values {expected}. Received: {', '.join(given)}")
    readers, values = {**needed, **optional}, {}
    for key, value in given.items():
        try:
            values[key] = readers[key](value, scene, classes)
        except EditError as error:
            raise EditError(f"{key} of the edit {name} {error}") from None
    return function(scene, classes, **values)


# === Records ===


def make_record(opened, history, model, scene_name=""):
    """The record as a dict for JSON, complete: it holds the maps of the scene it began with.

    Args:
        opened: `Scene`, as it was before the first edit.
        history: `History`.
        model: String, the fingerprint of the model.
        scene_name: String, for people.
    """
    return {
        "format": FORMAT,
        "model": model,
        "scene": scene_name,
        "seed": opened.seed,
        "label_map": pack(opened.label_map),
        "instance_map": pack(opened.instance_map),
        "edits": history.commands,
    }


def replay(record, classes, go_on=lambda: None):
    """The history that a record tells of, edit by edit.

    Args:
        record: Dict, as `make_record` made it.
        classes: `ClassTable` of the model that it was made with.
        go_on: Function that is called before each edit, and raises an exception to end it.

    Raises:
        EditError: If it is no record, holds labels of no class, or an edit cannot be carried out; says which.
    """
    if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("edits"), list):
        raise EditError("That is no record of an editing session.")
    maps = [unpack(record.get(name)) for name in ("label_map", "instance_map")]
    seed = _whole(0, LARGEST_SEED)(record.get("seed", 0), None, classes)
    history = History(classes.checked(Scene.of_maps(*maps, seed)))
    for number, command in enumerate(record["edits"], start=1):
        go_on()
        try:
            history = history.do(command, apply(history.scene, command, classes))
        except EditError as error:
            raise EditError(f"Edit {number} of the record cannot be made again: {error}") from None
    return history
