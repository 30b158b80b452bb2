"""Settings -> strategy, stages, optimizers and losses."""

import os

import keras
import tensorflow as tf

from hdsynth_tf.assemble.discriminators import adversarial_loss
from hdsynth_tf.assemble.perceptual import build_content_loss, build_perceptual_loss
from hdsynth_tf.assemble.stages import plan_stages
from hdsynth_tf.config import settings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.losses import (
    DecibelLoss,
    FeatureMatchingLoss,
    GradientLoss,
    PyramidLoss,
)
from hdsynth_tf.model.optimizers import Adam, Hastened, LinearDecay
from hdsynth_tf.model.terms import Term

WARM_UP_STEPS = 50  # over which the rate of a warm start rises, since Adam's first steps know no variance yet


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
    """Number of processes, and whether this is the chief, which writes."""
    cluster = strategy.cluster_resolver
    jobs = cluster.cluster_spec().as_dict() if cluster is not None and cluster.cluster_spec() else {}
    if not jobs:
        return 1, True
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker")), (
        cluster.task_type == "chief" or (cluster.task_id == 0 and "chief" not in jobs)
    )


def check_replicas(levels, strategy):
    """Raises `SettingsError` unless every device gets the same share of every level's batch."""
    replicas = strategy.num_replicas_in_sync
    for batch_size in (level.training.batch_size for level in levels):
        if batch_size % replicas:
            raise SettingsError(
                f"A batch is shared equally by all devices: --batch_size should be a multiple of their number. "
                f"Received: batch_size={batch_size} and {replicas} devices"
            )


def check_pixel_levels(levels, losses):
    """Raises `SettingsError` unless every level's pictures can be halved as often as its losses in pixels do."""
    for number, level in enumerate(levels):
        own = settings.at_level(losses, number, len(levels))
        halves = own.pixel_weight and own.pixel_loss == "pyramid"
        if halves and own.pixel_levels > (most := level.shortest_side.bit_length()):
            raise SettingsError(
                f"--pixel_levels should be {most} at most: pictures of {level.shortest_side} pixels a side cannot be "
                f"halved more often. Received: {own.pixel_levels}"
            )
        if own.gradient_weight and level.shortest_side < GradientLoss().smallest_side:
            raise SettingsError(
                f"--gradient_weight needs pictures of {GradientLoss().smallest_side} pixels a side or more: give "
                f"--gradient_weight=0, or larger pictures. Received: {level.shortest_side} pixels"
            )


def build_stages(networks, losses, training, first_level=0):
    """The stages of a run, see `stages.plan_stages`."""
    if max(settings.values(training.warm_start_epochs)) and not (losses.pixel_weight or losses.compares_features):
        raise SettingsError("--warm_start_epochs needs --pixel_weight or the perceptual term to learn from.")
    count = networks.num_enhancers + 1
    levels = [settings.at_level(training, level, count) for level in range(count)]
    if losses.rescale_epochs and losses.rescale_epochs >= (least := min(level.epochs for level in levels)):
        raise SettingsError(
            f"--rescale_epochs should be below --epochs, which go on with the scales found. Received: "
            f"{losses.rescale_epochs}, of {least} epochs"
        )
    lengths = [(level.warm_start_epochs, level.epochs, level.decay_epochs) for level in levels]
    adversarial = bool(losses.adversarial_weight)
    return plan_stages(lengths, training.enhancer_epochs, adversarial, first_level, losses.rescale_epochs)


def compile_arguments(stage, networks, losses, training, steps_per_epoch, speed=None):
    """Arguments of `Pix2PixHD.compile` for a stage.

    Args:
        stage: `Stage`.
        networks: `NetworkSettings`.
        losses, training: `LossSettings`, `TrainingSettings` of the stage's level.
        steps_per_epoch: Integer.
        speed: Variable, how fast the rates change, see `Hastened`; `None`: as planned.

    Returns:
        Dict. It holds new optimizers: call this in the strategy's scope.
    """
    is_adversarial = bool(losses.adversarial_weight) and stage.adversarial
    arguments = {
        "terms": _terms(networks, losses, training, is_adversarial),
        "train_finest_only": stage.finest_only,
        "train_encoder": not stage.finest_only and (stage.level == 0 or not training.freeze_encoder),
        "rematerialize": training.rematerialize == "true",
    }
    if not stage.adversarial and losses.adversarial_weight:
        rate = _warm_start_rate(training, stage.epochs * steps_per_epoch)
        return {**arguments, "generator_optimizer": _adam(rate, speed, training)}

    arguments["generator_optimizer"] = decaying_optimizer(
        training.learning_rate, stage, training, steps_per_epoch, speed
    )
    if is_adversarial:
        rate = training.discriminator_learning_rate
        arguments["discriminator_optimizer"] = decaying_optimizer(rate, stage, training, steps_per_epoch, speed)
    return arguments


def decaying_optimizer(rate, stage, training, steps_per_epoch, speed=None):
    """An optimizer whose rate is constant, then falls to 0, over the epochs of a stage. See `compile_arguments`."""
    return _adam(LinearDecay(rate, stage.constant_epochs, stage.decay_epochs, steps_per_epoch), speed, training)


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


def _adam(rate, speed, training):
    return Adam(rate if speed is None else Hastened(rate, speed), training.beta_1)


def _terms(networks, losses, training, adversarial):
    """The terms of a stage, without those of weight 0; the adversarial ones where the discriminator takes part."""
    made = []
    if adversarial:
        made.append(Term("adversarial", adversarial_loss(networks, losses), losses.adversarial_weight))
        if losses.feature_matching_weight:
            loss = FeatureMatchingLoss(relative=losses.relative_matching)
            made.append(Term("feature_matching", loss, losses.feature_matching_weight))
    if losses.uses_perceptual:
        loss = build_perceptual_loss(losses, training.precision)
        made.append(Term("perceptual", loss, losses.perceptual_weight))
    if losses.content_weight:
        loss = build_content_loss(losses, training.precision, networks.num_diverse_images > 1)
        made.append(Term("content", loss, losses.content_weight))
    if losses.pixel_weight:
        loss = DecibelLoss() if losses.pixel_loss == "decibel" else PyramidLoss(losses.pixel_levels)
        made.append(Term("pixel", loss, losses.pixel_weight))
    if losses.gradient_weight:
        made.append(Term("gradient", GradientLoss(), losses.gradient_weight))
    return made
