"""Studies without a browser: who sees what, what is stored, what is reported, and statistics beside naive ones."""

import collections
import csv
import dataclasses
import io
import itertools
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markup import Markup
from PIL import Image
from sklearn.linear_model import LogisticRegression

from hdsynth_tf.evaluate.intervals import interval
from hdsynth_tf.files.run_folder import RunFolderError
from hdsynth_tf.study import bradley_terry, plots, stimuli
from hdsynth_tf.study import study as studies
from hdsynth_tf.study.answers import AnswerBook, append_line, checked, complete, is_valid, rater_id, read_answers
from hdsynth_tf.study.design import DEGRADED, Plan, trials
from hdsynth_tf.study.findings import findings
from hdsynth_tf.study.report import write_report
from hdsynth_tf.study.shares import Resampling, wilson
from hdsynth_tf.study.stimuli import REAL
from pipelines.errors import DataError

# === Shares ===


def test_wilson_solves_its_equation():
    """The bounds are the shares p with |found - p| = z sqrt(p (1 - p) / n), found here by bisection."""
    for successes, count in [(0, 5), (3, 10), (7.5, 20), (400, 500), (9, 9)]:
        found = successes / count
        for bound, (inside, outside) in zip(wilson(successes, count), [(found, 0.0), (found, 1.0)]):
            for _ in range(60):
                middle = (inside + outside) / 2
                is_near = abs(found - middle) <= 1.959963984540054 * np.sqrt(middle * (1 - middle) / count)
                inside, outside = (middle, outside) if is_near else (inside, middle)
            assert bound == pytest.approx(inside, abs=1e-9)


@pytest.fixture
def answers(rng):
    """60 answers of 6 raters to 12 images, some pairs of them twice: raters, images, values."""
    return rng.integers(0, 6, 60).astype(str), rng.integers(0, 12, 60).astype(str), rng.choice([0, 0.5, 1], 60)


def test_resampling_equals_a_loop_that_repeats_the_answers(answers):
    raters, images, values = answers
    chosen = np.arange(60) % 3 == 0
    resampling = Resampling(raters, images, resamples=50, seed=3)
    all_shares, some_shares = resampling.shares(values), resampling.shares(values, chosen)
    for draw in range(50):
        times = [
            int(resampling.rater_weights[draw, r] * resampling.image_weights[draw, i])
            for r, i in zip(resampling.rater, resampling.image)
        ]
        repeated = [value for value, n in zip(values, times) for _ in range(n)]
        some = [value for value, n, is_chosen in zip(values, times, chosen) if is_chosen for _ in range(n)]
        assert all_shares[draw] == pytest.approx(np.mean(repeated))
        assert some_shares[draw] == pytest.approx(np.mean(some)) if some else np.isnan(some_shares[draw])


def test_draws_are_as_many_as_there_are(answers):
    resampling = Resampling(*answers[:2], resamples=400)
    assert (resampling.rater_weights.sum(1) == 6).all() and (resampling.image_weights.sum(1) == 12).all()
    assert abs(resampling.rater_weights.mean(0) - 1).max() < 0.2
    sd = resampling.rater_weights.std()
    assert sd == pytest.approx(np.sqrt(1 - 1 / 6), rel=0.1)  # multinomial


def test_answers_that_agree_within_raters_and_images_give_wider_intervals(rng):
    raters, images = np.repeat(np.arange(10), 20), np.tile(np.arange(20), 10)
    same = (np.arange(10) < 5).repeat(20)  # raters that always answer alike
    low, high = interval(Resampling(raters, images).shares(same))
    assert high - low > 0.5 > wilson(100, 200)[1] - wilson(100, 200)[0]


