"""Recipes for thermal -> visible compared on a GPU: `thermal.flags` and what differs from it, on pairs of other places.

    KERAS_BACKEND=jax python experiments/on_jax/thermal.py THERMAL VISIBLE OUT RECIPE [PART ...]

Pairs are held out as by `thermal_folds.py`, whose parts are 0 to 3. Needs the packages of `make pretrained`. Prints a
line of scores for each part, at the size that the recipe works at, and writes the pictures into OUT.
"""

import functools
import json
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import jax
import keras
import numpy as np
from jax import numpy as jnp
from parts import PARTS, held_out
from PIL import Image
from training import Adam, Training

from hdsynth_tf import Term, optimizers
from hdsynth_tf.losses import DistanceLoss, FeatureMatchingLoss, HingeLoss, PerceptualLoss, PyramidLoss
from hdsynth_tf.networks import GlobalGenerator, InputFeatures, ProjectedDiscriminator
from hdsynth_tf.pretrained import LPIPS, EfficientNetLite0Features
from hdsynth_tf.train.tone_fitting import fit_tone
from pipelines.conditioning import ImageConditioning

SIZE = 304, 512
STRIDES = (4, 8, 16, 32)
WARM, STEPS, DECAY = 300, 300, 400  # steps of one pair: without discriminator, at a constant rate, at a falling one
BASE = dict(alex=0.0, vgg=10.0, efficientnet=0.0, pixel=1.0, adversarial=1.0, matching=4.0)  # weights
RECIPES = {
    "thermal": {},
    "pixels": dict(pixel=5.0),
    "adversarial": dict(adversarial=3.0),
    "alex": dict(vgg=0.0, alex=10.0, pixel=5.0),
    "efficientnet": dict(vgg=0.0, efficientnet=10.0, pixel=5.0),
}


# === Data ===


def read_pairs(thermal, visible):
    """Thermal and visible pictures at the working size, uint8, in the order of their names."""
    files = {path.stem: path for path in visible.iterdir()}

    def read(path, mode):
        return np.asarray(Image.open(path).convert(mode).resize(SIZE[::-1], Image.BICUBIC))

    paired = sorted(path for path in thermal.iterdir() if path.stem in files)
    pairs = [(read(path, "L")[..., None], read(files[path.stem], "RGB")) for path in paired]
    return tuple(np.stack(pictures) for pictures in zip(*pairs))


@jax.jit
def draw(key, thermal, visible):
    """One pair, mirrored or not: `(inputs, image)` as the conditioning reads them."""
    first, second = jax.random.split(key)
    index = jax.random.randint(first, (1,), 0, len(thermal))
    mirror = jax.random.bernoulli(second, 0.5, (1, 1, 1, 1))
    source, image = (jnp.where(mirror, x[index][:, :, ::-1], x[index]) for x in (thermal, visible))
    return {"source": source}, image


# === Training ===


class Networks:
    """What all recipes train; the tone is fitted already."""

    def __init__(self, thermal, visible):
        self.conditioning = ImageConditioning(1, (0, 255), row_channel=True)
        self.generator = GlobalGenerator(
            32, 4, 4, upsampling="nearest", padding="reflect", skip_connections=True, tone_channels=1, tone_numbers=12,
            input_features=InputFeatures(EfficientNetLite0Features.to_keep(), (64, 128, 256, 512)),
        )  # fmt: skip
        self.generator.build((None, None, None, self.conditioning.channels))
        scenes = [({"source": source[None]}, image[None]) for source, image in zip(thermal, visible)]
        fit_tone(self.generator, self.conditioning, scenes)
        self.discriminator = ProjectedDiscriminator(EfficientNetLite0Features(taps=STRIDES))
        self.discriminator.build_for(self.conditioning)


