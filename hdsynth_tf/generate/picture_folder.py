"""A folder of generated pictures: where everything lies, which model made it, and what is still to be made."""

import dataclasses
import hashlib

import keras
import numpy as np
from PIL import Image

from hdsynth_tf.files.presets import WEIGHTS
from hdsynth_tf.files.run_folder import RunFolderError, check_writable, read_own
from hdsynth_tf.files.storage import remove, replacing
from hdsynth_tf.show.pictures import show_image, show_inputs
from pipelines.dataset import make_eval
from pipelines.georeference import georeferenced_file, write_geotiff
from pipelines.reading.depth import file_suffix, write_deep
from pipelines.reading.tiff import has_rasterio

MANIFEST = "generated.json"  # in the folder: which model made what lies there
PREVIEWS = "gallery"  # below it: small files of inputs, and of pictures that browsers cannot show
PREVIEW_WIDTH = 1024  # pixels, at most, of the inputs shown in the gallery


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


def looks_of(model, seed, styles):
    """Pictures to make of every input: one by a model that reads no seed; else one for each of `styles` seeds."""
    if not model.reads_seed:
        return [Look("", "generated")]
    if model.encoder is not None and not model.style_bank.as_dict():
        print("The model has an encoder and has no styles: every object gets features of 0. See hdsynth_tf.styles.")
    if styles == 1:
        return [Look("", "generated", seed)]
    return [Look(f"_{number}", f"seed {number}", number) for number in range(seed, seed + styles)]


class PictureFolder:
    """Paths of the pictures and previews in the folder.

    Args:
        folder: `Path`.
        conditioning: The model's: it knows the depth of its pictures.
        are_large: Boolean: the gallery shows previews of the pictures.
        on_map: Boolean: pictures of GeoTIFF files are GeoTIFF files, where they can be written.
    """

    def __init__(self, folder, conditioning, are_large=False, on_map=False):
        self.folder, self.conditioning = folder, conditioning
        self.are_large, self.on_map = are_large, on_map and has_rasterio()
        self.suffix = file_suffix(conditioning.image_channels, conditioning.image_dtype)
        self.is_photograph = (conditioning.image_channels, conditioning.image_dtype) == (3, "uint8")

    def on_map_like(self, source, index):
        """Path of the GeoTIFF file to whose place on the map a scene's picture goes, or `None`."""
        return georeferenced_file(source, index) if self.on_map else None

    def picture(self, source, index, look):
        suffix = ".tif" if self.on_map_like(source, index) else self.suffix
        return self.folder / f"{source.file_name(index)}{look.ending}{suffix}"

    def needs_preview(self, source, index):
        """Whether browsers cannot show a scene's picture well."""
        return self.are_large or not self.is_photograph or self.on_map_like(source, index) is not None

    def shown(self, source, index, look):
        """Path of a picture for the gallery: itself, or an 8-bit preview where browsers cannot show it well."""
        if not self.needs_preview(source, index):
            return self.picture(source, index, look)
        return self.folder / PREVIEWS / f"{source.file_name(index)}{look.ending}_made.webp"

    @property
    def series(self):
        """Folder of what is shown of the pictures made of a video, and what their names have behind the number."""
        return (self.folder, self.suffix) if self.is_photograph else (self.folder / PREVIEWS, "_made.webp")

    def input(self, source, index):
        """Path of the preview of an input."""
        return self.folder / PREVIEWS / f"{source.file_name(index)}.webp"

    def write(self, image, source, index, look):
        """Writes a picture, and what the gallery shows of it first, so that a picture that is there is done."""
        if self.needs_preview(source, index):
            shown = show_image(thinned(image), self.conditioning)
            save_preview(shown, self.shown(source, index, look), Image.LANCZOS)
        like, path = self.on_map_like(source, index), self.picture(source, index, look)
        with replacing(path) as temporary:
            write_geotiff(image, temporary, like) if like else write_deep(image, temporary)
        if like:  # of a time without rasterio there may be one that is not on the map
            remove(path.with_name(f"{path.stem}{self.suffix}"))


def thinned(image):
    """Every so manieth pixel of an image from which a preview is made: a few times as wide or high as that, at most."""
    step = max(1, max(image.shape[:2]) // (2 * PREVIEW_WIDTH))
    return image[::step, ::step]


def save_preview(picture, path, resample=Image.NEAREST):
    """RGB uint8 array -> a small file. `resample`: a filter of Pillow; the default leaves label maps' colours alone."""
    preview = Image.fromarray(picture)
    preview.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH), resample)
    with replacing(path) as temporary:
        preview.save(temporary, lossless=True)


def check_output(output_dir, maker):
    """Raises `RunFolderError` if the folder cannot be written to, or holds pictures that `maker` did not make.

    Args:
        output_dir: `Path`.
        maker: Dict that JSON can hold: what is written to `MANIFEST`.
    """
    check_writable(output_dir)
    manifest = output_dir / MANIFEST
    before = {"style_from": "", "source_video": "", "direction": "", "tiles": []}  # as of versions that do not say
    mend = "Remove the folder, or choose another --output_dir: nobody knows who made its pictures."
    if manifest.exists() and {**before, **read_own(manifest, {"model": str}, mend)} != {**before, **maker}:
        raise RunFolderError(
            f"{output_dir} holds pictures of another model, of another video or other scenes, or in other styles. "
            "Choose another --output_dir, or remove it."
        )


def fingerprint(path):
    """SHA-256 of a model's file; of a preset, of its weights."""
    path = path / WEIGHTS if path.is_dir() else path
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def generate_all(model, source, looks, output, tiles=None):
    """Makes the pictures that are not there, in `Tiles` or whole; returns how many."""
    missing = {}
    for index in range(len(source)):
        own = [look for look in looks if not output.picture(source, index, look).exists()]
        if own:
            missing[index] = own
    made = sum(map(len, missing.values()))
    steps = sum(len(own) * tiles.count(source.size(index)) for index, own in missing.items()) if tiles else made
    bar = keras.utils.Progbar(steps, unit_name="tile" if tiles else "picture")
    for (index, own), inputs in zip(missing.items(), read_inputs(source, missing, one_by_one=tiles is not None)):
        shown = {name: thinned(array) for name, array in inputs.items()}
        save_preview(show_inputs(shown, model.conditioning), output.input(source, index))
        for look in own:
            if tiles:
                picture = tiles.generate(model, inputs, look.seed, done=lambda: bar.add(1))
            else:
                picture = model.generate(inputs, seed=look.seed, style_image=look.style_image(inputs))
                bar.add(1)
            output.write(picture, source, index, look)
    return made


def read_inputs(source, indices, one_by_one):
    """The inputs of scenes: dicts of arrays. Read ahead, unless `one_by_one`: memory then holds those of one scene."""
    if one_by_one:
        yield from (source.load(index) for index in indices)
        return
    for batch in make_eval(source, indices=indices):
        inputs = batch[0] if isinstance(batch, tuple) else batch
        yield {name: array[0].numpy() for name, array in inputs.items()}
