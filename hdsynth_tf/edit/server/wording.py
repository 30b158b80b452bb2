"""What people are told: names of objects, and what an edit did."""

import numpy as np


def object_names(scene, classes):
    """List of strings: `car 2` is the second counted car of the scene; what is not counted has its class's name."""
    count, names = {}, []
    for thing in scene.objects:
        name = classes.name(thing.label)
        if thing.is_counted:
            count[name] = count.get(name, 0) + 1
            name = f"{name} {count[name]}"
        names.append(name)
    return names


def title(command, before, classes):
    """Title of an edit in the history.

    Args:
        command: Dict, one that was carried out.
        before: `Scene`, as it was.
        classes: `ClassTable`.
    """
    name = object_names(before, classes)[command["object"]] if "object" in command else ""
    label = classes.name(command["label"]) if "label" in command else ""
    return {
        "restyle": f"{name}: style {command.get('style')}",
        "change_class": f"{name} became {label}",
        "remove": f"{name} removed",
        "move": f"{name} moved",
        "mirror": f"{name} mirrored",
        "duplicate": f"{name} duplicated",
        "paste": f"{label} added",
        "paint": f"{label} painted",
        "fill": f"filled with {label}",
        "reseed": f"seed {command.get('seed')}",
    }[command["do"]]


def filling(command, before, after, classes):
    """What came into the place of an object: `, filled with road and sidewalk`, or nothing to say."""
    if command["do"] not in ("remove", "move", "mirror"):
        return ""
    where = before.mask(command["object"]) & ~after.mask(command["object"])
    counts = np.bincount(after.object_map[where], minlength=len(after.objects))
    shares = {}
    for number in np.flatnonzero(counts):
        name = classes.name(after.objects[number].label)
        shares[name] = shares.get(name, 0) + counts[number]
    names = sorted(shares, key=shares.get, reverse=True)[:3]
    return f", filled with {' and '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}" if names else ""
