"""The settings of `python -m hdsynth_tf.edit` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class EditSettings(Settings):
    """Edit"""

    model: str = setting("toy_street_256", "Run folder, .keras file or preset. The default comes with the package.")
    scenes: str = setting("", "Folder of scenes: Cityscapes, or the folders label and inst. Default: the run's data.")
    host: str = setting("127.0.0.1", "Address to listen at. 0.0.0.0: other machines can open the page, too.")
    port: int = setting(8346, "Port to listen at. 0: a free one.", at_least=0, at_most=65535)
    survey_scenes: int = setting(
        60, "Scenes looked at first: which classes are counted, what can be cut out of them.", at_least=1
    )
    cut_outs: int = setting(50, "Objects of each class in the library, at most.", at_least=0)
    fill_weight: float = setting(
        4.0,
        "Holes are filled with what is nearest; pixels above and below count as so many to the side. 1: all alike.",
        above=0,
    )
