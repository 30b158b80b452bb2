"""A video of a thermal camera -> a video of pictures, as a user does it."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.config.groups import DataSettings
from hdsynth_tf.generate.__main__ import frames_of
from hdsynth_tf.generate.video import (
    concat_list,
    every_frame,
    extract_frames,
    frame_times,
    probe,
    sound_codec,
    sound_delay,
    write_video,
)
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
@pytest.mark.parametrize("kind", ["aac", "pcm_s16le"])
def test_sound_is_kept_and_input_shown(command, tmp_path, video, kind):
    save_model(tmp_path / "m.keras", 1)
    path = tmp_path / "loud.mkv"
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.7", "-i", str(video[0])]
    subprocess.run(["ffmpeg", "-v", "error", *tone, "-c:v", "copy", "-c:a", kind, str(path)], check=True)
    assert sound_codec(path) == kind and sound_codec(video[0]) is None
    options = [f"--model={tmp_path / 'm.keras'}", f"--source_video={path}", f"--output_dir={tmp_path / 'out'}"]
    code, _, error = command("generate", *options, "--show_input")
    assert code == 0, error
    made = tmp_path / "out" / "video.mp4"
    assert sound_codec(made) == "aac" and probe(made)[0] == "7/1"
    extract_frames(made, tmp_path / "made", 3)
    shown, input_frame = Image.open(tmp_path / "made" / "000002.png"), video[1][1]
    assert shown.size == (66, 26) and len(list((tmp_path / "made").iterdir())) == 5
    left = np.asarray(shown)[:, :33].mean(-1)
    assert np.corrcoef(left.ravel(), np.minimum(input_frame, 255).ravel())[0, 1] > 0 or left.std() < 3
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.is_dir()) == ["frames", "gallery"]


@needs_ffmpeg
def test_both_are_shown_as_large_as_they_are(command, tmp_path, rng):
    """Larger than the gallery's previews, in tiles, of a run whose files had names of their own."""
    save_model(tmp_path / "m.keras", 1)
    for number in range(2):
        Image.fromarray(rng.integers(0, 256, (16, 1200), "uint8")).save(tmp_path / f"in{number}.png")
    path = tmp_path / "wide.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(tmp_path / "in%d.png"), "-c:v", "ffv1", str(path)], check=True)
    options = [f"--model={tmp_path / 'm.keras'}", f"--source_video={path}", f"--output_dir={tmp_path / 'out'}"]
    tiles = ["--tile_height=16", "--tile_width=640", "--tile_overlap=8", "--source_name=(.*)_ir"]
    code, _, error = command("generate", *options, "--show_input", *tiles)
    assert code == 0, error
    extract_frames(tmp_path / "out" / "video.mp4", tmp_path / "made", 3)
    shown = np.asarray(Image.open(tmp_path / "made" / "000001.png"), "float32").mean(-1)
    assert shown.shape == (16, 2400)
    assert np.corrcoef(shown[:, :1200].ravel(), np.asarray(Image.open(tmp_path / "in0.png")).ravel())[0, 1] > 0.9


@needs_ffmpeg
def test_pictures_that_begin_after_the_sound(tmp_path, rng):
    """The sound of the second that has no pictures is left out, as players do."""
    for number in range(1, 11):
        Image.fromarray(rng.integers(0, 256, (16, 16), "uint8")).save(tmp_path / f"{number:06d}.png")
    silent, late = tmp_path / "silent.mp4", tmp_path / "late.mkv"
    write_video(tmp_path, ".png", "10", silent)
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-itsoffset", "1", "-i", str(silent)]
    subprocess.run(["ffmpeg", "-v", "error", *tone, "-c:v", "copy", "-c:a", "aac", str(late)], check=True)
    assert 0.9 < sound_delay(late) < 1.1 and abs(sound_delay(silent)) < 0.05
    write_video(tmp_path, ".png", "10", tmp_path / "made.mp4", sound=late)
    command = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=duration", "-of", "csv=p=0"]
    heard = subprocess.run([*command, str(tmp_path / "made.mp4")], capture_output=True, text=True, check=True).stdout
    assert 0.8 < float(heard) < 1.2


def test_the_input_is_shown_in_videos_only(command, tmp_path):
    save_model(tmp_path / "m.keras", 1)
    code, _, error = command("generate", f"--model={tmp_path / 'm.keras'}", "--output_dir=out", "--show_input")
    assert code == 2 and "--source_video" in error


