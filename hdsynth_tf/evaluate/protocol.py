"""The protocol of a comparison, in words: numbers of another one cannot be compared with these."""

from hdsynth_tf.evaluate.distances import FEW_IMAGES
from hdsynth_tf.evaluate.intervals import LEVEL
from hdsynth_tf.evaluate.objects import OVERLAP
from hdsynth_tf.evaluate.perceptual import SMALLEST, lpips_nets, without_lpips
from hdsynth_tf.evaluate.scoring import ORACLE


def describe(asked, data, source, instruments, measured):
    """The protocol in lines: what was compared and how."""
    place = f" in {data.data_dir or data.target_dir}" if data.data_dir or data.target_dir else ""
    lines = [f"Scenes: {len(source)} of {data.dataset}{place}, split {data.split}. Every picture has its scene's size."]
    if instruments.segmenter:
        what = "as the data name them" if instruments.tells_labels else "in the order of the segmenter's"
        lines += [
            f"Segmenter: {instruments.segmenter.name}. {instruments.segmenter.protocol()}",
            f"Scored: {len(instruments.classes)} classes, {what}; pixels of other labels are left out. Pixels are "
            "counted over all scenes, then IoU is taken of each class; its mean is over the classes.",
        ]
    if instruments.detector:
        lines += [
            f"Detector: {instruments.detector.name}. {instruments.detector.protocol()}",
            "Objects: what it finds, compared with what it finds in the real images, which may be wrong, too. Of one "
            f"class, with an IoU of {OVERLAP:g} or more, they match one to one, those of higher scores first. Recall: "
            "share of the real images' objects that were found; precision: share of those found that are in the real "
            "images; F1: the harmonic mean of both. Counted over all images.",
        ]
    if instruments.features:
        count, size = measured[ORACLE].features.shape
        name = getattr(instruments.features, "name", f"the segmenter {asked.segmenter} itself, not InceptionV3")
        few = f" FEWER THAN {FEW_IMAGES:,} IMAGES: FID is too large, and jumps." if count < FEW_IMAGES else ""
        lines.append(f"FID and KID: of {size} features of {name}; {count} real and {count} generated images.{few}")
    if lpips_nets():
        lines.append(
            f"LPIPS: version 0.1, by the networks {' and '.join(lpips_nets())}, means over images of {SMALLEST} pixels "
            "a side or more; 0 is equal. A network that a method was trained with does not judge it alone."
        )
    else:
        lines.append(without_lpips())
    lines.append("PSNR and SSIM: of 8-bit values, means over images. They prefer what is blurred to what looks real.")
    if asked.styles > 1:
        lines.append(
            f"Diversity: mean difference in grey levels between {asked.styles} pictures of a scene, of seeds from "
            f"{asked.seed} on."
        )
    if instruments.sequences:
        lines.append(
            f"Steadiness: {len(set(instruments.sequences))} videos, each frame beside the one before it. Flicker: mean "
            "change in grey levels where the input stands still. Pumping: deviation of the change of a frame's mean. "
            "Warping: mean square difference (0 to 1) from the frame before, moved along the input's optical flow "
            "(DIS), where nothing is hidden. Where the input is a label map, the real images tell what moves."
        )
    lines.append(
        f"In brackets: {LEVEL:.0%} intervals, by bootstrap over the images ({asked.resamples} resamples, seed "
        f"{asked.seed})."
    )
    if asked.resize:
        lines.append("Pictures of other sizes than their scene's were brought to it (bicubic, antialiased).")
    return lines
