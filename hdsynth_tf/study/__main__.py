"""`python -m hdsynth_tf.study`: people judge pairs of pictures on a local page; the report says what they prefer."""

import dataclasses
from pathlib import Path

from hdsynth_tf.config import commands, flags
from hdsynth_tf.config.settings import SettingsError, form_of, named_places
from hdsynth_tf.files.lock import only_writer
from hdsynth_tf.files.run_folder import RunFolder, RunFolderError, read_settings, write_json
from hdsynth_tf.study import study as studies
from hdsynth_tf.study.answers import rater_id
from hdsynth_tf.study.design import DEGRADED
from hdsynth_tf.study.report import write_report
from hdsynth_tf.study.settings import StudySettings
from hdsynth_tf.study.stimuli import REAL
from hdsynth_tf.web.errors import check_installed
from pipelines.texts import read_text

USAGE = """
Serves a page on which people judge pairs of pictures, of methods against each other or against the real ones. Answers
are stored as they are given; started again, by --output_dir alone, the study goes on. --report says what they prefer.

  python -m hdsynth_tf.study --method=ours=out/ours --method=theirs=out/theirs --output_dir=studies/table2
  python -m hdsynth_tf.study --real=photos --method=ours=out --durations=0.125,0.5,2,8 --output_dir=studies/fig7
  python -m hdsynth_tf.study --output_dir=studies/table2 --report
"""
QUESTIONS = {True: "Which one is a real photograph?", False: "Which picture looks more natural?"}
MAY_CHANGE = {"output_dir", "host", "port", "raters", "report", "min_checks"}


def main(argv):
    (asked,) = flags.parse(argv, (StudySettings,), USAGE)
    if not asked.output_dir or "://" in asked.output_dir:
        raise SettingsError("Say where the study is kept, on this machine: --output_dir=FOLDER.")
    folder = Path(asked.output_dir)
    (asked,) = flags.parse(argv, (StudySettings,), USAGE, read_settings(folder, "study", form_of(StudySettings)))
    RunFolder(folder).check({"study": asked}, MAY_CHANGE)
    if asked.report:
        report(folder, asked)
    else:
        with only_writer(folder, "study"):
            serve_study(folder, asked)


def report(folder, asked):
    """Writes and prints what the answers say."""
    study = studies.take_up(folder, **plan(asked))
    if study is None:
        raise RunFolderError(f"{folder} holds no study that can be reported. Was it begun there?")
    print("\n".join(write_report(study, asked.min_checks, folder / "report")))
    print(f"Report: {folder / 'report' / 'index.html'}")


def serve_study(folder, asked):
    """Begins the study or takes it up, and serves its page."""
    check_installed()
    from hdsynth_tf.study.app import make_study_app  # what it imports is optional
    from hdsynth_tf.web.server import serve

    folders, invited = what_to_compare(asked), invitations(asked.raters) if asked.raters else None
    study = studies.take_up(folder, **plan(asked))
    if study is None or not study.is_complete:
        study = studies.begin(folder, folders, asked.picture_size, **plan(asked))
        write_json(folder / "settings.json", {"study": dataclasses.asdict(asked)})
    print("\n".join(study.notes))
    print(f"{len(study.plan.images)} images, {len(study.plan.comparisons)} comparisons. Answers: {folder / 'answers'}")
    serve(make_study_app(study, asked.host, invited), asked.host, asked.port, "Study")


def what_to_compare(asked):
    """Dict: method -> folder, the real pictures first. Raises `SettingsError` if it is less than two, or misnamed."""
    methods = named_places(asked.method, reserved=(REAL, DEGRADED))
    folders = {**({REAL: asked.real} if asked.real else {}), **methods}
    if len(folders) < 2:
        raise SettingsError("Say what to compare: --method=NAME=FOLDER twice or more, or once with --real=FOLDER.")
    return folders


def invitations(path):
    """The ids in a file, one in a line: set. Raises `SettingsError` if one is none, or there are none."""
    found = set()
    for number, line in enumerate(read_text(path, "list of raters").splitlines(), 1):
        try:
            found |= {rater_id(line)} if line.strip() else set()
        except ValueError as error:
            raise SettingsError(f"--raters={path}, line {number}: {error} Received: {line.strip()}") from error
    if not found:
        raise SettingsError(f"--raters={path} names nobody. Write one id in a line.")
    return found


def plan(asked):
    """The settings that say what raters see."""
    names = ("num_pairs", "practice", "checks", "seed", "allow_tie", "durations")
    return {"question": asked.question or QUESTIONS[bool(asked.real)], **{name: getattr(asked, name) for name in names}}


if __name__ == "__main__":
    commands.run(main, "study")
