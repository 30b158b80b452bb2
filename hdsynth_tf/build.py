"""Settings -> objects. Nothing below this file sees a setting."""

import dataclasses
import os
from pathlib import Path

import keras
import tensorflow as tf

from hdsynth_tf import settings
from hdsynth_tf.losses import ADVERSARIAL_LOSSES, FeatureMatchingLoss, PerceptualLoss, PyramidL1Loss
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator, UNetGenerator, VGG19Features
from hdsynth_tf.networks.generators import RELEASED_INITIALIZER
from hdsynth_tf.schedule import LinearDecay, plan_stages
from hdsynth_tf.settings import SettingsError
from pipelines import cityscapes, folder
from pipelines.conditioning import ImageConditioning, SemanticConditioning
from pipelines.decode import read_label_table
from pipelines.errors import DataError
from pipelines.packed import Packed
from pipelines.pairs import hold_out
from pipelines.source import FileSource
from pipelines.toy_street import ToyStreet

TOY_STREET_SIZE = (128, 256)
FULL_RANGE = {"uint8": (0, 255), "uint16": (0, 65535)}
WARM_UP_STEPS = 50  # over which the rate of a warm start rises, since Adam's first steps know no variance yet


def size_setting(data, kind):
    """(height, width) of `image` or `crop`, or `None` where it is 0."""
    size = getattr(data, f"{kind}_height"), getattr(data, f"{kind}_width")
    return size if size[0] else None


# === Data ===


def build_source(data, split, images=True):
    """One split of the dataset that the settings name.

    Args:
        data: `DataSettings`.
        split: `"train"`, `"val"` or `"test"`.
        images: Boolean, whether scenes must have photographs.

    Returns:
        `pipelines.source.Source`, or `None` if the dataset has no such split; `"train"` is always there.

    Raises:
        DataError: If folders or partners are missing.
    """
    if data.dataset == "toy_street":
        height, width = size_setting(data, "image") or TOY_STREET_SIZE
        return ToyStreet(data.num_scenes, height, width, split, 0, data.hidden_modes, data.toy_thermal)
    if data.dataset == "cityscapes":
        if split == "val" and not cityscapes.has_split(data.data_dir, split):
            return None
        return cityscapes.Cityscapes(data.data_dir, split, data.use_instance_map, images)
    if data.dataset == "packed":
        folder = f"{data.data_dir}/{split}"
        if split == "val" and not tf.io.gfile.isdir(folder):
            return None
        return Packed(folder, images)
    return _build_folder(data, split, images)


def _build_folder(data, split, images):
    """Folders with a split in their names are that split; others are split by holding names out."""
    root = Path(data.data_dir or ".")
    named = {"source_dir": data.source_dir, "label_dir": data.label_dir, "instance_dir": data.instance_dir}
    named = {key: root / path for key, path in {**named, "image_dir": data.target_dir}.items() if path}
    found = named or folder.split_folders(root, split)
    if not named and not found and split == "val":
        return None
    if not images:
        found.pop("image_dir", None)
    if not data.use_instance_map:
        found.pop("instance_dir", None)
    if "source_dir" not in found and "label_dir" not in found:
        raise DataError(f"{root} has no folder {split}_A or {split}_label. Name them: --source_dir or --label_dir.")
    if images and "image_dir" not in found:
        raise DataError("There are no photographs to learn from: give --target_dir.")
    table = read_label_table(data.label_table) if data.label_table else None
    source = folder.Folder(**found, num_classes=data.num_classes, dont_care=data.dont_care, label_table=table)
    if not named or split == "test" or not images:
        return source
    train, val = hold_out(source.names, data.val_share)
    return source.subset(train if split == "train" else val) if val or split == "train" else None


def build_conditioning(data, networks, source, dtype):
    """The device half for scenes such as `source`'s."""
    common = dict(image_size=size_setting(data, "image"), row_channel=networks.row_channel, dtype=dtype)
    if "label_map" in source.formats:
        return SemanticConditioning(
            source.num_classes,
            boundary="instance_map" in source.formats,
            dont_care=sorted({*source.dont_care, *data.dont_care}),
            class_names=source.class_names,
            class_colors=source.class_colors,
            **common,
        )
    (channels,), source_dtype = source.formats["source"]
    value_range = data.source_range or FULL_RANGE.get(source_dtype)
    if value_range is None:
        raise SettingsError(f"Sources of {source_dtype} have no natural range of values: give --source_range=low,high.")
    return ImageConditioning(channels, value_range, **common)


