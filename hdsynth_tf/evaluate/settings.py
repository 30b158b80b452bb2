"""The settings of `python -m hdsynth_tf.evaluate` alone."""

import dataclasses

from hdsynth_tf.config.settings import SettingsError, check_evaluated, setting


@dataclasses.dataclass(frozen=True)
class EvaluateSettings:
    """Evaluate"""

    method: tuple = setting(
        (),
        "NAME=PLACE, given once for each method: a run folder, a .keras file, or a folder of pictures.",
        repeated=True,
    )
    output_dir: str = setting("", "Folder for table.md, table.json, the page index.html and the models' pictures.")
    segmenter: str = setting(
        "", "A .keras file, a SavedModel, or a preset of keras-hub. Without one there are no segmentation scores."
    )
    segmenter_height: int = setting(0, "Pixels that the segmenter's pictures are brought to. 0: as it says itself.")
    segmenter_width: int = setting(0, "Pixels that the segmenter's pictures are brought to. 0: as it says itself.")
    segmenter_range: tuple = setting(
        (), "What 0 and 255 become for the segmenter: low,high. Default: as it says itself, or 0,255."
    )
    evaluated_labels: tuple = setting(
        (), "Label ids that are scored, in the order of the segmenter's classes. Default: as the dataset says, or all."
    )
    features: str = setting(
        "imagenet",
        "Of FID and KID: imagenet (Keras' InceptionV3, downloaded), a file of its weights, segmenter, or none.",
    )
    resize: bool = setting(False, "Whether pictures of other sizes than the real ones are resized; else an error.")
    styles: int = setting(1, "Pictures of every scene by models with an encoder, for diversity; the first is scored.")
    seed: int = setting(0, "Names the styles of the first; the next one has the next seed.")
    resamples: int = setting(1000, "Of the bootstrap over images that gives the intervals.")
    num_pictures: int = setting(12, "Scenes shown on the page.")

    def __post_init__(self):
        check_evaluated(self.evaluated_labels)
        if bool(self.segmenter_height) != bool(self.segmenter_width):
            raise SettingsError("--segmenter_height and --segmenter_width are given together, or not at all.")
        if self.segmenter_range and len(self.segmenter_range) != 2:
            raise SettingsError(f"--segmenter_range should be low,high. Received: {self.segmenter_range}")
        for name in ("styles", "resamples", "num_pictures"):
            if getattr(self, name) < 1:
                raise SettingsError(f"--{name} should be 1 or more. Received: {getattr(self, name)}")
        if self.features == "segmenter" and not self.segmenter:
            raise SettingsError("--features=segmenter needs --segmenter.")