def simulate(rng, num_raters=20, num_images=40, effect=0.4):
    """Raters and images differ by 0.5 and 1 on the logit scale; the true share, and one study's answers."""
    logit = lambda r, i: 1 / (1 + np.exp(-(effect + r[:, None] + i[None])))  # noqa: E731
    many = logit(rng.normal(0, 0.5, 400), rng.normal(0, 1.0, 400)).mean()
    chance = logit(rng.normal(0, 0.5, num_raters), rng.normal(0, 1.0, num_images))
    return many, rng.random(chance.shape) < chance


@pytest.mark.long
def test_coverage_of_the_intervals(rng):
    """The two-way interval holds the true share in 93 of 100 studies or more, Wilson's in fewer than 85."""
    truth = np.mean([simulate(rng)[0] for _ in range(200)])
    covered = collections.Counter()
    for _ in range(400):
        _, votes = simulate(rng)
        raters, images = np.indices(votes.shape).reshape(2, -1)
        low, high = interval(Resampling(raters, images, 600).shares(votes.ravel()))
        covered["two-way"] += low <= truth <= high
        low, high = wilson(votes.sum(), votes.size)
        covered["wilson"] += low <= truth <= high
    print({name: count / 400 for name, count in covered.items()})
    assert covered["two-way"] >= 0.93 * 400 and covered["wilson"] < 0.85 * 400


# === Bradley-Terry ===


def contest(rng, strengths, count=3000, bias=0.0):
    names = np.array([f"m{i}" for i in range(len(strengths))])
    left = rng.integers(0, len(strengths), count)
    right = (left + rng.integers(1, len(strengths), count)) % len(strengths)
    chance = 1 / (1 + np.exp(-(strengths[left] - strengths[right] + bias)))
    share = (rng.random(count) < chance).astype(float)
    raters, images = rng.integers(0, 30, count), rng.integers(0, 50, count)
    return dict(rater=raters, image=images, left=names[left], right=names[right], left_share=share), list(names)


def test_bradley_terry_finds_strengths_and_bias(rng):
    strengths = np.array([1.0, 0.2, -0.4, -0.8])
    answers, names = contest(rng, strengths, bias=0.3)
    found = bradley_terry.scale(answers, names)
    assert [row["name"] for row in found["methods"]] == names
    for row, strength in zip(found["methods"], strengths):
        assert row["low"] < strength < row["high"] and abs(row["strength"] - strength) < 0.2
    assert found["left_bias"] == pytest.approx(0.3, abs=0.12)
    assert found["methods"][0]["best"] > 0.99


def test_bradley_terry_equals_a_fit_of_single_answers(rng):
    answers, names = contest(rng, np.array([0.5, 0.0, -0.5]), count=300)
    design = np.zeros((300, 3))
    for row, (left, right) in enumerate(zip(answers["left"], answers["right"])):
        design[row, names.index(left)], design[row, names.index(right)] = 1, -1
    model = LogisticRegression(C=1 / bradley_terry.PENALTY, tol=1e-8).fit(design, answers["left_share"])
    naive = dict(zip(names, model.coef_[0] - model.coef_[0].mean()))
    for row in bradley_terry.scale(answers, names)["methods"]:
        assert row["strength"] == pytest.approx(naive[row["name"]], abs=1e-3)


def test_bradley_terry_stays_finite_and_refuses_what_is_not_connected(rng):
    answers, names = contest(rng, np.array([9.0, 0.0, -9.0]), count=200)  # the stronger always wins
    strongest = bradley_terry.scale(answers, names)["methods"][0]
    assert strongest["name"] == "m0" and np.isfinite(strongest["high"])
    keep = {"m0", "m1"}
    within = [left in keep and right in keep for left, right in zip(answers["left"], answers["right"])]
    with pytest.raises(ValueError, match="compared with none"):
        bradley_terry.scale({name: column[within] for name, column in answers.items()}, names)


@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_what_is_connected_against_a_walk(count, pairs):
    pairs = [pair for pair in pairs if max(pair) < count]
    reached = {0}
    for _ in range(count):
        reached |= {b for a, b in [*pairs, *(pair[::-1] for pair in pairs)] if a in reached}
    lefts, rights = np.array(pairs, int).reshape(-1, 2).T
    assert bradley_terry.is_connected(lefts, rights, count) == (len(reached) == count)