def batch_sizes(data, training, source):
    """Where pictures are resized, and how large they arrive.

    Whole pictures of one size travel as they are and are resized on the device. Where sizes differ, or crops are cut
    out of resized pictures, the host resizes.

    Returns:
        (height, width) to which the host resizes, or `None`; and (height, width) at which the networks work. Where
        pictures of many sizes come one by one, the first one's.

    Raises:
        SettingsError: If pictures of different sizes would have to form a batch.
    """
    image, crop = size_setting(data, "image"), size_setting(data, "crop")
    host_size = image if image and (crop or source.common_size is None) else None
    if not (image or crop or source.common_size) and training.batch_size > 1:
        raise SettingsError(
            f"Pictures of different sizes cannot form batches of {training.batch_size}. Give --image_height and "
            "--image_width, or --crop_height and --crop_width, or --batch_size=1."
        )
    return host_size, crop or image or source.common_size or source.size(0)


@dataclasses.dataclass(frozen=True)
class Level:
    """What one level of the coarse-to-fine schedule trains with.

    Attributes:
        data, training: `DataSettings` and `TrainingSettings` with this level's values.
        source, val_source: Sources; the second is `None` where nothing is held out.
        host_size, size: See `batch_sizes`.
        crop_size: (height, width), or `None`.
        steps_per_epoch: Integer.
    """

    data: settings.DataSettings
    training: settings.TrainingSettings
    source: object
    val_source: object
    host_size: tuple | None
    size: tuple
    crop_size: tuple | None
    steps_per_epoch: int


def build_levels(data, networks, training):
    """The levels, coarse to fine; each works at twice the height and width of the one before.

    Raises:
        DataError, SettingsError: If data or sizes are not as they must be.
    """
    count = networks.num_enhancers + 1
    full = settings.at_level(data, count - 1, count)
    sources = build_source(full, data.split or "train"), build_source(full, "val")
    return [
        _build_level(_data_at(data, level, count, sources[0]), settings.at_level(training, level, count), sources)
        for level in range(count)
    ]


