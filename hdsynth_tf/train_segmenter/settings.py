"""The settings of `python -m hdsynth_tf.train_segmenter` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, check_evaluated, seed_setting, setting


@dataclasses.dataclass(frozen=True)
class TrainSegmenterSettings(Settings):
    """Train a segmenter"""

    output: str = setting("", "The file to write, NAME.keras.")
    evaluated_labels: tuple[int, ...] = setting(
        (), "Label ids to tell apart. Default: as the dataset says, or all.", at_least=0
    )
    num_filters: int = setting(12, "Channels at full size; they double with each halving.", at_least=1)
    num_downsamples: int = setting(4, "How often height and width are halved.", at_least=1)
    epochs: int = setting(10, "Epochs; after each an interrupted training can go on.", at_least=1)
    steps_per_epoch: int = setting(100, "Steps that count as an epoch.", at_least=1)
    batch_size: int = setting(4, "Pictures a step.", at_least=1)
    learning_rate: float = setting(4e-3, "Peak learning rate of Adam.", above=0)
    seed: int = seed_setting("Random seed of initial weights, shuffling, crops and flips.")

    def check(self):
        check_evaluated(self.evaluated_labels)
