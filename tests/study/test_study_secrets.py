"""A study that cannot be read: whoever invents raters and remembers all that is sent learns nothing of what counts."""

import collections
import dataclasses
import hashlib
import io
import time

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra `ui` is not installed")
pytest.importorskip("httpx2", reason="starlette's test client needs httpx2")
from starlette.testclient import TestClient

from hdsynth_tf.config.settings import SettingsError
from hdsynth_tf.study import stimuli
from hdsynth_tf.study import study as studies
from hdsynth_tf.study.__main__ import invitations
from hdsynth_tf.study.app import make_study_app
from hdsynth_tf.study.design import trials
from hdsynth_tf.study.shares import wilson
from hdsynth_tf.study.stimuli import REAL
from pipelines.errors import DataError

NUM_IMAGES = 24
SETTINGS = dict(num_pairs=20, practice=4, checks=0.2, seed=0, allow_tie=False, durations=(0,), question="Which?")


@pytest.fixture
def pictures(save, rng, tmp_path):
    """Noise that is real, and the same smoothed, which any compression tells apart."""
    for i in range(NUM_IMAGES):
        noise = rng.integers(0, 255, (16, 32, 3)).astype("uint8")
        save(f"photos/{i:02d}.png", noise)
        save(f"ours/{i:02d}.png", np.repeat(noise[:, ::8], 8, axis=1))
    return {REAL: tmp_path / "photos", "ours": tmp_path / "ours"}


