"""Recipes for thermal -> visible compared: pairs learned from, scored on pairs of other places.

    KERAS_BACKEND=jax python experiments/on_jax/thermal.py PAIRS OUT FOLD RECIPE:STEPS ...

PAIRS has the folders thermal and visible; FOLD of 4 runs of names is held out. Needs the packages of `make pretrained`.
"""

import functools
import json
import sys
import time
from pathlib import Path

import jax
import keras
import numpy as np
from jax import numpy as jnp
from PIL import Image
from training import Training

from hdsynth_tf import Term, optimizers
from hdsynth_tf.evaluate.distances import kernel_distance
from hdsynth_tf.losses import DistanceLoss, FeatureMatchingLoss, HingeLoss, PyramidLoss
from hdsynth_tf.networks import GlobalGenerator, MultiScaleDiscriminator
from hdsynth_tf.pretrained import LPIPS, FIDInception
from pipelines.conditioning import ImageConditioning

SIZE, FOLDS, RATE = (352, 576), 4, 5e-4
BASE = dict(
    pixel=10.0, alex=10.0, vgg=0.0, adversarial=0.0, matching=0.0, window=(192, 192), zoom=(0.8, 1.25), batch=2,
    jitter=False,
)  # fmt: skip
WARM = 0.6  # share of the steps without discriminator
RECIPES = {
    "lpips": {},
    "patch": dict(adversarial=1.0, matching=5.0),
    "vgg": dict(alex=0.0, vgg=10.0),
    "vgg_patch": dict(alex=0.0, vgg=10.0, adversarial=1.0, matching=5.0),
    "gentle": dict(adversarial=0.1, matching=1.0),
    "jitter": dict(jitter=True),
    "whole": dict(window=SIZE, zoom=(1.0, 1.25), batch=1),
}


def read_pairs(folder):
    """Thermal and visible pictures at the working size, uint8."""
    names = sorted(path.name for path in (folder / "thermal").iterdir())
    visible = {path.stem: path for path in (folder / "visible").iterdir()}

    def read(path, mode):
        return np.asarray(Image.open(path).convert(mode).resize(SIZE[::-1], Image.BICUBIC))

    thermal = np.stack([read(folder / "thermal" / name, "L")[..., None] for name in names])
    return names, thermal, np.stack([read(visible[Path(name).stem], "RGB") for name in names])


@functools.partial(jax.jit, static_argnames=("batch", "window", "zoom", "jitter"))
def draw(key, thermal, visible, batch, window, zoom, jitter):
    """A batch of random windows: `(inputs, image)` as the conditioning reads them."""
    keys = jax.random.split(key, 8)
    index = jax.random.randint(keys[0], (batch,), 0, len(thermal))
    scale = jax.random.uniform(keys[1], (batch,), minval=zoom[0], maxval=zoom[1])
    places = [
        jax.random.uniform(keys[2 + axis], (batch,)) * (SIZE[axis] * scale - window[axis]).clip(0) for axis in (0, 1)
    ]
    mirror = jax.random.bernoulli(keys[4], 0.5, (batch,))

    def cut(image, scale, top, left, mirror):
        image = jax.image.scale_and_translate(
            image.astype("float32"), (*window, image.shape[-1]), (0, 1), jnp.stack([scale, scale]),
            jnp.stack([-top, -left]), "cubic",
        ).clip(0, 255)  # fmt: skip
        return jnp.where(mirror, image[:, ::-1], image)

    source, image = (jax.vmap(cut)(x[index], scale, *places, mirror) for x in (thermal, visible))
    if jitter:  # of a camera: gain, level, noise
        gain, level, noise = (jax.random.normal(key, (batch, 1, 1, 1)) for key in keys[5:8])
        source = 127.5 + (source - 127.5) * jnp.exp(0.15 * gain) + 12 * level
        source += 3 * abs(noise) * jax.random.normal(keys[7], source.shape)
    rows = jnp.stack([places[0], places[0] + window[0]], 1) / (SIZE[0] * scale[:, None])
    return {"source": source, "rows": rows}, image


