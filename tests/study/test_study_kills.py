"""The server of a study is killed again and again while people answer: what was acknowledged is there, once."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request

import browser
import pytest
from PIL import Image

pytest.importorskip("uvicorn", reason="the extra `ui` is not installed")

RATERS, METHODS, IMAGES, ATTEMPTS = 8, "abcd", 60, 3
PAIRS = IMAGES * 6  # of each rater: every image in every comparison of two methods


@pytest.fixture
def pictures(tmp_path, rng):
    for method in METHODS:
        (tmp_path / method).mkdir()
        for i in range(IMAGES):
            Image.fromarray(rng.integers(0, 255, (8, 16, 3), "uint8")).save(tmp_path / method / f"{i:02d}.png")
    return [f"--method={method}={tmp_path / method}" for method in METHODS]


class Rater(threading.Thread):
    """Answers one trial after the other; sends each until it is acknowledged, whoever dies in between."""

    def __init__(self, name, server, study, rng):
        super().__init__(daemon=True)
        self.id, self.server, self.study = name, server, study
        self.choices = [str(choice) for choice in rng.choice(["left", "right"], PAIRS * ATTEMPTS)]
        self.acknowledged, self.strange, self.resent = {}, [], 0
        self.stops = threading.Event()

    def run(self):
        for number in range(PAIRS * ATTEMPTS):
            body = json.dumps(self.answer(number)).encode()
            while number not in self.acknowledged:
                if self.stops.wait(0.01):
                    return
                try:
                    self.acknowledged[number] = self.post("api/answers", body)["uuid"]
                except urllib.error.HTTPError as error:
                    self.strange.append(error.read())
                    return
                except (OSError, ValueError, http.client.HTTPException):  # it was killed before, or while it answered
                    self.resent += 1

    def answer(self, number):
        trial, attempt = divmod(number, ATTEMPTS)  # of which none is valid, since pairs are seen too short
        return {
            **dict(study=self.study, rater=self.id, trial=trial, attempt=attempt, order=number, key="f", by="key"),
            **dict(choice=self.choices[number], uuid=f"{number:08x}", user_agent="", frame_ms=16, rate_hz=60),
            **dict(frames=None, long_gaps=0, onset_ms=0, offset_ms=1, shown_ms=1, response_ms=1, hidden=False, width=9),
            **dict(
                height=9, scale=1, device_pixel_ratio=1, viewport_width=9, viewport_height=9, cross_origin_isolated=True
            ),
        }

    def post(self, path, body):
        request = urllib.request.Request(self.server + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read())


def begin(folder, pictures):
    given = [*pictures, "--picture_size=16", "--practice=0", "--checks=0", f"--num_pairs={PAIRS}", "--durations=0.125"]
    return browser.Server("study", f"--output_dir={folder}", *given)


def post_of(url):
    with urllib.request.urlopen(url + "api/study", timeout=10) as reply:
        return json.loads(reply.read())


@pytest.mark.parametrize("kills", [pytest.param(6, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.long)])
def test_answers_outlive_the_server(pictures, tmp_path, rng, kills, capsys):
    folder = tmp_path / "study"
    server = begin(folder, pictures)
    study = post_of(server.url)["id"]
    raters = [Rater(f"rater-{i}", server.url, study, rng) for i in range(RATERS)]
    for rater in raters:
        rater.start()
    for _ in range(kills):
        time.sleep(rng.uniform(0.05, 0.8))
        server.kill()
        server = browser.Server("study", f"--output_dir={folder}", port=server.port)
    time.sleep(0.5)
    for rater in raters:
        rater.stops.set()
    for rater in raters:
        rater.join(30)
    server.kill()

    total = 0
    for rater in raters:
        lines = (folder / "answers" / f"{rater.id}.jsonl").read_bytes().decode().split("\n")
        stored = [json.loads(line) for line in lines[:-1]]
        assert not rater.strange and not rater.is_alive()
        wanted = [(f"{number:08x}", rater.choices[number], *divmod(number, ATTEMPTS)) for number in range(len(stored))]
        assert [(one["uuid"], one["choice"], one["trial"], one["attempt"]) for one in stored] == wanted
        assert rater.acknowledged == {number: wanted[number][0] for number in range(len(rater.acknowledged))}
        assert len(stored) - len(rater.acknowledged) in (0, 1)  # the last one may have died on its way back
        total += len(stored)
    assert total > RATERS * kills  # they did answer in between
    with capsys.disabled():
        resent = sum(rater.resent for rater in raters)
        print(f"\n{kills} kills, {total} answers, {resent} sent in vain and again: none lost, none twice")
