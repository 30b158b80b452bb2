"""The page of a study in a real browser: whole sessions, times, and what happens when server or page are killed."""

import contextlib
import csv
import json
import os
import re

import browser
import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.files.run_folder import read_settings
from hdsynth_tf.study import study as studies
from hdsynth_tf.study.__main__ import plan
from hdsynth_tf.study.design import trials
from hdsynth_tf.study.settings import StudySettings
from hdsynth_tf.study.stimuli import REAL

pytestmark = browser.needs_browser


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Folders of pictures of three methods: `a`, `b`, `photos`."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for method in ("a", "b", "photos"):
        (root / method).mkdir()
        for i in range(44):
            pixels = rng.integers(0, 255, (6, 12, 3)).astype("uint8")
            Image.fromarray(pixels).resize((96, 48), Image.NEAREST).save(root / method / f"{i:02d}.png")
    return root


def flags(pictures, folder, **more):
    named = {"output_dir": folder, "picture_size": 96, **more}
    return [f"--method=a={pictures / 'a'}", f"--method=b={pictures / 'b'}", *(f"--{k}={v}" for k, v in named.items())]


@contextlib.contextmanager
def served(pictures, folder, **settings):
    """The address of a new study of `a` and `b`, served in this process."""
    from hdsynth_tf.study.app import make_study_app

    given = plan(StudySettings(**settings))
    study = studies.begin(folder, {name: pictures / name for name in ("a", "b")}, settings["picture_size"], **given)
    with browser.serving(make_study_app(study, "127.0.0.1")) as url:
        yield url


def study_in(folder):
    read = read_settings(folder, "study").items()  # JSON has no tuples
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in read}
    return studies.take_up(folder, **plan(StudySettings(**settings)))


def enter(page, rater):
    """From the first screen to the first pair or its announcement."""
    page.wait_for_selector("#welcome:not([hidden])")
    page.fill("#rater", rater)
    page.click("#begin button")
    page.click("#go:enabled")


def next_thing(page):
    """Waits for a pair to judge, a notice, or the end; gives the pair's number, or the notice's title."""
    page.wait_for_selector("#stage:not([hidden])[data-phase=asked], #notice:not([hidden])", timeout=30000)
    if page.locator("#notice").is_visible():
        return page.locator("#notice h1").inner_text()
    return int(page.locator("#stage").get_attribute("data-trial"))


def answer(page, choose, limit=10**6):
    """Answers until the session ends, or `limit` answers. Gives dict: number of the pair -> sides chosen."""
    given, count = {}, 0
    while count < limit:
        thing = next_thing(page)
        if thing in ("One moment", "Thank you"):
            page.wait_for_selector("#notice h1:has-text('Thank you')", timeout=30000)
            break
        if isinstance(thing, str):
            page.click("#notice button")
            continue
        side = choose(thing)
        if thing % 3:
            page.keyboard.press({"left": ["f", "ArrowLeft"], "right": ["j", "ArrowRight"]}[side][thing % 2])
        else:
            page.click(f"#{side}")
        given.setdefault(thing, []).append(side)
        count += 1
        assert page.locator("#stage").get_attribute("data-phase") != "asked"
    return given


def stored(folder, rater):
    return [json.loads(line) for line in (folder / "answers" / f"{rater}.jsonl").read_text().splitlines()]


def check_against(answers, given, asked):
    """Every answer given is stored once, as it was given; times are as they should be."""
    by_trial = {}
    for one in answers:
        by_trial.setdefault(one["trial"], []).append(one["choice"])
    assert by_trial == given
    assert sorted(given) == list(range(len(asked)))
    assert len({one["uuid"] for one in answers}) == len(answers)
    for one in answers:
        trial = asked[one["trial"]]
        assert (one["left"], one["right"], one["duration"]) == (trial.left, trial.right, trial.duration)
        if one["valid"] and one["duration"]:
            assert abs(one["shown_ms"] - 1000 * one["duration"]) <= 20
    assert np.mean([one["valid"] for one in answers]) > 0.5  # more on a machine that is not busy
    done = {one["trial"] for one in answers if one["valid"] or one["kind"] == "practice" or one["attempt"] == 2}
    assert len(done) == len(asked)  # what was off was shown again


def attentive(asked, rng):
    """A rater who tells degraded pictures and has no opinion otherwise."""
    drawn = [str(side) for side in rng.choice(["left", "right"], len(asked))]
    return lambda number: asked[number].truth or drawn[number]