def test_there_is_a_scale_as_soon_as_a_second_rater_begins():
    """Many draws are of that rater alone and of other images: they have no answer."""
    pairs = [("m0", "m1"), ("m1", "m2"), ("m0", "m2")] * 4 + [("m0", "m1")]
    swapped = np.arange(13) % 2 == 1
    left, right = (np.where(swapped, *sides) for sides in (np.array(pairs).T[::-1], np.array(pairs).T))
    raters, images = np.array(["a"] * 12 + ["b"]), np.array([f"i{n}" for n in range(12)] + ["i0"])
    answers = dict(rater=raters, image=images, left=left, right=right, left_share=1.0 - swapped)  # the first wins
    assert (Resampling(raters, images, bradley_terry.RESAMPLES).sums(np.ones(13)) == 0).any()
    found = bradley_terry.scale(answers, ["m0", "m1", "m2"])["methods"]
    assert [row["name"] for row in found] == ["m0", "m1", "m2"] and np.isfinite(found[0]["high"])
    assert sum(row["best"] for row in found) == pytest.approx(1)


# === Who sees what ===


@st.composite
def plans(draw):
    num_methods, num_images = draw(st.integers(2, 4)), draw(st.integers(1, 20))
    methods, images = [f"m{i}" for i in range(num_methods)], [f"i{i}" for i in range(num_images)]
    methods[0] = draw(st.sampled_from(["m0", REAL]))
    pairs = stimuli.comparisons(methods)
    apart = draw(st.integers(0, num_images - 1))
    return Plan(
        pairs,
        images,
        stimuli.degraded(methods, images),
        draw(st.lists(st.sampled_from([0, 0.125, 0.25, 1, 8]), min_size=1, max_size=5, unique=True)),
        draw(st.integers(1, len(pairs) * (num_images - apart))),
        draw(st.integers(0, 12)),
        draw(st.sampled_from([0, 0.1, 0.5])),
        draw(st.integers(0, 9)),
        images[:apart],
        draw(st.sampled_from(["", "secret"])),
    )


@given(plans(), st.sampled_from(["a", "rater-7"]))
def test_every_plan_is_balanced(plan, rater):
    found = trials(plan, rater)
    kinds = collections.Counter(trial.kind for trial in found)
    assert kinds["practice"] == plan.practice and kinds["pair"] == plan.num_pairs
    assert [trial.kind for trial in found[: plan.practice]] == ["practice"] * plan.practice
    pairs = [trial for trial in found if trial.kind == "pair"]
    if plan.practice_images:
        assert {trial.image for trial in found if trial.kind == "practice"} <= set(plan.practice_images)
        assert not {trial.image for trial in pairs} & set(plan.practice_images)
    seen = collections.Counter((frozenset((trial.left, trial.right)), trial.image) for trial in pairs)
    assert max(seen.values()) == 1  # an image once in a comparison
    of_comparison = collections.Counter(frozenset((trial.left, trial.right)) for trial in pairs)
    counts = [of_comparison[frozenset(pair)] for pair in plan.comparisons]
    assert max(counts) - min(counts) <= 1
    for pair in plan.comparisons:
        own = [trial for trial in pairs if {trial.left, trial.right} == set(pair)]
        times = collections.Counter(trial.duration for trial in own)
        assert max(times[d] for d in plan.durations) - min(times[d] for d in plan.durations) <= 1
        for duration in () if plan.secret else plan.durations:
            lefts = [trial.left == pair[0] for trial in own if trial.duration == duration]
            assert abs(2 * sum(lefts) - len(lefts)) <= 1
    if plan.checks == 0:
        assert set(kinds) <= {"practice", "pair"}
    for trial in found:
        if trial.kind == "degraded":
            assert {trial.left, trial.right} - {DEGRADED} <= {method for method, _ in plan.degraded}
            assert trial.truth == ("right" if trial.left == DEGRADED else "left")
    for place, trial in enumerate(found):
        if trial.kind == "repeat":
            swapped = (trial.image, trial.right, trial.left, trial.duration)
            first = [(t.image, t.left, t.right, t.duration) for t in found[:place] if t.kind == "pair"].index(swapped)
            assert first < plan.num_pairs / 2


