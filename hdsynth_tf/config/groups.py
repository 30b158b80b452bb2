"""The settings that several verbs share: data, networks, losses, training."""

import dataclasses
import os

from hdsynth_tf.config.recipes import RECIPES
from hdsynth_tf.config.settings import SWITCH, Settings, SettingsError, check_size, seed_setting, setting, values
from pipelines.pairing.layouts import LAYOUTS, describe_layouts, unknown_layout

LISTS = ("pairs", "layout")  # settings that say which files there are
PLACES = (
    "source_dir",
    "target_dir",
    "label_dir",
    "instance_dir",
    "source_files",
    "target_files",
    "side_by_side",
    "in_order",
    *LISTS,
)
SOURCE_CHANGES = ("source_shift", "source_blur", "source_gain", "source_noise", "source_polarity")
CONTENT = ("vgg19", "vgg16")  # those of the content loss
PERCEPTUAL = ("vgg19", "vgg16", "alex", "efficientnet", "lpips_vgg", "lpips_alex", "segmenter")


@dataclasses.dataclass(frozen=True)
class DataSettings(Settings):
    """Data. Values marked * may be one, or one for each level: the global generator, then each enhancer"""

    dataset: str = setting(
        "toy_street",
        "toy_street needs no files; folder is any pictures; packed is what hdsynth_tf.prepare wrote.",
        ("toy_street", "cityscapes", "folder", "packed"),
    )
    data_dir: str = setting("", "Root of the dataset. Other folders may be given relative to it.")
    split: str = setting("", "train, val or test. Default: what the command is about.", ("", "train", "val", "test"))
    source_dir: str = setting("", "folder: input images, such as thermal frames.")
    target_dir: str = setting("", "folder: the photographs to make, paired by name.")
    label_dir: str = setting("", "folder: label maps, one class id a pixel.")
    instance_dir: str = setting("", "folder: instance maps, one object id a pixel; optional.")
    unpaired: bool = setting(
        False,
        "folder, toy_street with --toy_thermal: sources and targets of any names and numbers; CycleGAN learns from "
        "them, with its paper's defaults of networks and losses.",
    )
    pairs: str = setting(
        "", "folder: CSV file of paths instead of folders, with a head of source,target or label,instance,target."
    )
    layout: str = setting(
        "",
        f"folder: a dataset of thermal and visible pictures, unpacked in --data_dir; {describe_layouts()}. Of train, "
        "--val_share is held out.",
    )
    source_files: str = setting(
        "",
        "folder: sources whose channels are files of their own, in --source_dir or --data_dir, commas between; {} is "
        "the scene's name: '{}_B10.TIF'.",
    )
    target_files: str = setting("", "folder: the same of targets: '{}_B4.TIF,{}_B3.TIF,{}_B2.TIF'.")
    radiometric: bool = setting(
        False, "folder: whether sources are radiometric JPEGs of FLIR cameras: kelvin are read, not the preview."
    )
    side_by_side: str = setting(
        "",
        "folder: pictures hold source and target side by side, as pix2pix has them, in --data_dir/train, val, or in "
        "--source_dir: A left, B right.",
        ("", "AtoB", "BtoA"),
    )
    source_name: str = setting(
        "",
        "folder: regular expression of sources' names, such as (.*)_ir; what its groups find pairs with the others'.",
    )
    target_name: str = setting("", "folder: the same of targets, such as (.*)_vis.")
    label_name: str = setting("", "folder: the same of label maps.")
    instance_name: str = setting("", "folder: the same of instance maps.")
    ignore_case: bool = setting(False, "folder: whether names pair whatever their case.")
    in_order: bool = setting(
        False,
        "folder: whether the first files of the folders pair, the second, and so on, as people count, whatever their "
        "names.",
    )
    num_classes: int = setting(0, "folder: classes in the label maps; their ids are 0 .. num_classes - 1.", at_least=0)
    label_table: str = setting("", "folder: CSV file value,id,name for labels coded by colour or other numbers.")
    dont_care: tuple[int, ...] = setting((), "Label ids that mean 'no class', comma-separated, such as 255.")
    use_instance_map: bool = setting(True, "Whether instance maps, where there are any, give a boundary channel.")
    source_pages: str = setting(
        "",
        "folder: pages of a TIFF with several: channels of one image; frames, each a scene; first: that alone, of "
        "targets, too. Default: an error.",
        ("", "channels", "frames", "first"),
    )
    max_pixels: int = setting(
        2 * 89478485, "Pixels of a picture, at most: a guard against files made to fill the memory.", at_least=1
    )
    source_range: tuple[float, ...] = setting(
        (), "Source values (counts, kelvin) mapped to [-1, 1]: low,high. Wins over:"
    )
    source_window: str = setting(
        "auto",
        "Which values do so otherwise. dataset: the training data's lowest and highest; percentiles: of each picture; "
        "auto: 0,255 of 8 bits, else dataset.",
        ("auto", "dataset", "percentiles"),
    )
    source_percentiles: tuple[float, ...] = setting(
        (1, 99), "Of each picture with --source_window=percentiles: low,high.", at_least=0, at_most=100
    )
    target_range: tuple[float, ...] = setting(
        (), "Target values mapped to [-1, 1]: low,high. Default: 0,255 or the data's."
    )
    image_height: int = setting(
        0, "Pixels at which the networks work. 0: as the pictures come (toy_street: 128).", at_least=0
    )
    image_width: int = setting(
        0, "Pixels at which the networks work. 0: as the pictures come (toy_street: 256).", at_least=0
    )
    crop_height: int = setting(0, "*Pixels of the windows trained on. 0: whole pictures.", per_level=True, at_least=0)
    crop_width: int = setting(0, "*Pixels of the windows trained on. 0: whole pictures.", per_level=True, at_least=0)
    zoom: tuple[float, ...] = setting(
        (), "Training pictures are enlarged by a random factor before windows are cut: low,high.", above=0
    )
    source_shift: int = setting(
        0, "Maximum random shift of sources in pixels, for pairs that are not exactly aligned.", at_least=0
    )
    source_blur: float = setting(
        0.0, "Maximum random blur of sources, standard deviation in pixels: other lenses.", at_least=0, at_most=20
    )
    source_gain: float = setting(
        0.0,
        "Maximum random change of sources' level, in standard deviations, and of their contrast, as a logarithm: "
        "cameras that set themselves.",
        at_least=0,
        at_most=2,
    )
    source_noise: float = setting(
        0.0, "Maximum random noise of sources, in their standard deviations: other sensors.", at_least=0, at_most=2
    )
    source_polarity: float = setting(
        0.0, "Share of training sources shown inverted: cameras set to black-hot.", at_least=0, at_most=1
    )
    flip: bool = setting(True, "Whether to mirror half of the training pictures.")
    val_share: float = setting(
        0.1, "folder without a val split: share of the pictures held out, in runs of names.", at_least=0, below=1
    )
    sequence: str = setting(
        "",
        "folder: regular expression that finds a sequence's name in that of its frames, such as ^[^/]+ or (seq\\d+); "
        "whole sequences are held out.",
    )
    num_scenes: int = setting(2000, "toy_street: scenes in the split.", at_least=1)
    hidden_modes: bool = setting(True, "toy_street: appearances drawn by lot; false: told by the layout.")
    toy_thermal: bool = setting(False, "toy_street: the input is the 16-bit thermal image, not the maps.")
    drive_frames: int = setting(1, "toy_street: frames of each scene, which then is a drive.", at_least=1, at_most=400)

    @classmethod
    def fitting(cls, defaults, given):
        """Where other files are named, a run does not say which there are."""
        is_other = "dataset" in given and given["dataset"] != defaults.get("dataset", given["dataset"])
        if is_other:
            left_out = {*PLACES, "data_dir"}  # the root is that of the run's dataset
        elif given.keys() & {*LISTS}:
            left_out = {*PLACES}
        else:
            left_out = {*LISTS, "in_order"} if given.keys() & {*PLACES} else set()
        if "data_dir" in given:  # of which absolute places would not know
            left_out |= {name for name in PLACES if _is_absolute(defaults.get(name))}
        return {name: value for name, value in defaults.items() if name not in left_out}

    def check(self):
        check_size(self, "image")
        check_size(self, "crop")
        for name in ("source_range", "source_percentiles", "target_range"):
            window = getattr(self, name)
            if (window or name == "source_percentiles") and not (len(window) == 2 and window[0] < window[1]):
                raise SettingsError(f"--{name} should be low,high with low < high. Received: {window}")
        if self.zoom and not (len(self.zoom) == 2 and self.zoom[0] <= self.zoom[1]):
            raise SettingsError(f"--zoom should be low,high with low <= high. Received: {self.zoom}")
        if self.zoom and self.zoom[0] < 1 and not max(values(self.crop_height)):
            raise SettingsError("Whole pictures (--crop_height=0) can only be enlarged: --zoom should begin with 1.")
        if self.unpaired:
            self._check_unpaired()
        if self.dataset == "cityscapes" and not self.data_dir:
            raise SettingsError("--dataset=cityscapes needs --data_dir, the folder with leftImg8bit and gtFine.")
        if self.dataset == "packed" and not self.data_dir:
            raise SettingsError("--dataset=packed needs --data_dir, the folder that hdsynth_tf.prepare wrote.")
        if self.target_files and not self.source_files:
            raise SettingsError("--target_files is for --source_files. Give these, too.")
        if self.source_files and (self.pairs or self.side_by_side):
            raise SettingsError("--source_files finds scenes itself: give no --pairs and no --side_by_side.")
        if self.layout:
            self._check_layout()
        for name in ("source_dir", "target_dir", "label_dir", "instance_dir") if self.pairs else ():
            if getattr(self, name):
                raise SettingsError(f"--pairs names the files itself: give no --{name}, or no --pairs.")
        if self.in_order and (self.pairs or self.side_by_side or self.source_files):
            raise SettingsError("--in_order is for folders: give no --pairs, no --side_by_side and no --source_files.")
        if self.side_by_side and self.target_dir:
            raise SettingsError("--side_by_side takes both pictures from --source_dir: give no --target_dir.")
        sides = (self.source_dir, self.source_name), (self.target_dir, self.target_name)
        if self.unpaired and self.source_dir and sides[0] == sides[1]:
            raise SettingsError("--source_dir and --target_dir are the same folder: there is nothing to learn.")
        if self.dataset == "folder" and not (self.data_dir or self.source_dir or self.label_dir or self.pairs):
            raise SettingsError("--dataset=folder needs --source_dir or --label_dir, or a --data_dir with train_A, ...")

    def _check_layout(self):
        if self.layout not in LAYOUTS:
            raise SettingsError(
                f"--layout should be {' | '.join(LAYOUTS)}. Received: {self.layout!r}. {unknown_layout(self.layout)}"
            )
        if not self.data_dir:
            raise SettingsError(f"--layout={self.layout} needs --data_dir, the folder that the dataset is unpacked in.")
        for name in PLACES:
            if name != "layout" and getattr(self, name):
                raise SettingsError(
                    f"--layout finds the files itself: give no --{name}. Received: {getattr(self, name)}"
                )

    def _check_unpaired(self):
        labels = self.label_dir or self.instance_dir or self.label_table
        if (
            labels
            or self.dataset in ("cityscapes", "packed")
            or (self.dataset == "toy_street" and not self.toy_thermal)
        ):
            raise SettingsError(
                "--unpaired is from pictures to pictures, not from label maps: give --source_dir and --target_dir, or "
                f"--toy_thermal on toy_street. Received: {labels or f'--dataset={self.dataset}'}"
            )
        for name in ("pairs", "in_order", "layout", "side_by_side", *SOURCE_CHANGES):
            if getattr(self, name):
                raise SettingsError(
                    f"--{name} is for pairs: leave it out, or --unpaired. Received: {getattr(self, name)}"
                )


