"""The settings of `python -m hdsynth_tf.edit` alone."""

import dataclasses

from hdsynth_tf.config.settings import SettingsError, setting


@dataclasses.dataclass(frozen=True)
class EditSettings:
    """Edit"""

    model: str = setting("runs/quickstart", "Run folder or .keras file. The default is what make quickstart trained.")
    scenes: str = setting("", "Folder of scenes: Cityscapes, or the folders label and inst. Default: the run's data.")
    host: str = setting("127.0.0.1", "Address to listen at. 0.0.0.0: other machines can open the page, too.")
    port: int = setting(8346, "Port to listen at. 0: a free one.")
    survey_scenes: int = setting(60, "Scenes looked at first: which classes are counted, what can be cut out of them.")
    cut_outs: int = setting(50, "Objects of each class in the library, at most.")
    fill_weight: float = setting(
        4.0,
        "Holes are filled with what is nearest; pixels above and below count as so many to the side. 1: all alike.",
    )

    def __post_init__(self):
        if self.survey_scenes < 1 or self.cut_outs < 0 or self.fill_weight <= 0:
            raise SettingsError(
                "--survey_scenes should be 1 or more, --cut_outs 0 or more, --fill_weight above 0. Received: "
                f"{self.survey_scenes}, {self.cut_outs} and {self.fill_weight}"
            )