PLAN = Plan(
    [("a", "b")], [f"i{n}" for n in range(60)], [("a", "i0"), ("b", "i1"), ("a", "i2")], (0.125, 0), 40, 4, 0.1, 0
)


def test_orders_differ_between_raters_and_never_change():
    assert trials(PLAN, "x") == trials(Plan(**json.loads(json.dumps(PLAN.__dict__))), "x") != trials(PLAN, "y")
    kinds = collections.Counter(trial.kind for trial in trials(PLAN, "x"))
    assert kinds == {"practice": 4, "pair": 40, "repeat": 1, "degraded": 3}
    first = trials(PLAN, "x")[4]
    assert (first.image, first.left, first.duration) == ("i15", "a", 0.0)  # else studies under way would change


def test_sides_are_drawn_by_lot_for_each_pair():
    plan, changes, lefts = dataclasses.replace(PLAN, secret="secret"), [], []
    for rater in range(200):
        left = [trial.left == "a" for trial in trials(plan, str(rater)) if trial.kind == "pair"]
        changes += [before != after for before, after in itertools.pairwise(left)]
        lefts.append(np.mean(left))
    low, high = wilson(sum(changes), len(changes), 0.999)
    assert low < 0.5 < high and abs(np.mean(lefts) - 0.5) < 0.02
    assert 0.06 < np.std(lefts) < 0.10  # of forty coins: 0.079


# === Pictures ===


@pytest.fixture
def methods(save, rng, tmp_path):
    """Three folders of pictures of one shape, of different sizes and formats; one has more, and a gallery."""
    for name, suffix, size in [("a", ".png", (12, 24)), ("b", ".jpg", (24, 48)), ("photos", ".png", (12, 24))]:
        for i in range(12):
            save(f"{name}/x/{i:02d}{suffix}", rng.integers(0, 255, (*size, 3)).astype("uint8"))
    save("b/only_b.png", np.zeros((24, 48), "uint8"))
    save("a/gallery/x/00_input.webp", np.zeros((4, 8, 3), "uint8"))  # a folder that hdsynth_tf.generate made
    (tmp_path / "a" / "generated.json").write_text("{}")
    return tmp_path


def begin(methods, folder, names=("a", "b"), **more):
    settings = dict(num_pairs=12, practice=2, checks=0.1, seed=0, allow_tie=False, durations=(0,), question="Which?")
    return studies.begin(
        folder, {name: methods / ("photos" if name == REAL else name) for name in names}, 32, **{**settings, **more}
    )


def test_pictures_have_one_size_and_no_names(methods):
    study = begin(methods, methods / "study")
    assert study.methods == ["a", "b"] and len(study.plan.images) == 12
    assert "b has no picture" not in study.notes[0] and "a has no picture of 1 names" in study.notes[0]
    files = sorted((methods / "study" / "pictures").iterdir())
    assert len(files) == 12 * 2 + 12
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (32, 16) and picture.mode == "RGB" and not picture.info
    for method in ("a", "b"):
        path = study.picture(stimuli.Stimulus(method, "x/03").token(study.secret))
        source = next((methods / method / "x").glob("03.*"))
        expected = Image.open(source).convert("RGB").resize((32, 16), Image.LANCZOS)
        np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(expected))


