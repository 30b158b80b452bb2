"""toy_street: procedural street scenes with exact labels, the dataset that needs no download."""

from pipelines.source import FORMATS, Source
from pipelines.toy_street.render import draw
from pipelines.toy_street.scene import CLASS_NAMES, driven, make_scene, restyled

CLASS_COLORS = (
    (70, 130, 180), (120, 120, 130), (107, 142, 35), (128, 64, 128), (244, 35, 232),
    (255, 255, 255), (0, 0, 142), (220, 20, 60), (60, 60, 60), (220, 220, 0),
)  # fmt: skip
STEP = 0.1  # metres from a frame of a drive to the next
LONGEST_DRIVE = 400  # frames: the street has an end
SPLITS = {"train": 0, "val": 1, "test": 2}  # the world's number: scenes of two splits are never the same


class ToyStreet(Source):
    """Street scenes drawn on demand, the same for the same arguments.

    Args:
        num_scenes: Integer.
        height, width: Integers, pixels.
        split: `"train"`, `"val"` or `"test"`: three different sets of scenes.
        seed: Integer, of the world.
        hidden_modes: Boolean, see `scene.make_scene`.
        thermal: Boolean. If true the input is the 16-bit thermal image (hundredths of a kelvin) instead of the maps.
        instance_maps: Boolean, whether there are any.
        drive_frames: Integer, up to 400. If above 1 each scene is a drive of so many frames along its street, 0.1 m
            from one to the next, named `street_000000/0000` and so on.
    """

    def __init__(
        self,
        num_scenes,
        height,
        width,
        split="train",
        seed=0,
        hidden_modes=True,
        thermal=False,
        instance_maps=True,
        drive_frames=1,
    ):
        if not 1 <= drive_frames <= LONGEST_DRIVE:
            raise ValueError(f"`drive_frames` should be 1 to {LONGEST_DRIVE}. Received: drive_frames={drive_frames}")
        self.drive_frames = drive_frames
        streets = [f"street_{i:06d}" for i in range(num_scenes)]
        drives = [f"{street}/{frame:04d}" for street in streets for frame in range(drive_frames)]
        self.names = drives if drive_frames > 1 else streets
        self.height, self.width = height, width
        self.seed = 3 * seed + SPLITS[split]
        self.hidden_modes = hidden_modes
        self.formats = {"image": ((3,), "uint8")}
        if thermal:
            self.formats["source"] = ((1,), "uint16")
        else:
            self.formats.update({key: FORMATS[key] for key in ["label_map"] + ["instance_map"] * instance_maps})
            self.num_classes, self.class_names, self.class_colors = len(CLASS_NAMES), CLASS_NAMES, CLASS_COLORS

    def size(self, index):
        return self.height, self.width

    @property
    def common_size(self):
        return self.height, self.width

    def load(self, index):
        arrays, _ = self._render(index)
        return {key: arrays[key] for key in self.formats}

    def modes(self, index):
        """The hidden appearance of a scene: id in its instance map -> index into `scene.MODES` of the class."""
        return self._render(index)[1]

    def restyled(self, index, label, mode):
        """The photograph that a scene would have, were everything of a class in one of its modes: uint8."""
        return draw(restyled(self._scene(index), label, mode), self.height, self.width)[0]["image"]

    def _render(self, index):
        return draw(self._scene(index), self.height, self.width)

    def _scene(self, index):
        street, frame = divmod(index, self.drive_frames)
        scene = make_scene(self.seed, street, self.hidden_modes)
        return driven(scene, STEP * frame) if frame else scene
