"""Settings -> CycleGAN: two generators, two discriminators, and what they are compiled with."""

from hdsynth_tf.assemble.discriminators import adversarial_loss
from hdsynth_tf.assemble.models import build_conditioning, build_generator, check_same_weights, shapes, with_blocks
from hdsynth_tf.assemble.training import decaying_optimizer
from hdsynth_tf.config.recipes import ONLY_UNPAIRED
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.model import CycleGAN, Pix2PixHD
from hdsynth_tf.networks import PatchDiscriminator
from hdsynth_tf.networks.generators import RELEASED_INITIALIZER
from hdsynth_tf.show.pictures import compare_directions

PAD = 1  # of PatchGAN's convolutions in pix2pix and CycleGAN: 30x30 scores at 256 pixels


def check_unpaired(*groups):
    """Raises `SettingsError` where settings of other groups are of no use without pairs."""
    for group in groups:
        if getattr(group, "generator", "") == "crn":
            raise SettingsError("--unpaired is of --generator=global or unet: crn makes pictures of label maps.")
        for name, value in ONLY_UNPAIRED.items():
            if hasattr(group, name) and getattr(group, name) != value:
                raise SettingsError(
                    f"--unpaired is CycleGAN, of which --{name} is no part: leave it out. Received: "
                    f"{getattr(group, name)!r}"
                )


class CycleMaker:
    """Makes a `CycleGAN`, and what it is compiled with. See `ModelMaker`, in whose place it stands.

    Args:
        levels: List of one `Level`.
        networks, losses: `NetworkSettings`, `LossSettings`.
        given: `CycleGAN` of an earlier run to go on from, or `None`.
    """

    first_level = 0
    compare = staticmethod(lambda scenes, models: compare_directions(scenes, models[-1]))

    def __init__(self, levels, networks, losses, given=None):
        (self.level,) = levels
        self.networks = with_blocks(networks, self.level.size)
        self.losses = losses
        self.given = given

    def make(self, level, model=None):
        """The model, or `model` itself. Call it in the strategy's scope."""
        if model is not None:
            return model
        ab = build_conditioning(self.level.data, self.networks, self.level.source, self.level.training.precision)
        critics = [self._discriminator() for _ in "ab"]
        training = self.level.training
        model = CycleGAN(
            self._direction(ab), self._direction(_mirrored(ab, self.level.source.formats["source"][1])), *critics,
            training_size=self.level.size, pool_size=self.losses.pool_size, seed=training.seed,
        )  # fmt: skip
        if self.given is not None:
            check_same_weights(model.ab, self.given.ab, ("generator",))
            check_same_weights(model.ba, self.given.ba, ("generator",))
            self._copy_given(model)
        return model

    def _direction(self, conditioning):
        training = self.level.training
        generator = build_generator(self.networks, conditioning, training.precision)
        return Pix2PixHD(conditioning, generator, ema_momentum=training.ema_momentum or None)

    def _discriminator(self):
        networks = self.networks
        return PatchDiscriminator(
            networks.discriminator_filters,
            networks.discriminator_layers,
            networks.discriminator_norm,
            kernel_initializer="he_normal" if networks.discriminator_norm == "spectral" else RELEASED_INITIALIZER,
            pad=PAD,
            dtype=self.level.training.precision,
        )

    def _copy_given(self, model):
        for name, network in {**model.trained_networks(), **model.averages()}.items():
            theirs = self.given.trained_networks().get(name.replace("average", "generator"))
            if theirs is not None and shapes(network) == shapes(theirs):
                network.set_weights(theirs.get_weights())

    def compile_arguments(self, stage, speed=None):
        """Arguments of `CycleGAN.compile`; `speed`: see `Hastened`. Call it in the strategy's scope."""
        training, losses = self.level.training, self.losses
        rates = training.learning_rate, training.discriminator_learning_rate
        steps = self.level.steps_per_epoch
        return {
            **{
                name: decaying_optimizer(rate, stage, training, steps, speed)
                for name, rate in zip(("generator_optimizer", "discriminator_optimizer"), rates)
            },
            "adversarial_loss": adversarial_loss(self.networks, losses),
            "cycle_weight": losses.cycle_weight,
            "identity_weight": self._identity_weight,
            "rematerialize": training.rematerialize == "true",
        }

    @property
    def _channels(self):
        return [self.level.source.formats[key][0][0] for key in ("source", "image")]

    @property
    def _identity_weight(self):
        """Of the identity term, which needs as many channels in one kind as in the other."""
        a, b = self._channels
        return self.losses.cycle_weight * self.losses.identity_weight if a == b else 0.0

    def describe(self):
        """Lines on what is trained, and what of."""
        (height, width), (a, b) = self.level.size, self._channels
        weight = self._identity_weight
        if weight or not self.losses.identity_weight:
            identity = f"identity {weight:g}"
        else:
            identity = f"no identity term, which needs as many channels in A ({a}) as in B ({b})"
        pools = 4 * self.losses.pool_size * height * width * (a + b) / 2**20
        counts = " and ".join(str(len(part)) for part in self.level.source.parts)
        return [
            f"  CycleGAN (Zhu et al., 2017), of {counts} pictures that need not pair: A to B and B to A in one model",
            f"    cycle weight {self.losses.cycle_weight:g}, {identity}; pools of {self.losses.pool_size} earlier "
            f"pictures of each kind, {pools:.0f} MiB of each checkpoint",
        ]


def _mirrored(conditioning, source_dtype):
    """The conditioning of the way back: it reads what the other makes, and makes what the other reads."""
    deep = conditioning.percentiles is None
    return type(conditioning)(
        conditioning.image_channels,
        conditioning.image_range,
        image_size=conditioning.image_size,
        image_channels=conditioning.channels_in,
        image_dtype=source_dtype if deep else "uint8",  # of a window for each picture nobody knows which
        image_range=conditioning.value_range if deep else (0, 255),
        dtype=conditioning.dtype_policy,
    )