def _is_absolute(place):
    """Whether a folder is named from the root on, so that no other one says where it lies."""
    return isinstance(place, str) and (os.path.isabs(os.path.expanduser(place)) or "://" in place)


@dataclasses.dataclass(frozen=True)
class NetworkSettings(Settings):
    """Networks"""

    generator: str = setting(
        "global",
        "global: G1 of the paper; unet: the pix2pix baseline; crn: cascaded refinement, by default with the content "
        "loss of vgg19 alone, without a discriminator.",
        ("global", "unet", "crn"),
    )
    num_filters: int = setting(64, "global, unet: channels at full size.", at_least=1)
    num_downsamples: int = setting(
        4, "Generator: how often height and width are halved (unet: 8 at 256 pixels).", at_least=1
    )
    num_residual_blocks: int = setting(
        9,
        "global: residual blocks at the lowest resolution. -1: 9, or 6 below 256 pixels, as in CycleGAN.",
        at_least=-1,
    )
    refinement_filters: tuple[int, ...] = setting(
        (1024,) * 5 + (512,) * 2,
        "crn: channels of each module, from the smallest size on; each works at twice the height and width of the one "
        "before. 7 begin with 4x8 of 256x512.",
        at_least=1,
    )
    num_diverse_images: int = setting(
        1, "crn: images made of one input, of which the best for each class learns. 9 in the paper.", at_least=1
    )
    num_enhancers: int = setting(0, "global: local enhancers around it, each doubling height and width.", at_least=0)
    num_enhancer_blocks: int = setting(3, "Residual blocks of each enhancer.", at_least=0)
    upsampling: str = setting("nearest", "global: nearest leaves no checkerboard.", ("nearest", "transposed"))
    padding: str = setting("reflect", "global: padding of the strided convolutions.", ("reflect", "zero"))
    skip_connections: bool = setting(True, "global: additive skip connections from encoder to decoder; no weights.")
    tone: bool = setting(
        False,
        "global: how light the whole image is, is read from the whole input, and from its --input_features. For "
        "thermal images.",
    )
    num_tones: int = setting(
        1, "--tone: images of one input (generate --styles), in other lights, as the training images have.", at_least=1
    )
    input_features: bool = setting(
        False,
        "global: what EfficientNet-Lite0 (make pretrained) sees in the input is added to what the generator finds: it "
        "tells trees from walls. For thermal images of few pairs.",
    )
    row_channel: bool = setting(True, "Adds the vertical coordinate as an input channel.")
    feature_channels: int = setting(
        0, "Encoder: features of each instance, from which styles are made. 0: none.", at_least=0
    )
    encoder_filters: int = setting(16, "Encoder: channels at full size.", at_least=1)
    encoder_downsamples: int = setting(4, "Encoder: how often height and width are halved.", at_least=1)
    discriminator: str = setting(
        "patch",
        "patch: the paper's; segmentation: OASIS', for label maps: it finds the class of every pixel, or that it is "
        "fake, and feature matching is off by default; projected: it sees features of EfficientNet-Lite0 (make "
        "pretrained), which feature matching compares: for few pairs.",
        ("patch", "segmentation", "projected"),
    )
    discriminator_filters: int = setting(64, "Discriminator: channels of the first group.", at_least=1)
    discriminator_layers: int = setting(
        3,
        "patch: strided layers; 3 see 70 pixels, 2 see 34. segmentation: each halves height and width twice.",
        at_least=1,
    )
    discriminator_window: tuple[int, ...] = setting(
        (512, 1024),
        "segmentation: height,width that are judged in a step, a random window of larger pictures. 0,0: all.",
        at_least=0,
    )
    num_scales: int = setting(
        2, "patch: number of discriminators, each at half the resolution of the one before.", at_least=1
    )
    discriminator_norm: str = setting("spectral", "patch: normalization.", ("spectral", "instance"))

    def check(self):
        if self.num_enhancers and self.generator != "global":
            raise SettingsError(
                "--num_enhancers should be 0 for a generator that is not global. Received: "
                f"{self.num_enhancers} with --generator={self.generator}"
            )
        if not self.refinement_filters:
            raise SettingsError("--refinement_filters should be a number for each module. Received: none")
        if self.num_diverse_images > 1 and (self.generator != "crn" or self.feature_channels):
            raise SettingsError(
                "--num_diverse_images is for --generator=crn without --feature_channels. Received: "
                f"--generator={self.generator}, --feature_channels={self.feature_channels}"
            )
        if self.tone and self.generator != "global":
            raise SettingsError(f"--tone is for --generator=global. Received: --generator={self.generator}")
        if self.input_features and self.generator != "global":
            raise SettingsError(f"--input_features is for --generator=global. Received: --generator={self.generator}")
        if self.num_tones > 1 and (not self.tone or self.feature_channels):
            raise SettingsError(
                f"--num_tones is for --tone without --feature_channels. Received: --num_tones={self.num_tones}, "
                f"--tone={self.tone}, --feature_channels={self.feature_channels}"
            )
        window = self.discriminator_window
        if len(window) != 2 or (0 in window and any(window)):
            raise SettingsError(
                f"--discriminator_window should be height,width, or 0,0. Received: {','.join(map(str, window))}"
            )
        if self.num_filters % 2**self.num_enhancers:
            raise SettingsError(
                f"Each enhancer has half the filters of what it builds on: --num_filters should be a multiple of "
                f"{2**self.num_enhancers}. Received: {self.num_filters}"
            )


