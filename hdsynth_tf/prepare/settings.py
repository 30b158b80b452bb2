"""The settings of `python -m hdsynth_tf.prepare` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class PrepareSettings(Settings):
    """Prepare"""

    output_dir: str = setting("", "Folder for the packed dataset, one folder for each split.")
    shard_megabytes: int = setting(256, "Size of a shard.", at_least=1)
