"""A video of a thermal camera -> a video of pictures, as a user does it."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.generate.video import probe
from hdsynth_tf.model import Pix2PixHD
from hdsynth_tf.networks import GlobalGenerator
from pipelines.conditioning import ImageConditioning
from pipelines.reading.depth import read_deep

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def save_model(path, channels):
    Pix2PixHD(ImageConditioning(channels, (0, 255)), GlobalGenerator(4, 2, 1)).save(path)


@pytest.fixture
def video(tmp_path, rng):
    """Five grey frames of 33x26 pixels, 16 bits, without loss."""
    frames = rng.integers(0, 65536, (5, 26, 33)).astype("uint16")
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"in{number}.png")
    path = tmp_path / "drive.mkv"
    options = ["-framerate", "7", "-i", str(tmp_path / "in%d.png"), "-c:v", "ffv1", "-pix_fmt", "gray16le"]
    subprocess.run(["ffmpeg", "-v", "error", *options, str(path)], check=True)
    return path, frames


@needs_ffmpeg
def test_video_in_video_out(command, tmp_path, video):
    path, frames = video
    save_model(tmp_path / "m.keras", 1)
    options = [f"--model={tmp_path / 'm.keras'}", f"--source_video={path}", f"--output_dir={tmp_path / 'out'}"]
    code, output, error = command("generate", *options)
    assert code == 0 and "5 pictures made" in output, error
    for number, frame in enumerate(frames, start=1):
        np.testing.assert_array_equal(read_deep(tmp_path / "out" / "frames" / f"{number:06d}.png")[..., 0], frame)
        assert Image.open(tmp_path / "out" / f"{number:06d}.png").size == (33, 26)
    assert probe(tmp_path / "out" / "video.mp4")[0] == "7/1"
    assert "0 pictures made, 5 were there" in command("generate", *options)[1]


@needs_ffmpeg
def test_what_is_no_video(command, tmp_path):
    save_model(tmp_path / "m.keras", 3)
    (tmp_path / "x.mp4").write_bytes(b"no video")
    options = [f"--model={tmp_path / 'm.keras'}", f"--source_video={tmp_path / 'x.mp4'}"]
    code, _, error = command("generate", *options, f"--output_dir={tmp_path / 'out'}")
    assert code == 1 and "x.mp4 cannot be read as a video" in error


def test_without_ffmpeg(command, tmp_path, monkeypatch):
    save_model(tmp_path / "m.keras", 3)
    monkeypatch.setenv("PATH", str(tmp_path))
    options = [f"--model={tmp_path / 'm.keras'}", "--source_video=x.mp4", f"--output_dir={tmp_path / 'out'}"]
    code, _, error = command("generate", *options)
    assert code == 1 and "ffmpeg, which is not installed" in error and "--source_dir" in error
