"""The settings of `python -m hdsynth_tf.register` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, setting
from pipelines.checks.registration import NOTABLE


@dataclasses.dataclass(frozen=True)
class RegisterSettings(Settings):
    """Register"""

    output_dir: str = setting("", "Folder for the page, index.html.")
    max_shift: float = setting(NOTABLE, "Pixels; pairs that are shifted by more are named.", at_least=0)
    num_pairs: int = setting(100, "Pairs on the page, the worst first.", at_least=0)
