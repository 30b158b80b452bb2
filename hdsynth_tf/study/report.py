"""The report of a study: an HTML page, its plots, JSON, and all answers as a flat table."""

import csv

from hdsynth_tf.files.run_folder import write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.show.pages import write_page
from hdsynth_tf.study import plots
from hdsynth_tf.study.findings import browser, exclusion, findings
from hdsynth_tf.study.shares import RESAMPLES
from hdsynth_tf.study.stimuli import REAL

ANSWER_COLUMNS = [
    "rater", "order", "trial", "attempt", "kind", "image", "left", "right", "duration", "choice", "chosen", "correct",
    "valid", "shown_ms", "response_ms", "by", "key", "frames", "frame_ms", "rate_hz", "onset_ms", "offset_ms",
    "long_gaps", "hidden", "width", "height", "scale", "device_pixel_ratio", "viewport_width", "viewport_height",
    "cross_origin_isolated", "received", "uuid", "browser", "left_out",
]  # fmt: skip


def write_report(study, min_checks, folder):
    """Writes `index.html`, `report.json`, `answers.csv`, `curve.svg` and `shares.svg`.

    Args:
        study: `Study`.
        min_checks: Float, see `findings`.
        folder: `Path`.

    Returns:
        List of lines: the report in short.
    """
    answers = study.open_answers().everything()
    found = findings(study, answers, min_checks)
    protocol = describe(study, min_checks)
    write_json(folder / "report.json", {"protocol": protocol, **found})
    write_answers(folder / "answers.csv", answers, found["inattentive"])
    drawings = draw(study, found)
    for name, drawing in drawings.items():
        with replacing(folder / f"{name}.svg") as temporary:
            temporary.write_text(drawing, encoding="utf-8")
    shown = {"found": found, "protocol": protocol, "drawings": drawings, "counts": counts(found)}
    shown |= tables(found, any(study.plan.durations)) if found["used"] else {}
    write_page(folder / "index.html", "study/report.html", title=study.question, **shown)
    return in_short(found)


def describe(study, min_checks):
    """The protocol, as lines that let someone else repeat the study."""
    plan, sizes = study.plan, sorted({f"{width} x {height}" for height, width in study.sizes.values()})
    times = ", ".join("without limit" if not d else f"{d:g} s" for d in plan.durations)
    tie = " Raters could say that they cannot tell." if study.allow_tie else ""
    feedback = " with feedback" if study.has_truth else ""
    pairs = "; ".join(" / ".join(pair) for pair in plan.comparisons)
    own = f" Practice has {len(plan.practice_images)} others." if plan.practice_images else ""
    return [
        f"Question: {study.question}{tie}",
        f"Comparisons: {pairs}, of {len(plan.judged_images)} images.{own}",
        f"Each rater: {plan.practice} pairs of practice{feedback}, {plan.num_pairs} pairs, and checks, "
        f"{plan.checks:.0%} of that: pairs again with sides swapped, and pairs with an obviously degraded picture.",
        "No image twice in a comparison; order and sides are each rater's own.",
        f"Seen: {times}. After a limit, a pattern of shuffled blocks of both pictures until the answer.",
        f"Pictures: PNG, resampled with one filter (Lanczos) to {', '.join(sizes[:3])}{' ...' if sizes[3:] else ''}.",
        *study.notes,
        f"Raters who told less than {min_checks:.0%} of the degraded pictures are left out.",
        f"Seed {plan.seed}. 95 % intervals: raters and images, both, resampled {RESAMPLES:,} times (product weights).",
        "Times are the page's: whole frames between the browser's stamps. What the screen adds is not known.",
    ]


def draw(study, found):
    """Dict: name -> SVG. Empty as long as there are no answers."""
    rows = [row for row in found.get("comparisons", []) if row["answers"]]
    if not rows:
        return {}
    named = [{"name": name_of(row), **row} for row in rows]
    drawings = {"shares": plots.shares(named)}
    if any(study.plan.durations):
        drawings["curve"] = plots.curve({row["name"]: row["durations"] for row in named}, label_of(study))
    return drawings


