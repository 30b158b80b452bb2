"""A model's relatives: of other parts, at another size, with other styles, a level finer."""

from hdsynth_tf.networks.coarse_to_fine import grow
from hdsynth_tf.networks.styles import StyleBank

PARTS = ("conditioning", "generator", "discriminator", "ema_momentum", "encoder", "style_bank")


class Family:
    """The part of `Pix2PixHD` that makes other models of it. None of them is compiled."""

    def with_parts(self, **parts):
        """A model of these parts and, for all that are not named, of this one's own.

        Networks are shared, but for the generator's average, which is copied where the generator is the same.
        """
        model = type(self)(**{**{name: getattr(self, name) for name in PARTS}, **parts})
        if None not in (self.average_generator, model.average_generator) and model.generator is self.generator:
            model.average_generator.set_weights(self.average_generator.get_weights())
        return model

    def finished(self):
        """This model without what only training needs: its generator is the one that makes the pictures."""
        return self.with_parts(generator=self.inference_generator, ema_momentum=None)

    def at_size(self, image_size):
        """This model, its networks working at another size.

        Args:
            image_size: `(height, width)`, or `None`: pictures stay as large as they come.
        """
        return self.with_parts(conditioning=resized(self.conditioning, image_size))

    def in_float32(self):
        """This model computing in float32, whatever it was trained in: for runtimes that know no mixed precision.

        Its networks are copies, and there is no average of the generator: see `finished`.
        """
        model = type(self).from_config(_in_float32(self.finished().get_config()))
        model.set_weights(self.finished().get_weights())
        return model

    # === Styles ===

    def with_styles(self, styles, num_styles=10):
        """This model with other styles.

        Args:
            styles: Dict: class -> `(count, feature_channels)` floats, see `StyleBank.fill`.
            num_styles: Integer, styles that a class can have.
        """
        bank = StyleBank(self.conditioning.num_classes, self.encoder.feature_channels, num_styles)
        bank.fill(styles)
        return self.with_parts(style_bank=bank)

    # === Coarse to fine ===

    @property
    def level(self):
        """Integer, how often the generator has grown."""
        return len(getattr(self.generator, "enhancers", ()))

    def grow(self, num_residual_blocks=3):
        """The next level's model, for pictures of twice the height and width.

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
        size = self.conditioning.image_size
        return self.with_parts(
            conditioning=resized(self.conditioning, size and tuple(2 * length for length in size)),
            generator=grow(self.inference_generator, num_residual_blocks),
            discriminator=None if self.discriminator is None else self.discriminator.grown(),
            encoder=None if self.encoder is None else self.encoder.grown(),
        )


def resized(conditioning, image_size):
    """A copy of a conditioning for networks that work at `image_size`, (height, width) or `None`."""
    return type(conditioning).from_config({**conditioning.get_config(), "image_size": image_size})


def _in_float32(config):
    """A config whose dtype policies are all float32."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {key: _in_float32(value) for key, value in config.items()}
    return [_in_float32(value) for value in config] if isinstance(config, (list, tuple)) else config
