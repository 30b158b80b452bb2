"""What models are asked for: their pictures of the scenes, made where they are not there yet."""

import dataclasses
import json

from hdsynth_tf import assemble
from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.evaluate.methods import Method
from hdsynth_tf.files.run_folder import write_json
from hdsynth_tf.generate.picture_folder import (
    MANIFEST,
    PictureFolder,
    check_output,
    fingerprint,
    generate_all,
    looks_of,
)


@dataclasses.dataclass(frozen=True)
class Making:
    """Recipe for a model's pictures.

    Attributes:
        model: `Path` of its file.
        folder: `Path` for its pictures.
        manifest: Dict, see `picture_folder.check_output`.
        looks: List of `Look`.
    """

    model: object
    folder: object
    manifest: dict
    looks: list

    def make(self, name, source):
        """Makes the pictures that are not there; returns a `Method`."""
        print(f"Pictures of {name}:")
        model = assemble.load_model(self.model)
        output = PictureFolder(self.folder, model.conditioning)
        write_json(self.folder / MANIFEST, self.manifest)
        generate_all(model, source, self.looks, output)
        pictures = [[output.picture(source, i, look) for look in self.looks] for i in range(len(source))]
        return Method(name, [own[0] for own in pictures], pictures if len(self.looks) > 1 else [])


def plan_pictures(models, source, data, asked, output_dir):
    """Dict: name -> `Making`. Loads each model once, so that one that does not fit is found before any work is done."""
    makings = {}
    for name, path in models.items():
        model = assemble.load_model(path)
        assemble.check_inputs(model, source)
        looks = looks_of(model, asked.seed, asked.styles)
        scenes = {key: value for key, value in dataclasses.asdict(data).items() if key != "num_scenes"}
        manifest = {"model": fingerprint(path), "style_from": "", "source_video": "", "scenes": scenes}
        manifest["looks"] = [[look.ending, look.seed] for look in looks]
        makings[name] = Making(path, output_dir / "pictures" / name, json.loads(json.dumps(manifest)), looks)
        check_output(makings[name].folder, makings[name].manifest)
    if asked.styles > 1 and all(len(making.looks) == 1 for making in makings.values()):
        raise SettingsError("--styles is for models with an encoder or of many images, and none of the methods is one.")
    return makings
