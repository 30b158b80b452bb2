"""`python -m hdsynth_tf.generate`: a model and inputs -> photographs of the same names and sizes, and a gallery."""

import dataclasses
from urllib.parse import quote

from PIL import Image

import hdsynth_tf  # noqa: F401  registers the classes that saved models consist of
from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import PLACES, DataSettings
from hdsynth_tf.config.settings import SettingsError, form_of
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import find_model, read_settings, write_json
from hdsynth_tf.files.storage import remove, replacing
from hdsynth_tf.generate.picture_folder import (
    MANIFEST,
    Look,
    PictureFolder,
    check_output,
    fingerprint,
    generate_all,
    looks_of,
)
from hdsynth_tf.generate.settings import GenerateSettings
from hdsynth_tf.generate.tiles import Tiles
from hdsynth_tf.generate.video import check_ffmpeg, extract_frames, frame_times, probe, write_video
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import beside, show_inputs
from pipelines.checks.validate import validate
from pipelines.errors import DataError
from pipelines.georeference import georeferenced_file
from pipelines.paths import as_path
from pipelines.reading.decode import read_image
from pipelines.reading.tiff import has_rasterio
from pipelines.source import FileSource
from pipelines.unpaired import Selected

USAGE = """
Makes a photograph of every input, under its name and at its size, and an HTML gallery. Started again, it goes on where
it stopped. Data flags that are not given are those of the run.

  python -m hdsynth_tf.generate --model=toy_street_256 --num_scenes=12 --output_dir=pictures
  python -m hdsynth_tf.generate --model=runs/city --dataset=folder --label_dir=labels --output_dir=out
  python -m hdsynth_tf.generate --model=runs/city --styles=10 --output_dir=ten_of_each
  python -m hdsynth_tf.generate --model=runs/bands --source_dir=scenes --tile_height=1024 --tile_width=1024 \\
      --output_dir=out
  python -m hdsynth_tf.generate --model=runs/night --source_video=drive.mkv --show_input --output_dir=out
"""
GALLERY = "index.html"
VIDEO = "video.mp4"


def main(argv):
    asked, _ = flags.parse(argv, (GenerateSettings, DataSettings), USAGE)
    if not asked.model or not asked.output_dir:
        raise SettingsError("Say which model and where the pictures go: --model=RUN_OR_FILE --output_dir=FOLDER.")
    model_path, output_dir = find_model(asked.model), as_path(asked.output_dir)
    defaults = {**data_of(asked.model, asked.direction), "split": "test"}
    _, data = flags.parse(argv, (GenerateSettings, DataSettings), USAGE, defaults)
    if not asked.source_video:
        assemble.check_apart(output_dir, data)
    photo = read_image(as_path(asked.style_from)) if asked.style_from else None
    maker = {"model": fingerprint(model_path), "style_from": asked.style_from, "source_video": asked.source_video}
    maker["tiles"] = [asked.tile_height, asked.tile_width, asked.tile_overlap] if asked.tile_height else []
    maker["direction"] = asked.direction.replace("ab", "")  # what it is unless it is asked for
    check_output(output_dir, maker)
    if asked.source_video:
        check_ffmpeg()
    with only_writer(output_dir, "generate"):
        make_pictures(asked, data, photo, maker, model_path, output_dir)


def make_pictures(asked, data, photo, maker, model_path, output_dir):
    """Makes the pictures and their gallery; of a video, a video.

    Args:
        asked, data: `GenerateSettings`, `DataSettings`.
        photo: RGB uint8 array whose styles or light all pictures take, or `None`.
        maker: Dict, see `check_output`.
        model_path, output_dir: `Path`.
    """
    model = assemble.load_model(model_path, asked.direction)
    tiles = Tiles((asked.tile_height, asked.tile_width), asked.tile_overlap) if asked.tile_height else None
    if tiles:
        tiles.check(model)
    looks = plan_looks(model, asked.seed, asked.styles, photo)
    if asked.source_video:
        write_json(output_dir / MANIFEST, maker)
        data = frames_of(asked.source_video, model.conditioning, output_dir, data)
    if asked.direction == "ba":
        data = assemble.turned_round(data)
    data = assemble.with_classes(data, model.conditioning)
    source = assemble.build_source(data, data.split, images=False)
    if asked.direction == "ba" and data.dataset == "toy_street":
        source = Selected(source, {"image": "source"}, range(len(source)))
    assemble.check_inputs(model, source)
    size = None if tiles else assemble.size_setting(data, "image")
    if isinstance(source, FileSource):
        is_resized = not tiles and bool(size or model.conditioning.image_size)
        check_files(source, model.conditioning, getattr(model.generator, "multiple", 0), is_resized)
        if not has_rasterio() and any(georeferenced_file(source, index) for index in range(len(source))):
            print("Files lie on the map; their pictures will not without rasterio: pip install 'hdsynth_tf[geo]'.")
    if size:
        model = model.at_size(size)
    write_json(output_dir / MANIFEST, maker)
    output = PictureFolder(output_dir, model.conditioning, are_large=tiles is not None, on_map=True)
    made = generate_all(model, source, looks, output, tiles)
    write_page(source, looks, output, asked.model)
    print(f"{made} pictures made, {len(source) * len(looks) - made} were there already: {output_dir}")
    print(f"Gallery: {output_dir / GALLERY}")
    if asked.source_video:
        join_frames(as_path(asked.source_video), source, looks[0], output, asked.show_input)


