"""`python -m hdsynth_tf.generate`: a model and inputs -> photographs of the same names and sizes, and a gallery."""

import dataclasses
import json
from urllib.parse import quote

import keras
import numpy as np
from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import build, commands, flags
from hdsynth_tf.gallery import write_gallery
from hdsynth_tf.pictures import show_inputs, show_values
from hdsynth_tf.run_folder import RunFolderError, check_writable, find_model, fingerprint, read_settings, write_json
from hdsynth_tf.settings import DataSettings, GenerateSettings, SettingsError
from hdsynth_tf.storage import replacing
from hdsynth_tf.video import check_ffmpeg, extract_frames, probe, write_video
from pipelines.dataset import make_eval
from pipelines.decode import read_image
from pipelines.depth import file_suffix, write_deep
from pipelines.paths import as_path
from pipelines.source import FileSource
from pipelines.validate import validate

USAGE = """
Makes a photograph of every input, under its name and at its size, and an HTML gallery. Started again, it goes on where
it stopped. Data flags that are not given are those of the run.

  python -m hdsynth_tf.generate --model=runs/quickstart --output_dir=pictures
  python -m hdsynth_tf.generate --model=runs/city --dataset=folder --label_dir=labels --output_dir=out
  python -m hdsynth_tf.generate --model=runs/city --styles=10 --output_dir=ten_of_each
  python -m hdsynth_tf.generate --model=runs/night --source_video=drive.mkv --output_dir=out
"""
GALLERY = "index.html"
VIDEO = "video.mp4"
MANIFEST = "generated.json"  # in the output folder: which model made what lies there
PREVIEW_WIDTH = 1024  # pixels, at most, of the inputs shown in the gallery


def main(argv):
    asked, _ = flags.parse(argv, (GenerateSettings, DataSettings), USAGE)
    if not asked.model or not asked.output_dir:
        raise SettingsError("Say which model and where the pictures go: --model=RUN_OR_FILE --output_dir=FOLDER.")
    model_path, output_dir = find_model(asked.model), as_path(asked.output_dir)
    defaults = {**read_settings(asked.model, "data"), "split": "test"}
    _, data = flags.parse(argv, (GenerateSettings, DataSettings), USAGE, defaults)
    photo = read_image(as_path(asked.style_from)) if asked.style_from else None
    maker = {"model": fingerprint(model_path), "style_from": asked.style_from, "source_video": asked.source_video}
    check_output(output_dir, maker)
    if asked.source_video:
        check_ffmpeg()
    model = keras.saving.load_model(str(model_path), compile=False)
    if asked.source_video:
        write_json(output_dir / MANIFEST, maker)
        data = frames_of(asked.source_video, model.conditioning, output_dir, data)
    source = build.build_source(data, data.split, images=False)
    if isinstance(source, FileSource):
        print(validate(source).lines[0])
    fit(model, build.size_setting(data, "image"), source)
    looks = plan_looks(model, asked.seed, asked.styles, photo)

    write_json(output_dir / MANIFEST, maker)
    output = Output(output_dir, model.conditioning)
    made = generate_all(model, source, looks, output)
    write_page(source, looks, output, asked.model)
    print(f"{made} pictures made, {len(source) * len(looks) - made} were there already: {output_dir}")
    print(f"Gallery: {output_dir / GALLERY}")
    if asked.source_video:
        write_video(*output.series, probe(asked.source_video)[0], output_dir / VIDEO)
        print(f"Video: {output_dir / VIDEO}")


def frames_of(video, conditioning, output_dir, data):
    """Takes a video apart; returns the data settings for its frames."""
    if "source" not in conditioning.input_formats:
        raise SettingsError("The model reads label maps, of which there are no videos.")
    folder = output_dir / "frames"
    extract_frames(as_path(video), folder, conditioning.channels_in)
    nothing = dict.fromkeys(("data_dir", "target_dir", "label_dir", "instance_dir"), "")
    return dataclasses.replace(data, dataset="folder", source_dir=str(folder), **nothing)


@dataclasses.dataclass(frozen=True)
class Look:
    """One of the pictures made of every input.

    Attributes:
        ending: String, what its file's name has behind the input's, before the suffix.
        caption: String.
        seed: Integer, that names its styles.
        photo: RGB uint8 array whose styles it takes instead, or `None`.
    """

    ending: str
    caption: str
    seed: int = 0
    photo: np.ndarray | None = None

    def style_image(self, inputs):
        """The photo at the size of a scene's inputs."""
        height, width = next(iter(inputs.values())).shape[:2]
        return None if self.photo is None else np.asarray(Image.fromarray(self.photo).resize((width, height)))


