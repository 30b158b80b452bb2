"""Answers, stored so that none is lost: one file for each rater, a line for each answer, on the disk before it is
acknowledged. Sent twice, an answer is stored once."""

import datetime
import json
import math
import os
import re
import threading

from hdsynth_tf.study.stimuli import REAL

RATER = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TOLERANCE = 20.0  # milliseconds that a pair may be seen too long or too short
MAX_ATTEMPTS = 3  # times that a pair is shown, if its time was off, or the page was hidden

# What the page says of an answer: name -> the values it may have.
CHOICES = {"choice": ("left", "right", "tie"), "by": ("key", "pointer")}
TEXTS = {"uuid": "[0-9a-f-]{8,36}", "key": r"[\w ]{0,20}", "user_agent": ".{0,400}"}
WHOLE = ("trial", "attempt", "order", "long_gaps")
FLAGS = ("hidden", "cross_origin_isolated")
NUMBERS = (
    *("frame_ms", "rate_hz", "frames", "onset_ms", "offset_ms", "shown_ms", "response_ms"),
    *("width", "height", "scale", "device_pixel_ratio", "viewport_width", "viewport_height"),
)
OPTIONAL = ("frames", "rate_hz")  # `None` without a limit of time; or at no common rate


def rater_id(text):
    """The id as it is stored, in lower case, which no file system confuses. Raises `ValueError` if it is none."""
    name = text.strip().lower()
    if not RATER.fullmatch(name):
        raise ValueError("An id consists of 1 to 40 letters, digits, - and _.")
    return name


def checked(sent):
    """The fields of an answer that the page sent, and nothing else: dict. Raises `ValueError` if one is wrong."""
    wrong = [
        *(name for name, values in CHOICES.items() if sent.get(name) not in values),
        *(name for name, form in TEXTS.items() if not _has_form(sent.get(name), form)),
        *(name for name in WHOLE if not (type(sent.get(name)) is int and 0 <= sent[name] < 10**6)),
        *(name for name in FLAGS if not isinstance(sent.get(name), bool)),
        *(name for name in NUMBERS if not _is_number(sent.get(name), name in OPTIONAL)),
    ]
    if wrong:
        raise ValueError(f"The answer's {', '.join(wrong)} cannot be right.")
    return {name: sent[name] for name in (*WHOLE, *CHOICES, *TEXTS, *FLAGS, *NUMBERS)}


def _has_form(value, form):
    return isinstance(value, str) and re.fullmatch(form, value) is not None


def _is_number(value, optional):
    return (value is None and optional) or (type(value) in (int, float) and math.isfinite(value) and abs(value) < 1e12)


def is_valid(answer, duration):
    """Whether the pair was seen as long as it should have been, as the page measured it, on a page in view."""
    return duration == 0 or (not answer["hidden"] and abs(answer["shown_ms"] - 1000 * duration) <= TOLERANCE)


def complete(fields, rater, trial):
    """An answer as it is stored: what the page sent, and what only the server knows.

    Args:
        fields: What `checked` returned.
        rater: String.
        trial: `design.Trial` that is answered.
    """
    methods = {"left": trial.left, "right": trial.right}
    chosen = methods.get(fields["choice"])
    truth = trial.truth or next((side for side, method in methods.items() if method == REAL), None)
    return {
        "rater": rater,
        **fields,
        "kind": trial.kind,
        "image": trial.image,
        **methods,
        "duration": trial.duration,
        "chosen": chosen,
        "correct": None if truth is None else fields["choice"] == truth,
        "valid": is_valid(fields, trial.duration),
        "received": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
    }


class AnswerBook:
    """The answers of all raters.

    Args:
        folder: `Path` of the folder of their files.
    """

    def __init__(self, folder):
        self.folder, self.lock, self.known = folder, threading.Lock(), {}

    def path(self, rater):
        return self.folder / f"{rater}.jsonl"

    def of(self, rater):
        """The answers of a rater, in the order of their arrival: list of dicts."""
        with self.lock:
            return list(self._of(rater))

    def _of(self, rater):
        if rater not in self.known:
            self.known[rater] = read_answers(self.path(rater))
        return self.known[rater]

    def add(self, rater, answer):
        """Stores an answer. Returns the one that is stored: the earlier one if the attempt has been answered before, or
        the pair validly, as by a second page that is open; so no pair counts twice."""
        with self.lock:
            for earlier in self._of(rater):
                is_same = earlier["attempt"] == answer["attempt"]
                if earlier["trial"] == answer["trial"] and (is_same or earlier["valid"]):
                    return earlier
            append_line(self.path(rater), json.dumps(answer))
            self.known[rater].append(answer)
            return answer

    def everything(self):
        """All answers of all raters."""
        raters = sorted(path.stem for path in self.folder.glob("*.jsonl"))
        return [answer for rater in raters for answer in self.of(rater)]


def read_answers(path):
    """The answers in a file. A last line that was cut short was never acknowledged, and is left out."""
    content = path.read_bytes() if path.exists() else b""
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def append_line(path, text):
    """Adds a line to a file. When this returns, it is on the disk; what was cut short before is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new and os.name == "posix":  # so is the name of the file
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