def terms_of(recipe, adversarial):
    terms = [Term("pixel", PyramidLoss(3), recipe["pixel"])]
    for net, shifts in (("alex", 4), ("vgg", 1)):
        if recipe[net]:
            terms.append(Term(f"lpips_{net}", DistanceLoss(LPIPS(net), shifts), recipe[net]))
    if recipe["efficientnet"]:
        features = EfficientNetLite0Features()
        weights = (1.5 / features.num_features,) * features.num_features
        loss = PerceptualLoss(features, layer_weights=weights, relative=True, shifts=2)
        terms.append(Term("efficientnet", loss, recipe["efficientnet"]))
    if adversarial:
        terms.append(Term("adversarial", HingeLoss(), recipe["adversarial"]))
        terms.append(Term("feature_matching", FeatureMatchingLoss(relative=True), recipe["matching"]))
    return terms


def train(recipe, thermal, visible, seed=0):
    """Trains, first without the discriminator; returns the networks."""
    keras.utils.set_random_seed(seed)
    key = jax.random.key(seed)
    trained = Networks(np.asarray(thermal), np.asarray(visible))
    rise = keras.optimizers.schedules.CosineDecay(
        5e-5, WARM - WARM // 10, alpha=0.4, warmup_target=5e-4, warmup_steps=WARM // 10
    )
    fall = [optimizers.LinearDecay(rate, STEPS, DECAY, 1) for rate in (2e-4, 4e-4)]
    common = trained.conditioning, trained.generator
    for count, adversarial, rates in ((WARM, False, (rise, rise)), (STEPS + DECAY, True, fall)):
        judge = trained.discriminator if adversarial else None
        terms = terms_of(recipe, adversarial)
        training = Training(*common, judge, None, terms, *(Adam(rate) for rate in rates), 0.99)
        for _ in range(count):
            key, own = jax.random.split(key)
            values = training.step(*draw(own, thermal, visible))
        print({name: round(float(value), 3) for name, value in values.items()}, flush=True)
        training.write_back()
    return trained


# === Pictures and scores ===


def generate(trained, thermal):
    """Pictures uint8."""
    call = compiled(trained.generator)

    def picture(source):
        image = call(trained.conditioning({"source": jnp.asarray(source[None])}))
        return np.asarray(trained.conditioning.values(image))[0].astype("uint8")

    return np.stack([picture(source) for source in thermal])


def scores_of(real, pictures):
    """LPIPS, PSNR and sharpness of uint8 pictures beside the real ones."""
    scores = {}
    for net in ("alex", "vgg"):
        pairs = [(a[None].astype("f4") / 127.5 - 1, b[None].astype("f4") / 127.5 - 1) for a, b in zip(real, pictures)]
        scores[net] = round(float(np.mean([distance(net)(*pair)[0] for pair in pairs])), 4)
    square = ((real.astype("f4") - pictures) ** 2).mean((1, 2, 3))
    scores["psnr"] = round(float((10 * np.log10(255**2 / square)).mean()), 2)
    detail = [np.abs(np.diff(x.astype("f4").mean(-1), axis=2)).mean() for x in (pictures, real)]
    return {**scores, "sharpness": round(float(detail[0] / detail[1]), 2)}


def compiled(network):
    """A network as one compiled function, with its weights as they are at each call."""
    variables = network.variables

    @jax.jit
    def call(values, *arguments):
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return network(*arguments)

    return lambda *arguments: call([variable.value for variable in variables], *arguments)


@functools.cache
def distance(net):
    return compiled(LPIPS(net))


def main(thermal, visible, out, name, *parts):
    recipe, out = {**BASE, **RECIPES[name]}, Path(out)
    thermal, visible = read_pairs(Path(thermal), Path(visible))
    for part in map(int, parts or range(PARTS)):
        held = sorted(held_out(len(thermal))[part])
        learned = np.setdiff1d(np.arange(len(thermal)), held)
        start = time.time()
        trained = train(recipe, jnp.asarray(thermal[learned]), jnp.asarray(visible[learned]))
        line = {"recipe": name, "part": part, "seconds": round(time.time() - start)}
        pictures = generate(trained, thermal[held])
        print(json.dumps({**line, **scores_of(visible[held], pictures)}), flush=True)
        save(out / name, held, pictures)
        if name == "thermal":
            grey = scores_of(visible[held], thermal[held].repeat(3, -1))
            print(json.dumps({"recipe": "grey", "part": part, **grey}), flush=True)


def save(folder, held, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in zip(held, pictures):
        Image.fromarray(picture).save(folder / f"{index:03d}.jpg", quality=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
