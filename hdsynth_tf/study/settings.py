"""The settings of `python -m hdsynth_tf.study` alone."""

import dataclasses

from hdsynth_tf.config.settings import Settings, SettingsError, setting


@dataclasses.dataclass(frozen=True)
class StudySettings(Settings):
    """Study"""

    output_dir: str = setting("", "Folder of the study: its pictures, its answers, its report.")
    method: tuple[str, ...] = setting((), "NAME=FOLDER of a method's pictures; may be repeated.", repeated=True)
    real: str = setting("", "Folder of the real pictures: each method is then compared with them, not with the others.")
    durations: tuple[float, ...] = setting(
        (0,), "Seconds that a pair is seen, comma-separated: 0.125,0.25,1,8. 0: without limit.", at_least=0
    )
    num_pairs: int = setting(40, "Pairs that each rater judges; practice and checks come on top.", at_least=1)
    practice: int = setting(10, "Pairs of practice before; with feedback if one picture is real.", at_least=0)
    checks: float = setting(
        0.1, "Checks, as a share of the pairs: sides swapped, or one picture obviously degraded.", at_least=0, at_most=1
    )
    min_checks: float = setting(
        0.75, "Share of the degraded pairs that a rater must tell for the answers to count.", at_least=0, at_most=1
    )
    allow_tie: bool = setting(False, "Whether raters may say that they cannot tell; it counts half for each.")
    question: str = setting("", "What raters are asked. Default: which looks more natural, or which is real.")
    picture_size: int = setting(512, "Pixels of a shown picture's longer side.", at_least=16)
    seed: int = setting(0, "Of the order and sides, together with the rater's id.", at_least=0)
    raters: str = setting("", "Text file of the ids of those who may take part, one in a line. Default: anyone.")
    report: bool = setting(False, "Writes and prints the report of the answers so far, and serves no page.")
    host: str = setting("127.0.0.1", "Address to listen at. 0.0.0.0: other machines can open the page, too.")
    port: int = setting(8347, "Port to listen at. 0: a free one.", at_least=0, at_most=65535)

    def check(self):
        if not self.durations or len(set(self.durations)) < len(self.durations):
            raise SettingsError(f"--durations should be seconds, each once, or 0. Received: {self.durations}")