@dataclasses.dataclass(frozen=True)
class LossSettings(Settings):
    """Losses"""

    adversarial_loss: str = setting("hinge", "patch, projected: its loss.", ("hinge", "least_squares", "logistic"))
    adversarial_weight: float = setting(1.0, "Weight of the adversarial loss. 0: no discriminator.", at_least=0)
    feature_matching_weight: float = setting(10.0, "Weight of the feature matching loss. 0: off.", at_least=0)
    label_mix_weight: float = setting(
        10.0, "segmentation: weight of LabelMix in the discriminator's loss. 0: off.", at_least=0
    )
    relative_matching: bool = setting(False, "Feature matching relative to each layer's magnitude.")
    perceptual: str = setting(
        "",
        "Pretrained network of the perceptual loss; thousands of multiplications a pixel in brackets. Features of "
        "vgg19 (361), vgg16 (287), alex (15), efficientnet (7); LPIPS by lpips_vgg (306), lpips_alex (15); features of "
        "a segmenter (49) that hdsynth_tf.train_segmenter trained on the run's own labels, its file in "
        "--perceptual_weights. Default: vgg19 if --perceptual_weights are given, else none.",
        ("", *PERCEPTUAL),
    )
    perceptual_weight: float = setting(10.0, "Weight of the perceptual loss, if there is one.", at_least=0)
    perceptual_weights: str = setting(
        "none",
        "Where its weights are. vgg19: imagenet or torchvision (Keras' or PyTorch's, downloaded), or a file of either, "
        ".h5 or .pth. Others: the installed package (make pretrained) unless a file of it is named.",
    )
    perceptual_input: str = setting(
        "normalized",
        "How the network sees pictures: as in its own training, or raw, in [-1, 1].",
        ("normalized", "raw"),
    )
    relative_perceptual: bool = setting(True, "Perceptual term relative to each layer's magnitude.")
    content_weight: float = setting(
        0.0,
        "Weight of the content loss: the picture and five layers of --perceptual=vgg19 or vgg16, each divided by its "
        "expected distance. 0: off; 1 with --generator=crn.",
        at_least=0,
    )
    content_scales: tuple[float, ...] = setting(
        (), "content: those distances, of the picture and the five layers. Default: the authors' at 256x512.", above=0
    )
    rescale_epochs: int = setting(
        0, "content: full-rate epochs after which they are measured on the training data. 0: never.", at_least=0
    )
    pixel_loss: str = setting(
        "pyramid",
        "How pixels are compared. pyramid: L1; decibel: for inputs that do not tell the light, such as thermal ones.",
        ("pyramid", "decibel"),
    )
    pixel_weight: float = setting(20.0, "Weight of the pixel loss. 0: off, as in the paper.", at_least=0)
    gradient_weight: float = setting(
        0.0,
        "*Weight of the gradient loss, which matches the amount of texture locally. 0: off.",
        per_level=True,
        at_least=0,
    )
    cycle_weight: float = setting(10.0, "unpaired: weight of the cycle loss, to the other kind and back.", above=0)
    identity_weight: float = setting(
        0.5, "unpaired: weight of the identity loss, as a share of the cycle loss's. 0: off.", at_least=0
    )
    pool_size: int = setting(
        50, "unpaired: earlier pictures that each discriminator goes on seeing. 0: none.", at_least=0
    )
    pixel_levels: int = setting(2, "pyramid: sizes at which pixels are compared: 1, 1/2, 1/4, ...", at_least=1)

    def check(self):
        if not (self.adversarial_weight or self.pixel_weight or self.compares_features):
            raise SettingsError("All losses are off: one of --adversarial_weight, --pixel_weight must be above 0.")
        if self.content_weight and self.perceptual_network not in CONTENT:
            raise SettingsError(
                f"--content_weight needs --perceptual={' or --perceptual='.join(CONTENT)}. Received: "
                f"--perceptual={self.perceptual}"
            )
        if len(self.content_scales) not in (0, 6):
            raise SettingsError(
                "--content_scales should be six numbers, of the picture and of five layers. Received: "
                f"{','.join(map(str, self.content_scales))}"
            )
        if self.rescale_epochs and not self.content_weight:
            raise SettingsError("--rescale_epochs is for the content loss: give --content_weight, or leave it out.")
        keras_weights = self.perceptual_source == "imagenet" or self.perceptual_source.endswith(".h5")
        if keras_weights and (self.perceptual_input == "raw" or not self.relative_perceptual):
            raise SettingsError(
                "Keras' VGG19 weights need --perceptual_input=normalized and --relative_perceptual: raw pictures and "
                "absolute distances, as in the released code, are for --perceptual_weights=torchvision. Received: "
                f"--perceptual_weights={self.perceptual_source}"
            )
        if self.perceptual == "segmenter" and self.perceptual_weights == "none":
            raise SettingsError(
                "--perceptual=segmenter needs --perceptual_weights=FILE, which python -m hdsynth_tf.train_segmenter "
                "--output=FILE makes of the run's own labels."
            )
        if self.perceptual_network != "vgg19" and self.perceptual_weights in ("imagenet", "torchvision"):
            raise SettingsError(
                f"--perceptual_weights={self.perceptual_weights} are those of vgg19. For "
                f"--perceptual={self.perceptual} leave it out, for the installed package, or name its file."
            )

    @property
    def uses_perceptual(self):
        return bool(self.perceptual_network) and self.perceptual_weight > 0

    @property
    def compares_features(self):
        """Whether a pretrained network is needed."""
        return self.uses_perceptual or self.content_weight > 0

    @property
    def perceptual_network(self):
        """Name of the network of the perceptual loss; empty: none."""
        return self.perceptual or ("vgg19" if self.perceptual_weights != "none" else "")

    @property
    def perceptual_source(self):
        """Where that network's weights are."""
        usual = "imagenet" if self.perceptual_network == "vgg19" else "package"
        return usual if self.perceptual_weights == "none" else self.perceptual_weights


