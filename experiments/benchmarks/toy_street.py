"""How fast toy_street draws, at several sizes: python experiments/benchmarks/toy_street.py

One core. Beside each size: seconds a million pixels, relative to the smallest size, and the time that Pillow needs to
decode the same scene from PNG files.
"""

import io
import time

from PIL import Image

from pipelines.toy_street import ToyStreet

SIZES = ((64, 128), (128, 256), (256, 512), (512, 1024))
SCENES = 20


def seconds_a_scene(make):
    make(0)
    start = time.perf_counter()
    for i in range(SCENES):
        make(i)
    return (time.perf_counter() - start) / SCENES


def encoded(array):
    """The bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def decode(files):
    for file in files:
        Image.open(io.BytesIO(file)).load()


def main():
    print(f"{'size':>10s} {'scenes/s':>9s} {'s/Mpixel':>9s} {'to smallest':>12s} {'draw : decode PNG':>18s}")
    first = None
    for height, width in SIZES:
        source = ToyStreet(SCENES, height, width)
        drawing = seconds_a_scene(source.load)
        scene = source.load(0)
        files = [
            encoded(scene["image"]),
            encoded(scene["label_map"].astype("uint8")),
            encoded(scene["instance_map"].astype("uint16")),
        ]
        decoding = seconds_a_scene(lambda i, files=files: decode(files))
        cost = drawing / (height * width / 1e6)
        first = first or cost
        size, ratio = f"{width}x{height}", drawing / decoding
        print(f"{size:>10s} {1 / drawing:>9.1f} {cost:>9.3f} {cost / first:>12.2f} {ratio:>18.1f}")


if __name__ == "__main__":
    main()
