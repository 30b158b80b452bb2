"""The settings of `python -m hdsynth_tf.generate` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, check_seeds, seed_setting, setting


@dataclasses.dataclass(frozen=True)
class GenerateSettings(Settings):
    """Generate"""

    model: str = setting("", "Run folder, .keras file or preset, such as toy_street_256.")
    output_dir: str = setting("", "Folder for the pictures and their gallery, index.html.")
    direction: str = setting("", "Of a model trained with --unpaired: ab (the default) or ba.", ("", "ab", "ba"))
    source_video: str = setting("", "A video instead of a folder of frames; a video is made too. Needs ffmpeg.")
    show_input: bool = setting(False, "The video shows each frame beside its picture.")
    styles: int = setting(
        1,
        "Photographs of every input, each in other styles. For models with an encoder, of many images or tones.",
        at_least=1,
    )
    seed: int = seed_setting("Names the styles of the first; the next one has the next seed.")
    tile_height: int = setting(
        0, "Pixels: larger pictures are made in tiles of this size, each as large as it is. 0: whole.", at_least=0
    )
    tile_width: int = setting(0, "Likewise.", at_least=0)
    tile_overlap: int = setting(64, "Pixels that tiles share, at least; they are blended there.", at_least=0)
    style_from: str = setting(
        "",
        "A photograph that lies under the input's maps, whose styles are taken instead; of a model with a tone any "
        "photograph, whose light is taken.",
    )

    def check(self):
        check_seeds(self)
        if self.source_video and self.styles > 1:
            raise SettingsError(f"Of a video one picture a frame is made. Received: --styles={self.styles}")
        if self.show_input and not self.source_video:
            raise SettingsError("--show_input is for videos, --source_video. The gallery shows inputs anyway.")
        if bool(self.tile_height) != bool(self.tile_width):
            raise SettingsError("Give both --tile_height and --tile_width, or neither.")
        if self.tile_height and self.tile_overlap >= min(self.tile_height, self.tile_width):
            raise SettingsError(
                f"Tiles should be larger than what they share. Received: --tile_overlap={self.tile_overlap}"
            )
        if self.tile_height and self.style_from:
            raise SettingsError("--style_from takes the styles of whole objects, which tiles cut: not both.")
        if self.styles > 1 and self.style_from:
            raise SettingsError(f"--style_from makes one picture of an input. Received: --styles={self.styles}")
