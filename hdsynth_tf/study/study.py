"""A study in its folder: begun once, taken up any number of times."""

import dataclasses
import hashlib
import hmac
import json

from hdsynth_tf.files.run_folder import RunFolderError, write_json
from hdsynth_tf.files.storage import remove
from hdsynth_tf.study import stimuli
from hdsynth_tf.study.answers import AnswerBook
from hdsynth_tf.study.design import DEGRADED, Plan, images_of_practice, shuffled, trials
from hdsynth_tf.study.stimuli import REAL, Stimulus
from pipelines.errors import DataError


@dataclasses.dataclass(frozen=True)
class Study:
    """A preference study.

    Attributes:
        folder: `Path`.
        secret: String, from which the pictures' names are made, and their addresses.
        methods: List of names; the real pictures are the first, if they are part.
        sizes: Dict: image -> (height, width) as shown.
        plan: `design.Plan`.
        question: String.
        allow_tie: Boolean, whether raters may say that they cannot tell.
        notes: List of lines: what methods lacked, and at what size their pictures were.
    """

    folder: object
    secret: str
    methods: list
    sizes: dict
    plan: Plan
    question: str
    allow_tie: bool
    notes: list

    @property
    def has_truth(self):
        """Whether one picture of each pair is real."""
        return REAL in self.methods

    @property
    def id(self):
        """Name of the study on the page."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:12]

    def open_answers(self):
        return AnswerBook(self.folder / "answers")

    @property
    def pictures(self):
        """All `Stimulus` that raters may see."""
        plain = [Stimulus(method, image) for method in self.methods for image in self.plan.images]
        return [*plain, *(Stimulus(method, image, degraded=True) for method, image in self.plan.degraded)]

    @property
    def is_complete(self):
        """Whether all pictures have been made."""
        return all(self.picture(stimulus.token(self.secret)).is_file() for stimulus in self.pictures)

    def picture(self, token):
        """The file of a picture, by its token."""
        return self.folder / "pictures" / f"{token}.png"

    def address(self, rater, number, side):
        """The name of a picture on the page: of one trial of one rater, so that nobody can tell where it comes again.

        Args:
            rater: String, the rater's id.
            number: Integer, of the trial, or its digits.
            side: `left` or `right`.
        """
        text = "\0".join((rater, str(number), side))
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]

    def at_address(self, rater, number, address):
        """The file of a picture, or `None` if no picture of this trial has this address."""
        for place, side in enumerate(("left", "right")):
            if hmac.compare_digest(self.address(rater, number, side).encode(), address.encode()):
                return self.picture(self.tokens(trials(self.plan, rater)[int(number)])[place])
        return None

    def tokens(self, trial):
        """The tokens of a trial's pictures, `(left, right)`."""
        method = trial.left if trial.right == DEGRADED else trial.right  # the one that is not degraded
        return tuple(
            Stimulus(method if side == DEGRADED else side, trial.image, side == DEGRADED).token(self.secret)
            for side in (trial.left, trial.right)
        )


def begin(folder, folders, picture_size, **plan):
    """Makes a new study, with all its pictures, in a folder. Interrupted, it can be called again.

    Args:
        folder: `Path`.
        folders: Dict: method -> folder of its pictures.
        picture_size: Integer, pixels of a shown picture's longer side.
        plan: `question`, `allow_tie`, and what `design.Plan` has besides pictures and methods.

    Returns:
        `Study`.

    Raises:
        DataError: If pictures cannot be compared, or are too few.
        RunFolderError: If the folder holds answers about other pictures.
    """
    found, notes = stimuli.find_pictures(folders)
    shown, sizes = stimuli.shown_sizes(found, picture_size)
    methods, images = list(found), list(shown)
    apart = _practice_images(methods, images, plan)
    content = {
        "secret": stimuli.new_secret(),
        "methods": methods,
        "sizes": shown,
        "degraded": stimuli.degraded(methods, images),
        "practice_images": apart,
        "notes": [*notes, *(describe_sizes(method, own) for method, own in sizes.items())],
    }
    path = folder / "study.json"
    if path.exists() and _without_secret(json.loads(path.read_text())) == _without_secret(content):
        content["secret"] = json.loads(path.read_text())["secret"]  # interrupted: pictures that are there are kept
    elif any((folder / "answers").glob("*.jsonl")):
        raise RunFolderError(f"{folder} holds answers about other pictures. Choose another folder.")
    else:
        remove(folder / "pictures")
    write_json(path, content)
    study = _study(folder, content, **plan)
    stimuli.render(study.pictures, found, shown, lambda stimulus: study.picture(stimulus.token(study.secret)))
    return study


def _practice_images(methods, images, plan):
    """Images for practice alone, where it tells which picture is real. Raises `DataError` if there are too few."""
    comparisons = stimuli.comparisons(methods)
    wanted = images_of_practice(plan["practice"], comparisons) if REAL in methods else 0
    possible = len(comparisons) * max(len(images) - wanted, 0)
    if plan["num_pairs"] <= possible:
        return sorted(shuffled(images, plan["seed"], "practice images")[:wanted])
    needed = wanted + -(-plan["num_pairs"] // len(comparisons))
    practice = f" {wanted} of them are for practice, whose answers are told." if wanted else ""
    fewer = f"--num_pairs={possible} or less" if possible else "less --practice"
    raise DataError(
        f"A rater sees an image once in a comparison: {possible} pairs at most, of {len(images)} images. Received: "
        f"--num_pairs={plan['num_pairs']}.{practice} Give {fewer}, or more pictures: {needed} are needed."
    )


def take_up(folder, **plan):
    """The study that was begun in a folder, or `None`. See `begin`."""
    path = folder / "study.json"
    return _study(folder, json.loads(path.read_text()), **plan) if path.is_file() else None


def _study(folder, content, question, allow_tie, **plan):
    methods, images = content["methods"], list(content["sizes"])
    if "practice_images" in content:  # studies of before go on as they were
        plan |= {"practice_images": content["practice_images"], "secret": content["secret"]}
    plan = Plan(stimuli.comparisons(methods), images, content["degraded"], **plan)
    sizes = {image: tuple(size) for image, size in content["sizes"].items()}
    parts = {name: content[name] for name in ("secret", "methods", "notes")}
    return Study(folder=folder, plan=plan, sizes=sizes, question=question, allow_tie=allow_tie, **parts)


def _without_secret(content):
    return json.dumps({**content, "secret": ""})


def describe_sizes(method, sizes):
    """A line on the sizes, a set, of a method's pictures as they were found."""
    some = ", ".join(f"{width} x {height}" for height, width in sorted(sizes)[:3])
    return f"{method}: pictures of {some}{' and other sizes' if len(sizes) > 3 else ''}"
