"""The page of a study in a real browser: whole sessions, times, and what happens when server or page are killed."""

import csv
import json
import os
import re

import browser
import numpy as np
import pytest
from PIL import Image

from hdsynth_tf.preference import study as studies
from hdsynth_tf.preference.design import trials
from hdsynth_tf.run_folder import read_settings
from hdsynth_tf.settings import StudySettings
from hdsynth_tf.study import plan

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


def study_in(folder):
    return studies.take_up(folder, **plan(StudySettings(**read_settings(folder, "study"))))


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
    done = {one["trial"] for one in answers if one["valid"] or one["kind"] == "practice" or one["attempt"] == 2}
    assert len(done) == len(asked)  # what was off was shown again


def attentive(asked, rng):
    """A rater who tells degraded pictures and has no opinion otherwise."""
    drawn = [str(side) for side in rng.choice(["left", "right"], len(asked))]
    return lambda number: asked[number].truth or drawn[number]


def test_a_session_with_the_server_killed_and_the_page_closed(pictures, tmp_path, command, rng):
    folder = tmp_path / "study"
    more = dict(durations="0.125,0.25,0", num_pairs=8, practice=2, checks=0.3, real=pictures / "photos")
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
        given_offline = answer(page, choose, limit=2)  # the pictures of the next pair are loaded already
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
        fooled = [getattr(asked[i], given[i][-1]) != "real" for i in own]
        assert row["share"] == pytest.approx(np.mean(fooled)) and row["answers"] == len(own)


def test_pages_are_usable_without_a_mouse_and_on_a_tablet(pictures, tmp_path):
    folder = tmp_path / "study"
    more = dict(num_pairs=3, practice=0, checks=0, allow_tie="true", picture_size=512)
    with (
        browser.Server("study", *flags(pictures, folder, **more)) as server,
        browser.chromium(viewport={"width": 768, "height": 1024}, has_touch=True) as context,
    ):
        page = browser.open_page(context, server.url)
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


def test_truth_does_not_live_in_a_canvas_and_names_tell_nothing(pictures, tmp_path):
    """What the page loads tells no method: neither addresses, nor what the server says of a session."""
    folder = tmp_path / "study"
    with (
        browser.Server("study", *flags(pictures, folder, num_pairs=3, practice=1)) as server,
        browser.chromium() as context,
    ):
        page = context.new_page()
        seen = []
        page.on("response", lambda response: seen.append(response))
        page.goto(server.url)
        enter(page, "x")
        page.click("#notice button")
        next_thing(page)
        pages = [response for response in seen if "/pictures/" in response.url]
        assert len(pages) >= 2 and all(re.fullmatch(r".*/pictures/[0-9a-f]{32}\.png", r.url) for r in pages)
        assert all("immutable" in response.headers["cache-control"] for response in pages)
        session = next(response for response in seen if response.url.endswith("/api/session")).json()
        assert set(session["trials"][0]) == {"left", "right", "width", "height", "duration", "practice"}
        assert {response.url.partition("/")[2].split("/")[1] for response in seen} == {server.url.split("/")[2]}


@pytest.mark.slow
def test_forty_pairs_with_five_viewing_times_killed_in_the_middle(pictures, tmp_path, command, rng):
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
    print(f"{len(limited)} shown, within 20 ms {np.mean(abs(off) <= 20):.3f}, largest error {abs(off).max():.2f} ms")

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