def _data_at(data, level, count, source):
    """The data settings of a level: its size, and its crop where pictures are larger than that."""
    data_at_level = settings.at_level(data, level, count)
    if count == 1:
        return data_at_level
    full = size_setting(data, "image") or source.common_size
    parts = 2 ** (count - 1)
    if full is None or full[0] % parts or full[1] % parts:
        found = "pictures of different sizes" if full is None else f"{full[1]}x{full[0]}"
        raise SettingsError(
            f"With {count - 1} enhancers --image_height and --image_width should be multiples of {parts}, or all "
            f"pictures of one such size. Received: {found}"
        )
    height, width = (length // 2 ** (count - 1 - level) for length in full)
    crop = min(data_at_level.crop_height, height), min(data_at_level.crop_width, width)
    if crop == (height, width):
        crop = 0, 0
    return dataclasses.replace(
        data_at_level, image_height=height, image_width=width, crop_height=crop[0], crop_width=crop[1]
    )


def _build_level(data, training, sources):
    """`sources` of files serve all levels; streets are drawn at the size of each."""
    if not isinstance(sources[0], FileSource):
        sources = build_source(data, data.split or "train"), build_source(data, "val")
    source, val_source = sources
    host_size, size = batch_sizes(data, training, source)
    steps_per_epoch = training.steps_per_epoch or max(len(source) // training.batch_size, 1)
    return Level(data, training, source, val_source, host_size, size, size_setting(data, "crop"), steps_per_epoch)


# === Networks ===


def build_strategy(name):
    """The `tf.distribute.Strategy` called `auto`, `one`, `mirrored` or `multi_worker`.

    `multi_worker` reads who takes part from `TF_CONFIG`, or else from Slurm. It must be made before anything else of
    TensorFlow runs.

    Raises:
        SettingsError: If neither of the two says who takes part.
    """
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy(_cluster())
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "mirrored" or (name == "auto" and devices[0].device_type == "GPU" and len(devices) > 1):
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()  # TensorFlow's default: the first GPU, or the CPU


def _cluster():
    if "TF_CONFIG" in os.environ:
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if "SLURM_STEP_NUM_TASKS" in os.environ:
        return tf.distribute.cluster_resolver.SlurmClusterResolver()
    raise SettingsError("--strategy=multi_worker needs the environment variable TF_CONFIG, or to be started by srun.")


def workers(strategy):
    """How many processes take part, and whether this is the one that writes: the first of them."""
    cluster = strategy.cluster_resolver
    jobs = cluster.cluster_spec().as_dict() if cluster is not None and cluster.cluster_spec() else {}
    if not jobs:
        return 1, True
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker")), (
        cluster.task_type == "chief" or (cluster.task_id == 0 and "chief" not in jobs)
    )


def check_options(networks, training):
    """Raises `SettingsError` where settings of different groups contradict one another."""
    if training.rematerialize and networks.generator != "global":
        raise SettingsError("--rematerialize is for --generator=global.")


def check_replicas(levels, strategy):
    """Raises `SettingsError` unless every device gets the same share of every level's batch."""
    replicas = strategy.num_replicas_in_sync
    for batch_size in (level.training.batch_size for level in levels):
        if batch_size % replicas:
            raise SettingsError(
                f"A batch is shared equally by all devices: --batch_size should be a multiple of their number. "
                f"Received: batch_size={batch_size} and {replicas} devices"
            )


def build_model(data, networks, losses, training, source):
    """Conditioning, generator and discriminator for scenes such as `source`'s; not compiled."""
    conditioning = build_conditioning(data, networks, source, training.precision)
    generator = _build_generator(networks, training.precision)
    discriminator = None
    if losses.adversarial_weight:
        discriminator = MultiScaleDiscriminator(
            networks.num_scales,
            networks.discriminator_filters,
            networks.discriminator_layers,
            networks.discriminator_norm,
            kernel_initializer="he_normal" if networks.discriminator_norm == "spectral" else RELEASED_INITIALIZER,
            dtype=training.precision,
        )
    return Pix2PixHD(conditioning, generator, discriminator, training.ema_momentum or None)


def _build_generator(networks, dtype):
    if networks.generator == "unet":
        return UNetGenerator(networks.num_filters, networks.num_downsamples, dtype=dtype)
    return GlobalGenerator(
        networks.num_filters,
        networks.num_downsamples,
        networks.num_residual_blocks,
        upsampling=networks.upsampling,
        padding=networks.padding,
        skip_connections=networks.skip_connections,
        dtype=dtype,
    )


class ModelMaker:
    """Makes the models of the levels, and what they are compiled with.

    Args:
        levels: List of `Level`.
        networks, losses: `NetworkSettings`, `LossSettings`.
        given: `Pix2PixHD` of an earlier run to go on from, or `None`.

    Raises:
        SettingsError: If `given` has other networks than the settings say.
    """

    def __init__(self, levels, networks, losses, given=None):
        self.levels = levels
        self.networks = networks
        self.losses = losses
        self.given = given
        if given is not None:
            self._check_given()

    @property
    def first_level(self):
        """The first level that trains: the one after those of the given model, which is trained on if it has all."""
        return 0 if self.given is None else min(self.given.level + 1, len(self.levels) - 1)

    def make(self, level, model=None):
        """A model of a level: grown from `model`, or new. Call it in the strategy's scope."""
        if model is None:
            first = self.levels[0]
            model = build_model(first.data, self.networks, self.losses, first.training, first.source)
        while model.level < level:
            if self._is_given(model):
                self._copy_given(model)
            model = model.grow(self.networks.num_enhancer_blocks)
        if self._is_given(model):
            self._copy_given(model)
        return model

    def compile_arguments(self, stage):
        """What `Pix2PixHD.compile` gets for a stage. Call it in the strategy's scope."""
        level = self.levels[stage.level]
        return compile_arguments(stage, self.losses, level.training, level.steps_per_epoch)

    def _is_given(self, model):
        return self.given is not None and model.level == self.given.level

    def _check_given(self):
        if self.given.level >= len(self.levels):
            raise SettingsError(
                f"The model of --init_from has {self.given.level} enhancers, more than "
                f"--num_enhancers={len(self.levels) - 1}."
            )

    def _copy_given(self, model):
        """Gives `model` the weights of the given one; the discriminator's too, where both have one of the same kind."""
        pairs = [(model.generator, self.given.generator)]
        pairs += [(model.average_generator, self.given.generator)] if model.average_generator else []
        if _shapes(model.discriminator) == _shapes(self.given.discriminator):
            pairs += [(model.discriminator, self.given.discriminator)] if model.discriminator else []
        if _shapes(model.generator) != _shapes(self.given.generator):
            raise SettingsError(
                "The model of --init_from has another generator than the settings of this run: give its --num_filters, "
                f"--num_downsamples, ..., --row_channel. {model.generator.count_params():,} and "
                f"{self.given.generator.count_params():,} parameters"
            )
        for network, source in pairs:
            network.set_weights(source.get_weights())


def _shapes(network):
    return None if network is None else [tuple(weight.shape) for weight in network.weights]


# === Training ===


def build_stages(networks, losses, training, first_level=0):
    """The stages of a run, see `schedule.plan_stages`."""
    if max(settings.values(training.warm_start_epochs)) and not (losses.pixel_weight or losses.uses_perceptual):
        raise SettingsError("--warm_start_epochs needs --pixel_weight or the perceptual term to learn from.")
    count = networks.num_enhancers + 1
    levels = [settings.at_level(training, level, count) for level in range(count)]
    lengths = [(level.warm_start_epochs, level.epochs, level.decay_epochs) for level in levels]
    return plan_stages(lengths, training.enhancer_epochs, bool(losses.adversarial_weight), first_level)


def compile_arguments(stage, losses, training, steps_per_epoch):
    """What `Pix2PixHD.compile` gets for a stage.

    Args:
        stage: `Stage`.
        losses, training: `LossSettings`, `TrainingSettings` of the stage's level.
        steps_per_epoch: Integer.

    Returns:
        Dict. It holds new optimizers: call this in the strategy's scope.
    """
    arguments = {
        **_reconstruction_losses(losses, training),
        **_weights(losses),
        "train_finest_only": stage.finest_only,
        "rematerialize": training.rematerialize,
    }
    if stage.adversarial or not losses.adversarial_weight:
        return {**arguments, **_opponents(stage, losses, training, steps_per_epoch)}
    rate = _warm_start_rate(training, stage.epochs * steps_per_epoch)
    return {**arguments, "generator_optimizer": _adam(rate, training)}


def _warm_start_rate(training, steps):
    """Rises for some steps, then falls to the next stage's rate along a cosine."""
    rise = min(WARM_UP_STEPS, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        0.1 * training.warm_start_learning_rate,
        max(steps - rise, 1),
        alpha=training.learning_rate / training.warm_start_learning_rate,
        warmup_target=training.warm_start_learning_rate,
        warmup_steps=rise,
    )


def _opponents(stage, losses, training, steps_per_epoch):
    """Both optimizers, their rates falling in a line, and the losses in which the networks oppose each other."""

    def optimizer(rate):
        return _adam(LinearDecay(rate, stage.constant_epochs, stage.decay_epochs, steps_per_epoch), training)

    arguments = {"generator_optimizer": optimizer(training.learning_rate)}
    if losses.adversarial_weight:
        arguments["discriminator_optimizer"] = optimizer(training.discriminator_learning_rate)
        arguments["adversarial_loss"] = ADVERSARIAL_LOSSES[losses.adversarial_loss]()
        if losses.feature_matching_weight:
            arguments["feature_matching_loss"] = FeatureMatchingLoss(relative=losses.relative_matching)
    return arguments


def _adam(rate, training):
    optimizer = keras.optimizers.Adam(rate, beta_1=training.beta_1, beta_2=0.999, epsilon=1e-8)
    if training.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _reconstruction_losses(losses, training):
    pixel = PyramidL1Loss(losses.pixel_levels) if losses.pixel_weight else None
    perceptual = None
    if losses.uses_perceptual:
        extractor = VGG19Features(losses.perceptual_weights, dtype=training.precision)
        perceptual = PerceptualLoss(extractor, rematerialize=training.rematerialize)
    return {"pixel_loss": pixel, "perceptual_loss": perceptual}


def _weights(losses):
    names = ("adversarial_weight", "feature_matching_weight", "perceptual_weight", "pixel_weight")
    return {name: getattr(losses, name) for name in names}
