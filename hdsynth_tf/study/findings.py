"""Statistics of a study's answers: shares with intervals, over viewing time, and checks of the raters."""

import collections

import numpy as np

from hdsynth_tf.evaluate.intervals import interval
from hdsynth_tf.study import bradley_terry
from hdsynth_tf.study.answers import TOLERANCE
from hdsynth_tf.study.shares import Resampling, wilson
from hdsynth_tf.study.stimuli import REAL

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}


def findings(study, answers, min_checks):
    """All that the report tells, as plain data for JSON.

    Args:
        study: `Study`.
        answers: List of dicts, all answers of all raters.
        min_checks: Float, share of degraded pairs that a rater must tell for the answers to count.
    """
    inattentive = inattentive_raters(answers, min_checks)
    used = [answer for answer in answers if exclusion(answer, inattentive) is None]
    reasons = collections.Counter(exclusion(answer, inattentive) for answer in answers)
    del reasons[None]
    found = {
        "answers": len(answers),
        "used": len(used),
        "raters": len({answer["rater"] for answer in used}),
        "images": len({answer["image"] for answer in used}),
        "left_out": dict(reasons),
        "inattentive": inattentive,
        "finished": finished(study, answers),
        "repeats": repeats(answers, inattentive),
        "timing": timing(answers),
        "browsers": browsers(answers),
    }
    if used:
        resampling = Resampling([a["rater"] for a in used], [a["image"] for a in used], seed=study.plan.seed)
        found["comparisons"] = [compare(pair, used, resampling) for pair in _subjects(study.plan.comparisons)]
        found["left"] = _estimate(resampling, np.array([_left_share(answer) for answer in used]))
        if len(study.methods) > 2:
            found["scale"] = scale(used, study)
    return found


def inattentive_raters(answers, min_checks):
    """Dict: rater whose answers do not count -> why."""
    told = collections.defaultdict(list)
    for answer in answers:
        if answer["kind"] == "degraded" and answer["valid"]:
            told[answer["rater"]].append(answer["correct"])
    return {
        rater: f"told {sum(right)} of {len(right)} degraded pictures"
        for rater, right in sorted(told.items())
        if sum(right) / len(right) < min_checks
    }


def exclusion(answer, inattentive):
    """Why an answer is not among those that the shares are of; `None` if it is."""
    if answer["kind"] == "practice":
        return "practice"
    if answer["kind"] != "pair":
        return "checks of the raters"
    if answer["rater"] in inattentive:
        return "raters who missed the checks"
    if not answer["valid"]:
        return f"seen more than {TOLERANCE:g} ms too long or too short, or page hidden"
    return None


def compare(pair, used, resampling):
    """The share of answers that prefer `pair[0]` to `pair[1]`, overall and for each viewing time."""
    subject, other = pair
    own = np.array([{answer["left"], answer["right"]} == set(pair) for answer in used])
    value = np.array([_share(answer, subject) for answer in used])
    answers = [answer for answer, is_own in zip(used, own) if is_own]
    result = {"subject": subject, "other": other, "raters": len({a["rater"] for a in answers})}
    result |= {"images": len({a["image"] for a in answers}), **_estimate(resampling, value, own), "durations": []}
    for duration in sorted({answer["duration"] for answer in answers}, key=lambda d: d or float("inf")):
        level = own & np.array([answer["duration"] == duration for answer in used])
        shown = [answer["shown_ms"] / 1000 for answer, is_own in zip(used, level) if is_own]
        seen = {"duration": duration, "seconds": float(np.mean(shown)) if duration else 0.0}
        result["durations"].append({**seen, **_estimate(resampling, value, level)})
    return result


def _subjects(comparisons):
    """Pairs, the method that the share is about first: against real pictures, the other one."""
    return [pair[::-1] if pair[0] == REAL else pair for pair in comparisons]


def _estimate(resampling, values, chosen=None):
    """Share, two-way interval, and the interval as if answers were independent; `None` where there are no answers.

    The two-way interval is never the narrower one: of answers that all agree, every draw is the same.
    """
    chosen = np.ones(len(values), bool) if chosen is None else chosen
    count = int(chosen.sum())
    if not count:
        return {"answers": 0, "share": None, "low": None, "high": None, "wilson_low": None, "wilson_high": None}
    low, high = interval(resampling.shares(values, chosen))
    total = float(values[chosen].sum())
    wilson_low, wilson_high = wilson(total, count)
    return {
        "answers": count, "share": total / count, "low": min(low, wilson_low), "high": max(high, wilson_high),
        "wilson_low": wilson_low, "wilson_high": wilson_high,
    }  # fmt: skip


def _share(answer, method):
    """1 if the method was preferred, 0 if the other was, 0.5 if neither."""
    return 0.5 if answer["choice"] == "tie" else float(answer["chosen"] == method)


def _left_share(answer):
    return {"left": 1.0, "right": 0.0, "tie": 0.5}[answer["choice"]]


def scale(used, study):
    """Bradley-Terry strengths, or why there are none."""
    columns = {name: np.array([answer[name] for answer in used]) for name in ("rater", "image", "left", "right")}
    columns["left_share"] = np.array([_left_share(answer) for answer in used])
    try:
        return bradley_terry.scale(columns, study.methods, study.plan.seed)
    except ValueError as error:
        return {"missing": str(error)}


def finished(study, answers):
    """Numbers of raters who have judged all pairs, and who have begun."""
    judged = collections.defaultdict(set)
    for answer in answers:
        if answer["kind"] == "pair":
            judged[answer["rater"]].add(answer["trial"])
    begun = {answer["rater"] for answer in answers}
    return {"finished": sum(len(own) == study.plan.num_pairs for own in judged.values()), "begun": len(begun)}


def repeats(answers, inattentive):
    """Consistency of raters on pairs seen again with sides swapped."""

    def key(answer):
        return answer["rater"], answer["image"], frozenset((answer["left"], answer["right"]))

    counted = [answer for answer in answers if answer["valid"] and answer["rater"] not in inattentive]
    first = {key(answer): answer["chosen"] for answer in counted if answer["kind"] == "pair"}
    again = [answer for answer in counted if answer["kind"] == "repeat" and key(answer) in first]
    return {"pairs": len(again), "same": sum(answer["chosen"] == first[key(answer)] for answer in again)}


def timing(answers):
    """For each viewing time: how long pairs were seen, as the page measured it."""
    rows = []
    for duration in sorted({answer["duration"] for answer in answers if answer["duration"]}):
        seen = [answer for answer in answers if answer["duration"] == duration and answer["kind"] != "practice"]
        if not seen:
            continue
        off = [abs(answer["shown_ms"] - 1000 * duration) for answer in seen]
        rows.append(
            {
                "duration": duration,
                "shown": len(seen),
                "mean_ms": float(np.mean([answer["shown_ms"] for answer in seen])),
                "worst_ms": max(off),
                "off": sum(not answer["valid"] for answer in seen),
            }
        )
    return rows


def browsers(answers):
    """For each browser: raters, pairs seen, and of how many the time was off."""
    rows = {}
    for answer in answers:
        row = rows.setdefault(browser(answer), {"raters": set(), "shown": 0, "off": 0})
        row["raters"].add(answer["rater"])
        row["shown"] += 1
        row["off"] += not answer["valid"]
    return [{"browser": name, **row, "raters": len(row["raters"])} for name, row in sorted(rows.items())]


def browser(answer):
    """The browser's name, as it says it."""
    return next((name for mark, name in BROWSERS.items() if mark in answer["user_agent"]), "other")
