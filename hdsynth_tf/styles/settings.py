"""The settings of `python -m hdsynth_tf.styles` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, seed_setting, setting


@dataclasses.dataclass(frozen=True)
class StylesSettings(Settings):
    """Styles"""

    model: str = setting("", "Run folder or .keras file of a model with an encoder.")
    num_styles: int = setting(10, "Maximum number of styles of a class (clusters of k-means).", at_least=1)
    min_area: float = setting(
        1 / 64, "Minimum area of objects that make styles, as a share of the picture.", at_least=0, below=1
    )
    seed: int = seed_setting("Random seed of the clustering.")
