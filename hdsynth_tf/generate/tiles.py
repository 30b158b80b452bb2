"""Pictures too large to be made at once: made in tiles, which are blended where they overlap."""

import dataclasses
import math

import keras
import numpy as np

from hdsynth_tf.config.settings import SettingsError
from pipelines.conditioning import percentile_window


@dataclasses.dataclass(frozen=True)
class Tiles:
    """How large pictures are cut. A tile is as large as it is: it is not resized to a model's working size.

    Attributes:
        size: (height, width) of a tile in pixels.
        overlap: Pixels that neighbours share, at least.
    """

    size: tuple
    overlap: int

    def check(self, model):
        """Raises `SettingsError` if a model cannot make pictures in tiles of this kind."""
        multiple = getattr(model.generator, "multiple", 0)
        if min(self.size) <= multiple:
            raise SettingsError(
                f"The model needs tiles of more than {multiple} pixels. Received: --tile_height={self.size[0]} "
                f"--tile_width={self.size[1]}"
            )
        if model.tone is not None:
            raise SettingsError(
                "The model looks at the whole picture to find its tone, and each tile would have another. For pictures "
                "in tiles train one with --notone."
            )

    def count(self, size):
        """Integer, tiles of a picture of `size` (height, width)."""
        return math.prod(len(self._starts(axis, length)) for axis, length in enumerate(size))

    def generate(self, model, inputs, seed=0, done=lambda: None):
        """What `model.generate` makes of inputs of any size, tile by tile.

        Each row of tiles is kept in float32 until the next one has been laid over it; so that beside input and picture
        memory holds two rows of tiles. Statistics that the networks take of what they see are those of the tile; the
        window of values and the rows' places are those of the whole picture.

        Args:
            model: `Pix2PixHD`.
            inputs: Dict of arrays of one scene, without a batch axis.
            seed: Integer, names the styles.
            done: Function that is called after each tile.

        Returns:
            Array `(height, width, channels)` as `model.generate` returns.
        """
        height, width = next(iter(inputs.values())).shape[:2]
        conditioning, whole = model.conditioning, {}
        if getattr(conditioning, "percentiles", None) is not None:
            with keras.device("cpu"):  # where the whole picture has room
                window = percentile_window(inputs["source"][None], conditioning.percentiles)
            whole["window"] = keras.ops.convert_to_numpy(window)[0]
        picture = np.empty((height, width, conditioning.image_channels), conditioning.image_dtype)
        tile_height, tile_width = (min(own, length) for own, length in zip(self.size, (height, width)))
        weights = np.outer(self._ramp(tile_height), self._ramp(tile_width))[..., None]
        tops, lefts = self._starts(0, height), self._starts(1, width)
        total = np.zeros((tile_height, width, conditioning.image_channels + 1), "float32")  # the last one: of weights
        for top, below in zip(tops, [*tops[1:], height]):
            whole["rows"] = np.array([top, top + tile_height], "float32") / height
            for left in lefts:
                cut = {name: x[top : top + tile_height, left : left + tile_width] for name, x in inputs.items()}
                made = model.generate({**cut, **whole}, seed=seed)
                total[:, left : left + tile_width] += np.concatenate([made * weights, weights], -1)
                done()
            rows = below - top  # that no other tile is laid over
            blended = total[:rows, :, :-1] / total[:rows, :, -1:]
            picture[top:below] = blended if picture.dtype == "float32" else np.round(blended)
            total = np.concatenate([total[rows:], np.zeros_like(total[:rows])])
        return picture

    def _starts(self, axis, length):
        """Where tiles begin along an axis: evenly spread, the first at 0, the last as far as the picture goes."""
        size = self.size[axis]
        if length <= size:
            return [0]
        count = math.ceil((length - self.overlap) / (size - self.overlap))
        return [round(place * (length - size) / (count - 1)) for place in range(count)]

    def _ramp(self, length):
        """Weights along an axis: they rise over the overlap, and fall; never 0."""
        steps = np.arange(1, length + 1)
        return np.minimum(np.minimum(steps, steps[::-1]), max(self.overlap, 1)).astype("float32")
