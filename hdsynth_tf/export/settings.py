"""The settings of `python -m hdsynth_tf.export` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, setting


@dataclasses.dataclass(frozen=True)
class ExportSettings(Settings):
    """Export"""

    model: str = setting("", "Run folder, .keras file or preset.")
    output_dir: str = setting("", "Folder to write to: for TensorFlow Serving NAME/VERSION.")
    format: str = setting(
        "saved_model",
        "saved_model: of any size, for TensorFlow Serving; onnx, litert, openvino: of one size; preset: what "
        "Pix2PixHD.from_preset reads, with a model card.",
        ("saved_model", "onnx", "litert", "openvino", "preset"),
    )
    weights: tuple[str, ...] = setting(
        ("float32",),
        "onnx, litert, openvino: what weights are stored as; may be given several times, a file for each.",
        ("float32", "float16", "int8"),
        repeated=True,
    )
    check_scenes: int = setting(
        3, "Scenes of the data on which what was written is run and compared with Keras. 0: none.", at_least=0
    )

    direction: str = setting("", "Of a model trained with --unpaired: ab (the default) or ba.", ("", "ab", "ba"))

    def check(self):
        if self.format in ("saved_model", "preset") and self.weights != ("float32",):
            raise SettingsError(f"--weights is for onnx, litert and openvino. Received: --format={self.format}")
