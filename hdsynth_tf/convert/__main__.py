"""`python -m hdsynth_tf.convert`: weights of pix2pixHD, CycleGAN and pix2pix in PyTorch -> a model file, and back."""

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf.config import commands, flags
from hdsynth_tf.convert.models import read_model, write_model
from hdsynth_tf.convert.settings import ConvertSettings
from hdsynth_tf.files.run_folder import check_writable, find_model
from hdsynth_tf.files.storage import remove_leftovers, remove_leftovers_of
from hdsynth_tf.model.presets import load_model
from pipelines.paths import as_path

USAGE = """
Makes a model file of what the released pix2pixHD code saved, and back; or what pytorch-CycleGAN-and-pix2pix did, of
ResNet generators, U-Nets and PatchGANs. A single file that was downloaded should be called latest_net_G.pth. Needs
PyTorch: pip install -e .[torch]

  python -m hdsynth_tf.convert --from_torch=checkpoints/label2city_1024p --output=city.keras
  python -m hdsynth_tf.convert --model=city.keras --to_torch=checkpoints/label2city_back
  python -m hdsynth_tf.convert --from_torch=checkpoints/horse2zebra_cyclegan --output=horse2zebra.keras
"""


def main(argv):
    (asked,) = flags.parse(argv, (ConvertSettings,), USAGE)
    if asked.from_torch:
        check_writable(as_path(asked.output).parent)
        image_size = (asked.image_height, asked.image_width) if asked.image_height else None
        model, lines = read_model(asked.from_torch, asked.boundary, asked.num_classes, image_size)
        print(*lines, sep="\n")
        remove_leftovers_of(asked.output)
        model.save(asked.output)
        print(f"Model: {asked.output}")
    else:
        check_writable(as_path(asked.to_torch))
        remove_leftovers(as_path(asked.to_torch))
        model = load_model(find_model(asked.model))
        print(*(f"Written: {path}" for path in write_model(model, asked.to_torch)), sep="\n")


if __name__ == "__main__":
    commands.run(main, "convert")
