"""Cascaded refinement from flags to files: what is refused, the plan, the scales that are measured, many images."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from weight_files import lpips_content, write_lpips

from hdsynth_tf.assemble.stages import plan_stages
from hdsynth_tf.assemble.training import build_stages
from hdsynth_tf.config import flags
from hdsynth_tf.config.groups import LossSettings, NetworkSettings, TrainingSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.networks import RefinementGenerator

TINY = [
    "--generator=crn", "--perceptual=vgg16", "--num_scenes=6", "--image_height=32", "--image_width=64",
    "--refinement_filters=6,6,4", "--epochs=2", "--rescale_epochs=1", "--decay_epochs=0", "--steps_per_epoch=3",
    "--num_samples=1", "--checkpoint_steps=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Flags of a small run by a VGG16 of few filters."""
    path = tmp_path_factory.mktemp("weights") / "vgg.ckpt"
    return [*TINY, f"--perceptual_weights={write_lpips(path, lpips_content('vgg', np.random.default_rng(0)))}"]


def parse(*arguments):
    return flags.parse(["train", *arguments], (NetworkSettings, LossSettings, TrainingSettings), "usage")


def test_the_generator_brings_its_loss_and_no_discriminator():
    _, losses, _ = parse("--generator=crn")
    assert losses.perceptual_network == "vgg19" and losses.perceptual_source == "imagenet"
    assert losses.content_weight == 1 and not losses.uses_perceptual
    assert not (losses.adversarial_weight or losses.pixel_weight or losses.feature_matching_weight)
    _, losses, _ = parse("--generator=crn", "--adversarial_weight=1", "--perceptual=vgg16")
    assert losses.adversarial_weight == 1 and losses.perceptual_source == "package"
    assert parse()[1] == LossSettings()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--generator=crn", "--num_enhancers=1"], "--num_enhancers should be 0.*--generator=crn"),
        (["--num_diverse_images=9"], "--num_diverse_images is for --generator=crn"),
        (["--generator=crn", "--perceptual=alex"], "--perceptual=vgg19 or --perceptual=vgg16.*alex"),
        (["--content_weight=1"], "--content_weight needs --perceptual=vgg19"),
        (["--generator=crn", "--content_scales=1,2"], "six numbers.*1,2"),
        (["--rescale_epochs=5"], "--rescale_epochs"),
        (["--generator=crn", "--tone"], "--tone is for --generator=global"),
    ],
)
def test_what_does_not_go_together_is_said(arguments, said):
    with pytest.raises(SettingsError, match=said):
        parse(*arguments)


@pytest.mark.parametrize("more", [["--pixel_weight=1"], ["--adversarial_weight=1"], ["--toy_thermal"]])
def test_many_images_learn_by_the_content_loss_of_label_maps_alone(command, tiny, tmp_path, more):
    code, _, error = command("train", *tiny, "--num_diverse_images=9", *more, f"--run_dir={tmp_path / 'run'}")
    assert code == 2 and "--num_diverse_images" in error and not (tmp_path / "run").exists()


def test_stages_with_scales_measured_on_the_way():
    stages = plan_stages([(0, 200, 20)], 0, adversarial=False, rescale_epochs=100)
    assert [(s.name, s.constant_epochs, s.decay_epochs, s.rescaled) for s in stages] == [
        ("G1", 100, 0, False),
        ("G1 rescaled", 100, 20, True),
    ]
    networks, losses, training = parse("--generator=crn", "--rescale_epochs=100", "--epochs=100")
    with pytest.raises(SettingsError, match=r"--rescale_epochs should be below --epochs.*100"):
        build_stages(networks, losses, training)


def test_the_plan_says_what_it_is_and_what_it_needs(command, tiny, tmp_path):
    code, output, error = command("train", *tiny, "--dry_run", f"--run_dir={tmp_path / 'run'}")
    assert code == 0, error
    for part in ("RefinementGenerator", "1 x content (VGG16Features", "no discriminator", "G1 rescaled: 1 epochs"):
        assert part in output
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_many_images_from_training_to_the_served_model(command, tiny, tmp_path):
    run = tmp_path / "run"
    code, _, error = command("train", *tiny, "--num_diverse_images=3", f"--run_dir={run}")
    assert code == 0, error
    scales = json.loads((run / "content_scales.json").read_text())["G1 rescaled"]
    assert scales[0] == 1 and len(scales) == 6 and min(scales) > 0
    code, _, error = command(
        "generate", f"--model={run}", "--num_scenes=1", "--styles=4", f"--output_dir={tmp_path / 'out'}"
    )
    assert code == 0, error
    model = keras.saving.load_model(run / "model.keras", compile=False)
    assert isinstance(model.generator, RefinementGenerator) and model.generator.num_images == 3
    labels = np.random.default_rng(0).integers(0, 4, (1, 40, 50)).astype("int32")
    inputs = {"label_map": labels, "instance_map": labels}
    made = [model.generate(inputs, seed=seed) for seed in range(4)]
    assert made[0].shape == (1, 40, 50, 3) and np.array_equal(made[0], made[3])
    assert not np.array_equal(made[0], made[1]) and not np.array_equal(made[1], made[2])
    serve = tf.saved_model.load(str(run / "serving" / "1")).signatures["serving_default"]
    served = serve(seed=tf.constant([2]), **{name: tf.constant(array) for name, array in inputs.items()})["image"]
    assert np.abs(served.numpy().astype(int) - made[2]).max() <= 1


@pytest.mark.slow
def test_stopped_in_either_stage_it_ends_the_same(command, tiny, tmp_path):
    ends = []
    for name, stops in (("whole", [0]), ("stopped", [2, 3, 5, 0])):
        for steps in stops:
            run = [*tiny, "--noexport", f"--max_steps={steps}", f"--run_dir={tmp_path / name}"]
            code, _, error = command("train", *run)
            assert code == 0, error
        ends.append(keras.saving.load_model(tmp_path / name / "model.keras", compile=False))
    for a, b in zip(*(model.weights for model in ends), strict=True):
        assert np.array_equal(a, b), a.path
