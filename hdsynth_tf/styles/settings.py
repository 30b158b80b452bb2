"""The settings of `python -m hdsynth_tf.styles` alone."""

import dataclasses

from hdsynth_tf.config.settings import SettingsError, setting


@dataclasses.dataclass(frozen=True)
class StylesSettings:
    """Styles"""

    model: str = setting("", "Run folder or .keras file of a model with an encoder.")
    num_styles: int = setting(10, "Styles that a class can have.")
    min_area: float = setting(1 / 64, "Share of the picture; smaller objects do not make styles.")
    seed: int = setting(0, "Of the clustering.")

    def __post_init__(self):
        if self.num_styles < 1 or not 0 <= self.min_area < 1:
            raise SettingsError(
                "--num_styles should be 1 or more, --min_area from 0 to below 1. Received: "
                f"{self.num_styles} and {self.min_area}"
            )