FAKE = """#!/bin/sh
case "$*" in
*"-h long"*) echo "{help}";;
*) pwd > "{log}"; echo "$@" >> "{log}"; cat >> "{log}";;
esac
"""
PROBED = '{"streams": [{"avg_frame_rate": "25/1", "r_frame_rate": "25/1", "pix_fmt": "gray"}], "frames": FRAMES}'


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts programs that only note how they were called in ffmpeg's and ffprobe's place; returns their log."""

    def install(help, times=()):
        frames = ", ".join(f'{{"best_effort_timestamp_time": "{time}"}}' for time in times)
        log, folder = tmp_path / "log.txt", tmp_path / "bin"
        folder.mkdir()
        programs = {
            "ffmpeg": FAKE.format(help=help, log=log),
            "ffprobe": f"#!/bin/sh\ncat <<'END'\n{PROBED.replace('FRAMES', f'[{frames}]')}\nEND\n",
        }
        for name, script in programs.items():
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return log

    return install


@pytest.mark.parametrize(
    "help, option",
    [
        ("-vsync  set video sync method", "-vsync"),  # until 5.0
        ("-vsync  deprecated, use -fps_mode -fps_mode[:<stream_spec>]  set framerate mode", "-fps_mode"),
        ("-fps_mode[:<stream_spec>]  set framerate mode for matching video streams", "-fps_mode"),  # from 8 on
    ],
)
def test_frames_are_passed_through_by_any_ffmpeg(fake, tmp_path, help, option):
    log = fake(help)
    assert every_frame() == [option, "passthrough"]
    extract_frames(tmp_path / "-x.mkv", tmp_path / "50%d" / "frames", 1)
    folder, called, *_ = log.read_text().splitlines()
    assert f"{option} passthrough" in called and f"-i {tmp_path / '-x.mkv'}" in called
    assert "%" in folder and called.endswith(" %06d.png")  # the only pattern that ffmpeg sees


def test_times_of_frames_are_kept_where_they_vary(fake, tmp_path):
    uneven = [0.5, 0.6, 0.65, 1.15]
    log = fake("-fps_mode", times=uneven)
    assert frame_times("x.mkv") == uneven
    lines = concat_list(tmp_path, ".png", uneven).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("duration")] == [
        "0.100000", "0.050000", "0.500000", "0.500000",
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError):  # the fake makes none
        write_video(tmp_path, ".png", "25", tmp_path / "made.mp4", uneven)
    called = log.read_text()
    assert "-f concat" in called and "-fps_mode passthrough" in called and "000004.png" in called


@pytest.mark.parametrize("times", [[], ["nan"] * 3, [0, 0.033, 0.067, 0.1], [0, 0.5, 0.4, 2]])
def test_a_constant_rate_needs_no_times(fake, times):
    """Milliseconds are rounded in some files; times that fall or are unknown tell nothing."""
    fake("-fps_mode", times=times)
    assert frame_times("x.mkv") is None


@needs_ffmpeg
def test_a_rate_that_varies_in_a_folder_with_a_percent_sign(tmp_path, save, rng):
    folder, times = tmp_path / "50%d of it's", [0.0, 0.1, 0.15, 0.65, 0.7]
    for number in range(1, 6):
        save(folder / f"{number:06d}.png", rng.integers(0, 256, (26, 33)).astype("uint8"))
    write_video(folder, ".png", "25", folder / "made.mp4", times)
    np.testing.assert_allclose(frame_times(folder / "made.mp4"), times, atol=1e-3)
    extract_frames(folder / "made.mp4", folder / "frames", 1)
    assert len(list((folder / "frames").iterdir())) == 5
    write_video(folder, ".png", "30000/1001", folder / "made.mp4")
    assert probe(folder / "made.mp4")[0] == "30000/1001" and frame_times(folder / "made.mp4") is None


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


@pytest.mark.parametrize("places", [{"layout": "kaist"}, {"side_by_side": "AtoB"}, {"source_files": "{}_B1.tif"}])
def test_a_video_is_read_in_place_of_the_runs_own_files(tmp_path, places):
    (tmp_path / "frames").mkdir()  # as if the video had been taken apart
    data = DataSettings(dataset="folder", data_dir="somewhere", **places)
    found = frames_of("drive.mkv", ImageConditioning(1), tmp_path, data)
    assert found.source_dir == str(tmp_path / "frames")
    assert not any(getattr(found, name) for name in ("data_dir", *places))
