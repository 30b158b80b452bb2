"""The settings of `python -m hdsynth_tf.train_segmenter` alone."""

import dataclasses

from hdsynth_tf.config.settings import SettingsError, check_evaluated, setting


@dataclasses.dataclass(frozen=True)
class TrainSegmenterSettings:
    """Train a segmenter"""

    output: str = setting("", "The file to write, NAME.keras.")
    evaluated_labels: tuple = setting((), "Label ids to tell apart. Default: as the dataset says, or all.")
    num_filters: int = setting(12, "Channels at full size; they double with each halving.")
    num_downsamples: int = setting(4, "How often height and width are halved.")
    epochs: int = setting(10, "Epochs; after each an interrupted training can go on.")
    steps_per_epoch: int = setting(100, "Steps that count as an epoch.")
    batch_size: int = setting(4, "Pictures a step.")
    learning_rate: float = setting(4e-3, "Of Adam, at its highest.")
    seed: int = setting(0, "Of weights, order, crops and flips.")

    def __post_init__(self):
        check_evaluated(self.evaluated_labels)
        for name in ("num_filters", "num_downsamples", "epochs", "steps_per_epoch", "batch_size"):
            if getattr(self, name) < 1:
                raise SettingsError(f"--{name} should be 1 or more. Received: {getattr(self, name)}")
