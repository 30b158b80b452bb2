"""Which kind of model settings ask for."""

from hdsynth_tf.assemble.cyclegan import CycleMaker
from hdsynth_tf.assemble.models import ModelMaker
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model import CycleGAN


def model_maker(levels, networks, losses, given=None):
    """The `CycleMaker` of unpaired data, the `ModelMaker` of others.

    Args:
        levels, networks, losses: See `ModelMaker`.
        given: Model of an earlier run to go on from, or `None`.

    Raises:
        SettingsError: If `given` is of the other kind.
    """
    unpaired = levels[0].data.unpaired
    if given is not None and isinstance(given, CycleGAN) != unpaired:
        raise SettingsError(
            "The model of --init_from learnt "
            + ("with" if unpaired else "without")
            + " pairs. To go on with it, "
            + ("leave out" if unpaired else "give")
            + " --unpaired."
        )
    return (CycleMaker if unpaired else ModelMaker)(levels, networks, losses, given)