@pytest.fixture
def study(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(stimuli, "new_secret", lambda: "0123456789abcdef0123456789abcdef")  # else chance would decide
    return studies.begin(tmp_path / "study", pictures, 48, **SETTINGS)


def client_of(study, invited=None):
    app = make_study_app(study, "127.0.0.1", invited)
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def answer_to(study, rater, number, choice="left"):
    """An answer as the page sends it."""
    return {
        **dict(study=study.id, rater=rater, trial=number, attempt=0, order=number, choice=choice, by="key", key="f"),
        **dict(uuid=f"{number:08x}", user_agent="", frame_ms=16, rate_hz=60, frames=None, long_gaps=0, onset_ms=0),
        **dict(offset_ms=1, shown_ms=1, response_ms=1, hidden=False, width=9, height=9, scale=1, device_pixel_ratio=1),
        **dict(viewport_width=9, viewport_height=9, cross_origin_isolated=True),
    }


class Attacker:
    """Invents raters, answers their practice, and keeps what is told of every picture: its address, content, size."""

    def __init__(self, client, study):
        self.client, self.study = client, study
        self.told = collections.defaultdict(dict)  # what is looked at -> its value -> whether such a picture was real
        self.seconds = {True: [], False: []}

    def look(self, address):
        """All that can be seen of a picture but what it shows: dict."""
        reply = self.client.get(address)
        assert reply.status_code == 200
        headers = tuple(sorted((name, value) for name, value in reply.headers.items() if name != "date"))
        content = hashlib.sha256(reply.content).hexdigest()
        name = address.rpartition("/")[2]
        return {"address": name, "content": content, "bytes": len(reply.content), "headers": headers}

    def invent(self, rater):
        """Answers the practice of a new rater, and learns which of its pictures are real."""
        session = self.client.post("/api/session", json={"rater": rater}).json()
        for number, trial in enumerate(session["trials"]):
            if not trial["practice"]:
                break
            reply = self.client.post("/api/answers", json=answer_to(self.study, rater, number)).json()
            for side in ("left", "right"):
                for name, value in self.look(trial[side]).items():
                    self.told[name].setdefault(value, []).append(reply["correct"] == (side == "left"))
        return session["trials"]

    def guess(self, name, left, right):
        """Which of two pictures is real, by one thing that was seen of them; `None` if it tells nothing."""
        known = self.told[name]
        shares = [np.mean(known[seen[name]]) if seen[name] in known else 0.5 for seen in (left, right)]
        return None if shares[0] == shares[1] else "left" if shares[0] > shares[1] else "right"


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_invented_raters_know_nothing_of_what_counts(study, count, capsys):
    with client_of(study) as client:
        attack(Attacker(client, study), count, capsys)


def attack(attacker, count, capsys):
    study = attacker.study
    for number in range(count):
        attacker.invent(f"invented-{number}")
    assert all(len(known) >= 2 for name, known in attacker.told.items() if name in ("address", "content"))
    guesses, right = collections.Counter(), collections.Counter()
    by_code = dataclasses.replace(study.plan, secret="guessed")  # all that stands in the code, and any name guessed
    victims = min(20, count // 2)
    for number in range(count, count + victims):
        rater = f"invented-{number}"
        asked, before = trials(study.plan, rater), None
        for place, trial in enumerate(attacker.invent(rater)):
            if asked[place].kind != "pair":
                continue
            truth = "left" if asked[place].left == REAL else "right"
            seen = {side: attacker.look(trial[side]) for side in ("left", "right")}
            tries = {name: attacker.guess(name, **seen) for name in seen["left"]}
            tries["order"] = "left" if trials(by_code, rater)[place].left == REAL else "right"
            tries["the pair before, which was sure"] = before  # always the other side would show as well
            before = truth
            for name, side in tries.items():
                guesses[name] += 1
                right[name] += {truth: 1, None: 0.5}.get(side, 0)
    for name in guesses:
        low, high = wilson(right[name], guesses[name])
        with capsys.disabled():
            print(f"\n{count} raters, by {name}: {right[name] / guesses[name]:.1%} ({low:.1%} to {high:.1%})", end="")
        assert guesses[name] == victims * SETTINGS["num_pairs"] and low <= 0.5 <= high


def test_addresses_are_of_one_rater_and_one_trial(study):
    client, seen = client_of(study), collections.Counter()
    for rater in ("anna", "ben"):
        session = client.post("/api/session", json={"rater": rater}).json()
        seen.update(trial[side] for trial in session["trials"] for side in ("left", "right"))
        shown = trials(study.plan, rater)
        for number, trial in enumerate(session["trials"]):
            for side, token in zip(("left", "right"), study.tokens(shown[number])):
                assert client.get(trial[side]).content == study.picture(token).read_bytes()
    assert set(seen.values()) == {1}
    token = study.tokens(trials(study.plan, "anna")[0])[0]
    first = session["trials"][0]["left"]
    for wrong in (
        first.replace("/ben/", "/anna/"), first.replace("/0/", "/1/"), first.replace("/0/", "/00/"),
        f"/pictures/ben/0/{token}.png", f"/pictures/{token}.png", f"/pictures/ben/{'9' * 5000}/{token}.png",
        "/pictures/ben/0/ä.png", "/pictures/ben/x/y.png", first.replace("/0/", "/-1/"),
    ):  # fmt: skip
        assert client.get(wrong).status_code == 404, wrong


def test_pictures_of_one_size_have_as_many_bytes(study):
    assert len({path.stat().st_size for path in (study.folder / "pictures").iterdir()}) == 1
    with Image.open(io.BytesIO(next((study.folder / "pictures").iterdir()).read_bytes())) as picture:
        assert picture.size == (48, 24) and not picture.info


@pytest.mark.slow
def test_times_tell_nothing(study, capsys):
    """Which of two pictures comes sooner is chance: share of pairs in which the real one does."""
    with client_of(study) as client:
        compare_times(client, study, capsys)


def compare_times(client, study, capsys):
    sooner = []
    for rater in ("anna", "ben", "cleo"):
        session = client.post("/api/session", json={"rater": rater}).json()
        for number, (trial, asked) in enumerate(zip(session["trials"], trials(study.plan, rater))):
            if asked.kind != "pair":
                continue
            seconds = {"left": [], "right": []}
            for turn in range(11):
                for side in ("left", "right") if (turn + number) % 2 else ("right", "left"):
                    begun = time.perf_counter()
                    client.get(trial[side])
                    seconds[side].append(time.perf_counter() - begun)
            fast = min(seconds, key=lambda side: np.median(seconds[side]))
            sooner.append(getattr(asked, fast) == REAL)
    low, high = wilson(sum(sooner), len(sooner), 0.9999)  # 95 % would fail one honest run in twenty
    with capsys.disabled():
        print(f"\nthe real one sooner: {np.mean(sooner):.1%} ({low:.1%} to {high:.1%}) of {len(sooner)}", end="")
    assert low <= 0.5 <= high


def test_practice_has_pictures_of_its_own(study, pictures, tmp_path):
    practised, counted = set(), set()
    for rater in map(str, range(50)):
        for trial in trials(study.plan, rater):
            (practised if trial.kind == "practice" else counted if trial.kind == "pair" else set()).add(trial.image)
    assert len(practised) == SETTINGS["practice"] and len(counted) == NUM_IMAGES - len(practised)
    assert not practised & counted and practised == set(study.plan.practice_images)
    with pytest.raises(DataError) as caught:
        studies.begin(tmp_path / "more", pictures, 48, **{**SETTINGS, "num_pairs": 21})
    assert all(part in str(caught.value) for part in ("--num_pairs=21", "--num_pairs=20", "25 are needed", "4 of them"))
    with pytest.raises(DataError) as caught:
        studies.begin(tmp_path / "more", pictures, 48, **{**SETTINGS, "practice": 24, "num_pairs": 1})
    assert "--practice" in str(caught.value) and "25 are needed" in str(caught.value)
    without = studies.begin(tmp_path / "plain", pictures, 48, **{**SETTINGS, "practice": 0, "num_pairs": 24})
    assert not without.plan.practice_images


def test_studies_of_before_go_on_as_they_were(study):
    """Their answers name trials by numbers: the order stays. Addresses are of one rater there, too."""
    path = study.folder / "study.json"
    text = path.read_text()
    start = text.index('"practice_images"')
    path.write_text(text[:start] + text[text.index("]", start) + 1 :].lstrip(",\n "))
    before = studies.take_up(study.folder, **SETTINGS)
    assert before.plan == dataclasses.replace(study.plan, practice_images=(), secret="")
    trial = client_of(before).post("/api/session", json={"rater": "anna"}).json()["trials"][0]
    assert "/anna/0/" in trial["left"] and client_of(before).get(trial["left"]).status_code == 200


def test_a_study_by_invitation(study, tmp_path):
    path = tmp_path / "raters.txt"
    path.write_bytes("\ufeffAnna\r\n\r\n ben-2 \r\n".encode())
    assert invitations(path) == {"anna", "ben-2"}
    client = client_of(study, invitations(path))
    assert client.get("/api/study").json()["is_closed"] and not client_of(study).get("/api/study").json()["is_closed"]
    assert client.post("/api/session", json={"rater": "ANNA"}).json()["rater"] == "anna"
    for rater in ("carl", "", "invented-1"):
        assert client.post("/api/session", json={"rater": rater}).status_code == 403
        reply = client.post("/api/answers", json=answer_to(study, rater or "r-1", 0))
        assert reply.status_code == 403 and not (study.folder / "answers" / f"{rater}.jsonl").exists()
    path.write_text("anna\nben 2\n")
    with pytest.raises(SettingsError, match=r"line 2.*ben 2"):
        invitations(path)
    path.write_text("\n")
    with pytest.raises(SettingsError, match="--raters"):
        invitations(path)
