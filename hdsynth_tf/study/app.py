"""HTTP routes of a study: sessions of raters, pictures, and answers that are kept."""

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from hdsynth_tf.study.answers import MAX_ATTEMPTS, TOLERANCE, checked, complete, rater_id
from hdsynth_tf.study.design import trials
from hdsynth_tf.web.errors import Refused
from hdsynth_tf.web.server import immutable, make_app, page_routes, read_json

SECONDS_TO_ANSWER = 3  # a guess, for how long a session takes
MAX_BODY = 64 * 1024


def make_study_app(study, host, invited=None):
    """The application of a `Study`, to be served at `host`, to all or to the ids in the set `invited`."""
    return make_app([*StudyRoutes(study, invited).routes(), *page_routes("study")], host, MAX_BODY)


class StudyRoutes:
    """The routes of a `Study`. All that a rater could learn the methods from stays here."""

    def __init__(self, study, invited=None):
        self.study, self.book, self.invited = study, study.open_answers(), invited

    def routes(self):
        return [
            Route("/api/study", self.describe),
            Route("/api/session", self.session, methods=["POST"]),
            Route("/api/answers", self.answer, methods=["POST"]),
            Route("/pictures/{rater}/{number}/{address}.png", self.picture),
        ]

    async def describe(self, request):
        plan = self.study.plan
        some = trials(plan, "")  # every rater's are as many
        sizes = self.study.sizes.values()
        return JSONResponse(
            {
                "id": self.study.id,
                "question": self.study.question,
                "allow_tie": self.study.allow_tie,
                "has_truth": self.study.has_truth,
                "is_limited": any(plan.durations),
                "is_closed": self.invited is not None,
                "num_trials": len(some),
                "minutes": max(1, round(sum(trial.duration + SECONDS_TO_ANSWER for trial in some) / 60)),
                "width": max(width for _, width in sizes),
                "height": max(height for height, _ in sizes),
            }
        )

    async def session(self, request):
        rater = self.rater_of((await read_json(request)).get("rater") or f"r-{secrets.token_hex(5)}")
        given = await run_in_threadpool(self.book.of, rater)
        return JSONResponse(
            {
                "rater": rater,
                "tolerance_ms": TOLERANCE,
                "max_attempts": MAX_ATTEMPTS,
                "trials": [self.shown(rater, *entry) for entry in enumerate(trials(self.study.plan, rater))],
                "answers": [[answer["trial"], answer["attempt"], answer["valid"]] for answer in given],
            }
        )

    def shown(self, rater, number, trial):
        """A trial as JSON for the page."""
        names = (self.study.address(rater, number, side) for side in ("left", "right"))
        left, right = (f"/pictures/{rater}/{number}/{name}.png" for name in names)
        height, width = self.study.sizes[trial.image]
        return {
            "left": left,
            "right": right,
            "width": width,
            "height": height,
            "duration": trial.duration,
            "practice": trial.kind == "practice",
        }

    async def answer(self, request):
        sent = await read_json(request)
        rater = self.rater_of(sent.get("rater"))
        if sent.get("study") != self.study.id:
            raise Refused(409, "This answer belongs to another study than the one that is served here now.")
        try:
            fields = checked(sent)
        except ValueError as error:
            raise Refused(400, str(error)) from error
        asked = trials(self.study.plan, rater)
        is_asked = fields["trial"] < len(asked) and fields["attempt"] < MAX_ATTEMPTS
        if not is_asked or (fields["choice"] == "tie" and not self.study.allow_tie):
            raise Refused(400, "There is no such trial, or no such answer.")
        stored = await run_in_threadpool(self.book.add, rater, complete(fields, rater, asked[fields["trial"]]))
        is_told = stored["kind"] == "practice" and stored["choice"] != "tie"
        return JSONResponse({"uuid": stored["uuid"], "correct": stored["correct"] if is_told else None})

    async def picture(self, request):
        path = self.study.at_address(*(request.path_params[name] for name in ("rater", "number", "address")))
        if path is None:
            raise Refused(404, "There is no such picture.")
        return immutable(await run_in_threadpool(path.read_bytes), "image/png")

    def rater_of(self, text):
        """The id of a rater who may take part."""
        try:
            rater = rater_id(text if isinstance(text, str) else "")
        except ValueError as error:
            raise Refused(400, str(error)) from error
        if self.invited is not None and rater not in self.invited:
            raise Refused(403, "This study is by invitation. Enter the id that you were given.")
        return rater
