"""What `bench.py` compares: each side makes something once, and then runs it as often as it is told.

    python experiments/benchmarks/sides.py SIDE ARGUMENT ...

A process for each side: it says "ready", answers each line of its input with the seconds that one run took and the
peak memory of the process so far in bytes, and ends with its input. The networks are the released code's at the paper's
width: G1 of 64 filters below one enhancer of 32, unless a side says otherwise.
"""

import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLASSES, BLOCK = 35, 16  # pixels a side of the squares that the label maps consist of


def maps(height, width, batch=1):
    """A label map that is its own instance map, and an image, as the product reads them: int32 and uint8."""
    import numpy as np

    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, (batch, -(-height // BLOCK), -(-width // BLOCK)))
    labels = labels.repeat(BLOCK, 1).repeat(BLOCK, 2)[:, :height, :width].astype("int32")
    return labels, rng.integers(0, 256, (batch, height, width, 3)).astype("uint8")


# === Ours ===


def our_generator(precision, filters, enhancers):
    """Of `filters` at full size, with so many enhancers; not built."""
    from hdsynth_tf.networks import CoarseToFineGenerator, GlobalGenerator, LocalEnhancer

    generator = GlobalGenerator(filters * 2**enhancers, makes_image=not enhancers, dtype=precision)
    if not enhancers:
        return generator
    widths = [filters * 2 ** (enhancers - n) for n in range(1, enhancers + 1)]
    levels = [LocalEnhancer(width, dtype=precision) for width in widths]
    return CoarseToFineGenerator(generator, levels, dtype=precision)


def our_model(precision="float32", scales=2, filters=32, enhancers=1, rematerialize=False):
    """Compiled, with the released code's terms; VGG19 has random weights, which cost the same."""
    from hdsynth_tf import Pix2PixHD, Term
    from hdsynth_tf.losses import FeatureMatchingLoss, PerceptualLoss
    from hdsynth_tf.model.optimizers import Adam
    from hdsynth_tf.networks import MultiScaleDiscriminator
    from hdsynth_tf.pretrained import VGG19Features
    from pipelines.conditioning import SemanticConditioning

    generator = our_generator(precision, filters, enhancers)
    discriminator = MultiScaleDiscriminator(scales, 2 * filters, dtype=precision)
    model = Pix2PixHD(SemanticConditioning(CLASSES, dtype=precision), generator, discriminator)
    terms = [
        Term("adversarial", "least_squares"),
        Term("feature_matching", FeatureMatchingLoss(), 10.0),
        Term("perceptual", PerceptualLoss(VGG19Features("random", dtype=precision), relative=False), 10.0),
    ]
    model.compile(Adam(), Adam(), terms, rematerialize=rematerialize)
    return model


def our_inference(height, width, precision="float32", batch=1, filters=32):
    model = our_model(precision, filters=filters)
    labels, _ = maps(height, width, batch)
    return lambda: model.generate({"label_map": labels, "instance_map": labels})


def our_step(height, width, precision="float32", scales=2, filters=32, batch=1, enhancers=1, rematerialize=0):
    model = our_model(precision, scales, filters, enhancers, bool(rematerialize))
    labels, image = maps(height, width, batch)
    return lambda: model.train_on_batch({"label_map": labels, "instance_map": labels}, image)


def our_recipe(flagfile, *more):
    """A step of the last stage of a recipe, with more flags."""
    from hdsynth_tf import assemble
    from hdsynth_tf.config import flags
    from hdsynth_tf.train.__main__ import GROUPS
    from pipelines.dataset import make_eval

    argv = ["train", f"--flagfile={ROOT / 'experiments' / flagfile}", "--precision=float32", *more]
    data, networks, losses, training, _ = flags.parse(argv, GROUPS.values(), "")
    levels = assemble.build_levels(data, networks, training)
    models = assemble.ModelMaker(levels, networks, losses)
    stage = assemble.build_stages(networks, losses, training)[-1]
    model, level = models.make(stage.level), levels[stage.level]
    model.compile(**models.compile_arguments(stage))
    batch = next(iter(make_eval(level.source, level.training.batch_size, range(level.training.batch_size))))
    return lambda: model.train_on_batch(*batch)


def our_floor(height, width, precision="float32", scales=2, filters=32):
    """The convolutions of our step and of its gradients, of the same shapes, one after the other, and nothing else."""
    model = our_model(precision, scales, filters)  # first: it sets TensorFlow up
    from floor import bare_convolutions

    labels, image = maps(height, width)
    return bare_convolutions(model, ({"label_map": labels, "instance_map": labels}, image))


def our_replicas(height, width, replicas, batch=2, filters=8):
    """A step on logical devices of this CPU, by MirroredStrategy."""
    import tensorflow as tf

    import hdsynth_tf  # noqa: F401  sets TensorFlow up

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])
    labels, image = maps(height, width, batch)
    with strategy.scope():
        model = our_model(filters=filters)
    data = tf.data.Dataset.from_tensors(({"label_map": labels, "instance_map": labels}, image)).repeat()
    batches = data.with_options(_without_sharding())
    return lambda: model.fit(batches, steps_per_epoch=1, verbose=0)


