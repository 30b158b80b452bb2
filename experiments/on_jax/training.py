"""The training step of `hdsynth_tf.Pix2PixHD` on JAX, for machines whose accelerator TensorFlow cannot use.

The same networks and terms; `tests/experiments/test_on_jax.py` compares steps with the product's. One thing differs:
gradients also flow through the norm of spectrally normalised kernels, which TensorFlow's assignment cuts off.
"""

import functools

import jax
import keras
from jax import numpy as jnp
from keras import ops

from hdsynth_tf import optimizers
from hdsynth_tf.model.terms import compute_terms, weighted_sum
from hdsynth_tf.networks.tone import told


class Adam(optimizers.Adam):
    """The product's, whose own steps are an operation of TensorFlow."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        step = ops.cast(self.iterations + 1, variable.dtype)
        bias_1, bias_2 = (1 - ops.power(beta, step) for beta in (self.beta_1, self.beta_2))
        self.assign_add(momentum, (gradient - momentum) * (1 - self.beta_1))
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1 - self.beta_2))
        deviation = ops.sqrt(velocity / bias_2)
        self.assign_sub(variable, learning_rate * momentum / bias_1 / (deviation + self.epsilon))


class Training:
    """Networks that learn from batches in one compiled step.

    Shapes are static on JAX: instance ids should be 0 .. 63, see `pool_few_instances`.

    Args:
        conditioning: `pipelines.conditioning.Conditioning`.
        generator, discriminator, encoder: Built networks; the last two may be `None`.
        terms: List of `hdsynth_tf.Term`.
        optimizer, discriminator_optimizer: Keras optimizers.
        momentum: Float, of the moving average of the generator's weights.
    """

    def __init__(
        self, conditioning, generator, discriminator, encoder, terms, optimizer, discriminator_optimizer, momentum
    ):
        self.conditioning, self.generator, self.discriminator, self.encoder = (
            conditioning, generator, discriminator, encoder,
        )  # fmt: skip
        self.terms = terms
        self.momentum = momentum
        self.learners = [(optimizer, [network for network in (generator, encoder) if network is not None])]
        if discriminator is not None:
            self.learners.append((discriminator_optimizer, [discriminator]))
        for optimizer, networks in self.learners:
            optimizer.build(_trainable(networks))
        self.variables = self._variables()
        self._step = jax.jit(self._compute_step, donate_argnums=(0, 1))
        self.begin()

    def begin(self):
        """Takes the weights that the networks have now."""
        self.state = [jnp.copy(variable.value) for variable in self.variables]
        self.average = [jnp.copy(variable.value) for variable in self.generator.trainable_variables]

    def step(self, inputs, image):
        """One step of all networks; returns the terms' values, dict of name -> mean over the batch.

        Args:
            inputs: Dict as the conditioning reads it.
            image: `(batch, height, width, channels)` uint8.
        """
        self.state, self.average, values = self._step(self.state, self.average, inputs, image)
        return values

    def set_rate(self, rate):
        """Sets the learning rate of all networks; for optimizers that were made with a number as their rate."""
        for optimizer, _ in self.learners:
            place = next(i for i, variable in enumerate(self.variables) if variable is optimizer._learning_rate)
            self.state[place] = jnp.asarray(rate, "float32")

    def write_back(self):
        """Gives the networks what they learned; the generator gets the average of its weights."""
        for variable, value in zip(self.variables, self.state):
            variable.assign(value)
        for variable, value in zip(self.generator.trainable_variables, self.average):
            variable.assign(value)

    def _variables(self):
        networks = [network for _, networks in self.learners for network in networks]
        frozen = [getattr(term.loss, name, None) for term in self.terms for name in ("feature_extractor", "distance")]
        found = {}
        for owner in (*networks, *(network for network in frozen if network is not None)):
            found |= {id(variable): variable for variable in owner.variables}
            for layer in owner._flatten_layers():
                if (seed := getattr(layer, "seed_generator", None)) is not None:
                    found[id(seed.state)] = seed.state
        for optimizer, _ in self.learners:
            found |= {id(variable): variable for variable in optimizer.variables}
        return list(found.values())

    def _compute_step(self, state, average, inputs, image):
        places = {id(variable): i for i, variable in enumerate(self.variables)}
        trained = [_trainable(networks) for _, networks in self.learners]

        def forward(values):
            """Values of what is trained -> the loss of each learner; all variables afterwards, and the terms."""
            here = list(state)
            for variables, new in zip(trained, values):
                for variable, value in zip(variables, new):
                    here[places[id(variable)]] = value
            with keras.StatelessScope(state_mapping=list(zip(self.variables, here))) as scope:
                values = self._terms(inputs, image)
                after = [scope.get_current_value(variable) for variable in self.variables]
            losses = [ops.mean(weighted_sum(values, weights)) for weights in self._weights()]
            return losses, (after, {name: ops.mean(value) for name, value in values.items()})

        start = [[state[places[id(variable)]] for variable in variables] for variables in trained]
        _, back, (after, values) = jax.vjp(forward, start, has_aux=True)
        for number, ((optimizer, _), variables) in enumerate(zip(self.learners, trained)):
            (gradients,) = back([float(number == other) * ops.ones(()) for other in range(len(trained))])
            own = [after[places[id(variable)]] for variable in optimizer.variables]
            now = [after[places[id(variable)]] for variable in variables]  # spectral normalization divides kernels
            new, own = optimizer.stateless_apply(own, gradients[number], now)
            for variable, value in zip((*variables, *optimizer.variables), (*new, *own)):
                after[places[id(variable)]] = value
        weights = [after[places[id(variable)]] for variable in self.generator.trainable_variables]
        step = ops.cast(after[places[id(self.learners[0][0].iterations)]], "float32")
        momentum = ops.minimum((1 + step) / (10 + step), self.momentum)
        average = [momentum * old + (1 - momentum) * new for old, new in zip(average, weights)]
        return after, average, values

    def _terms(self, inputs, image):
        semantic_input, real_image = self.conditioning(inputs), self.conditioning.target(inputs, image)
        generator_input = semantic_input
        if self.encoder is not None:
            features = self.encoder(real_image, inputs["instance_map"])
            generator_input = ops.concatenate([semantic_input, ops.cast(features, semantic_input.dtype)], -1)
        fake_image = self.generator(generator_input, training=True, **told(self.generator, real_image))
        judge = None
        if self.discriminator is not None:
            judge = functools.partial(self.discriminator.judge, semantic_input, training=True)
        return compute_terms(self.terms, (real_image, fake_image), judge)

    def _weights(self):
        """The weights of the terms of each learner's loss."""
        weights = [{term.name: term.weight for term in self.terms}]
        if self.discriminator is not None:
            (loss,) = [term.loss for term in self.terms if term.is_adversarial]
            weights.append({name: 0.5 * weight for name, weight in loss.discriminator_weights.items()})
        return weights


def _trainable(networks):
    return [variable for network in networks for variable in network.trainable_variables]


def pool_few_instances(pooling, x, instance_map, most=64):
    """`InstanceAveragePooling.call` for ids 0 .. `most` - 1, in shapes that are known beforehand."""
    batch, height, width, channels = ops.shape(x)
    place = ops.reshape(instance_map + most * ops.reshape(ops.arange(batch, dtype="int32"), (-1, 1, 1)), (-1,))
    flat = ops.reshape(ops.cast(x, "float32"), (-1, channels))
    total = ops.segment_sum(flat, place, num_segments=batch * most)
    count = ops.segment_sum(ops.ones_like(flat[:, :1]), place, num_segments=batch * most)
    return ops.reshape(ops.take(total / ops.maximum(count, 1), place, axis=0), (batch, height, width, channels))
