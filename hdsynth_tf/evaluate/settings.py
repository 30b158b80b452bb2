"""The settings of `python -m hdsynth_tf.evaluate` alone."""

import dataclasses

from hdsynth_tf.config.settings import (
    Settings,
    SettingsError,
    check_evaluated,
    check_seeds,
    check_size,
    seed_setting,
    setting,
)


@dataclasses.dataclass(frozen=True)
class EvaluateSettings(Settings):
    """Evaluate"""

    method: tuple[str, ...] = setting(
        (),
        "NAME=PLACE, given once for each method: a run folder, a .keras file, or a folder of pictures.",
        repeated=True,
    )
    output_dir: str = setting("", "Folder for table.md, table.json, the page index.html and the models' pictures.")
    segmenter: str = setting(
        "", "A .keras file, a SavedModel, or a preset of keras-hub. Without one there are no segmentation scores."
    )
    segmenter_height: int = setting(
        0, "Pixels that the segmenter's pictures are brought to. 0: as it says itself.", at_least=0
    )
    segmenter_width: int = setting(
        0, "Pixels that the segmenter's pictures are brought to. 0: as it says itself.", at_least=0
    )
    segmenter_range: tuple[float, ...] = setting(
        (), "Input range of the segmenter: low,high. Default: as it says itself, or 0,255."
    )
    detector: str = setting(
        "",
        "An object detector, .onnx (extra eval), .keras or a SavedModel: what it finds in the pictures, compared with "
        "what it finds in the real images.",
    )
    detector_score: float = setting(0.5, "Score from which on an object counts.", above=0, at_most=1)
    detector_range: tuple[float, ...] = setting(
        (),
        "Input range of the detector: low,high. Default: as it says itself, or 0,1 for ONNX and Ultralytics, or 0,255.",
    )
    detector_names: str = setting(
        "",
        "Text file with the names of the detector's classes, one a line, from class 0 on, for the page. Default: as it "
        "says itself, or numbers.",
    )
    evaluated_labels: tuple[int, ...] = setting(
        (),
        "Label ids that are scored, in the order of the segmenter's classes. Default: as the dataset says, or all.",
        at_least=0,
    )
    features: str = setting(
        "auto",
        "Of FID and KID: inception (the original, of make pretrained, or its .pt file; so does auto), imagenet (Keras' "
        "InceptionV3, downloaded) or a file of its weights, segmenter, or none.",
    )
    resize: bool = setting(False, "Whether pictures of other sizes than the real ones are resized; else an error.")
    input: bool = setting(
        False, "Whether the input images themselves, as grey or colour pictures, are a method: what is to be surpassed."
    )
    styles: int = setting(
        1, "Pictures of every scene by models with an encoder, for diversity; the first is scored.", at_least=1
    )
    seed: int = seed_setting("Names the styles of the first; the next one has the next seed.")
    video: bool = setting(
        False,
        "Scenes are frames of videos, in the order of their names, each video a folder or what --sequence finds: also "
        "flicker, pumping and warping error (extra video).",
    )
    resamples: int = setting(1000, "Bootstrap resamples (over images) of the confidence intervals.", at_least=1)
    group_by: str = setting(
        "",
        "Also the scores of groups of scenes. light: day and night, by the mean of the real image; sequence: folders, "
        "or what --sequence finds.",
        ("", "light", "sequence"),
    )
    num_pictures: int = setting(12, "Scenes shown on the page.", at_least=1)
    pictures: str = setting(
        "spread",
        "Which. spread: evenly; extremes: those that the first method did best, and those that it did worst, by LPIPS.",
        ("spread", "extremes"),
    )

    def check(self):
        check_seeds(self)
        check_evaluated(self.evaluated_labels)
        check_size(self, "segmenter")
        for name in ("segmenter_range", "detector_range"):
            value = getattr(self, name)
            if value and len(value) != 2:
                raise SettingsError(f"--{name} should be low,high. Received: {value}")
        if not self.detector and (self.detector_range or self.detector_names):
            raise SettingsError("--detector_range and --detector_names are for a --detector.")
        if self.features == "segmenter" and not self.segmenter:
            raise SettingsError("--features=segmenter needs --segmenter.")