class Output:
    """Where everything lies in the output folder.

    Args:
        folder: `Path`.
        conditioning: The model's: it knows the depth of its pictures.
    """

    def __init__(self, folder, conditioning):
        self.folder = folder
        self.suffix = file_suffix(conditioning.image_channels, conditioning.image_dtype)
        self.is_photograph = (conditioning.image_channels, conditioning.image_dtype) == (3, "uint8")
        self.window = conditioning.image_range

    def picture(self, source, index, look):
        return self.folder / f"{source.file_name(index)}{look.ending}{self.suffix}"

    def shown(self, source, index, look):
        """What the gallery shows of a picture: itself, or where browsers cannot show it well, 8 bits of it."""
        if self.is_photograph:
            return self.picture(source, index, look)
        return self.folder / "gallery" / f"{source.file_name(index)}{look.ending}_made.webp"

    @property
    def series(self):
        """Folder of what is shown of the pictures made of a video, and what their names have behind the number."""
        return (self.folder, self.suffix) if self.is_photograph else (self.folder / "gallery", "_made.webp")

    def input(self, source, index):
        """What the gallery shows of an input."""
        return self.folder / "gallery" / f"{source.file_name(index)}.webp"

    def write(self, image, source, index, look):
        """Writes a picture, and what the gallery shows of it first, so that a picture that is there is done."""
        if not self.is_photograph:
            save_preview(show_values(image, self.window), self.shown(source, index, look))
        with replacing(self.picture(source, index, look)) as temporary:
            write_deep(image, temporary)


def save_preview(picture, path):
    """RGB uint8 array -> a small file."""
    preview = Image.fromarray(picture)
    preview.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH), Image.NEAREST)
    with replacing(path) as temporary:
        preview.save(temporary, lossless=True)


def plan_looks(model, seed, styles, photo):
    """What to make of every input. Raises `SettingsError` if the model knows no styles and is asked for some."""
    if model.encoder is None and (styles > 1 or photo is not None):
        raise SettingsError("The model has no encoder and makes one picture of an input: no --styles, no --style_from.")
    if photo is not None:
        return [Look("", "generated in the photo's styles", photo=photo)]
    if model.encoder is not None and not model.style_bank.as_dict():
        print("The model has an encoder and has no styles: every object gets features of 0. See hdsynth_tf.styles.")
    if styles == 1:
        return [Look("", "generated", seed)]
    return [Look(f"_{number}", f"seed {number}", number) for number in range(seed, seed + styles)]


def check_output(output_dir, maker):
    """Raises `RunFolderError` if the folder cannot be written to, or holds another model's pictures."""
    check_writable(output_dir)
    manifest = output_dir / MANIFEST
    before = {"style_from": "", "source_video": ""}  # of folders made by earlier versions
    if manifest.exists() and {**before, **json.loads(manifest.read_text())} != maker:
        raise RunFolderError(
            f"{output_dir} holds pictures of another model, of another video, or in other styles. Choose another "
            "--output_dir, or remove it."
        )


def fit(model, image_size, source):
    """Lets a model work at `image_size`, if that is given; checks that `source` has what it reads."""
    wanted = model.conditioning.input_formats
    missing = [name for name in wanted if name not in source.formats]
    if missing:
        raise SettingsError(f"The model reads {' and '.join(wanted)}; the data have no {' and no '.join(missing)}.")
    if image_size:
        model.conditioning.image_size = image_size


def generate_all(model, source, looks, output):
    """Makes the pictures that are not there; returns how many."""
    missing = {}
    for index in range(len(source)):
        own = [look for look in looks if not output.picture(source, index, look).exists()]
        if own:
            missing[index] = own
    bar = keras.utils.Progbar(sum(map(len, missing.values())), unit_name="picture")
    for (index, own), batch in zip(missing.items(), make_eval(source, indices=missing)):
        inputs = batch[0] if isinstance(batch, tuple) else batch
        inputs = {key: value[0].numpy() for key, value in inputs.items()}
        save_preview(show_inputs(inputs, model.conditioning), output.input(source, index))
        for look in own:
            picture = model.generate(inputs, seed=look.seed, style_image=look.style_image(inputs))
            output.write(picture, source, index, look)
            bar.add(1)
    return sum(map(len, missing.values()))


def write_page(source, looks, output, model):
    """The gallery of everything in the folder."""
    rows = []
    for index, name in enumerate(source.names):
        paths = [output.input(source, index), *(output.shown(source, index, look) for look in looks)]
        rows.append((name, [quote(path.relative_to(output.folder).as_posix()) for path in paths]))
    note = f"Pictures of {len(rows)} inputs made by {model}. A click opens a picture at full size."
    captions = ["input", *(look.caption for look in looks)]
    write_gallery(output.folder / GALLERY, "Generated pictures", note, captions, rows)


if __name__ == "__main__":
    commands.run(main, "generate")
