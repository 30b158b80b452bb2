"""The settings of `python -m hdsynth_tf.generate` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, check_seeds, seed_setting, setting


@dataclasses.dataclass(frozen=True)
class GenerateSettings(Settings):
    """Generate"""

    model: str = setting("", "Run folder or .keras file.")
    output_dir: str = setting("", "Folder for the pictures and their gallery, index.html.")
    direction: str = setting("", "Of a model trained with --unpaired: ab (the default) or ba.", ("", "ab", "ba"))
    source_video: str = setting("", "A video instead of a folder of frames; a video is made too. Needs ffmpeg.")
    styles: int = setting(
        1,
        "Photographs of every input, each in other styles. For models with an encoder, or of many images.",
        at_least=1,
    )
    seed: int = seed_setting("Names the styles of the first; the next one has the next seed.")
    style_from: str = setting("", "A photograph that lies under the input's maps, whose styles are taken instead.")

    def check(self):
        check_seeds(self)
        if self.source_video and self.styles > 1:
            raise SettingsError(f"Of a video one picture a frame is made. Received: --styles={self.styles}")
        if self.styles > 1 and self.style_from:
            raise SettingsError(f"--style_from makes one picture of an input. Received: --styles={self.styles}")
