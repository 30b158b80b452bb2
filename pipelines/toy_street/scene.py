"""What stands where in a toy street: geometry only, in metres, drawn from (seed, index).

A scene is a straight street seen by a pinhole camera 1.5 m above the ground. World axes: X to the right, Y up, Z ahead,
origin on the ground under the camera. Nothing here knows about pixels: `render` draws the same scene at any size.
"""

import dataclasses

import numpy as np

CLASS_NAMES = ("sky", "building", "vegetation", "road", "sidewalk", "lane marking", "car", "person", "pole", "sign")
SKY, BUILDING, VEGETATION, ROAD, SIDEWALK, LANE_MARKING, CAR, PERSON, POLE, SIGN = range(len(CLASS_NAMES))
THING_CLASSES = (BUILDING, CAR, PERSON, SIGN)  # classes whose objects are counted: instance id = class * 1000 + k

# Hidden appearance modes and how frequent they are. The shares are such that the median colour of a class is the
# colour of one of its modes: a network that cannot see the mode then errs towards a colour that exists.
MODES = {
    SKY: {"clear": 0.55, "overcast": 0.2, "dusk": 0.25},
    BUILDING: {"brick": 0.34, "concrete": 0.33, "plaster": 0.33},
    VEGETATION: {"summer": 0.6, "autumn": 0.4},
    ROAD: {"asphalt": 0.6, "gravel": 0.4},
    SIDEWALK: {"slabs": 0.6, "pavers": 0.4},
    LANE_MARKING: {"white": 0.6, "yellow": 0.4},
    CAR: {"blue": 0.3, "black": 0.25, "silver": 0.25, "red": 0.2},
    PERSON: {"green": 0.4, "orange": 0.3, "white": 0.3},
    POLE: {"steel": 0.6, "wood": 0.4},
    SIGN: {"blue": 0.6, "yellow": 0.4},
}

ROAD_HALF_WIDTH = 4.0
LANE = 1.9  # metres from the middle of the road to the middle of a lane; traffic keeps right
SIDEWALK_WIDTH = 3.0
FACADE_DISTANCE = ROAD_HALF_WIDTH + SIDEWALK_WIDTH  # of the building fronts from the middle of the road
FAR_END = 75.0  # the street ends here, at a row of trees and buildings
NEAREST = 1.2
STOREY_HEIGHT = 3.2
BAY = 3.0  # metres of a front that share a window


@dataclasses.dataclass(frozen=True)
class Camera:
    """Pinhole camera. Lengths in units of the image height; `x` is measured from the middle of the image."""

    horizon: float  # row of the horizon, 0 = top, 1 = bottom
    vanishing_x: float  # column where the street vanishes
    offset: float  # metres to the right of the middle of the road
    focal_length: float = 1.05
    height: float = 1.5  # metres above the ground

    def project(self, points):
        """(n, 3) world points in metres, in front of the camera -> (n, 2) image points (x, y) in image heights."""
        points = np.asarray(points, "float64")
        scale = self.focal_length / points[:, 2:]
        return (points[:, :2] - (self.offset, self.height)) * scale * (1, -1) + (self.vanishing_x, self.horizon)

    def footprint(self, ahead, canvas):
        """Metres that a pixel of `canvas` covers at a distance of `ahead` metres."""
        return ahead / (self.focal_length * canvas.height)


@dataclasses.dataclass(frozen=True)
class Thing:
    """One object (or one kind of stuff): where it stands, what it is, how it looks."""

    label: int
    mode: int  # index into MODES[label]
    x: float = 0.0
    z: float = 0.0
    width: float = 0.0
    height: float = 0.0
    length: float = 0.0
    storeys: int = 0  # of a building
    variant: int = 0  # of a shape: car seen from front or behind, disc or square sign, ...
    seed: int = 0  # for details of its own, such as the lumps of a tree's crown


