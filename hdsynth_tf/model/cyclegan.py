"""CycleGAN: two models that make pictures of one kind of the other, which learn without pairs."""

import keras
from keras import ops

from hdsynth_tf.losses import ADVERSARIAL_LOSSES
from hdsynth_tf.losses.adversarial import per_sample_mean
from hdsynth_tf.model.checks import checked_inputs
from hdsynth_tf.model.saving import Saving
from hdsynth_tf.model.training import Training
from hdsynth_tf.networks.pool import ImagePool

if keras.backend.backend() == "tensorflow":  # elsewhere models generate, and do not train
    import tensorflow as tf

DIRECTIONS = ("ab", "ba")


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class CycleGAN(Saving, Training, keras.Model):
    """Makes pictures of kind B of pictures of kind A, and the other way round; trains with `fit` after `compile`.

    A batch is `(inputs, image)` as `Pix2PixHD` has it: `inputs` has `source`, pictures of A, and `image` is pictures of
    B, of no common scene. See `pipelines.unpaired`. Each direction is a `Pix2PixHD` of its own, which makes pictures,
    is served and scored like any other.

    Args:
        ab, ba: `Pix2PixHD`s without discriminators, of `ImageConditioning`s without row channels: what one reads the
            other makes.
        discriminator_a, discriminator_b: `PatchDiscriminator`s that see pictures alone, or `None`, of a model that
            trains no more.
        training_size: `(height, width)` of the pictures that it is trained on, which the pools hold; needed unless
            `pool_size` is 0.
        pool_size: Integer, earlier fakes of each kind that its discriminator goes on seeing, see `ImagePool`.
        seed: Integer, of the pools.

    Raises:
        ValueError: If one direction does not make what the other reads.

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf import CycleGAN, Pix2PixHD, conditioning, networks, optimizers
    >>> def direction():
    ...     generator = networks.GlobalGenerator(num_filters=4, num_downsamples=2, num_residual_blocks=1)
    ...     return Pix2PixHD(conditioning.ImageConditioning(3), generator)
    >>> critics = [networks.PatchDiscriminator(num_filters=4, num_layers=1, pad=1) for _ in "ab"]
    >>> model = CycleGAN(direction(), direction(), *critics, training_size=(32, 64), pool_size=4)
    >>> model.compile(optimizers.Adam(2e-4), optimizers.Adam(2e-4))
    >>> horses, zebras = np.random.randint(0, 256, (2, 2, 32, 64, 3), "uint8")
    >>> history = model.fit({"source": horses}, zebras, batch_size=1, verbose=0)
    >>> model.generate({"source": zebras}, direction="ba").shape
    (2, 32, 64, 3)

    Reference:
        - [Zhu et al., 2017](https://arxiv.org/abs/1703.10593)
    """

    parts = ("ab", "ba", "discriminator_a", "discriminator_b")

    def __init__(
        self,
        ab,
        ba,
        discriminator_a=None,
        discriminator_b=None,
        training_size=None,
        pool_size=50,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check_directions(ab, ba)
        self.ab, self.ba = ab, ba
        self.discriminator_a, self.discriminator_b = discriminator_a, discriminator_b
        self.training_size = None if training_size is None else tuple(training_size)
        self.pool_size = pool_size
        self.seed = seed
        reads = ab.conditioning
        self.reading = type(reads).from_config({**reads.get_config(), "dtype": reads.wide_dtype})  # never narrower

        # === Build === At once, for the reasons of `Pix2PixHD`.
        self.pool_a = self.pool_b = None
        self.channels = {"a": reads.channels_in, "b": reads.image_channels}
        for side, discriminator in (("a", discriminator_a), ("b", discriminator_b)):
            if discriminator is None:
                continue
            if not discriminator.built:
                discriminator.build((None, None, None, self.channels[side]))
            setattr(self, f"pool_{side}", self._build_pool(side))
        self.built = True

    def _build_pool(self, side):
        if self.pool_size and self.training_size is None:
            raise ValueError(
                "Pools hold pictures of one size: give `training_size`, or pool_size=0. Received: training_size=None, "
                f"pool_size={self.pool_size}"
            )
        pool = ImagePool(self.pool_size, 2 * self.seed + (side == "b"), dtype=self.reading.compute_dtype)
        pool.build((None, *(self.training_size or (None, None)), self.channels[side]))
        return pool

    # === Compile ===

    def compile(
        self,
        generator_optimizer,
        discriminator_optimizer,
        adversarial_loss="least_squares",
        cycle_weight=10.0,
        identity_weight=5.0,
        discriminator_weight=0.5,
        rematerialize=False,
        jit_compile=False,
        **kwargs,
    ):
        """Takes the optimizers, and the weights of what they minimise.

        The terms are, of each kind: `adversarial_b`, whether fakes of B deceive its discriminator; `cycle_a`, the mean
        absolute difference of a picture of A and what comes back of it; `identity_b`, that of a picture of B and what
        the generator makes of it that makes B; `discriminator_b_real`, `discriminator_b_fake`.

        Args:
            generator_optimizer, discriminator_optimizer: Keras optimizers or their names, each of both directions'
                networks. Under the policy `mixed_float16` they are made to scale their losses.
            adversarial_loss: `losses.AdversarialLoss` on scores, or its name in `losses.ADVERSARIAL_LOSSES`.
            cycle_weight, identity_weight: Floats. The second term needs as many channels in A as in B.
            discriminator_weight: Float, of the discriminators' terms.
            rematerialize, jit_compile: See `Pix2PixHD.compile`.

        Raises:
            ValueError: If a discriminator is missing, or a term does not go with the pictures.
        """
        loss = ADVERSARIAL_LOSSES[adversarial_loss]() if isinstance(adversarial_loss, str) else adversarial_loss
        if None in (self.discriminator_a, self.discriminator_b):
            raise ValueError("CycleGAN trains with two discriminators: give `discriminator_a` and `discriminator_b`.")
        if loss.verdict != "scores":
            raise ValueError(f"`adversarial_loss` should read scores. Received: {type(loss).__name__}")
        if identity_weight and self.channels["a"] != self.channels["b"]:
            raise ValueError(
                "The identity term gives one generator's output kind to it as input: it needs as many channels in both "
                f"kinds, or identity_weight=0. Received: {self.channels['a']} and {self.channels['b']} channels"
            )
        if kwargs.get("metrics") or kwargs.get("weighted_metrics"):
            raise ValueError("Metrics compare a picture with the real one, and CycleGAN's batches have no pairs.")
        players = self.ab.generator, generator_optimizer, self.discriminator_a, discriminator_optimizer
        self.take_optimizers(*players, jit_compile=jit_compile, **kwargs)
        self.adversarial_loss = loss
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.discriminator_weight = discriminator_weight
        self.rematerialize = rematerialize
        self.begin((), rematerialize)

    def trained_networks(self):
        """Networks that train: dict of name -> network."""
        networks = {"generator_ab": self.ab.generator, "generator_ba": self.ba.generator}
        networks |= {"discriminator_a": self.discriminator_a, "discriminator_b": self.discriminator_b}
        return {name: network for name, network in networks.items() if network is not None}

    def averages(self):
        """Averages of generators: dict of name -> network."""
        averages = {f"average_{name}": model.average_generator for name, model in (("ab", self.ab), ("ba", self.ba))}
        return {name: network for name, network in averages.items() if network is not None}

    # === Pictures ===

    @property
    def conditioning(self):
        """What a batch's `inputs` and `image` mean: that of `ab`."""
        return self.ab.conditioning

    def served(self):
        """The model that a served form is made of: `ab`. For the other direction save `model.ba`."""
        return self.ab

    def direction(self, name):
        """The `Pix2PixHD` of a direction, `"ab"` or `"ba"`."""
        if name not in DIRECTIONS:
            raise ValueError(f'`direction` should be "ab" or "ba". Received: {name!r}')
        return getattr(self, name)

    def generate(self, inputs, direction="ab"):
        """Makes pictures of the inputs' size: see `Pix2PixHD.generate`.

        Args:
            inputs: Dict with `source`: pictures of A, or of B for `"ba"`.
            direction: `"ab"` or `"ba"`.
        """
        return self.direction(direction).generate(inputs)

    def call(self, inputs, training=False):
        """Pictures of A -> those of B `(batch, height', width', channels)` float32 in [-1, 1]."""
        return self.ab(inputs, training=training)

    # === Training ===

    def read(self, batch):
        inputs, image, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if sample_weight is not None:
            raise ValueError("CycleGAN's batches have no pairs to weigh: give no `sample_weight`.")
        return checked_inputs(self.conditioning, inputs, {"image": image}, paired=False), image, None

    def learn_from(self, inputs, image, sample_weight=None, training=True):
        real = {"a": self.reading(inputs), "b": self.reading.target(inputs, image)}
        makers = {"a": self.ba.generator, "b": self.ab.generator}
        fake = {"b": makers["b"](real["a"], training=training), "a": makers["a"](real["b"], training=training)}
        values = {}
        for side, other in (("b", "a"), ("a", "b")):
            values |= self._judge(side, real[side], fake[side], training)
            again = makers[other](fake[side], training=training)
            values[f"cycle_{other}"] = per_sample_mean(ops.abs(again - real[other]))
            if self.identity_weight:
                same = makers[side](real[side], training=training)
                values[f"identity_{side}"] = per_sample_mean(ops.abs(same - real[side]))
        return values, None

    def _judge(self, side, real, fake, training):
        """Both sides of the adversarial loss, from one pass of a discriminator: it learns from what its pool gives."""
        discriminator = self.discriminator_a if side == "a" else self.discriminator_b
        earlier = self._pooled(getattr(self, f"pool_{side}"), fake) if training else fake
        scores = discriminator(ops.concatenate([real, earlier, fake], axis=0), training=training)[-1]
        on_real, on_earlier, on_fake = ops.split(scores, 3)
        terms = self.adversarial_loss.discriminator_terms([on_real], [on_earlier])
        names = (f"discriminator_{side}_real", f"discriminator_{side}_fake")
        return {**dict(zip(names, terms)), f"adversarial_{side}": self.adversarial_loss.generator_term([on_fake])}

    def _pooled(self, pool, fake):
        """What a pool gives for a replica's fakes. All replicas have one pool, which sees the fakes of all."""
        fake = ops.stop_gradient(fake)
        if tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return pool(fake)
        replica = tf.distribute.get_replica_context()
        given = pool(replica.all_gather(fake, axis=0))
        count = tf.shape(fake)[0]
        return tf.ensure_shape(given[replica.replica_id_in_sync_group * count :][:count], fake.shape)

    def players(self):
        on_discriminators = {
            f"discriminator_{side}_{name}": self.discriminator_weight for side in "ab" for name in ("real", "fake")
        }
        on_generators = dict.fromkeys(("adversarial_a", "adversarial_b"), 1.0)
        on_generators |= dict.fromkeys(("cycle_a", "cycle_b"), self.cycle_weight)
        if self.identity_weight:
            on_generators |= dict.fromkeys(("identity_a", "identity_b"), self.identity_weight)
        generators, discriminators = (
            [variable for network in pair for variable in network.trainable_variables]
            for pair in ((self.ab.generator, self.ba.generator), (self.discriminator_a, self.discriminator_b))
        )
        return [
            (self.discriminator_optimizer, discriminators, on_discriminators),
            (self.generator_optimizer, generators, on_generators),
        ]

    def follow(self):
        for model in (self.ab, self.ba):
            model.update_average(self.generator_optimizer.iterations)

    # === Relatives ===

    def finished(self):
        """This model without what only training needs: averages make the pictures, and there are no pools."""
        return CycleGAN(self.ab.finished(), self.ba.finished(), self.discriminator_a, self.discriminator_b, pool_size=0)

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("training_size", "pool_size", "seed")},
        }

    def get_compile_config(self):
        if not self.compiled:
            return None
        objects = ("generator_optimizer", "discriminator_optimizer", "adversarial_loss")
        plain = ("cycle_weight", "identity_weight", "discriminator_weight", "rematerialize", "jit_compile")
        return {
            **{name: keras.saving.serialize_keras_object(getattr(self, name)) for name in objects},
            **{name: getattr(self, name) for name in plain},
        }

    def compile_from_config(self, config):
        arguments = {name: keras.saving.deserialize_keras_object(value) for name, value in config.items()}
        self.compile(**arguments, auto_scale_loss=False)  # what the optimizers were, the file says


def _check_directions(ab, ba):
    """Raises `ValueError` unless both read pictures alone, and each what the other makes."""
    for model in (ab, ba):
        conditioning = model.conditioning
        if set(conditioning.input_formats) != {"source"} or conditioning.row_channel:
            raise ValueError(
                "CycleGAN's directions read a picture and nothing else: `ImageConditioning`, row_channel=False. "
                f"Received: {type(conditioning).__name__}, row_channel={conditioning.row_channel}"
            )
    read, made = (
        [model.conditioning.channels_in for model in (ab, ba)],
        [model.conditioning.image_channels for model in (ba, ab)],
    )
    if read != made:
        raise ValueError(f"Each direction should read what the other makes. Received: {read} and {made} channels")