def data_of(model, direction):
    """The data settings of a run; for its way back what were the targets are the inputs."""
    data = read_settings(model, "data", form_of(DataSettings))
    if data.get("unpaired") and direction == "ba":
        swapped = {name: name.replace("source", "target") for name in ("source_dir", "source_name", "source_files")}
        data |= {new: data[old] for new, old in swapped.items() if old in data}
        data |= {old: type(data[old])() for old in swapped.values() if old in data}
    return data


def check_files(source, conditioning, multiple, is_resized):
    """Reads every input; says how many there are, and if they are of other values than the model knows.

    Args:
        source: `FileSource`.
        conditioning: The model's.
        multiple: Integer: pictures are padded to a multiple of this, and must be larger.
        is_resized: Boolean, whether the model brings them to its working size.

    Raises:
        DataError: If something is wrong with a file, or it is too small.
    """
    findings = validate(source)
    print(findings.lines[0], *findings.notes, sep="\n")
    if findings.shortest <= multiple and not is_resized:
        raise DataError(
            f"Pictures of {findings.shortest} pixels are too small for this model, which needs more than {multiple}. "
            "Let it work at another size, --image_height=N --image_width=N without tiles, or take them away."
        )
    if "source" in conditioning.input_formats and "source" in findings.values:
        print(assemble.describe_clipped(findings.values["source"], conditioning), end="")


def frames_of(video, conditioning, output_dir, data):
    """Takes a video apart; returns the data settings for its frames."""
    if "source" not in conditioning.input_formats:
        raise SettingsError("The model reads label maps, of which there are no videos.")
    folder = output_dir / "frames"
    extract_frames(as_path(video), folder, conditioning.channels_in)
    names = ("data_dir", *PLACES, "source_name", "source_pages")
    places = {**{name: getattr(DataSettings, name) for name in names}, "source_dir": str(folder)}
    return dataclasses.replace(data, dataset="folder", radiometric=False, **places)


def join_frames(video, source, look, output, show_input):
    """Makes a video of the pictures made of another one's frames, each at its frame's time, and of its sound."""
    times = frame_times(video)
    if times and len(times) != len(source):
        print(f"{video} tells the times of {len(times)} frames, not {len(source)}: the video has a constant rate.")
        times = None
    with replacing(output.folder / VIDEO) as made:
        folder = made.with_suffix("")  # of what is not finished, too
        try:
            series = show_beside(source, look, output, folder) if show_input else output.series
            write_video(*series, probe(video)[0], made, times, video)
        finally:
            remove(folder)
    print(f"Video: {output.folder / VIDEO}")


def show_beside(source, look, output, folder):
    """Writes each input beside its picture; gives the folder, and what the files' names have behind the number."""
    folder.mkdir()
    for index, name in enumerate(source.names):
        shown = show_inputs(source.load(index), output.conditioning)
        path = (output.picture if output.is_photograph else output.shown)(source, index, look)
        with Image.open(path) as picture:
            beside(Image.fromarray(shown), picture).save(folder / f"{name}.png", compress_level=1)
    return folder, ".png"


def plan_looks(model, seed, styles, photo):
    """Pictures to make of every input. Raises `SettingsError` if the model knows no styles and is asked for some."""
    if styles > 1 and not model.reads_seed:
        raise SettingsError("The model has no encoder, and makes one picture of an input: no --styles.")
    if photo is not None and not model.reads_photo:
        raise SettingsError("The model has neither an encoder nor a tone, which take after photos: no --style_from.")
    if photo is not None:
        taken = "light" if model.encoder is None else "styles"
        return [Look("", f"generated in the photo's {taken}", photo=photo)]
    return looks_of(model, seed, styles)


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