@dataclasses.dataclass(frozen=True)
class Scene:
    camera: Camera
    stuff: dict  # label -> mode of sky, road, sidewalk, lane marking
    buildings: tuple
    backdrop: tuple  # buildings and trees that close the street
    standing: tuple  # cars, people, trees, poles and signs, farthest first
    dash_start: float  # metres ahead of the camera where a dash of the middle line begins
    crossing: float  # metres ahead where a zebra crossing begins, or 0
    travelled: float = 0.0  # metres that the camera has gone since; see `driven`


def make_scene(seed, index, hidden_modes=True):
    """The scene number `index` of the world `seed`; the same arguments always give the same scene.

    Args:
        seed, index: Integers, 0 or more.
        hidden_modes: Boolean. If true, the appearance modes are drawn by lot: nothing in the label map tells them, and
            an encoder has to. If false, the layout tells them (houses by where they begin, cars by the way they face,
            signs by their shape), so that a generator can learn the photograph from the labels alone.
    """
    rng = np.random.default_rng([seed, index])
    camera = Camera(
        horizon=rng.uniform(0.41, 0.46),
        vanishing_x=rng.uniform(-0.15, 0.15),
        offset=rng.uniform(LANE - 0.5, LANE + 0.5),
    )
    standing = _vehicles(rng, camera) + _people(rng) + _trees(rng) + _poles(rng)
    scene = Scene(
        camera=camera,
        stuff={label: _mode(rng, label) for label in (SKY, ROAD, SIDEWALK, LANE_MARKING)},
        buildings=tuple(_building_row(rng, -1) + _building_row(rng, +1)),
        backdrop=tuple(_backdrop(rng)),
        standing=tuple(sorted(standing, key=lambda thing: -thing.z)),
        dash_start=rng.uniform(0, 7),
        crossing=rng.uniform(7, 20) if rng.random() < 0.35 else 0.0,
    )
    return scene if hidden_modes else _with_visible_modes(scene)


def driven(scene, metres):
    """`scene` seen from so many metres further on: all comes nearer but what is in the camera's way, which goes ahead.

    What the camera has passed is gone, and ids of things that are left may be others.
    """

    def nearer(things):
        here = [
            thing if _is_in_the_way(thing, scene.camera) else dataclasses.replace(thing, z=thing.z - metres)
            for thing in things
        ]
        return tuple(thing for thing in here if thing.z + thing.length * (thing.label == BUILDING) > NEAREST)

    things = {name: nearer(getattr(scene, name)) for name in ("buildings", "backdrop", "standing")}
    things["standing"] = tuple(sorted(things["standing"], key=lambda thing: -thing.z))
    return dataclasses.replace(scene, travelled=scene.travelled + metres, **things)


def _is_in_the_way(thing, camera):
    return thing.label in (CAR, PERSON) and abs(thing.x - camera.offset) < 2.2


def restyled(scene, label, mode):
    """`scene` with everything of the class `label` in one of its modes."""

    def choose(thing):
        return mode if thing.label == label else thing.mode

    return _with_modes(scene, {**scene.stuff, label: mode} if label in scene.stuff else scene.stuff, choose)


def _with_visible_modes(scene):
    """`scene` with every mode a function of what the label map shows."""

    def choose(thing):
        if thing.label == BUILDING:
            return (int(thing.z / (3 * BAY)) + (thing.x > 0)) % 3
        if thing.label == CAR:
            return 0 if thing.x > 0 else 3
        if thing.label == PERSON:
            return 1 if abs(thing.x) < ROAD_HALF_WIDTH else 0
        if thing.label == SIGN:
            return int(thing.variant == 2)
        return 0

    return _with_modes(scene, dict.fromkeys(scene.stuff, 0), choose)


def _with_modes(scene, stuff, choose):
    """`scene` with the modes of `stuff`, and those that `choose` gives things."""

    def repaint(things):
        return tuple(dataclasses.replace(thing, mode=choose(thing)) for thing in things)

    things = {name: repaint(getattr(scene, name)) for name in ("buildings", "backdrop", "standing")}
    return dataclasses.replace(scene, stuff=stuff, **things)