def make_training(recipe, steps, adversarial):
    """A `Training` of the recipe, with or without its discriminator."""
    conditioning = ImageConditioning(1, (0, 255), row_channel=True)
    generator = GlobalGenerator(32, 4, 6, upsampling="nearest", padding="reflect", skip_connections=True)
    generator.build((None, None, None, conditioning.channels))
    terms = [Term("pixel", PyramidLoss(3), recipe["pixel"])]
    for net, shifts in (("alex", 4), ("vgg", 1)):
        if recipe[net]:
            terms.append(Term(f"lpips_{net}", DistanceLoss(LPIPS(net), shifts), recipe[net]))
    discriminator = None
    if adversarial:
        discriminator = MultiScaleDiscriminator(1, 32, 3, "spectral", kernel_initializer="he_normal")
        discriminator.build_for(conditioning)
        terms.append(Term("adversarial", HingeLoss(), recipe["adversarial"]))
        terms.append(Term("feature_matching", FeatureMatchingLoss(), recipe["matching"]))
    schedule = optimizers.LinearDecay(RATE, steps // 2, steps - steps // 2, 1)
    return Training(
        conditioning, generator, discriminator, None, terms, optimizers.Adam(schedule),
        optimizers.Adam(schedule), 0.995,
    )  # fmt: skip


class Judge:
    """Scores of pictures beside the real ones, all `(images, height, width, 3)` uint8."""

    def __init__(self, real):
        self.real = real
        self.lpips = {net: jax.jit(_stateless(LPIPS(net))) for net in ("alex", "vgg")}
        self.inception = jax.jit(_stateless(FIDInception()))
        self.features = self._features(real)

    def _features(self, pictures):
        found = []
        for picture in pictures:
            image = jax.image.resize(jnp.asarray(picture, "float32"), (299, 299, 3), "cubic")
            found.append(np.asarray(self.inception(image[None] / 127.5 - 1)[0][0]))
        return np.stack(found)

    def __call__(self, pictures):
        scores = {}
        for net, distance in self.lpips.items():
            pairs = [(a[None] / 127.5 - 1, b[None] / 127.5 - 1) for a, b in zip(self.real, pictures)]
            scores[net] = float(np.mean([distance(a.astype("f4"), b.astype("f4"))[0] for a, b in pairs]))
        square = ((self.real.astype("f4") - pictures) ** 2).mean((1, 2, 3))
        scores["psnr"] = float((10 * np.log10(255**2 / square)).mean())
        scores["kid"] = 1000 * kernel_distance(self.features, self._features(pictures))
        detail = [np.abs(np.diff(x.astype("f4").mean(-1), axis=2)).mean() for x in (pictures, self.real)]
        scores["sharpness"] = float(detail[0] / detail[1])
        return scores


def _stateless(network):
    variables = network.variables

    def call(*arguments):
        with keras.StatelessScope(state_mapping=[(variable, variable.value) for variable in variables]):
            return network(*arguments)

    return call


def train(recipe, total, thermal, visible):
    """Trains for so many steps, a share of them without discriminator; returns the `Training`, written back."""
    keras.utils.set_random_seed(1)
    key = jax.random.key(1)
    warm = round(total * WARM) if recipe["adversarial"] else total
    last = None
    for steps, judged in ((warm, False), (total - warm, True)):
        if not steps:
            continue
        training = make_training(recipe, steps, judged)
        if last is not None:
            last.write_back()
            training.generator.set_weights(last.generator.get_weights())
            training.begin()
        for _ in range(steps):
            key, own = jax.random.split(key)
            batch = draw(own, thermal, visible, recipe["batch"], recipe["window"], recipe["zoom"], recipe["jitter"])
            values = training.step(*batch)
        print({name: round(float(value), 3) for name, value in values.items()}, flush=True)
        last = training
    last.write_back()
    return last


def generate(training, thermal):
    call = jax.jit(_stateless(training.generator))
    images = [call(training.conditioning({"source": jnp.asarray(x[None], "float32")})) for x in thermal]
    return np.stack([np.asarray(training.conditioning.values(image))[0] for image in images]).astype("uint8")


def main(pairs, out, fold, *names):
    out, fold = Path(out), int(fold)
    _, thermal, visible = read_pairs(Path(pairs))
    held = np.array_split(np.arange(len(thermal)), FOLDS)[fold]
    learned = np.setdiff1d(np.arange(len(thermal)), held)
    judge = Judge(visible[held])
    grey = thermal[held].repeat(3, -1)
    print("grey", json.dumps(judge(grey)), flush=True)
    data = jnp.asarray(thermal[learned]), jnp.asarray(visible[learned])
    for name, total in (name.split(":") for name in names):
        start = time.time()
        training = train({**BASE, **RECIPES[name]}, int(total), *data)
        took = time.time() - start
        pictures = generate(training, thermal[held])
        line = {"recipe": name, "fold": fold, "steps": int(total), "seconds": round(took), **judge(pictures)}
        print(json.dumps(line), flush=True)
        with open(out / "scores.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        rows = [np.concatenate([grey[i], pictures[i], visible[held][i]], 1) for i in range(2, len(held), 7)]
        Image.fromarray(np.concatenate(rows)).save(out / f"{name}_{fold}_{total}.jpg", quality=85)


if __name__ == "__main__":
    main(*sys.argv[1:])
