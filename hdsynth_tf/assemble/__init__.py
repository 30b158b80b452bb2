"""Settings -> objects. Nothing below this folder sees a setting."""

from hdsynth_tf.assemble.cyclegan import check_unpaired
from hdsynth_tf.assemble.data import (
    Level,
    batch_sizes,
    build_levels,
    build_scenes,
    build_source,
    check_apart,
    check_pairs,
    find_source,
    is_named,
    size_setting,
    source_changes,
    turned_round,
    with_classes,
)
from hdsynth_tf.assemble.loading import load_model
from hdsynth_tf.assemble.makers import model_maker
from hdsynth_tf.assemble.models import ModelMaker, build_conditioning, build_model, check_inputs, check_options
from hdsynth_tf.assemble.perceptual import check_diverse, check_perceptual_size
from hdsynth_tf.assemble.precision import choose_precision
from hdsynth_tf.assemble.training import (
    build_stages,
    build_strategy,
    check_pixel_levels,
    check_replicas,
    compile_arguments,
    workers,
)
from hdsynth_tf.assemble.windows import describe_clipped, percentiles, settle_windows, with_windows

__all__ = [
    "Level",
    "ModelMaker",
    "batch_sizes",
    "build_conditioning",
    "build_levels",
    "build_model",
    "build_scenes",
    "build_source",
    "build_stages",
    "build_strategy",
    "check_apart",
    "check_diverse",
    "check_inputs",
    "check_options",
    "check_pairs",
    "check_perceptual_size",
    "check_pixel_levels",
    "check_replicas",
    "check_unpaired",
    "choose_precision",
    "compile_arguments",
    "describe_clipped",
    "find_source",
    "is_named",
    "load_model",
    "model_maker",
    "percentiles",
    "settle_windows",
    "size_setting",
    "source_changes",
    "turned_round",
    "with_classes",
    "with_windows",
    "workers",
]
