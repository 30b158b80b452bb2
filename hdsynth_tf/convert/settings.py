"""The settings of `python -m hdsynth_tf.convert` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, check_size, setting


@dataclasses.dataclass(frozen=True)
class ConvertSettings(Settings):
    """Convert"""

    from_torch: str = setting(
        "",
        "Folder of the released code: latest_net_G.pth, or CycleGAN's latest_net_G_A.pth, and others that there are.",
    )
    output: str = setting("", "The model file to write, NAME.keras.")
    model: str = setting("", "The other way round: run folder or .keras file to convert.")
    to_torch: str = setting("", "Folder for latest_net_G.pth and others that the released code loads.")
    num_classes: int = setting(0, "from_torch: classes of the label maps. 0: found from the files.", at_least=0)
    boundary: bool = setting(True, "from_torch: whether the network reads boundary maps (not with --no_instance).")
    image_height: int = setting(
        0, "from_torch: pixels at which the networks work. 0: as the pictures come.", at_least=0
    )
    image_width: int = setting(0, "from_torch: pixels at which the networks work. 0: as the pictures come.", at_least=0)

    def check(self):
        if bool(self.from_torch) == bool(self.model):
            raise SettingsError(
                "Say what to convert: --from_torch=FOLDER --output=NAME.keras, or --model= --to_torch=."
            )
        if self.from_torch and not self.output.endswith(".keras"):
            raise SettingsError(f"--output should be the model file to write, NAME.keras. Received: {self.output!r}")
        if self.model and not self.to_torch:
            raise SettingsError("Say where the PyTorch files go: --to_torch=FOLDER.")
        check_size(self, "image")
