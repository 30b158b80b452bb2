"""A training step: one forward pass, from which every network of a model learns."""

import keras

from hdsynth_tf.model.checks import checked_batch
from hdsynth_tf.model.measures import Measuring, refuse_losses
from hdsynth_tf.model.optimizers import Players, scaled
from hdsynth_tf.model.terms import weighted_sum
from hdsynth_tf.networks.layers import rematerialize_blocks

if keras.backend.backend() == "tensorflow":  # elsewhere models generate, and do not train
    import tensorflow as tf


class Training(Measuring):
    """The part of a model that trains. A subclass has the following, and calls `begin` when it is compiled.

    - `generator_optimizer`, `discriminator_optimizer`: Keras optimizers; the second may be `None`.
    - `trained_networks()`: dict of name -> network that trains.
    - `players()`: list of `(optimizer, variables, weights of its terms)` of each side, the discriminators first.
    - `read(batch)`: a batch, checked: inputs, image, and sample weights or `None`.
    - `learn_from(inputs, image, sample_weight, training)`: the terms of a batch, dict of name -> `(batch,)` float32,
      and the pair of images (real, fake) that metrics compare; without `training`, as pictures are made afterwards.
    - `follow()`: what is done after the update.
    """

    def read(self, batch):
        return checked_batch(self.conditioning, batch)

    def take_optimizers(self, generator, generator_optimizer, discriminator, discriminator_optimizer, **kwargs):
        """Keras' own `compile`, and the optimizers of both sides: where its network, given before each, computes in
        `mixed_float16`, one scales its loss. `kwargs`: of Keras, among which losses are refused."""
        refuse_losses(**kwargs)
        generator_optimizer, discriminator_optimizer = (
            None if optimizer is None else keras.optimizers.get(optimizer)
            for optimizer in (generator_optimizer, discriminator_optimizer)
        )
        if kwargs.get("auto_scale_loss", True):
            generator_optimizer = scaled(generator_optimizer, generator)
            discriminator_optimizer = scaled(discriminator_optimizer, discriminator)
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer

    def begin(self, others, rematerialize):
        """Makes a tracker for every term, and the optimizers' variables. `others`: networks that do not train."""
        for network in (*self.trained_networks().values(), *others):
            rematerialize_blocks(network, rematerialize)
        players = self.players()
        names = [name for *_, weights in reversed(players) for name in weights]
        self.trackers = [keras.metrics.Mean(name=name) for name in names]
        self.build_measures()
        self.optimizer = Players(self.generator_optimizer, self.discriminator_optimizer)
        for optimizer, variables, _ in players:
            optimizer.build(variables)

    def train_step(self, batch):
        """One step of all networks from one forward pass: discriminators learn from fakes made before the update."""
        inputs, image, sample_weight = self.read(batch)
        players = self.players()
        with tf.GradientTape(persistent=True) as tape:
            values, images = self.learn_from(inputs, image, sample_weight)
            losses = [optimizer.scale_loss(_total(values, weights)) for optimizer, _, weights in players]
        updates, done = [], []
        for (optimizer, variables, _), loss in zip(players, losses):
            with tf.control_dependencies(done):  # one way back after the other: both at once would need more memory
                gradients = tape.gradient(loss, variables)
            updates.append((optimizer, gradients, variables))
            done = gradients
        for optimizer, gradients, variables in updates:
            optimizer.apply(gradients, variables)
        self.follow()
        return self.track(values, images, sample_weight)

    def test_step(self, batch):
        inputs, image, sample_weight = self.read(batch)
        values, images = self.learn_from(inputs, image, sample_weight, training=False)
        return self.track(values, images, sample_weight)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: all is built already, and Keras 3's own way fails with several workers (keras #20585)."""


def _total(values, weights):
    """The loss: its mean over the batch of all replicas, since their gradients are added up."""
    return tf.reduce_mean(weighted_sum(values, weights)) / tf.distribute.get_strategy().num_replicas_in_sync
