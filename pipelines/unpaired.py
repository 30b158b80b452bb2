"""Pictures of two kinds without pairs: sources to learn from on one side, images to make on the other."""

from pipelines.errors import DataError
from pipelines.source import Source

LEAST = 2  # pictures of each kind


class Selected(Source):
    """Some arrays of some scenes of another source, under names of their own.

    Args:
        source: `Source`.
        keys: Dict: key of the other source's `formats` -> key here.
        indices: Integers, its scenes.
    """

    def __init__(self, source, keys, indices):
        self.source, self.keys, self.indices = source, keys, list(indices)
        self.names = [source.names[i] for i in self.indices]
        self.formats = {key: source.formats[theirs] for theirs, key in keys.items()}

    def size(self, index):
        return self.source.size(self.indices[index])

    def load(self, index):
        scene = self.source.load(self.indices[index])
        return {key: scene[theirs] for theirs, key in self.keys.items()}


class Unpaired(Source):
    """Two sources whose scenes have nothing to do with each other: `parts`, which training shuffles independently.

    As a source of its own it has as many scenes as the larger part; the other's come again and again.

    Args:
        sources: `Source` with `source` alone.
        images: `Source` with `image` alone.

    Raises:
        DataError: If a part has one picture only: nobody could tell what its kind has in common.
    """

    parts = ()

    def __init__(self, sources, images):
        for key, part in (("source", sources), ("image", images)):
            if len(part) < LEAST:
                raise DataError(
                    f"Of {key}s there is one picture only, {part.names[0]}, to learn from: what a kind of picture has "
                    "in common is learnt from many. Add others to its folder, or hold none out of it (--val_share=0)."
                )
        self.parts = (sources, images)
        self.names = [f"{sources.names[a]} {images.names[b]}" for a, b in map(self._indices, range(self._count))]
        self.formats = {**sources.formats, **images.formats}

    @property
    def _count(self):
        return max(map(len, self.parts))

    def _indices(self, index):
        """Which scene of each part stands at a place: both are gone through from end to end."""
        return [index * len(part) // self._count for part in self.parts]

    @property
    def common_names(self):
        """Names that both parts have, sorted: pictures that may be pairs."""
        return sorted(set(self.parts[0].names) & set(self.parts[1].names))

    def size(self, index):
        """(height, width) of the smaller of the two pictures, side by side."""
        sizes = [part.size(i) for part, i in zip(self.parts, self._indices(index))]
        return min(size[0] for size in sizes), min(size[1] for size in sizes)

    @property
    def common_size(self):
        sizes = {part.common_size for part in self.parts}
        return sizes.pop() if len(sizes) == 1 else None

    def load(self, index):
        """The arrays at a place, of no common size."""
        loaded = [part.load(i) for part, i in zip(self.parts, self._indices(index))]
        return {key: value for scene in loaded for key, value in scene.items()}
