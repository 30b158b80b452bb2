"""Undo and redo of any depth: every step keeps only the part of the map that it changed, compressed."""

import dataclasses
import zlib

import numpy as np

from hdsynth_tf.edit.scenes.scene import Scene


@dataclasses.dataclass(frozen=True)
class Step:
    """One edit, and what it takes to go over it in both directions.

    Attributes:
        command: Dict, the edit as the record has it.
        rows, columns: (start, stop) of the part of the map that it changed.
        pixels: Compressed bytes of that part, before and after.
        objects, seeds: The tables, and the seeds, before and after.
        digests: Those of the scenes before and after.
    """

    command: dict
    rows: tuple
    columns: tuple
    pixels: tuple
    objects: tuple
    seeds: tuple
    digests: tuple

    @classmethod
    def between(cls, command, before, after):
        rows, columns = changed_box(before, after)
        parts = [scene.object_map[slice(*rows), slice(*columns)] for scene in (before, after)]
        return cls(
            command,
            rows,
            columns,
            tuple(zlib.compress(np.ascontiguousarray(part), 1) for part in parts),
            (before.objects, after.objects),
            (before.seed, after.seed),
            (before.digest, after.digest),
        )

    def cross(self, scene, side):
        """The scene on a side of the step, 0 before and 1 after, from that on the other."""
        object_map = scene.object_map
        if self.rows[0] < self.rows[1]:
            object_map = object_map.copy()
            part = object_map[slice(*self.rows), slice(*self.columns)]
            part[:] = np.frombuffer(zlib.decompress(self.pixels[side]), object_map.dtype).reshape(part.shape)
        return Scene(object_map, self.objects[side], self.seeds[side])


def changed_box(before, after):
    """(start, stop) of the rows and of the columns in which two scenes' maps differ; (0, 0) twice if nowhere."""
    if before.object_map is after.object_map:
        return (0, 0), (0, 0)
    differs = before.object_map != after.object_map
    lines = [np.flatnonzero(differs.any(axis=1 - axis)) for axis in (0, 1)]
    return tuple((int(line[0]), int(line[-1]) + 1) if len(line) else (0, 0) for line in lines)


@dataclasses.dataclass(frozen=True)
class History:
    """A scene with all that led to it, and what was undone. Immutable.

    Attributes:
        scene: `Scene`, the present one.
        steps: Tuple of `Step`, all of them, those undone at the end.
        position: Integer, how many of them lead to `scene`.
    """

    scene: Scene
    steps: tuple = ()
    position: int = 0

    @property
    def commands(self):
        """Dicts, the edits that lead from the opened scene to the present one."""
        return [step.command for step in self.steps[: self.position]]

    @property
    def digests(self):
        """Strings: of the opened scene, and of the one after each step."""
        return [*(step.digests[0] for step in self.steps[:1]), *(step.digests[1] for step in self.steps)] or [
            self.scene.digest
        ]

    def do(self, command, scene):
        """The history in which `command` has led to `scene`; what was undone is forgotten."""
        step = Step.between(command, self.scene, scene)
        return History(scene, (*self.steps[: self.position], step), self.position + 1)

    def go_to(self, position):
        """The history at another position, from 0, the opened scene, to the number of its steps, or the nearest."""
        position = min(max(position, 0), len(self.steps))
        scene = self.scene
        for step in self.steps[position : self.position][::-1]:
            scene = step.cross(scene, 0)
        for step in self.steps[self.position : position]:
            scene = step.cross(scene, 1)
        return History(scene, self.steps, position)

    def undo(self):
        return self.go_to(self.position - 1)

    def redo(self):
        return self.go_to(self.position + 1)