def test_degraded_pictures_are_obviously_worse(rng):
    pixels = rng.integers(0, 255, (40, 80, 3)).astype("uint8")
    worse = np.asarray(stimuli.degrade(Image.fromarray(pixels)), "float32")
    assert (worse[:4, :4] == worse[0, 0]).all() and worse.shape == pixels.shape
    assert worse.std() < pixels.std() / 2


def test_a_study_is_taken_up_as_it_was(methods):
    study = begin(methods, methods / "study")
    settings = dict(num_pairs=12, practice=2, checks=0.1, seed=0, allow_tie=False, durations=(0,), question="Which?")
    again = studies.take_up(methods / "study", **settings)
    assert again == study
    study.picture(stimuli.Stimulus("a", "x/03").token(study.secret)).unlink()
    assert not study.is_complete  # interrupted while pictures were made
    assert begin(methods, methods / "study").secret == study.secret and study.is_complete
    for file in (methods / "a" / "x").iterdir():
        file.rename(file.with_stem(f"new{file.stem}"))
    for file in (methods / "b" / "x").iterdir():
        file.rename(file.with_stem(f"new{file.stem}"))
    assert begin(methods, methods / "study").secret != study.secret
    assert len(list((methods / "study" / "pictures").iterdir())) == 36
    assert studies.take_up(methods / "nothing", **settings) is None
    study.open_answers().add("anna", {"trial": 0, "attempt": 0, "valid": True})
    with pytest.raises(RunFolderError, match="holds answers about other pictures"):
        begin(methods, methods / "study", names=("b", "a"))


def test_what_cannot_be_compared_is_told(methods, save):
    with pytest.raises(DataError, match=r"12 pairs at most, of 12 images\. Received: --num_pairs=13"):
        begin(methods, methods / "s", num_pairs=13)
    save("tall/x/03.png", np.zeros((24, 24, 3), "uint8"))
    with pytest.raises(DataError, match="24 x 12 pixels in a, and 24 x 24 in tall"):
        begin(methods, methods / "s", ("a", "tall"), num_pairs=1)
    save("other/y.png", np.zeros((4, 8, 3), "uint8"))
    with pytest.raises(DataError, match="No picture is there of all methods: a, other"):
        begin(methods, methods / "s", ("a", "other"))
    assert not (methods / "s").exists()


# === Answers ===


def sent(**changes):
    """An answer as the page sends it."""
    return {
        **dict(
            trial=3, attempt=0, order=3, choice="left", by="key", key="f", uuid="0123abcd-ef", user_agent="Chrome/1"
        ),
        **dict(frame_ms=16.7, rate_hz=60, frames=8, long_gaps=0, onset_ms=10.0, offset_ms=143.3, shown_ms=133.3),
        **dict(response_ms=500.5, hidden=False, width=512, height=256, scale=1, device_pixel_ratio=1.5),
        **dict(viewport_width=1280, viewport_height=720, cross_origin_isolated=True),
        **changes,
    }


