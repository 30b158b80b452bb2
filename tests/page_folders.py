"""Small data under the names that the pages give to their readers' own folders and files."""

import shutil
import subprocess

import numpy as np
from PIL import Image

from pipelines.toy_street import ToyStreet

COUNT, HEIGHT, WIDTH = 8, 64, 128
CITYSCAPES = {  # ending of a file -> folder and what lies in it
    "leftImg8bit": ("leftImg8bit", "image"),
    "gtFine_labelIds": ("gtFine", "label_map"),
    "gtFine_instanceIds": ("gtFine", "instance_map"),
}


def make(folder):
    """Writes all of them into `folder`."""
    streets, thermal = (ToyStreet(COUNT, HEIGHT, WIDTH, hidden_modes=False, thermal=there) for there in (False, True))
    cityscapes(folder / "CITYSCAPES")
    for index in range(COUNT):
        scene, name = streets.load(index), f"a/{index + 1:02d}"
        labels, ids = scene["label_map"].astype("uint8"), scene["instance_map"].astype("uint16")
        for place, content in {
            f"sketches/{name}.png": scene["image"].mean(-1).astype("uint8"),
            f"photos/{name}.jpg": scene["image"],
            f"labels/{name}.png": labels % 12,
            f"ids/{name}.png": ids,
            f"L/{name}.png": labels,
            f"I/{name}.png": ids,
            f"zebras/{name}.jpg": scene["image"],
            f"out/ours/{name}.png": scene["image"] // 2,
            f"out/theirs/{name}.png": 255 - scene["image"],
            f"thermal/drive{1 + index % 2}/{index:06d}.tiff": thermal.load(index)["source"][..., 0],
            f"visible/drive{1 + index % 2}/{index:06d}.jpg": scene["image"],
        }.items():
            save(folder / place, content)
    save(folder / "photo.png", streets.load(0)["image"])
    released(folder / "checkpoints")
    video(folder)


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(content).save(path)


def cityscapes(root):
    """The official tree, with two scenes in each split."""
    for split in ("train", "val", "test"):
        streets = ToyStreet(2, HEIGHT, WIDTH, split, hidden_modes=False)
        for index in range(2):
            scene = streets.load(index)
            for ending, (place, key) in CITYSCAPES.items():
                name = f"{place}/{split}/aachen/aachen_{index:06d}_000019_{ending}.png"
                save(root / name, scene[key].astype("uint16" if key == "instance_map" else "uint8"))


def video(folder):
    """A drive of the thermal camera, of 16 bits as its frames are; nothing without ffmpeg."""
    if shutil.which("ffmpeg"):
        drive = ToyStreet(1, HEIGHT, WIDTH, hidden_modes=False, thermal=True, drive_frames=3)
        frames = np.stack([drive.load(index)["source"] for index in range(3)]).astype("<u2").tobytes()
        raw = ["-f", "rawvideo", "-pixel_format", "gray16le", "-video_size", f"{WIDTH}x{HEIGHT}", "-i", "-"]
        command = ["ffmpeg", "-v", "error", *raw, "-c:v", "ffv1", str(folder / "drive.mkv")]
        subprocess.run(command, input=frames, check=True)


def released(folder):
    """Weights as PyTorch's code leaves them, of narrow networks; nothing without PyTorch."""
    try:
        from torch_reference import GlobalGenerator, make_networks, save_networks
    except ImportError:
        return
    cyclegan = {name: GlobalGenerator(3, 4, 2, 2, 3) for name in ("G_A", "G_B")}
    for name, networks in {"label2city_1024p": make_networks(1), "horse2zebra": cyclegan}.items():
        (folder / name).mkdir(parents=True)
        save_networks(networks, folder / name)
