"""Run folders and model files -> models."""

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.model_file import load_model as read_model
from hdsynth_tf.files.run_folder import find_model
from hdsynth_tf.model import CycleGAN


def load_model(place, direction=""):
    """The `Pix2PixHD` of a run folder or model file; of a CycleGAN's, one direction.

    Args:
        place: Path or string.
        direction: `"ab"`, `"ba"`, or `""`: of a CycleGAN `ab`; others have none.

    Raises:
        RunFolderError, ModelFileError: If there is no model, or it is damaged.
        SettingsError: If the model knows no directions and one is asked for.
    """
    model = read_model(find_model(place))
    if isinstance(model, CycleGAN):
        return model.direction(direction or "ab")
    if direction:
        raise SettingsError(
            f"--direction is for models that were trained with --unpaired, which go both ways. Received: {direction} "
            f"for {place}"
        )
    return model