@pytest.mark.slow
def test_a_session_with_the_server_killed_and_the_page_closed(pictures, tmp_path, command, rng):
    folder = tmp_path / "study"
    more = dict(durations="0.125,0.25,0", num_pairs=4, practice=2, checks=0.5, real=pictures / "photos")
    with browser.chromium() as context:
        with browser.Server("study", *flags(pictures, folder, **more)) as server:
            study = study_in(folder)
            asked = trials(study.plan, "anna")
            choose = attentive(asked, rng)
            page = browser.open_page(context, server.url)
            enter(page, "Anna")
            assert next_thing(page) == "Practice"
            given = answer(page, choose, limit=5)
            assert isinstance(next_thing(page), int)
        given_offline = answer(page, choose, limit=1)
        page.wait_for_selector("#alert:has-text('kept here')")
        assert len(stored(folder, "anna")) == 5
        page.close()

        with browser.Server("study", f"--output_dir={folder}", port=server.port) as server:
            page = browser.open_page(context, server.url)
            page.wait_for_selector("#welcome:not([hidden])")
            assert page.input_value("#rater") == "anna"
            enter(page, "anna")
            assert next_thing(page) == "Welcome back"
            rest = answer(page, choose)
            assert not page.problems
            for part in (given_offline, rest):
                for number, sides in part.items():
                    given.setdefault(number, []).extend(sides)
            check_against(stored(folder, "anna"), given, asked)
            assert page.evaluate("Object.keys(localStorage).filter((key) => key.endsWith('-anna'))") == []

    code, output, _ = command("study", f"--output_dir={folder}", "--report")
    assert code == 0 and "1 raters" in output
    report = json.loads((folder / "report" / "report.json").read_text())
    for row in report["comparisons"]:
        own = [
            i for i, t in enumerate(asked) if t.kind == "pair" and {t.left, t.right} == {row["subject"], row["other"]}
        ]
        fooled = [getattr(asked[i], given[i][-1]) != REAL for i in own]
        assert row["share"] == pytest.approx(np.mean(fooled)) and row["answers"] == len(own)


