"""Trains a generator with an encoder on toy_street, for the preset that comes with the package.

    KERAS_BACKEND=jax python experiments/on_jax/street.py TRAIN.npz TEST.npz OUT SECONDS DISCRIMINATOR

The files are of `render.py`; training ends after SECONDS; DISCRIMINATOR is patch or segmentation. OUT gets the weights,
which `to_model.py` makes a model of, and a grid of pictures of scenes that were not seen.
"""

import json
import sys
import time
from pathlib import Path

import jax
import keras
import numpy as np
from jax import numpy as jnp
from PIL import Image
from street_parts import make_parts
from training import Adam, Training, pool_few_instances

from hdsynth_tf import Term, networks
from hdsynth_tf.losses import DistanceLoss, FeatureMatchingLoss, HingeLoss, PyramidLoss, SegmentationLoss
from hdsynth_tf.pretrained import LPIPS

BATCH, WARM = 8, 0.6
RATE, MOMENTUM = 5e-4, 0.999


def make_training(parts, discriminator):
    """A `Training` of them; `discriminator` is a name, or `None`."""
    terms = [Term("perceptual", DistanceLoss(LPIPS("alex"), 4), 10.0), Term("pixel", PyramidLoss(1), 30.0)]
    judge = None
    if discriminator == "patch":
        judge = networks.MultiScaleDiscriminator(2, 32, 3, "spectral", kernel_initializer="he_normal")
        terms += [Term("adversarial", HingeLoss(), 0.1), Term("feature_matching", FeatureMatchingLoss(), 10.0)]
    elif discriminator == "segmentation":
        judge = networks.SegmentationDiscriminator(parts[0].num_classes, 32, 4)
        terms += [Term("adversarial", SegmentationLoss(10.0), 0.1)]
    if judge is not None:
        judge.build_for(parts[0])
    return Training(*parts[:2], judge, parts[2], terms, Adam(RATE), Adam(RATE), MOMENTUM)


@jax.jit
def draw(key, data):
    index = jax.random.randint(key, (BATCH,), 0, len(data["image"]))
    return {name: data[name][index].astype("int32") for name in ("label_map", "instance_map")}, data["image"][index]


def train(parts, discriminator, limit, data):
    """Learns for `limit` seconds, the first share of them without discriminator; the rate falls in the second half."""
    key, begin, step = jax.random.key(1), time.time(), 0
    for name, end in ((None, WARM), (discriminator, 1.0)):
        training, values = make_training(parts, name), {}
        while (share := (time.time() - begin) / limit) < end:
            key, own = jax.random.split(key)
            values = training.step(*draw(own, data))
            step += 1
            if step % 20 == 0:
                training.set_rate(RATE * min(1, 2 * (1 - share)))
                values = {name: round(float(value), 3) for name, value in values.items()}  # waits
            if step % 1000 == 0:
                print(step, round(time.time() - begin), values, flush=True)
        print(step, round(time.time() - begin), values, flush=True)
        training.write_back()
    return training, step


def save(training, path):
    weights = [*training.generator.get_weights(), *training.encoder.get_weights()]
    np.savez(path, *[weight.astype("float16") for weight in weights])


def pictures(training, data, count):
    """Pictures of scenes in the styles of their photographs, `(count, height, width, 3)` uint8."""
    made = []
    for i in range(count):
        inputs = {name: jnp.asarray(data[name][i : i + 1], "int32") for name in ("label_map", "instance_map")}
        image = training.conditioning.target(inputs, jnp.asarray(data["image"][i : i + 1]))
        features = training.encoder(image, inputs["instance_map"])
        fake = training.generator(jnp.concatenate([training.conditioning(inputs), features], -1), training=False)
        made.append(np.asarray(training.conditioning.values(fake))[0])
    return np.stack(made)


def main(train_file, test_file, out, seconds, discriminator):
    keras.utils.set_random_seed(1)
    networks.InstanceAveragePooling.call = pool_few_instances
    out, parts = Path(out), make_parts()
    data = {name: jnp.asarray(value) for name, value in np.load(train_file).items()}
    test = dict(np.load(test_file))
    training, steps = train(parts, discriminator, float(seconds), data)
    save(training, out / f"street_{discriminator}.npz")
    made = pictures(training, test, 16)
    judge = LPIPS("vgg")
    distance = judge(made.astype("float32") / 127.5 - 1, test["image"][:16].astype("float32") / 127.5 - 1)
    print(json.dumps({"discriminator": discriminator, "steps": steps, "lpips_vgg": float(np.mean(distance))}))
    rows = [np.concatenate([made[i], test["image"][i], made[i + 1], test["image"][i + 1]], 1) for i in range(0, 16, 2)]
    Image.fromarray(np.concatenate(rows)).save(out / f"street_{discriminator}.jpg", quality=92)


if __name__ == "__main__":
    main(*sys.argv[1:])
