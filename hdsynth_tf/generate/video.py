"""Videos, by the program ffmpeg: a file -> its frames as pictures, pictures -> a file."""

import json
import re
import shutil
import subprocess

from hdsynth_tf.files.storage import replacing
from pipelines.errors import DataError

PATTERN = "%06d"  # names of frames
EVEN = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # players want even sizes
DEEP = r"(?<!nv)(9|10|12|14|16)(le|be)?$"  # ends the names of ffmpeg's pixel formats of more than 8 bits


def check_ffmpeg():
    """Raises `DataError` if the programs are not there."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            raise DataError(
                f"Videos are read and written by {program}, which is not installed (Debian: apt install ffmpeg). Or "
                "give a folder of frames: --source_dir."
            )


def probe(video):
    """Frames a second, as a string such as `30000/1001`, and the name of the pixel format of a video file.

    Raises:
        DataError: If it is no video.
    """
    entries = ["-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate,r_frame_rate,pix_fmt", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "error", *entries, str(video)], capture_output=True, text=True)
    streams = json.loads(done.stdout or "{}").get("streams")
    if done.returncode or not streams:
        raise DataError(f"{video} cannot be read as a video. {done.stderr.strip()}")
    average, base = streams[0]["avg_frame_rate"], streams[0]["r_frame_rate"]  # they differ where the rate varies
    return base if average == "0/0" else average, streams[0]["pix_fmt"]


def extract_frames(video, folder, channels):
    """Writes the frames of a video as `000001.png`, ...; does nothing if the folder is there.

    Args:
        video: Path of the file.
        folder: `Path`; it is there only when all frames are.
        channels: 1 for grey frames, of 16 bits if the video has more than 8; 3 for colour.
    """
    if folder.exists():
        return
    _, pixels = probe(video)
    deep = re.search(DEEP, pixels)
    kept = ("gray16be" if deep else "gray") if channels == 1 else "rgb24"
    with replacing(folder) as temporary:
        temporary.mkdir(parents=True)
        _ffmpeg("-i", str(video), "-vsync", "passthrough", "-pix_fmt", kept, str(temporary / f"{PATTERN}.png"))


def write_video(folder, ending, rate, path):
    """Makes a video of the pictures `000001ENDING`, ... of a folder, so many a second."""
    with replacing(path) as temporary:
        options = ["-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p", "-vf", EVEN, "-f", "mp4"]
        _ffmpeg("-framerate", str(rate), "-i", str(folder / f"{PATTERN}{ending}"), *options, str(temporary))


def _ffmpeg(*arguments):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise DataError(f"ffmpeg could not do it: {done.stderr.strip()}")
