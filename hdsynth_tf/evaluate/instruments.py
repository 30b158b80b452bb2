"""What pictures are measured with: the segmenter, the detector and the features that are asked for."""

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.evaluate.detector_files import load_detector
from hdsynth_tf.evaluate.features import InceptionFeatures, OriginalFeatures
from hdsynth_tf.evaluate.measurement import Instruments
from hdsynth_tf.evaluate.segmentation import EvaluatedClasses
from hdsynth_tf.evaluate.segmenters import load_segmenter
from hdsynth_tf.show.pictures import show_values

ORIGINAL = ("auto", "inception")  # --features that mean the original network of FID


def choose_instruments(asked, source, window):
    """`Instruments` with the segmenter, detector and features that are asked for; each sees the first real image."""
    segmenter, detector, classes, tells_labels = None, None, None, False
    first = show_values(source.load(0)["image"], window)
    if asked.segmenter:
        classes = EvaluatedClasses.of(source, asked.evaluated_labels)
        size = (asked.segmenter_height, asked.segmenter_width) if asked.segmenter_height else None
        segmenter = load_segmenter(asked.segmenter, size, asked.segmenter_range or None)
        count = segmenter.num_classes(first)
        if count not in (len(classes), source.num_classes):
            raise SettingsError(
                f"The segmenter {segmenter.name} tells {count} classes apart; the data have {source.num_classes}, of "
                f"which {len(classes)} are scored. --evaluated_labels names the label ids of its classes, in order."
            )
        tells_labels = count != len(classes)
    if asked.detector:
        detector = load_detector(
            asked.detector, asked.detector_score, asked.detector_range or None, asked.detector_names
        )
        detector.objects(first)
    features = choose_features(asked.features, segmenter)
    return Instruments(window, segmenter, classes, tells_labels, features, detector=detector)


def choose_features(name, segmenter):
    """Feature extractor of FID and KID; `None` for `none`."""
    if name == "none":
        return None
    if name in ORIGINAL:
        return OriginalFeatures()
    if name != "segmenter":
        return (OriginalFeatures if name.endswith(".pt") else InceptionFeatures)(name)
    if segmenter.feature_map is None:
        raise SettingsError(
            f"The features of {segmenter.name} are not known: --features=segmenter is for segmenters that "
            "hdsynth_tf.train_segmenter trained."
        )
    return segmenter.features
