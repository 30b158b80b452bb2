"""Pix2PixHD: conditioning, generator, discriminator and encoder as one Keras model with its own training step."""

import keras
import numpy as np
import tensorflow as tf

from hdsynth_tf.files.storage import replacing
from hdsynth_tf.losses import ADVERSARIAL_LOSSES
from hdsynth_tf.model.serving import input_signature, save_servable
from hdsynth_tf.networks.coarse_to_fine import grow
from hdsynth_tf.networks.styles import StyleBank, style_choices
from pipelines.paths import as_path

PARTS = ("conditioning", "generator", "discriminator", "ema_momentum", "encoder", "style_bank")
IMAGE_TERMS = ("perceptual", "pixel", "gradient")  # what compares images
GENERATOR_TERMS = ("adversarial", "feature_matching", *IMAGE_TERMS)
DISCRIMINATOR_TERMS = ("discriminator_real", "discriminator_fake")


@keras.saving.register_keras_serializable(package="hdsynth_tf")
class Pix2PixHD(keras.Model):
    """Makes photographs of label maps, instance maps or other images; trains with `fit` after `compile`.

    A batch is `(inputs, image)`: `inputs` the dict that the conditioning reads (`label_map`, `instance_map`, or
    `source`), `image` `(batch, height, width, 3)` uint8, or what else the conditioning says.

    With an encoder, the generator also reads a few features of each instance. In training they come from the real
    image. Elsewhere `inputs` may say where from: `seed` `(batch,)` int32 draws each instance a style of its class from
    the style bank, the same for the same seed; `chosen_ids` and `chosen_styles` `(batch, count)` int32 give instances
    certain ones; `style_image` `(batch, height, width, 3)` uint8 is a photograph that lies under the maps, whose
    features are encoded. With none of them, the seed is 0.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`: compact maps -> semantic input.
        generator: `keras.Model`, semantic input -> image in [-1, 1].
        discriminator: `MultiScaleDiscriminator`, or `None` for a model that learns without one.
        ema_momentum: Float below 1, or `None`. If given, a second generator holds the exponential moving average of the
            first one's weights and makes all pictures outside of training. During the first steps it follows faster:
            the momentum is `min(ema_momentum, (1 + step) / (10 + step))`.

    Reference:
        - [Wang et al., 2018](https://arxiv.org/abs/1711.11585)
    """

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
        semantic_shape = (None, None, None, conditioning.channels)
        image_shape = (None, None, None, conditioning.image_channels)
        if encoder is not None and not encoder.built:
            encoder.build(image_shape)
        feature_channels = 0 if encoder is None else encoder.feature_channels
        generator_shape = (None, None, None, conditioning.channels + feature_channels)
        if not generator.built:
            generator.build(generator_shape)
        if discriminator is not None and not discriminator.built:
            discriminator.build(semantic_shape, image_shape)
        self.average_generator = None
        if ema_momentum is not None:
            self.average_generator = type(generator).from_config(generator.get_config())
            self.average_generator.build(generator_shape)
            self.average_generator.set_weights(generator.get_weights())
        self.built = True
        self.rematerialize = False
        self._render_graphs = {}

    # === Compile ===

    def compile(
        self,
        generator_optimizer,
        discriminator_optimizer=None,
        adversarial_loss=None,
        feature_matching_loss=None,
        perceptual_loss=None,
        pixel_loss=None,
        gradient_loss=None,
        adversarial_weight=1.0,
        feature_matching_weight=10.0,
        perceptual_weight=10.0,
        pixel_weight=10.0,
        gradient_weight=1.0,
        discriminator_weight=0.5,
        train_finest_only=False,
        train_encoder=True,
        rematerialize=False,
        jit_compile=False,
        **kwargs,
    ):
        """Takes the optimizers and the loss terms; a term that is `None` is not computed.

        Without `adversarial_loss` the discriminator neither runs nor trains: a warm start on reconstruction alone.

        Args:
            generator_optimizer: Keras optimizer.
            discriminator_optimizer: Keras optimizer; needed with `adversarial_loss`.
            adversarial_loss: `losses.AdversarialLoss`, or its name in `losses.ADVERSARIAL_LOSSES`.
            feature_matching_loss: `losses.FeatureMatchingLoss`; needs `adversarial_loss`.
            perceptual_loss: `losses.PerceptualLoss`.
            pixel_loss: `losses.PyramidLoss`, or any `keras.losses.Loss` of images.
            gradient_loss: `losses.GradientLoss`.
            adversarial_weight, feature_matching_weight, perceptual_weight, pixel_weight, gradient_weight: Floats, of
                the terms of the generator's loss (equation 5 of the paper; its released code has 1, 10 and 10, and
                neither of the last two).
            discriminator_weight: Float, of both terms of the discriminator's loss; 0.5 in the released code.
            train_finest_only: Boolean. If true, of the generator only what `grow` added last trains; the discriminator
                trains as a whole.
            train_encoder: Boolean. If false, the encoder stays as it is, and with it what is known of its features:
                the styles.
            rematerialize: Boolean. If true, most of what the networks compute on the way forward is not kept but
                computed again on the way back: a step takes longer and much less memory, and gives the same gradients.
            jit_compile: Boolean. XLA is off unless asked for: it slows convolutions on CPUs and fails with replicas.

        Raises:
            ValueError: If a network, an optimizer or a loss that a term needs is missing.
        """
        if isinstance(adversarial_loss, str):
            adversarial_loss = ADVERSARIAL_LOSSES[adversarial_loss]()
        if adversarial_loss is not None and (self.discriminator is None or discriminator_optimizer is None):
            raise ValueError("`adversarial_loss` needs a model with a discriminator, and `discriminator_optimizer`.")
        if feature_matching_loss is not None and adversarial_loss is None:
            raise ValueError("`feature_matching_loss` compares discriminator activations and needs `adversarial_loss`.")
        if all(loss is None for loss in (adversarial_loss, perceptual_loss, pixel_loss)):
            raise ValueError("`compile` needs at least one of `adversarial_loss`, `perceptual_loss`, `pixel_loss`.")
        if train_finest_only and not hasattr(self.generator, "finest_variables"):
            raise ValueError("`train_finest_only` is for models that have grown. See `Pix2PixHD.grow`.")
        super().compile(optimizer=None, jit_compile=jit_compile, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        self.adversarial_loss = adversarial_loss
        self.feature_matching_loss = feature_matching_loss
        self.perceptual_loss = perceptual_loss
        self.pixel_loss = pixel_loss
        self.gradient_loss = gradient_loss
        self.term_weights = {
            "adversarial": adversarial_weight,
            "feature_matching": feature_matching_weight,
            "perceptual": perceptual_weight,
            "pixel": pixel_weight,
            "gradient": gradient_weight,
            "discriminator": discriminator_weight,
        }
        self.train_finest_only = train_finest_only
        self.train_encoder = train_encoder
        self.rematerialize = rematerialize
        generator_optimizer.build(self.generator_variables + self.encoder_variables)
        names = [name for name in GENERATOR_TERMS if getattr(self, f"{name}_loss") is not None]
        if adversarial_loss is not None:
            discriminator_optimizer.build(self.discriminator.trainable_variables)
            names += DISCRIMINATOR_TERMS
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def generator_variables(self):
        """What of the generator trains."""
        return self.generator.finest_variables if self.train_finest_only else self.generator.trainable_variables

    @property
    def encoder_variables(self):
        """What of the encoder trains, with the generator's optimizer."""
        return self.encoder.trainable_variables if self.encoder is not None and self.train_encoder else []

    @property
    def metrics(self):
        return list(getattr(self, "trackers", ()))

    # === Call ===

    @property
    def inference_generator(self):
        """The generator that makes pictures outside of training."""
        return self.generator if self.average_generator is None else self.average_generator

    def call(self, inputs, training=False):
        """Inputs -> image `(batch, height', width', 3)` float32 in [-1, 1], at the conditioning's working size."""
        generator = self.generator if training else self.inference_generator
        style_image = self.conditioning.target(inputs, inputs["style_image"]) if "style_image" in inputs else None
        return generator(self.generator_input(inputs, self.conditioning(inputs), style_image), training=training)

    def generator_input(self, inputs, semantic_input, style_image=None):
        """What the generator reads: the semantic input and, with an encoder, the feature map.

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
            feature_map = self.encoder(style_image, maps["instance_map"], **self._remat())
        else:
            seed = inputs.get("seed", tf.zeros(tf.shape(semantic_input)[:1], "int32"))
            choices = inputs.get("chosen_ids"), inputs.get("chosen_styles")
            feature_map = self.style_bank(maps["label_map"], maps["instance_map"], seed, *choices)
        return tf.concat([semantic_input, tf.cast(feature_map, semantic_input.dtype)], -1)

    def render(self, inputs):
        """Inputs as tensors -> pictures of their size, with the conditioning's channels and depth; the served graph."""
        image = self(inputs, training=False)
        if self.conditioning.image_size is not None:
            size = tf.shape(inputs[next(iter(self.conditioning.input_formats))])[1:3]
            image = tf.image.resize(image, size, method="bicubic", antialias=True)
        return self.conditioning.values(image)

    def generate(self, inputs, seed=0, styles=None, style_image=None):
        """Makes pictures of the inputs' size.

        Only models with an encoder take notice of anything but `inputs`.

        Args:
            inputs: Dict of arrays that the conditioning reads, with or without a batch axis.
            seed: Integer, or one for each picture, that names the styles of all instances.
            styles: Dict, instance id -> number of the style of its class that it shall have, or a list of them, one
                for each picture.
            style_image: Photographs of the inputs' size, as the model makes them, whose styles are taken instead; or
                `None`.

        Returns:
            uint8 array `(batch, height, width, 3)`, or `(height, width, 3)`; other channels, uint16 or float32 where
            the model was trained on such images.

        Raises:
            ValueError: If an input is missing, or has another number of axes.
        """
        by_image = style_image is not None
        signature = input_signature(self, ["style_image"] if by_image else ["seed", "chosen_ids", "chosen_styles"])
        pictures = {name: spec for name, spec in signature.items() if len(spec.shape) > 2}
        given = {**inputs, "style_image": style_image}
        if not set(pictures) <= set(given):
            raise ValueError(f"`inputs` should have the keys {sorted(pictures)}. Received: {sorted(inputs)}")
        arrays = {name: np.asarray(given[name], spec.dtype.as_numpy_dtype) for name, spec in pictures.items()}
        missing_axes = {len(pictures[name].shape) - array.ndim for name, array in arrays.items()}
        if missing_axes == {1}:
            arrays = {name: array[None] for name, array in arrays.items()}
        elif missing_axes != {0}:
            shapes = {name: array.shape for name, array in arrays.items()}
            raise ValueError(
                f"`inputs` should be (batch, height, width, ...) or (height, width, ...). Received: {shapes}"
            )
        if by_image and self.encoder is not None:
            _check_style_image(style_image, arrays, self.conditioning.image_dtype)
        if "seed" in signature:
            arrays |= style_choices(seed, styles, len(next(iter(arrays.values()))))
        if by_image not in self._render_graphs:
            self._render_graphs[by_image] = tf.function(self.render, input_signature=[signature])
        made = self._render_graphs[by_image](arrays).numpy()
        return made[0] if missing_axes == {1} else made

    # === Training ===

    def train_step(self, batch):
        """One step of both networks from one forward pass: the discriminator learns from the fake before its update."""
        inputs, image, _ = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape(persistent=True) as tape:
            semantic_input, real_image = self.conditioning(inputs), self.conditioning.target(inputs, image)
            generator_input = self.generator_input(inputs, semantic_input, real_image)
            fake_image = self.generator(generator_input, training=True, **self._remat())
            terms = self.losses(semantic_input, real_image, fake_image, training=True)
            losses = [optimizer.scale_loss(self._total(terms, names)) for optimizer, _, names in self._players()]
        updates, done = [], []
        for (optimizer, variables, _), loss in zip(self._players(), losses):
            with tf.control_dependencies(done):  # one way back after the other: both at once would need more memory
                gradients = tape.gradient(loss, variables)
            updates.append((optimizer, gradients, variables))
            done = gradients
        for optimizer, gradients, variables in updates:
            optimizer.apply(gradients, variables)
        if self.average_generator is not None:
            self._update_average()
        return self._track(terms)

    def test_step(self, batch):
        inputs, image, _ = keras.utils.unpack_x_y_sample_weight(batch)
        semantic_input, real_image = self.conditioning(inputs), self.conditioning.target(inputs, image)
        generator_input = self.generator_input(inputs, semantic_input, real_image)
        fake_image = self.inference_generator(generator_input, training=False)
        return self._track(self.losses(semantic_input, real_image, fake_image, training=False))

    def losses(self, semantic_input, real_image, fake_image, training):
        """The terms that `compile` asked for: dict of name -> `(batch,)` float32, not weighted."""
        terms = {}
        for name in IMAGE_TERMS:
            loss = getattr(self, f"{name}_loss")
            if loss is not None:
                terms[name] = loss.call(real_image, fake_image)
        if self.adversarial_loss is not None:
            real, fake = self._judge(semantic_input, real_image, fake_image, training)
            real_scores, fake_scores = [scale[-1] for scale in real], [scale[-1] for scale in fake]
            terms["adversarial"] = self.adversarial_loss.generator_term(fake_scores)
            if self.feature_matching_loss is not None:
                terms["feature_matching"] = self.feature_matching_loss.call(real, fake)
            costs = self.adversarial_loss.discriminator_terms(real_scores, fake_scores)
            terms["discriminator_real"], terms["discriminator_fake"] = costs
        return terms

    def _remat(self):
        """The call argument of networks that can recompute what they did not keep."""
        return {"rematerialize": True} if self.rematerialize else {}

    def _judge(self, semantic_input, real_image, fake_image, training):
        """Activations of the real and of the fake image, from one forward pass of the discriminator over both."""
        conditions, images = tf.concat([semantic_input] * 2, 0), tf.concat([real_image, fake_image], 0)
        both = self.discriminator(conditions, images, training=training, **self._remat())
        halves = [[tf.split(activation, 2) for activation in scale] for scale in both]
        return [[real for real, _ in scale] for scale in halves], [[fake for _, fake in scale] for scale in halves]

    def _players(self):
        """Who trains, the discriminator first: `(optimizer, variables, names of the terms it minimises)`."""
        variables = self.generator_variables + self.encoder_variables
        players = [(self.generator_optimizer, variables, GENERATOR_TERMS)]
        if self.adversarial_loss is not None:
            variables = self.discriminator.trainable_variables
            players.insert(0, (self.discriminator_optimizer, variables, DISCRIMINATOR_TERMS))
        return players

    def _total(self, terms, names):
        """Weighted sum of terms, its mean over the batch of all replicas: their gradients are added up."""
        weights = {name: self.term_weights[name.removesuffix("_real").removesuffix("_fake")] for name in names}
        total = sum(weights[name] * terms[name] for name in names if name in terms)
        return tf.reduce_mean(total) / tf.distribute.get_strategy().num_replicas_in_sync

    def _update_average(self):
        step = tf.cast(self.generator_optimizer.iterations, "float32")
        momentum = tf.minimum(self.ema_momentum, (1 + step) / (10 + step))
        for average, weight in zip(self.average_generator.weights, self.generator.weights):
            average.assign(momentum * average + (1 - momentum) * weight)

    def _track(self, terms):
        for tracker in self.trackers:
            tracker.update_state(terms[tracker.name])
        results = {tracker.name: tracker.result() for tracker in self.trackers}
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            results = {name: result[None] for name, result in results.items()}  # Keras 3 concatenates workers' results
        return results

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built already, and Keras 3's own way fails with several workers (keras #20585)."""

    # === Other parts ===

    def with_parts(self, **parts):
        """A model of these parts and, for all that are not named, of this one's own; not compiled."""
        return Pix2PixHD(**{**{name: getattr(self, name) for name in PARTS}, **parts})

    # === Styles ===

    def with_styles(self, styles, num_styles=10):
        """This model with other styles; not compiled. Networks are shared, but for the average, which is copied.

        Args:
            styles: Dict: class -> `(count, feature_channels)` floats, see `StyleBank.fill`.
            num_styles: Integer, styles that a class can have.

        Returns:
            `Pix2PixHD`.
        """
        bank = StyleBank(self.conditioning.num_classes, self.encoder.feature_channels, num_styles)
        bank.fill(styles)
        model = self.with_parts(style_bank=bank)
        if self.average_generator is not None:
            model.average_generator.set_weights(self.average_generator.get_weights())
        return model

    # === Coarse to fine ===

    @property
    def level(self):
        """Integer, how often the generator has grown."""
        return len(getattr(self.generator, "enhancers", ()))

    def grow(self, num_residual_blocks=3):
        """The next level's model, for pictures of twice the height and width; not compiled.

        An enhancer is put around the generator (the average, where there is one, is what it starts from) and a
        discriminator at the finest scale; everything else goes on with the values it has. A working size doubles; the
        encoder goes on seeing the size it saw.

        Args:
            num_residual_blocks: Integer, of the new enhancer.

        Returns:
            `Pix2PixHD`.

        Raises:
            ValueError: If the generator cannot grow: a U-Net, or an odd number of filters.
        """
        conditioning = type(self.conditioning).from_config(self.conditioning.get_config())
        if conditioning.image_size is not None:
            conditioning.image_size = tuple(2 * length for length in conditioning.image_size)
        generator = grow(self.inference_generator, num_residual_blocks)
        discriminator = None if self.discriminator is None else self.discriminator.grown()
        encoder = None if self.encoder is None else self.encoder.grown()
        return self.with_parts(
            conditioning=conditioning, generator=generator, discriminator=discriminator, encoder=encoder
        )

    # === Config ===

    def get_config(self):
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        return cls(**{k: keras.saving.deserialize_keras_object(v) if k in PARTS else v for k, v in config.items()})

    def get_compile_config(self):
        if not self.compiled:
            return None
        names = ["generator_optimizer", "discriminator_optimizer", *(f"{name}_loss" for name in GENERATOR_TERMS)]
        config = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in names}
        config |= {name: getattr(self, name) for name in ("train_finest_only", "train_encoder", "rematerialize")}
        return {**config, **{f"{name}_weight": weight for name, weight in self.term_weights.items()}}

    def compile_from_config(self, config):
        self.compile(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})

    # === Save ===

    def save(self, filepath, overwrite=True, **kwargs):
        """Writes the model: a Keras file if `filepath` ends in `.keras`, else a SavedModel folder for TF Serving.

        Either takes the place of what was there only when it is complete. `keras.saving.load_model` reads the Keras
        file, after `import hdsynth_tf`.

        Args:
            filepath: Path. Without a suffix, such as `serving/city/1`, it is a folder; see `serving.save_servable`.
            overwrite: Boolean; if false, an existing file or folder is an error.

        Raises:
            FileExistsError: If `filepath` exists and `overwrite` is false.
            ValueError: If the suffix is neither `.keras` nor none.
        """
        path = as_path(filepath)
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")
        if path.suffix == ".keras":
            with replacing(path) as temporary:
                super().save(temporary, **kwargs)
        elif path.suffix == "":
            save_servable(self, path)
        else:
            raise ValueError(
                f"A model is saved as a file NAME.keras, or as a folder NAME/VERSION. Received: {filepath}"
            )


def _check_style_image(style_image, arrays, dtype):
    """Raises `ValueError` unless photographs are of the depth that the model makes, and of the maps' size."""
    sizes = {array.shape[:3] for array in arrays.values()}
    if np.asarray(style_image).dtype != dtype or len(sizes) > 1:
        raise ValueError(
            f"`style_image` should be {dtype} and have the batch, height and width of the inputs. Received: "
            f"{np.asarray(style_image).dtype} {np.shape(style_image)}"
        )