def _mode(rng, label):
    shares = list(MODES[label].values())
    return int(rng.choice(len(shares), p=shares))


def _building_row(rng, side):
    """Fronts along one side of the street, with an alley now and then; nearest first."""
    row, z = [], NEAREST
    while z < FAR_END - 6:
        length = BAY * rng.integers(2, 6)
        row.append(
            Thing(BUILDING, _mode(rng, BUILDING), x=side * FACADE_DISTANCE, z=z, width=14.0,
                  length=float(min(length, FAR_END - z)), **_storeys(rng))
        )  # fmt: skip
        z += length + (BAY if rng.random() < 0.25 else 0.0)
    return row


def _storeys(rng):
    storeys = int(rng.integers(2, 6))
    return {"storeys": storeys, "height": STOREY_HEIGHT * storeys + 0.8}


def _backdrop(rng):
    row, x = [], -45.0
    while x < 45:
        width = rng.uniform(9, 18)
        if rng.random() < 0.6:
            row.append(Thing(BUILDING, _mode(rng, BUILDING), x=x, z=FAR_END, width=width, **_storeys(rng)))
        else:
            row.append(Thing(VEGETATION, _mode(rng, VEGETATION), x=x + width / 2, z=FAR_END, width=width,
                             height=rng.uniform(6, 10), seed=int(rng.integers(2**31))))  # fmt: skip
        x += width
    return row


def _vehicles(rng, camera):
    cars, taken = [], {}
    for _ in range(rng.integers(2, 7)):
        lane = float(rng.choice([-LANE, LANE]))
        parked = rng.random() < 0.35
        x = np.sign(lane) * 3.0 if parked else lane + rng.uniform(-0.3, 0.3)
        z = rng.uniform(6, 40)
        in_the_way = abs(x - camera.offset) < 2.2 and z < 9  # a car right before the lens hides the street
        if in_the_way or any(abs(z - other) < 7 for other in taken.get(lane, ())):
            continue
        taken.setdefault(lane, []).append(z)
        cars.append(Thing(CAR, _mode(rng, CAR), x=x, z=z, width=rng.uniform(1.7, 1.95), height=rng.uniform(1.4, 1.75),
                          length=rng.uniform(3.8, 4.6), variant=0 if lane > 0 else 1))  # fmt: skip
    return cars


def _people(rng):
    people = []
    for _ in range(rng.integers(1, 6)):
        on_road = rng.random() < 0.15
        side = rng.choice([-1, 1])
        x = rng.uniform(-3, 3) if on_road else side * rng.uniform(4.5, 6.4)
        people.append(Thing(PERSON, _mode(rng, PERSON), x=x, z=rng.uniform(5, 28), width=0.55,
                            height=rng.uniform(1.55, 1.9), variant=int(rng.integers(3))))  # fmt: skip
    return people


def _trees(rng):
    trees = []
    for side in (-1, 1):
        if rng.random() < 0.75:
            step = rng.uniform(9, 16)
            mode = _mode(rng, VEGETATION)
            for z in np.arange(rng.uniform(5, 14), 60, step):
                trees.append(Thing(VEGETATION, mode, x=side * 6.1, z=float(z), width=rng.uniform(2.6, 4.2),
                                   height=rng.uniform(4.5, 7.0), variant=1, seed=int(rng.integers(2**31))))  # fmt: skip
    return trees


def _poles(rng):
    poles = []
    for _ in range(rng.integers(1, 5)):
        x, z = rng.choice([-1, 1]) * rng.uniform(4.3, 4.8), rng.uniform(5, 32)
        height = rng.uniform(4.5, 7.0)
        sign = rng.random() < 0.7
        poles.append(Thing(POLE, _mode(rng, POLE), x=x, z=z + 0.01, width=0.16, height=3.3 if sign else height,
                           variant=0 if sign else 1))  # fmt: skip
        if sign:
            poles.append(Thing(SIGN, _mode(rng, SIGN), x=x, z=z, width=0.95, height=3.2, variant=int(rng.integers(3))))
    return poles
