"""The settings of `python -m hdsynth_tf.register` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, setting
from pipelines.checks.registration import NOTABLE


@dataclasses.dataclass(frozen=True)
class RegisterSettings(Settings):
    """Register"""

    output_dir: str = setting("", "Folder for the page, index.html, and with --rectify for the pairs.")
    rectify: bool = setting(
        False, "Whether to find the transform between the cameras and write pairs that lie on each other."
    )
    transform: str = setting(
        "", "With --rectify: transform.json of another drive of the same rig, instead of finding it."
    )
    time_offset: str = setting(
        "0", "With --rectify: source number i belongs to target number i + so many; auto: it is looked for."
    )
    keep_unsure: bool = setting(
        False, "With --rectify: whether pairs are written whose edges agree nowhere, as by night, when little is seen."
    )
    max_shift: float = setting(NOTABLE, "Pixels; pairs that are shifted by more are named, or left out.", at_least=0)
    num_pairs: int = setting(100, "Pairs on the page, the worst first.", at_least=0)

    def check(self):
        if self.time_offset != "auto" and not self.time_offset.removeprefix("-").isdecimal():
            raise SettingsError(f"--time_offset should be a whole number, or auto. Received: {self.time_offset!r}")
        given = [name for name in ("transform", "time_offset") if getattr(self, name) not in ("", "0")]
        if given and not self.rectify:
            raise SettingsError(f"--{given[0]} is for --rectify.")
        if len(given) > 1:
            raise SettingsError("--transform has the time offset in it: leave --time_offset out.")
