"""`python -m hdsynth_tf.register`: do the pictures of each pair lie on each other? A page to look at."""

from PIL import Image

from hdsynth_tf import assemble
from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.files.run_folder import check_writable
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.register.settings import RegisterSettings
from hdsynth_tf.show.gallery import write_gallery
from hdsynth_tf.show.pictures import overlay, show_values
from pipelines.checks.registration import describe, register_all
from pipelines.checks.validate import validate
from pipelines.paths import as_path
from pipelines.source import FileSource

USAGE = """
Estimates, for every pair of pictures, how far one is shifted against the other, and writes a page with the pairs laid
over each other, the worst first.

  python -m hdsynth_tf.register --source_dir=thermal --target_dir=visible --output_dir=registration
"""
GALLERY = "index.html"
WIDTH = 640  # pixels, at most, of the pictures on the page


def main(argv):
    asked, data = flags.parse(argv, (RegisterSettings, DataSettings), USAGE, {"dataset": "folder", "val_share": 0.0})
    if not asked.output_dir:
        raise SettingsError("Say where the page goes: --output_dir=FOLDER.")
    folder = as_path(asked.output_dir)
    assemble.check_apart(folder, data)
    check_writable(folder)
    source = assemble.build_source(data, data.split or "train")
    if not isinstance(source, FileSource) or not {"source", "image"} <= set(source.formats):
        raise SettingsError("There are no pairs of pictures to compare: give --source_dir and --target_dir.")
    print(validate(source).lines[0])
    found = register_all(source, range(len(source)))
    lines = describe(found, source.names, asked.max_shift)
    print("\n".join(lines))
    order = sorted(range(len(source)), key=lambda i: (found[i].is_certain, found[i].shift), reverse=True)
    draw_pairs(source, order[: asked.num_pairs], folder / "pairs")
    rows = [(f"{source.names[i]}: {caption(found[i])}", [f"pairs/{i:06d}.webp"]) for i in order[: asked.num_pairs]]
    write_gallery(folder / GALLERY, "Registration", f"{lines[0]} The worst first.", ["source | image | both"], rows)
    print(f"Page: {folder / GALLERY}")


def caption(registration):
    """Caption of a pair: its estimated shift and similarity."""
    if not registration.is_certain:
        return f"cannot be told, too little to see (similarity {registration.similarity:.2f})"
    return f"{registration.words} (similarity {registration.similarity:.2f})"


def draw_pairs(source, indices, folder):
    """A picture of each pair: source, image, and both, green and magenta, grey where they agree."""
    for index in indices:
        scene = source.load(index)
        first, second = (show_values(scene[key], (scene[key].min(), scene[key].max())) for key in ("source", "image"))
        picture = Image.fromarray(overlay(first, second))
        picture.thumbnail((3 * WIDTH, WIDTH))
        with replacing(folder / f"{index:06d}.webp") as temporary:
            picture.save(temporary, quality=85)


if __name__ == "__main__":
    commands.run(main, "register")