def name_of(row):
    return f"{row['subject']} taken for real" if row["other"] == REAL else f"{row['subject']} over {row['other']}"


def label_of(study):
    return "share of answers that took the picture for real" if study.has_truth else "share of answers that prefer it"


def counts(found):
    """Numbers of raters, images and answers, and of answers left out and why, as lines."""
    lines = [
        f"{found['raters']} raters, {found['images']} images, {found['used']} answers "
        f"({found['finished']['finished']} of {found['finished']['begun']} raters have finished)."
    ]
    lines += [f"Left out: {count} answers: {reason}." for reason, count in found["left_out"].items()]
    return lines + [f"Left out: {rater} {why}." for rater, why in found["inattentive"].items()]


def in_short(found):
    """The report for the screen."""
    lines = counts(found)
    if not found["used"]:
        return [*lines, "There is nothing to report yet."]
    rows = [("", "answers", "share", "95 %", "as if independent")]
    for row in found["comparisons"]:
        rows.append((name_of(row), *_cells(row)))
        if len(row["durations"]) > 1:
            rows += [(f"  {_time(level)}", *_cells(level)) for level in row["durations"]]
    rows.append(("left picture", *_cells(found["left"])))
    width = max(len(row[0]) for row in rows)
    lines += [f"{row[0]:<{width}} {row[1]:>8} {row[2]:>8} {row[3]:>18} {row[4]:>18}".rstrip() for row in rows]
    if found["repeats"]["pairs"]:
        lines.append(f"Pairs seen again: {found['repeats']['same']} of {found['repeats']['pairs']} answered alike.")
    for name, strength, bounds, best in _strengths(found):
        lines.append(f"{name}: strength {strength} ({bounds}), the best with probability {best}")
    return lines


def _time(level):
    return f"{level['duration']:g} s" if level["duration"] else "no limit"


def _cells(row):
    """Answers, share and both intervals of a row as texts."""
    if not row["answers"]:
        return "0", "-", "-", "-"
    return (
        f"{row['answers']:,}",
        f"{row['share']:.1%}",
        f"{row['low']:.1%} to {row['high']:.1%}",
        f"{row['wilson_low']:.1%} to {row['wilson_high']:.1%}",
    )


def _strengths(found):
    """Method, strength, interval, and how probably it is the best, of each method as texts."""
    return [
        (e["name"], f"{e['strength']:+.2f}", f"{e['low']:+.2f} to {e['high']:+.2f}", f"{e['best']:.2f}")
        for e in found.get("scale", {}).get("methods", [])
    ]


def tables(found, has_times):
    """The rows of the page's tables: dict of lists. With `has_times`, shares have a row for each viewing time, too."""
    shares = []
    for row in found["comparisons"]:
        answers, *rest = _cells(row)
        shares.append((name_of(row), answers, row["raters"], row["images"], *rest))
        for level in row["durations"] if has_times else []:
            answers, *rest = _cells(level)
            shares.append((f"{name_of(row)}, {_time(level)}", answers, "", "", *rest))
    times = [
        (_time(row), row["shown"], f"{row['mean_ms']:.1f}", f"{row['worst_ms']:.1f}", row["off"])
        for row in found["timing"]
    ]
    browsers = [(row["browser"], row["raters"], row["shown"], row["off"]) for row in found["browsers"]]
    _, share, bounds, _ = _cells(found["left"])
    return {
        "shares": shares,
        "strengths": _strengths(found),
        "left": f"{share} of the answers ({bounds})",
        "times": times,
        "browsers": browsers,
    }


def write_answers(path, answers, inattentive):
    """All answers, a row each, and why each is left out of the shares, if it is."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ANSWER_COLUMNS, extrasaction="ignore")
        table.writeheader()
        for answer in answers:
            table.writerow({**answer, "browser": browser(answer), "left_out": exclusion(answer, inattentive) or ""})