@pytest.mark.slow
def test_pages_are_usable_without_a_mouse_and_on_a_tablet(pictures, tmp_path):
    folder = tmp_path / "study"
    more = dict(num_pairs=3, practice=0, checks=0, allow_tie=True, picture_size=512)
    with (
        served(pictures, folder, **more) as url,
        browser.chromium(viewport={"width": 768, "height": 1024}, has_touch=True) as context,
    ):
        page = browser.open_page(context, url)
        page.wait_for_selector("#welcome:not([hidden])")
        page.focus("#rater")
        page.keyboard.press("Enter")
        page.wait_for_selector("#go:enabled:focus")
        assert page.locator("#small").is_visible() and "70 %" in page.inner_text("#space")
        page.keyboard.press("Enter")
        assert next_thing(page) == "Now it counts"
        page.keyboard.press("Enter")
        assert next_thing(page) == 0
        for side in ("left", "right"):
            box = page.locator(f"#{side}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 768
        page.keyboard.press("Space")
        next_thing(page)
        page.keyboard.press("p")
        page.focus("#right")
        page.keyboard.press("Enter")
        assert next_thing(page) == "Pause"
        page.keyboard.press("Space")
        next_thing(page)
        page.tap("#left")
        page.wait_for_selector("#notice h1:has-text('Thank you')")
        rater = re.search(r"r-\w+", page.inner_text("#notice .text")).group()
        assert not page.problems
    answers = stored(folder, rater)
    assert [(one["choice"], one["by"]) for one in answers] == [("tie", "key"), ("right", "key"), ("left", "pointer")]
    assert all(0.6 < one["scale"] < 0.75 and one["cross_origin_isolated"] for one in answers)


@pytest.mark.slow
def test_names_tell_nothing_and_what_was_disturbed_is_shown_again(pictures, tmp_path):
    folder, seen = tmp_path / "study", []
    more = dict(num_pairs=2, practice=1, checks=0, durations=(0.5,), picture_size=96)
    with served(pictures, folder, **more) as url, browser.chromium() as context:
        context.on("response", lambda response: seen.append(response))
        page = browser.open_page(context, url)
        enter(page, "x")
        answer(page, lambda number: "left", limit=1)
        assert next_thing(page) == "Now it counts"
        page.click("#notice button")
        page.wait_for_selector("#stage[data-phase=seen]")
        page.evaluate("dispatchEvent(new Event('blur'))")
        page.keyboard.press("f")  # too early: it is not an answer
        answer(page, lambda number: "right")
        assert not page.problems
        shown = {response.url: response.headers for response in seen}
    answers = stored(folder, "x")
    assert (answers[1]["trial"], answers[1]["hidden"], answers[1]["valid"]) == (1, True, False)
    again = [place for place, one in enumerate(answers) if (one["trial"], one["attempt"]) == (1, 1)]
    assert again[0] > [one["trial"] for one in answers].index(2)  # at the end
    assert {one["choice"] for one in answers[1:]} == {"right"}
    assert all(one["response_ms"] > one["shown_ms"] > 480 for one in answers)

    assert {address.split("/")[2] for address in shown} == {url.split("/")[2]}  # nothing from elsewhere
    loaded = {address: headers for address, headers in shown.items() if "/pictures/" in address}
    assert len(loaded) >= 4 and all(re.fullmatch(r".*/pictures/x/\d+/[0-9a-f]{32}\.png", address) for address in loaded)
    assert all("immutable" in headers["cache-control"] for headers in loaded.values())


@pytest.mark.slow
def test_an_answer_that_is_refused_stops_no_other(pictures, tmp_path):
    """It is set aside and told of; what may be accepted another time is sent until it is."""
    folder, statuses, sent = tmp_path / "study", {1: [429, 408], 2: [503]}, []

    def pass_on(route):
        one = route.request.post_data_json
        sent.append(one["trial"])
        if one["trial"] == 0:  # the server itself finds what is wrong, and says so
            route.continue_(post_data={**one, "scale": "large"})
        elif statuses.get(one["trial"]):
            route.fulfill(status=statuses[one["trial"]].pop(0), json={"error": "Not now."})
        else:
            route.continue_()

    more = dict(num_pairs=4, practice=0, checks=0, picture_size=96)
    with served(pictures, folder, **more) as url, browser.chromium() as context:
        context.route("**/api/answers", pass_on)
        page = browser.open_page(context, url)
        enter(page, "zoe")
        given = answer(page, lambda number: "left", limit=1)
        page.wait_for_selector("#alert:has-text('refused'):has-text('scale')")
        given |= answer(page, lambda number: "right")
        assert sent == [0, 1, 1, 1, 2, 2, 3] and sorted(given) == [0, 1, 2, 3]
        assert "scale" in page.inner_text("#alert")  # it was not wiped away by those that went well
        assert "except 1" in page.inner_text("#notice .text")
        kept = page.evaluate("Object.entries(localStorage).filter(([key]) => key.endsWith('-zoe'))")
        page.click("#alert button")
        assert not page.locator("#alert").is_visible() and not page.problems
    assert [one["trial"] for one in stored(folder, "zoe")] == [1, 2, 3]
    ((key, value),) = kept
    (refused,) = json.loads(value)
    assert "refused" in key and refused["status"] == 400 and "scale" in refused["message"]
    assert (refused["answer"]["trial"], refused["answer"]["choice"]) == (0, "left")


@pytest.mark.slow
def test_any_id_will_do(pictures, tmp_path):
    """Also one that is a word in the names under which the page keeps things."""
    folder, ids = tmp_path / "study", ("rater", "answers-rater", "refused-rater")
    with (
        served(pictures, folder, num_pairs=1, practice=0, checks=0, picture_size=96) as url,
        browser.chromium() as context,
    ):
        for name in ids:
            page = browser.open_page(context, url)
            enter(page, name)
            assert answer(page, lambda number: "left") == {0: ["left"]}
            assert not page.problems
            page.close()
    assert [len(stored(folder, name)) for name in ids] == [1, 1, 1]


@pytest.mark.long
def test_forty_pairs_with_five_viewing_times_killed_in_the_middle(pictures, tmp_path, command, rng, capsys):
    folder = tmp_path / "study"
    more = dict(durations="0.125,0.25,0.5,1,2", num_pairs=40, practice=4)
    with browser.chromium(viewport={"width": 1280, "height": 720}) as context:
        with browser.Server("study", *flags(pictures, folder, **more)) as server:
            asked = trials(study_in(folder).plan, "ben")
            choose = attentive(asked, rng)
            page = browser.open_page(context, server.url)
            enter(page, "ben")
            given = answer(page, choose, limit=20)
        for number, sides in answer(page, choose, limit=1).items():
            given.setdefault(number, []).extend(sides)
        with browser.Server("study", f"--output_dir={folder}", port=server.port):
            for number, sides in answer(page, choose).items():  # the same page, which never knew
                given.setdefault(number, []).extend(sides)
        assert not page.problems
    answers = stored(folder, "ben")
    check_against(answers, given, asked)
    limited = [one for one in answers if one["duration"]]
    off = np.array([one["shown_ms"] - 1000 * one["duration"] for one in limited])
    assert np.mean(abs(off) <= 20) >= 0.9
    with capsys.disabled():
        print(f"{len(limited)} exposures, {np.mean(abs(off) <= 20):.1%} within 20 ms; worst {abs(off).max():.1f} ms")

    code, _, _ = command("study", f"--output_dir={folder}", "--report")
    assert code == 0
    report = json.loads((folder / "report" / "report.json").read_text())
    (row,) = report["comparisons"]
    final = {
        number: getattr(asked[number], sides[-1]) for number, sides in given.items() if asked[number].kind == "pair"
    }
    used = {one["trial"] for one in answers if one["valid"] and one["kind"] == "pair"}
    assert row["answers"] == len(used) and row["share"] == pytest.approx(np.mean([final[n] == "a" for n in used]))
    assert [level["duration"] for level in row["durations"]] == [0.125, 0.25, 0.5, 1, 2]
    for level in row["durations"]:
        own = [final[n] == "a" for n in used if asked[n].duration == level["duration"]]
        assert level["share"] == pytest.approx(np.mean(own)) and level["answers"] == len(own)
    with (folder / "report" / "answers.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(answers)
    assert os.path.getsize(folder / "report" / "curve.svg") > 1000
