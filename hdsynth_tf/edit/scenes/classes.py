"""What a dataset's maps tell of its classes: which are counted, which are thin, how large their objects are where."""

import dataclasses

from scipy import ndimage

from hdsynth_tf.edit.scenes.errors import EditError
from hdsynth_tf.edit.scenes.fill import VERTICAL_WEIGHT
from hdsynth_tf.edit.scenes.placement import fit_sizes
from pipelines.pixels import borders

THIN = 1 / 24  # of the picture's height: what a square of this width does not fit into is thin
THIN_SHARE = 0.3  # of a class's pixels, at most, that such squares cover, if the class is thin


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """The classes of a model, and what is known of each.

    Attributes:
        names: Strings.
        colors: RGB triples, 0..255.
        things: Frozen set of classes whose objects are counted; all others are stuff.
        thin: Frozen set of classes that are nowhere wide, such as poles.
        void: Frozen set of labels that mean "no class"; they may lie outside of the table.
        sizes: Dict: class -> `placement.SizeByPlace`; classes without a rule are not in it.
        style_counts: Integers, the styles that the model knows of each class.
        fill_weight: Float, pixels to the side that a pixel above or below counts as when a hole is filled.
    """

    names: tuple
    colors: tuple
    things: frozenset = frozenset()
    thin: frozenset = frozenset()
    void: frozenset = frozenset()
    sizes: dict = dataclasses.field(default_factory=dict)
    style_counts: tuple = ()
    fill_weight: float = VERTICAL_WEIGHT

    def __len__(self):
        return len(self.names)

    def name(self, label):
        return self.names[label] if 0 <= label < len(self) else f"no class ({label})"

    def is_ground(self, thing):
        """Whether what lies behind an object may be a copy of `thing`: wide stuff."""
        return not (thing.is_counted or thing.label in self.things | self.thin | self.void)

    def checked(self, scene):
        """`scene`, if all its labels are classes, or void. Raises `EditError` otherwise, with the labels."""
        known = self.void.union(range(len(self)))
        strange = sorted({thing.label for thing in scene.objects} - known)
        if strange:
            shown = ", ".join(map(str, strange[:8])) + (", ..." if len(strange) > 8 else "")
            raise EditError(f"The model's classes are 0 to {len(self) - 1}. The label map also has {shown}.")
        return scene

    def num_styles(self, label):
        return self.style_counts[label] if 0 <= label < len(self.style_counts) else 0


@dataclasses.dataclass(frozen=True)
class Facts:
    """Statistics of the objects of one scene.

    Attributes:
        area, wide: Dicts: class -> pixels, as shares of the picture; those of them that a square fits around.
        counted: Frozen set of classes with objects that are counted.
        objects: List of `(label, lowest row, height)` of counted objects that the picture's edge does not cut, rows as
            shares of the picture's height.
    """

    area: dict
    wide: dict
    counted: frozenset
    objects: list

    @classmethod
    def of(cls, scene):
        """Of a `Scene`."""
        height = scene.size[0]
        label_map, width = scene.label_map, max(int(height * THIN), 2)
        inside = ndimage.uniform_filter(borders(label_map).astype("float32"), width, mode="nearest") < 0.5 / width**2
        wide = ndimage.maximum_filter(inside, width, mode="nearest")
        labels = sorted({thing.label for thing in scene.objects})
        area = {label: float((label_map == label).mean()) for label in labels}
        broad = {label: float(((label_map == label) & wide).mean()) for label in labels}
        counted = frozenset(thing.label for thing in scene.objects if thing.is_counted)
        return cls(area, broad, counted, list(_object_sizes(scene)))


def _object_sizes(scene):
    height, width = scene.size
    for thing, (rows, columns) in zip(scene.objects, boxes(scene)):
        at_edge = rows.start == 0 or columns.start == 0 or rows.stop == height or columns.stop == width
        if thing.is_counted and not at_edge:
            yield thing.label, rows.stop / height, (rows.stop - rows.start) / height


def boxes(scene):
    """Slices (rows, columns) of the box around each object; empty ones for objects that have no pixels."""
    found = ndimage.find_objects(scene.object_map.astype("int32") + 1, len(scene.objects))
    return [box if box is not None else (slice(0, 0), slice(0, 0)) for box in found]


def class_table(names, colors, facts, void=(), style_counts=(), fill_weight=VERTICAL_WEIGHT):
    """The table of a dataset's classes.

    Args:
        names, colors, void, style_counts, fill_weight: See `ClassTable`.
        facts: List of `Facts`, of some of its scenes.
    """
    things = frozenset().union(*(fact.counted for fact in facts))
    thin = set()
    for label in range(len(names)):
        area, wide = (sum(getattr(fact, name).get(label, 0) for fact in facts) for name in ("area", "wide"))
        if label not in things and area and wide < THIN_SHARE * area:
            thin.add(label)
    sizes = {}
    for label in things:
        own = [(foot, height) for fact in facts for kind, foot, height in fact.objects if kind == label]
        rule = fit_sizes(*zip(*own)) if own else None
        if rule is not None:
            sizes[label] = rule
    kinds = things, frozenset(thin), frozenset(void)
    return ClassTable(tuple(names), tuple(colors), *kinds, sizes, tuple(style_counts), fill_weight)