def _without_sharding():
    import tensorflow as tf

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options


def our_pooling(height, width, instances):
    """The encoder's mean over each of so many instances, with its gradient."""
    import numpy as np
    import tensorflow as tf

    import hdsynth_tf  # noqa: F401
    from hdsynth_tf.networks.encoder import InstanceAveragePooling

    layer = InstanceAveragePooling()
    rng = np.random.default_rng(0)
    features = tf.Variable(rng.normal(size=(1, height, width, 3)).astype("float32"))
    ids = tf.constant(rng.integers(0, instances, (1, height, width)).astype("int32"))

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.square(layer(features, ids)))
        return tape.gradient(total, features)

    return lambda: run().numpy()


PASSES = 5  # over a folder: more than what is read ahead while the other side runs


def our_loader(folder):
    """Cityscapes in a folder, as training reads it."""
    import hdsynth_tf  # noqa: F401
    from pipelines.cityscapes import Cityscapes
    from pipelines.dataset import make_train

    source = Cityscapes(folder, "train")
    batches = iter(make_train(source, 1))
    return lambda: [next(batches) for _ in range(PASSES * len(source))]


def plain_loader(folder):
    """The same by Pillow, one file after the other."""
    import numpy as np
    from PIL import Image

    names = "*_gtFine_labelIds.png", "*_gtFine_instanceIds.png", "*_leftImg8bit.png"
    paths = [path for name in names for path in Path(folder).rglob(name) if "train" in path.parts]
    return lambda: [np.asarray(Image.open(path)) for path in PASSES * paths]


# === PyTorch: the released code's, from the tests ===


def pytorch_parts(scales=2, filters=32):
    sys.path.insert(0, str(ROOT / "tests"))
    import torch_reference as reference

    generator = reference.initialize(reference.LocalEnhancer(CLASSES + 1, filters))
    discriminator = reference.initialize(reference.Discriminator(CLASSES + 4, 2 * filters, scales=scales))
    return reference, generator, discriminator


def tuned(module, tuning):
    """`module` with what `tuning`, a string, names: "channels_last", "compile". Of "bfloat16" see `autocast`."""
    import torch

    if "channels_last" in tuning:
        module = module.to(memory_format=torch.channels_last)
    return torch.compile(module) if "compile" in tuning else module


def autocast(tuning):
    """PyTorch's own mixed precision, where `tuning` names "bfloat16"."""
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled="bfloat16" in tuning)


def pytorch_inference(height, width, tuning="", filters=32):
    import torch

    reference, generator, _ = pytorch_parts(filters=filters)
    generator = tuned(generator.eval(), tuning)
    labels = torch.from_numpy(maps(height, width)[0])

    @torch.inference_mode()
    def run():
        x = reference.semantic_input(labels, labels, CLASSES, torch.float32)
        if "channels_last" in tuning:
            x = x.to(memory_format=torch.channels_last)
        with autocast(tuning):
            image = generator(x).float()
        return ((image.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    return run


def pytorch_step(height, width, tuning="", scales=2, filters=32):
    import torch

    reference, generator, discriminator = pytorch_parts(scales, filters)
    vgg = reference.initialize(reference.VGG19()).requires_grad_(False)
    networks = [tuned(network, tuning) for network in (generator, discriminator)]
    training = reference.Training(*networks, vgg=tuned(vgg, tuning), fused="fused" in tuning)
    labels, image = (torch.from_numpy(array) for array in maps(height, width))
    layout = torch.channels_last if "channels_last" in tuning else torch.contiguous_format

    def run():
        semantic = reference.semantic_input(labels, labels, CLASSES, torch.float32).contiguous(memory_format=layout)
        real = (image.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=layout)
        with autocast(tuning):
            return training.step(semantic, real, labels)

    return run


def imports(*modules):
    """Nothing to run again: the process's start is what is timed."""
    for module in modules:
        __import__(module)
    return lambda: None


def made(side, arguments):
    """What a side runs. `arguments`: strings."""
    return globals()[side](*(int(value) if value.isdigit() else value for value in arguments))


def main():
    sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
    run = made(sys.argv[1], sys.argv[2:])
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        run()
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)


if __name__ == "__main__":
    main()