def test_answers_are_checked():
    assert checked(sent(more=1)) == sent() and checked(sent(frames=None, rate_hz=None))["frames"] is None
    for name, value in [
        ("choice", "both"), ("choice", None), ("by", "mouth"), ("uuid", "x' --"), ("uuid", None), ("key", "=1+1"),
        ("user_agent", "x" * 401), ("trial", -1), ("trial", True), ("trial", 1.0), ("trial", 10**9), ("hidden", 0),
        ("shown_ms", float("nan")), ("shown_ms", float("inf")), ("shown_ms", "1"), ("shown_ms", None),
        ("frame_ms", 1e300), ("order", None), ("user_agent", "a\nb"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=name):
            checked(sent(**{name: value}))


def test_times_that_are_off_do_not_count():
    assert is_valid(sent(), 0.125) and not is_valid(sent(hidden=True), 0.125)
    assert is_valid(sent(shown_ms=145.0), 0.125) and not is_valid(sent(shown_ms=145.1), 0.125)
    assert not is_valid(sent(shown_ms=104.9), 0.125) and is_valid(sent(shown_ms=9e4, hidden=True), 0)


def test_ids():
    assert rater_id(" Anna-3 ") == "anna-3"
    for text in ("", "../x", "a b", "a/b", "-a", "x" * 41, "ä", "con.", "a\nb"):
        with pytest.raises(ValueError):
            rater_id(text)


def test_answers_are_stored_once_and_survive_a_cut(tmp_path):
    book = AnswerBook(tmp_path / "answers")
    first = {"trial": 0, "attempt": 0, "uuid": "1", "valid": False}
    assert book.add("anna", first) == first
    assert book.add("anna", {**first, "uuid": "2"}) == first  # sent twice, or by a second page
    again = {"trial": 0, "attempt": 1, "uuid": "3", "valid": True}
    assert book.add("anna", again) == again and book.add("ben", first) == first
    assert book.add("anna", {**again, "attempt": 2, "uuid": "5"}) == again  # a second page, where it was off
    with (tmp_path / "answers" / "anna.jsonl").open("ab") as file:
        file.write(b'{"trial": 1, "att')  # the power went
    book = AnswerBook(tmp_path / "answers")
    assert book.of("anna") == [first, again]
    third = {"trial": 1, "attempt": 0, "uuid": "4", "valid": True}
    book.add("anna", third)
    assert read_answers(tmp_path / "answers" / "anna.jsonl") == [first, again, third]
    assert AnswerBook(tmp_path / "answers").everything() == [first, again, third, first]


def test_a_line_is_on_the_disk_before_it_is_acknowledged(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append((tmp_path / "x.jsonl").read_bytes()))
    append_line(tmp_path / "x.jsonl", "{}")
    assert synced[0] == b"{}\n" and len(synced) == 2  # the file, then the folder that names it


# === Report ===


def judged(study, raters, prefer, **changes):
    """Answers of raters who prefer one method when it is there, and else the left; and who tell what is degraded."""
    found = []
    for rater in raters:
        for number, trial in enumerate(trials(study.plan, rater)):
            own = "left" if prefer not in (trial.left, trial.right) or trial.left == prefer else "right"
            shown = trial.duration * 1000 or 700.0
            choice = trial.truth or own
            answer = sent(trial=number, choice=choice, shown_ms=shown, uuid=f"{number:08x}", **changes)
            found.append(complete(answer, rater, trial))
    return found


def test_the_report_counts_what_should_count(methods):
    study = begin(methods, methods / "study", durations=(0.25, 0), checks=0.5)
    answers = judged(study, ["anna", "ben"], "b")
    careless = judged(study, ["carl"], "a")
    for answer in careless:
        if answer["kind"] == "degraded":
            answer["correct"] = False
    answers += careless
    again = {answer["image"] for answer in answers if answer["kind"] == "repeat"}
    late = next(a for a in answers if a["kind"] == "pair" and a["duration"] and a["image"] not in again)
    late["valid"] = False
    found = findings(study, answers, 0.75)
    assert (found["raters"], found["images"], found["used"]) == (2, 12, 23)
    assert list(found["inattentive"]) == ["carl"] and found["finished"] == {"finished": 3, "begun": 3}
    (row,) = found["comparisons"]
    assert (row["subject"], row["other"], row["share"], row["answers"]) == ("a", "b", 0.0, 23)
    assert [level["duration"] for level in row["durations"]] == [0.25, 0]
    assert [level["answers"] for level in row["durations"]] == [11, 12]
    assert found["left_out"]["practice"] == 6 and found["left_out"]["raters who missed the checks"] == 12
    assert found["repeats"] == {"pairs": 4, "same": 4} and "scale" not in found
    assert findings(study, answers, 0.0)["raters"] == 3


def test_ties_count_half_and_three_methods_get_a_scale(methods):
    names = (REAL, "a", "b")
    study = begin(methods, methods / "study", names, num_pairs=24, practice=0, allow_tie=True, checks=0)
    answers = judged(study, ["anna", "ben", "cleo"], REAL)
    for answer in answers:
        if "a" in (answer["left"], answer["right"]):
            answer |= {"choice": "tie", "chosen": None}
    found = findings(study, answers, 0.75)
    rows = {row["subject"]: row for row in found["comparisons"]}
    assert rows["a"]["share"] == 0.5 and rows["b"]["share"] == 0.0 and {row["other"] for row in rows.values()} == {REAL}
    assert {row["name"] for row in found["scale"]["methods"][:2]} == {REAL, "a"}
    assert found["scale"]["methods"][-1]["name"] == "b"
    few = [answer for answer in answers if "b" not in (answer["left"], answer["right"])]
    assert "missing" in findings(study, few, 0.75)["scale"]


def test_the_report_is_whole_from_the_first_answer_on(methods):
    study, folder = begin(methods, methods / "study", durations=(0.25, 1, 0)), methods / "study" / "report"
    assert "nothing to report yet" in write_report(study, 0.75, folder)[-1]
    book = study.open_answers()
    for count, answer in enumerate(judged(study, ["anna", "ben"], "a")):
        book.add(answer["rater"], answer)
        if count in (0, 3):
            write_report(study, 0.75, folder)
    lines = write_report(study, 0.75, folder)
    assert any(line.startswith("a over b") and "100.0%" in line for line in lines)
    page = (folder / "index.html").read_text()
    assert "<svg" in page and "as if all answers were independent" in page and "Lanczos" in page
    assert json.loads((folder / "report.json").read_text())["comparisons"][0]["share"] == 1
    for name in ("curve", "shares"):
        ElementTree.parse(folder / f"{name}.svg")
    with (folder / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(book.everything()) and {row["left_out"] for row in rows} >= {"", "practice"}


def test_whatever_a_report_shows_is_escaped(methods):
    hostile = """<script>"x" & 'y'"""
    for name in ("a", "b"):
        (methods / name).rename(methods / f"{name}{hostile}")
    names = (f"a{hostile}", f"b{hostile}", REAL)
    study = begin(methods, methods / "study", names, question=f"Which {hostile}?", durations=(0.25, 0))
    for rater in ("anna", "ben"):
        for answer in judged(study, [rater], names[0]):
            study.open_answers().add(rater, answer)
    write_report(study, 0.75, methods / "report")
    page = Markup((methods / "report" / "index.html").read_text())
    page.check_harmless()
    assert page.text.count(f"Which {hostile}?") >= 3  # on the tab, above, and in the protocol
    for name in names[:2]:
        assert page.text.count(f"{name} taken for real, ") == 2  # a row for each viewing time
    assert page.values("svg", "role") == ["img", "img"] and "circle" in page.tags  # drawings are not escaped
    assert page.values("a", "href") == ["answers.csv", "report.json"]


def test_plots_have_each_point_and_escape_names():
    points = [dict(seconds=s, share=0.6, low=0.5, high=0.7) for s in (0.133, 1.0, 0)]
    drawing = plots.curve({"<a> & b": points, "c": points[:2], "d": points}, "share")
    tree = ElementTree.fromstring(drawing)
    svg = "{http://www.w3.org/2000/svg}"
    assert len(tree.findall(f"{svg}circle")) == 3 and len(tree.findall(f"{svg}path")) == 3
    assert len(tree.findall(f"{svg}rect")) == 1 + 2
    texts = [text.text for text in tree.iter(f"{svg}text")]
    assert "<a> & b" in texts and "133 ms" in texts and "no limit" in texts
    assert ElementTree.fromstring(plots.curve({"a": points[2:]}, "share")) is not None


# === Server ===


def test_the_server_tells_no_methods_and_keeps_answers(methods):
    pytest.importorskip("starlette", reason="the extra `ui` is not installed")
    pytest.importorskip("httpx2", reason="starlette's test client needs httpx2")
    from starlette.testclient import TestClient

    from hdsynth_tf.study.app import make_study_app

    study = begin(methods, methods / "study", (REAL, "a"), durations=(0.125,), num_pairs=10)
    client = TestClient(make_study_app(study, "127.0.0.1"), base_url="http://127.0.0.1:1")
    assert client.get("/").status_code == 200 and "module" in client.get("/").text
    about = client.get("/api/study").json()
    assert about["num_trials"] == 13 and about["width"] == 32 and about["has_truth"]
    session = client.post("/api/session", json={"rater": "Anna"}).json()
    assert session["rater"] == "anna" and len(session["trials"]) == 13 and session["answers"] == []
    assert client.post("/api/session", json={}).json()["rater"].startswith("r-")
    assert client.post("/api/session", json={"rater": "../x"}).status_code == 400
    picture = client.get(session["trials"][0]["left"])
    assert Image.open(io.BytesIO(picture.content)).size == (32, 16)
    assert client.get("/pictures/" + "0" * 32 + ".png").status_code == 404

    asked = trials(study.plan, "anna")
    truth = "left" if asked[0].left == REAL else "right"
    answer = {**sent(trial=0, choice=truth), "study": about["id"], "rater": "anna"}
    for _ in range(2):
        assert client.post("/api/answers", json=answer).json() == {"uuid": answer["uuid"], "correct": True}
    judged = next(i for i, trial in enumerate(asked) if trial.kind == "pair")  # the order depends on a new secret
    later = {**answer, "trial": judged, "choice": "left", "uuid": "12345678"}
    assert client.post("/api/answers", json=later).json()["correct"] is None  # only practice has feedback
    for changes, status in [
        ({"study": "other"}, 409), ({"trial": 15}, 400), ({"attempt": 3}, 400), ({"choice": "tie"}, 400),
        ({"shown_ms": None}, 400),
        ({"rater": None}, 400), ({"rater": "a/b"}, 400), ({"user_agent": "x" * 70000}, 413),
    ]:  # fmt: skip
        reply = client.post("/api/answers", json={**answer, **changes})
        assert reply.status_code == status and reply.json()["error"]
    stored = study.open_answers().of("anna")
    assert [(one["trial"], one["correct"]) for one in stored] == [(0, True), (judged, asked[judged].left == REAL)]
    session = client.post("/api/session", json={"rater": "anna"}).json()
    assert session["answers"] == [[0, 0, True], [judged, 0, True]]


def test_the_command_says_what_is_wrong(command, methods):
    a, b, study = f"--method=a={methods / 'a'}", f"--method=b={methods / 'b'}", f"--output_dir={methods / 's'}"
    for arguments, message in [
        ([a, b], "--output_dir=FOLDER"),
        ([a, study], "twice or more"),
        ([a, a, study], "each name once"),
        (["--method=x", study], "--method should be NAME=PLACE"),
        (
            [a, f"--method=degraded={methods / 'b'}", study],
            "or single spaces, beginning with no dot and not degraded or real images",
        ),
        ([a, b, study, "--durations=-1"], "--durations should be"),
        ([a, b, study, "--num_pairs=0"], "--num_pairs should be 1 or more"),
        ([a, b, "--output_dir=gs://x/y"], "on this machine"),
    ]:
        code, _, error = command("study", *arguments)
        assert code == 2 and message in error, arguments
    for arguments, message in [
        ([study, "--report"], "holds no study"),
        ([a, f"--method=c={methods / 'no'}", study], "is no folder"),
        ([a, b, study, "--num_pairs=12", "--host=no.such.host.invalid"], "is no address of this machine"),
    ]:
        code, _, error = command("study", *arguments)
        assert code == 1 and message in error, arguments
    code, _, error = command("study", study, "--num_pairs=11")
    assert code == 1 and "holds another run: --num_pairs was 12, is 11" in error
    code, output, _ = command("study", study, "--report")
    assert code == 0 and "nothing to report yet" in output
