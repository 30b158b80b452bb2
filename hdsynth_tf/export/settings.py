"""The settings of `python -m hdsynth_tf.export` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class ExportSettings(Settings):
    """Export"""

    model: str = setting("", "Run folder or .keras file.")
    output_dir: str = setting("", "Folder for the SavedModel, for TensorFlow Serving NAME/VERSION.")
    direction: str = setting("", "Of a model trained with --unpaired: ab (the default) or ba.", ("", "ab", "ba"))
