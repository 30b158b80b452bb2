"""The training step on JAX, with which the preset was made, is the product's."""

import os
import subprocess
import sys

import numpy as np
import pytest
from places import ROOT

pytest.importorskip("jax", reason="needs JAX")
pytestmark = pytest.mark.slow

PARTS = """
from hdsynth_tf import Term
from hdsynth_tf.losses import FeatureMatchingLoss, HingeLoss, PyramidLoss
from hdsynth_tf.networks import FeatureEncoder, GlobalGenerator, MultiScaleDiscriminator
from pipelines.conditioning import SemanticConditioning

def make():
    conditioning = SemanticConditioning(4, row_channel=True)
    generator, encoder = GlobalGenerator(4, 2, 1), FeatureEncoder(2, 4, 1)
    generator.build((None, None, None, conditioning.channels + 2))
    encoder.build((None, None, None, 3))
    discriminator = MultiScaleDiscriminator(1, 4, 1)
    discriminator.build_for(conditioning)
    terms = [
        Term("adversarial", HingeLoss(), 0.1),
        Term("feature_matching", FeatureMatchingLoss(), 10.0),
        Term("pixel", PyramidLoss(2), 5.0),
    ]
    return conditioning, generator, discriminator, encoder, terms
"""
ON_JAX = """
import sys
import numpy as np
sys.path.insert(0, "experiments/on_jax")
from training import Adam, Training, pool_few_instances
from hdsynth_tf import networks
networks.InstanceAveragePooling.call = pool_few_instances
conditioning, generator, discriminator, encoder, terms = make()
given = np.load(sys.argv[1])
for name, network in (("g", generator), ("d", discriminator), ("e", encoder)):
    network.set_weights([given[f"{name}{i}"] for i in range(len(network.get_weights()))])
adam = [Adam(1e-3) for _ in range(2)]
training = Training(conditioning, generator, discriminator, encoder, terms, *adam, 0.0)
inputs = {name: given[name] for name in ("label_map", "instance_map")}
values = [training.step(inputs, given["image"]) for _ in range(2)]
training.write_back()
weights = [w for network in (generator, discriminator, encoder) for w in network.get_weights()]
np.savez(sys.argv[2], *weights, **{name: np.asarray(value) for name, value in values[-1].items()})
"""


def test_two_steps_are_those_of_the_product(tmp_path, rng):
    from hdsynth_tf import Pix2PixHD, optimizers

    exec(PARTS, parts := {})
    conditioning, generator, discriminator, encoder, terms = parts["make"]()
    model = Pix2PixHD(conditioning, generator, discriminator, encoder=encoder)
    model.compile(optimizers.Adam(1e-3), optimizers.Adam(1e-3), terms)
    inputs = {name: rng.integers(0, 4, (2, 24, 32)).astype("int32") for name in ("label_map", "instance_map")}
    image = rng.integers(0, 256, (2, 24, 32, 3)).astype("uint8")
    networks = (("g", generator), ("d", discriminator), ("e", encoder))
    weights = {f"{name}{i}": value for name, network in networks for i, value in enumerate(network.get_weights())}
    np.savez(tmp_path / "given.npz", **inputs, image=image, **weights)

    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARTS + ON_JAX, str(tmp_path / "given.npz"), str(tmp_path / "got.npz")]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    for _ in range(2):
        model.reset_metrics()
        values = model.train_on_batch(inputs, image, return_dict=True)

    got = np.load(tmp_path / "got.npz")
    for name in set(values) - {"loss"}:
        np.testing.assert_allclose(got[name], values[name], rtol=0.01, err_msg=name)
    weights = [weight for _, network in networks for weight in network.get_weights()]
    changes = np.concatenate([np.abs(got[f"arr_{i}"] - weight).ravel() for i, weight in enumerate(weights)])
    assert np.mean(changes < 1e-4) > 0.97  # Adam's first steps are as large where a gradient is rounding alone


TOLD = """
import sys
import numpy as np
sys.path.insert(0, "experiments/on_jax")
from training import Adam, Training
from hdsynth_tf import Term
from hdsynth_tf.losses import PyramidLoss
from hdsynth_tf.networks import GlobalGenerator
from pipelines.conditioning import ImageConditioning
given = np.load(sys.argv[1])
generator = GlobalGenerator(4, 2, 1, tone_channels=1, tone_numbers=12)
generator.build((None, None, None, 1))
generator.set_weights([given[f"g{i}"] for i in range(len(generator.get_weights()))])
training = Training(ImageConditioning(1), generator, None, None, [Term("pixel", PyramidLoss(2))], Adam(1e-3), None, 0.0)
values = training.step({"source": given["source"]}, given["image"])
np.savez(sys.argv[2], **{name: np.asarray(value) for name, value in values.items()})
"""


def test_the_generator_is_told_the_tone_of_the_real_image(tmp_path, rng):
    from hdsynth_tf import Pix2PixHD, Term, optimizers
    from hdsynth_tf.losses import PyramidLoss
    from hdsynth_tf.networks import GlobalGenerator
    from pipelines.conditioning import ImageConditioning

    model = Pix2PixHD(ImageConditioning(1), GlobalGenerator(4, 2, 1, tone_channels=1, tone_numbers=12))
    model.compile(optimizers.Adam(1e-3), terms=[Term("pixel", PyramidLoss(2))])
    inputs = {"source": rng.integers(0, 256, (2, 24, 32, 1)).astype("uint8")}
    image = rng.integers(150, 256, (2, 24, 32, 3)).astype("uint8")
    weights = {f"g{i}": value for i, value in enumerate(model.generator.get_weights())}
    np.savez(tmp_path / "given.npz", **inputs, image=image, **weights)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TOLD, str(tmp_path / "given.npz"), str(tmp_path / "got.npz")]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    values = model.train_on_batch(inputs, image, return_dict=True)
    np.testing.assert_allclose(np.load(tmp_path / "got.npz")["pixel"], values["pixel"], rtol=1e-3)
