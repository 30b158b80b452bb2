"""Pix2PixHD: conditioning, generator, discriminator and encoder as one Keras model with its own training step."""

import functools
from types import SimpleNamespace

import keras
from keras import ops

from hdsynth_tf.model.checks import checked_inputs
from hdsynth_tf.model.family import PARTS, Family
from hdsynth_tf.model.generate import Generating
from hdsynth_tf.model.presets import Presets
from hdsynth_tf.model.saving import Saving
from hdsynth_tf.model.terms import check_terms, compute_terms, pop_former_terms
from hdsynth_tf.model.training import Training
from hdsynth_tf.networks.precision import wide
from hdsynth_tf.networks.styles import StyleBank
from hdsynth_tf.networks.tone import told

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
if ON_TENSORFLOW:  # elsewhere models generate, and do not train
    import tensorflow as tf


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class Pix2PixHD(Generating, Family, Presets, Saving, Training, keras.Model):
    """Makes photographs of label maps, instance maps or other images; trains with `fit` after `compile`.

    A batch is `(inputs, image)`: `inputs` the dict that the conditioning reads (`label_map`, `instance_map`, or
    `source`), `image` `(batch, height, width, 3)` uint8, or what else the conditioning says.

    With an encoder, the generator also reads a few features of each instance. In training they come from the real
    image. Elsewhere `inputs` may say where from: `seed` `(batch,)` int32 draws each instance a style of its class from
    the style bank, the same for the same seed; `chosen_ids` and `chosen_styles` `(batch, count)` int32 give instances
    certain ones; `style_image` `(batch, height, width, 3)` uint8 is a photograph that lies under the maps, whose
    features are encoded. With none of them, the seed is 0. A generator with a tone takes the light of a `style_image`.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`: compact maps -> semantic input.
        generator: `keras.Model`, semantic input -> image in [-1, 1].
        discriminator: `MultiScaleDiscriminator`, `SegmentationDiscriminator`, or `None`: it learns without one.
        ema_momentum: Float below 1, or `None`. If given, a second generator holds the exponential moving average of the
            first one's weights and makes all pictures outside of training. During the first steps it follows faster:
            the momentum is `min(ema_momentum, (1 + step) / (10 + step))`.
        encoder: `FeatureEncoder`, or `None`: one input gives one picture.
        style_bank: `StyleBank`, or `None`: with an encoder, an empty one is made.

    Example:

    >>> import numpy as np
    >>> from hdsynth_tf import Pix2PixHD, Term, conditioning, losses, networks, optimizers
    >>> model = Pix2PixHD(
    ...     conditioning.SemanticConditioning(num_classes=4),
    ...     networks.GlobalGenerator(num_filters=4, num_downsamples=2, num_residual_blocks=1),
    ...     networks.MultiScaleDiscriminator(num_scales=1, num_filters=4, num_layers=1),
    ... )
    >>> model.compile(
    ...     generator_optimizer=optimizers.Adam(2e-4),
    ...     discriminator_optimizer=optimizers.Adam(2e-4),
    ...     terms=[
    ...         Term("adversarial", "least_squares"),
    ...         Term("feature_matching", losses.FeatureMatchingLoss(), weight=10.0),
    ...     ],
    ... )
    >>> label_map = np.random.randint(0, 4, (2, 32, 64))
    >>> inputs = {"label_map": label_map, "instance_map": label_map}
    >>> image = np.random.randint(0, 256, (2, 32, 64, 3), "uint8")
    >>> history = model.fit(inputs, image, batch_size=1, verbose=0)
    >>> model.generate(inputs).shape
    (2, 32, 64, 3)

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585)
    """

    parts = PARTS

    def __init__(
        self,
        conditioning,
        generator,
        discriminator=None,
        ema_momentum=None,
        encoder=None,
        style_bank=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if encoder is not None and not {"label_map", "instance_map"} <= set(conditioning.input_formats):
            raise ValueError(
                "An encoder finds the features of instances: it needs label maps and instance maps. Received: a "
                f"conditioning that reads {', '.join(conditioning.input_formats)}"
            )
        self.conditioning = conditioning
        self.generator = generator
        self.discriminator = discriminator
        self.ema_momentum = ema_momentum
        self.encoder = encoder
        self.style_bank = style_bank
        if encoder is not None and style_bank is None:
            self.style_bank = StyleBank(conditioning.num_classes, encoder.feature_channels)

        # === Build === At once: optimizers, strategies and checkpoints need every variable before `fit`.
        image_shape = (None, None, None, conditioning.image_channels)
        if encoder is not None and not encoder.built:
            encoder.build(image_shape)
        feature_channels = 0 if encoder is None else encoder.feature_channels
        generator_shape = (None, None, None, conditioning.channels + feature_channels)
        if not generator.built:
            generator.build(generator_shape)
        if discriminator is not None:
            discriminator.build_for(conditioning)
        self.average_generator = None
        if ema_momentum is not None:
            self.average_generator = type(generator).from_config(generator.get_config())
            self.average_generator.build(generator_shape)
            self.reset_average()
        self.built = True
        self._render_graphs = SimpleNamespace(by_inputs={})  # a dict of its own would be saved with the model

    # === Compile ===

    def compile(
        self,
        generator_optimizer,
        discriminator_optimizer=None,
        terms=(),
        discriminator_weight=0.5,
        train_finest_only=False,
        train_encoder=True,
        rematerialize=False,
        jit_compile=False,
        **kwargs,
    ):
        """Takes the optimizers, and the terms that they minimise.

        Without an adversarial term the discriminator neither runs nor trains: a warm start on reconstruction alone.

        Keras' callbacks find the sum of the generator's terms as `loss` and `val_loss`, each term under its name
        (`EarlyStopping("val_pixel", mode="min")`), and in `optimizer.learning_rate` a rate that sets both optimizers'.
        Further arguments are Keras' own: `metrics` and `weighted_metrics` compare the real with the fake image, in
        [-1, 1]. What earlier versions took, `pixel_loss`, `pixel_weight` and the like, become terms.

        Args:
            generator_optimizer: Keras optimizer or its name, of the generator and the encoder. Under the policy
                `mixed_float16` both optimizers are made to scale their losses.
            discriminator_optimizer: Keras optimizer or its name; needed with an adversarial term.
            terms: List of `Term`, summands of the generator's loss. The released code has `LeastSquaresLoss` with
                weight 1, `FeatureMatchingLoss` with 10 and `PerceptualLoss` with 10.
            discriminator_weight: Float, of all terms of the discriminator's loss; 0.5 in the released code.
            train_finest_only: Boolean. If true, of the generator only what `grow` added last trains; the discriminator
                trains as a whole.
            train_encoder: Boolean. If false, the encoder stays as it is, and with it what is known of its features:
                the styles.
            rematerialize: Boolean. If true, of each block of the networks only the input is kept on the way forward,
                and the rest computed again on the way back: a step takes longer and much less memory, and gives the
                same gradients.
            jit_compile: Boolean. XLA is off unless asked for: it slows convolutions on CPUs and fails with replicas,
                and leaves out what looks for ids that are no class.

        Raises:
            ValueError: If a term needs a network, an optimizer or another term that is missing, or there are Keras' own
                `loss` or `loss_weights`.
            RuntimeError: On another backend than TensorFlow.
        """
        if not ON_TENSORFLOW:
            raise RuntimeError(
                f"Training needs Keras on TensorFlow; here KERAS_BACKEND={keras.backend.backend()}, on which models "
                "generate: load them with compile=False."
            )
        terms = [*terms, *pop_former_terms(kwargs)]
        check_terms(terms, self.discriminator if discriminator_optimizer is not None else None)
        if train_finest_only and not hasattr(self.generator, "finest_variables"):
            raise ValueError("`train_finest_only` is for models that have grown. See `Pix2PixHD.grow`.")
        players = self.generator, generator_optimizer, self.discriminator, discriminator_optimizer
        self.take_optimizers(*players, jit_compile=jit_compile, **kwargs)
        self.terms = terms
        self.discriminator_weight = discriminator_weight
        self.train_finest_only = train_finest_only
        self.train_encoder = train_encoder
        self.rematerialize = rematerialize
        extractors = [getattr(term.loss, "feature_extractor", None) for term in terms]
        self.begin([network for network in extractors if network is not None], rematerialize)

    @property
    def is_adversarial(self):
        """Whether the discriminator takes part in training."""
        return any(term.is_adversarial for term in self.terms)

    @property
    def generator_variables(self):
        """Trainable variables of the generator."""
        return self.generator.finest_variables if self.train_finest_only else self.generator.trainable_variables

    @property
    def encoder_variables(self):
        """Trainable variables of the encoder; the generator's optimizer trains them."""
        return self.encoder.trainable_variables if self.encoder is not None and self.train_encoder else []

    # === Call ===

    def call(self, inputs, training=False):
        """Inputs -> image `(batch, height', width', 3)` float32 in [-1, 1], at the conditioning's working size."""
        return self.image_of(checked_inputs(self.conditioning, inputs) if ON_TENSORFLOW else inputs, training)

    def image_of(self, inputs, training=False):
        """What `call` gives, of inputs that are checked already."""
        generator = self.generator if training else self.inference_generator
        style_image = self.conditioning.target(inputs, inputs["style_image"]) if "style_image" in inputs else None
        generator_input = self.generator_input(inputs, self.conditioning(inputs), style_image)
        beside = {} if style_image is None else told(generator, style_image)
        if not training and not beside and self.num_images > 1:
            seed = inputs.get("seed", ops.zeros(ops.shape(generator_input)[:1], "int32"))
            beside = {"choice": seed % self.num_images}
        return generator(generator_input, training=training, **beside)

    def generator_input(self, inputs, semantic_input, style_image=None):
        """Input of the generator: the semantic input and, with an encoder, the feature map.

        Args:
            inputs: Dict as the conditioning reads it.
            semantic_input: What the conditioning made of it.
            style_image: `(batch, height', width', 3)` float32 in [-1, 1] to take the features from, or `None`: they
                come from the style bank.
        """
        if self.encoder is None:
            return semantic_input
        maps = self.conditioning.at_working_size(inputs)
        if style_image is not None:
            feature_map = self.encoder(style_image, maps["instance_map"])
        else:
            seed = inputs.get("seed", ops.zeros(ops.shape(semantic_input)[:1], "int32"))
            choices = inputs.get("chosen_ids"), inputs.get("chosen_styles")
            feature_map = self.style_bank(maps["label_map"], maps["instance_map"], seed, *choices)
        return ops.concatenate([semantic_input, ops.cast(feature_map, semantic_input.dtype)], -1)

    # === Training ===

    def learn_from(self, inputs, image, sample_weight=None, training=True):
        semantic_input, real_image = self.conditioning(inputs), self.conditioning.target(inputs, image)
        generator = self.generator if training else self.inference_generator
        beside = told(generator, real_image) if training else {}
        fake_image = generator(self.generator_input(inputs, semantic_input, real_image), training=training, **beside)
        values = self.compute_terms(semantic_input, real_image, fake_image, training, sample_weight)
        return values, (real_image, fake_image)

    def follow(self):
        self.update_average(self.generator_optimizer.iterations)

    def compute_terms(self, semantic_input, real_image, fake_image, training, sample_weight=None):
        """The terms that `compile` got, and the discriminator's: dict of name -> `(batch,)` float32.

        Weights of samples are in them, weights of terms are not.
        """
        judge = classes = None
        if self.is_adversarial:
            judge = functools.partial(self.discriminator.judge, semantic_input, training=training)
        if any(term.reads_classes for term in self.terms):
            classes = semantic_input[..., : self.conditioning.num_classes]
        one_by_one = training and not isinstance(self.generator_optimizer, keras.optimizers.LossScaleOptimizer)
        values = compute_terms(self.terms, (real_image, fake_image), judge, classes, one_by_one)
        return values if sample_weight is None else {name: value * sample_weight for name, value in values.items()}

    def _discriminator_weights(self):
        """The discriminator's terms, where it takes part: dict of name -> weight."""
        weights = next((term.loss.discriminator_weights for term in self.terms if term.is_adversarial), {})
        return {name: self.discriminator_weight * weight for name, weight in weights.items()}

    def trained_networks(self):
        """Networks that train: dict of name -> network."""
        networks = {"generator": self.generator, "encoder": self.encoder, "discriminator": self.discriminator}
        return {name: network for name, network in networks.items() if network is not None}

    def averages(self):
        """Averages of generators: dict of name -> network."""
        return {} if self.average_generator is None else {"average": self.average_generator}

    def players(self):
        variables = self.generator_variables + self.encoder_variables
        players = [(self.generator_optimizer, variables, {term.name: term.weight for term in self.terms})]
        if self.is_adversarial:
            variables = self.discriminator.trainable_variables
            players.insert(0, (self.discriminator_optimizer, variables, self._discriminator_weights()))
        return players

    def reset_average(self):
        """Begins the generator's average, where there is one, anew with the weights that the generator has now."""
        if self.average_generator is not None:
            self.average_generator.set_weights(self.generator.get_weights())

    def update_average(self, step):
        """Brings the generator's average, where there is one, nearer to the generator. `step`: updates done so far."""
        if self.average_generator is None:
            return
        step = tf.cast(step, wide(self.compute_dtype))
        momentum = tf.minimum((1 + step) / (10 + step), self.ema_momentum)
        for average, weight in zip(self.average_generator.weights, self.generator.weights):
            average.assign(momentum * average + (1 - momentum) * weight)

    # === Config ===

    def get_compile_config(self):
        if not self.compiled:
            return None
        objects = ("generator_optimizer", "discriminator_optimizer")
        plain = ("discriminator_weight", "train_finest_only", "train_encoder", "rematerialize", "jit_compile")
        return {
            **{name: keras.saving.serialize_keras_object(getattr(self, name)) for name in objects},
            "terms": [keras.saving.serialize_keras_object(term) for term in self.terms],
            **{name: getattr(self, name) for name in plain},
            **self.measures_config(),
        }

    def compile_from_config(self, config):
        if not ON_TENSORFLOW:
            return  # what was saved is for training
        arguments = {name: keras.saving.deserialize_keras_object(value) for name, value in config.items()}
        self.compile(**arguments, auto_scale_loss=False)  # what the optimizers were, the file says
