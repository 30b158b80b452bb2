"""The settings of `python -m hdsynth_tf.train` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class RunSettings(Settings):
    """Run"""

    run_dir: str = setting("", "Folder for everything that the run makes. Must not hold another run.")
    sample_epochs: int = setting(1, "Epochs between grids of samples (input | real | generated).", at_least=1)
    num_samples: int = setting(6, "Number of samples in a grid.", at_least=1)
    init_from: str = setting("", "Run folder or .keras file to go on from. The levels it has are not trained anew.")
    time_limit: float = setting(
        0.0,
        "Minutes for all steps together; where the machine is slower, epochs have fewer steps. 0: none.",
        at_least=0,
    )
    checkpoint_steps: int = setting(0, "Steps between checkpoints. 0: one after each epoch.", at_least=0)
    keep_checkpoints: int = setting(2, "Checkpoints kept, the newest ones.", at_least=1)
    log_to: str = setting(
        "", "Send the logs of each epoch there, too; needs the extra of that name.", ("", "wandb", "mlflow")
    )
    dry_run: bool = setting(False, "Check data and settings, print the plan, and stop.")
    export: bool = setting(True, "Whether to write the served form, RUN/serving/1, at the end.")
