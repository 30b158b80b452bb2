"""`python -m hdsynth_tf.train_segmenter`: a small segmenter for `evaluate`, from real images and their label maps."""

import dataclasses
import functools

import keras
import numpy as np

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.evaluate import segmentation
from hdsynth_tf.evaluate.segmentation import EvaluatedClasses, confusion_matrix
from hdsynth_tf.evaluate.segmenters import load_segmenter
from hdsynth_tf.files.run_folder import RunFolder, RunFolderError, write_json
from hdsynth_tf.files.storage import remove_leftovers_of, replacing
from hdsynth_tf.networks import SegmentationUNet
from hdsynth_tf.train_segmenter.settings import TrainSegmenterSettings
from hdsynth_tf.train_segmenter.training import batches_of, train
from pipelines.checks.validate import validate
from pipelines.dataset import make_sample
from pipelines.paths import as_path
from pipelines.source import PHOTOGRAPH, FileSource

USAGE = """
Trains a small network to find the label map in a photograph, on the real images of the training scenes. Scores it on
held-out ones: what the real images get is what generated ones can reach at most. Started again, it goes on where it
stopped.

  python -m hdsynth_tf.train_segmenter --nohidden_modes --output=segmenter.keras
  python -m hdsynth_tf.train_segmenter --dataset=cityscapes --data_dir=CITYSCAPES --image_height=512 \\
      --image_width=1024 --num_filters=32 --epochs=200 --output=segmenter.keras
"""
SCENES = 64  # held out, that are scored at the end
MAY_CHANGE = {"output"}  # in a training that goes on: it may be called by another path


def main(argv):
    asked, data = flags.parse(argv, (TrainSegmenterSettings, DataSettings), USAGE)
    if not asked.output.endswith(".keras"):
        raise SettingsError(f"--output should be the file to write, NAME.keras. Received: {asked.output!r}")
    if data.split == "val":
        raise SettingsError("The scenes of the split val are what the segmenter is scored on. Train it on another one.")
    output = as_path(asked.output)
    backup, settings = RunFolder(output.with_name(f"{output.name}.backup")), {"segmenter": asked, "data": data}
    backup.check(settings, MAY_CHANGE)
    if output.exists():
        raise RunFolderError(f"{output} is there already. Choose another --output, or remove it.")
    source, val_source = assemble.build_source(data, data.split or "train"), assemble.find_source(data, "val")
    if source.formats["image"] != PHOTOGRAPH:
        raise SettingsError("Segmenters are trained on photographs: RGB of 8 bits.")
    classes = EvaluatedClasses.of(source, asked.evaluated_labels)
    if isinstance(source, FileSource):
        print(validate(source).lines[0])
    assemble.batch_sizes(data, asked, source)  # an error where pictures of different sizes would form a batch
    keras.utils.set_random_seed(asked.seed)
    image_size = assemble.size_setting(data, "image")
    network = SegmentationUNet(
        len(classes), asked.num_filters, asked.num_downsamples, classes.names, image_size or source.common_size
    )
    network.build((None, None, None, 3))
    crop_size = assemble.size_setting(data, "crop")
    batches = functools.partial(
        batches_of, source, classes, asked.batch_size, image_size, crop_size, data.flip, asked.seed
    )
    remove_leftovers_of(output)
    write_json(backup.settings, {name: dataclasses.asdict(group) for name, group in settings.items()})
    train(network, batches, asked.epochs, asked.steps_per_epoch, asked.learning_rate, backup.path)
    with replacing(output) as temporary:
        network.save(temporary)
    report(output, val_source or source, classes, "unseen" if val_source else "trained")


def report(output, source, classes, kind):
    """Says how good the segmenter is on real images."""
    segmenter = load_segmenter(str(output))
    count = min(SCENES, len(source))
    bar, confusion = keras.utils.Progbar(count, unit_name="scene"), 0
    for inputs, image in make_sample(source, count):
        found = segmenter.label_map(image[0].numpy())
        confusion = confusion + confusion_matrix(classes(inputs["label_map"][0].numpy()), found, len(classes))
        bar.add(1)
    found = segmentation.scores(confusion)
    for name, iou in zip(classes.names, found["class_iou"]):
        print(f"  {name:<22s} " + ("does not occur" if np.isnan(iou) else f"IoU {iou:.3f}"))
    print(
        f"On the real images of {count} {kind} scenes: mean IoU {found['mean_iou']:.3f}, pixel accuracy "
        f"{found['pixel_accuracy']:.3f}\nSegmenter: {output}"
    )


if __name__ == "__main__":
    commands.run(main, "train_segmenter")