@dataclasses.dataclass(frozen=True)
class TrainingSettings(Settings):
    """Training. For values marked * see Data"""

    recipe: str = setting("better", "Set of defaults for all other flags.", tuple(RECIPES))
    warm_start_epochs: int = setting(
        0,
        "*Epochs on the pixel and perceptual terms alone, before the discriminator comes.",
        per_level=True,
        at_least=0,
    )
    enhancer_epochs: int = setting(10, "Epochs in which a new enhancer trains alone, the rest held still.", at_least=0)
    freeze_encoder: bool = setting(False, "Whether the encoder, and its styles, stay as they were before enhancers.")
    epochs: int = setting(100, "*Epochs at the full learning rate, everything together.", per_level=True, at_least=0)
    decay_epochs: int = setting(
        100, "*Epochs after them, over which the rate falls to 0 in a line.", per_level=True, at_least=0
    )
    steps_per_epoch: int = setting(
        0, "*Steps that count as an epoch. 0: one pass over the data.", per_level=True, at_least=0
    )
    max_steps: int = setting(0, "Maximum number of training steps. 0: no limit.", at_least=0)
    batch_size: int = setting(
        1, "*Global batch size, over all devices together.", per_level=True, at_least=1, at_most=65536
    )
    learning_rate: float = setting(2e-4, "*Adam's learning rate for the generator.", per_level=True, above=0)
    discriminator_learning_rate: float = setting(
        4e-4, "*Adam's learning rate for the discriminator.", per_level=True, above=0
    )
    warm_start_learning_rate: float = setting(
        1e-3, "Generator's at the start of a warm start; falls to learning_rate.", above=0
    )
    beta_1: float = setting(0.5, "Adam's beta_1 (momentum).", at_least=0, below=1)
    ema_momentum: float = setting(
        0.999, "Decay of the moving average of the generator's weights. 0: none.", at_least=0, below=1
    )
    precision: str = setting(
        "auto",
        "Float type of the networks. auto: bfloat16 where the device computes it faster, else float32.",
        ("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    rematerialize: str = setting(
        "auto",
        "Gradient checkpointing: less memory, longer steps. auto: where the step would not fit into the free memory.",
        SWITCH,
    )
    strategy: str = setting(
        "auto",
        "auto: mirrored if there are several GPUs, else one. multi_worker: several machines, by TF_CONFIG or Slurm.",
        ("auto", "one", "mirrored", "multi_worker"),
    )
    seed: int = seed_setting("Random seed of initial weights, shuffling, crops and flips.")

    def check(self):
        if not any(max(values(getattr(self, name))) for name in ("warm_start_epochs", "epochs", "decay_epochs")):
            raise SettingsError("There is nothing to do: --epochs, --decay_epochs and --warm_start_epochs are all 0.")
