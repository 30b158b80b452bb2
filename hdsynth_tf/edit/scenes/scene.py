"""A scene that is being edited: which object each pixel belongs to, and what each object is. Immutable."""

import dataclasses
import functools
import hashlib

import numpy as np

from hdsynth_tf.edit.scenes.errors import EditError

MOST_OBJECTS = 2**16  # that a map of uint16 can tell apart
LARGEST_ID = 2**31 - 1
ID_STEP = 1000  # the first object of a class has the id class * ID_STEP, as in Cityscapes


@dataclasses.dataclass(frozen=True)
class Object:
    """A row of a scene's table: all pixels of one class and one instance id.

    Attributes:
        label: Integer, its class.
        instance: Integer, its id in the instance map.
        style: Integer, the number of the style of its class that was chosen for it, or `None`: the seed says.
    """

    label: int
    instance: int
    style: int | None = None

    @property
    def is_counted(self):
        """Whether it is one of several of its class: what is not counted has the id 0, or its class's number."""
        return self.instance not in (0, self.label)


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """Label map, instance map and chosen styles of a photograph.

    The two maps that a model reads are one map here, of numbers of objects, and a table. A scene never changes: edits
    make a new one that shares what they left alone. Rows of the table stay where they are, so an object keeps its
    number from edit to edit, and a row whose object was removed keeps its id, which nothing else then gets.

    Attributes:
        object_map: `(height, width)` uint16, read-only: which row of `objects` each pixel belongs to.
        objects: Tuple of `Object`.
        seed: Integer that names the styles of all objects for which none was chosen.
    """

    object_map: np.ndarray
    objects: tuple
    seed: int = 0

    def __post_init__(self):
        self.object_map.flags.writeable = False

    @classmethod
    def of_maps(cls, label_map, instance_map, seed=0):
        """The scene of two maps `(height, width)` of integers.

        Raises:
            EditError: If they differ in size, or hold more than 65,536 objects.
        """
        if label_map.shape != instance_map.shape or label_map.ndim != 2 or not label_map.size:
            raise EditError(
                "Label map and instance map should be of one size. Received: "
                f"{'x'.join(map(str, label_map.shape[::-1]))} and {'x'.join(map(str, instance_map.shape[::-1]))}"
            )
        pairs = (label_map.astype("int64") << 32 | (instance_map.astype("int64") & 0xFFFFFFFF)).ravel()
        starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))  # of runs: far fewer than pixels
        found, number = np.unique(pairs[starts], return_inverse=True)
        if len(found) > MOST_OBJECTS:
            raise EditError(f"The maps hold {len(found)} objects; an editable scene has {MOST_OBJECTS} at most.")
        object_map = np.repeat(number.astype("uint16"), np.diff([*starts, pairs.size])).reshape(label_map.shape)
        ids = (found & 0xFFFFFFFF).astype("uint32").astype("int32")
        return cls(object_map, tuple(Object(int(label), int(i)) for label, i in zip(found >> 32, ids)), seed)

    @property
    def size(self):
        """(height, width)."""
        return self.object_map.shape

    @property
    def label_map(self):
        """`(height, width)` int32."""
        return self.lookup([thing.label for thing in self.objects], "int32")

    @property
    def instance_map(self):
        """`(height, width)` int32."""
        return self.lookup([thing.instance for thing in self.objects], "int32")

    @property
    def styles(self):
        """Dict: instance id -> number of the style chosen for it; as `Pix2PixHD.generate` takes them."""
        return {thing.instance: thing.style for thing in self.objects if thing.style is not None}

    def lookup(self, table, dtype):
        """Every pixel's entry of a table that has one for each object."""
        return np.asarray(table, dtype)[self.object_map]

    def mask(self, number):
        """Boolean `(height, width)`: where an object is."""
        return self.object_map == number

    @functools.cached_property
    def digest(self):
        """String that two scenes share only if they are the same to the last pixel."""
        state = hashlib.blake2b(digest_size=16)
        state.update(repr((self.size, self.objects, self.seed)).encode())
        state.update(np.ascontiguousarray(self.object_map))
        return state.hexdigest()

    def __eq__(self, other):
        return isinstance(other, Scene) and self.digest == other.digest

    def __hash__(self):
        return hash(self.digest)

    # === New scenes of this one ===

    def with_pixels(self, mask, number):
        """This scene with the pixels that a mask marks given to an object."""
        object_map = self.object_map.copy()
        object_map[mask] = number
        return dataclasses.replace(self, object_map=object_map)

    def add(self, label, counted, style=None):
        """This scene with a row for something of a class, and the row's number.

        Args:
            label: Integer, the class.
            counted: Boolean. If true, it is a new object with an id of its own; if false, it joins what is there of the
                class.
            style: See `Object`; of new objects.

        Raises:
            EditError: If there can be no more objects.
        """
        if not counted:
            for number, thing in enumerate(self.objects):
                if thing.label == label and not thing.is_counted:
                    return self, number
        if len(self.objects) == MOST_OBJECTS:
            raise EditError(f"A scene has {MOST_OBJECTS} objects at most, and has had as many.")
        taken = {thing.instance for thing in self.objects}
        instance = self._free_id(label, taken) if counted or label in taken else label
        return dataclasses.replace(self, objects=(*self.objects, Object(label, instance, style))), len(self.objects)

    def _free_id(self, label, taken):
        """The first id of a class that nothing in the scene has or had."""
        instance = max(label, 1) * ID_STEP
        while instance in taken:
            instance += 1
        if instance > LARGEST_ID:
            raise EditError(f"Class {label} has no id left; the largest possible is {LARGEST_ID}.")
        return instance
