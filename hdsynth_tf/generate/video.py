"""Videos, by the program ffmpeg: a file -> its frames as pictures, pictures -> a file."""

import itertools
import json
import re
import shutil
import subprocess

from hdsynth_tf.files.storage import replacing
from pipelines.errors import DataError

PATTERN = "%06d"  # names of frames
EVEN = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # players want even sizes
DEEP = r"(?<!nv)(9|10|12|14|16)(le|be)?$"  # ends the names of ffmpeg's pixel formats of more than 8 bits
CLOCK = 90000  # ticks a second of videos whose rate varies
SOUNDS = ("aac", "mp3", "ac3", "eac3", "alac", "opus")  # that an MP4 file may have
JITTER = 0.002  # seconds that times of a constant rate may be off: files round them to milliseconds


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
    found = _ffprobe(video, "stream=avg_frame_rate,r_frame_rate,pix_fmt").get("streams")
    if not found:
        raise DataError(f"{video} cannot be read as a video.")
    average, base = found[0]["avg_frame_rate"], found[0]["r_frame_rate"]  # they differ where the rate varies
    return base if average == "0/0" else average, found[0]["pix_fmt"]


def frame_times(video):
    """When each frame of a video is shown: floats, seconds; `None` where the rate is constant, or nobody knows."""
    frames = _ffprobe(video, "frame=best_effort_timestamp_time").get("frames", [])
    times = [float(frame.get("best_effort_timestamp_time", "nan")) for frame in frames]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    varies = gaps and all(gap > 0 for gap in gaps) and max(gaps) - min(gaps) > 2 * JITTER
    return times if varies else None


def sound_codec(video):
    """Name of the codec of a video's first sound, or `None` if it is silent."""
    found = _ffprobe(video, "stream=codec_name", "a:0").get("streams")
    return found[0].get("codec_name") if found else None


def sound_delay(video):
    """Seconds by which a video's first picture is later than the beginning of the file, where its sound may begin."""
    streams = _ffprobe(video, "stream=start_time:format=start_time")
    starts = streams["streams"][0].get("start_time"), streams.get("format", {}).get("start_time")
    first, begin = (0.0 if start in (None, "N/A") else float(start) for start in starts)
    return first - begin


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
        arguments = [*every_frame(), "-pix_fmt", kept, f"{PATTERN}.png"]
        _ffmpeg("-i", _absolute(video), *arguments, cwd=temporary)


def write_video(folder, ending, rate, path, times=None, sound=None):
    """Makes a video of the pictures `000001ENDING`, ... of a folder.

    Args:
        folder: `Path`.
        ending: String.
        rate: String or number, frames a second.
        path: `Path` of the video.
        times: Floats, seconds: when each frame is shown, or `None`: at the rate.
        sound: `Path` of a video whose sound is taken, if it has any, or `None`: silence.
    """
    codec = sound_codec(sound) if sound else None
    heard = []
    if codec:
        heard = ["-itsoffset", f"{-sound_delay(sound):.6f}", "-i", _absolute(sound), "-map", "0:v", "-map", "1:a:0"]
        heard += ["-c:a", "copy" if codec in SOUNDS else "aac"]
    pictures = ["-framerate", str(rate), "-i", f"{PATTERN}{ending}"]
    timing, listed = [], None
    if times:
        pictures = ["-f", "concat", "-safe", "0", "-protocol_whitelist", "file,pipe", "-i", "pipe:0"]
        timing, listed = [*every_frame(), "-enc_time_base", f"1:{CLOCK}"], concat_list(folder, ending, times)
    with replacing(path) as temporary:
        options = ["-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p", "-vf", EVEN, "-f", "mp4"]
        _ffmpeg(*pictures, *heard, *timing, *options, _absolute(temporary), cwd=folder, given=listed)


def concat_list(folder, ending, times):
    """What ffmpeg's concat demuxer reads: pictures of a folder and how long each is shown."""
    gaps = [after - before for before, after in itertools.pairwise(times)]
    lines = ["ffconcat version 1.0"]
    for number, gap in enumerate([*gaps, gaps[-1]], start=1):
        name = _absolute(folder / f"{PATTERN % number}{ending}").replace("'", r"'\''")
        own = ["option pattern_type none", f"option framerate {CLOCK}"]  # a % in a path is no pattern
        lines += [f"file 'file:{name}'", *own, f"duration {gap:.6f}"]
    return "\n".join(lines) + "\n"


def every_frame():
    """The option by which this ffmpeg passes each frame on as it is: `-vsync` until 5.0, gone in 8."""
    done = subprocess.run(["ffmpeg", "-hide_banner", "-h", "long"], capture_output=True, text=True)
    return ["-fps_mode" if "-fps_mode" in done.stdout else "-vsync", "passthrough"]


def _absolute(path):
    """A path that ffmpeg takes for neither an option nor an address."""
    return str(path.absolute() if hasattr(path, "absolute") else path)


def _ffprobe(video, entries, stream="v:0"):
    """What ffprobe tells of a stream: a dict. Raises `DataError` if it cannot read the file."""
    command = ["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "json"]
    done = subprocess.run([*command, _absolute(video)], capture_output=True, text=True)
    if done.returncode:
        raise DataError(f"{video} cannot be read as a video. {done.stderr.strip()}")
    return json.loads(done.stdout or "{}")


def _ffmpeg(*arguments, cwd, given=None):
    """Runs ffmpeg in a folder, so that a `%` in its path is no pattern; `given`: text for its standard input."""
    command = ["ffmpeg", *([] if given else ["-nostdin"]), "-v", "error", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, input=given)
    if done.returncode:
        raise DataError(f"ffmpeg could not do it: {done.stderr.strip()}")
