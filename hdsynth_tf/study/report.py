"""The report of a study: an HTML page, its plots, JSON, and all answers as a flat table."""

import csv
import html

from hdsynth_tf.files.run_folder import write_json
from hdsynth_tf.files.storage import replacing
from hdsynth_tf.study import plots
from hdsynth_tf.study.findings import browser, exclusion, findings
from hdsynth_tf.study.shares import RESAMPLES
from hdsynth_tf.study.stimuli import REAL

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ margin: 2rem auto; max-width: 940px; padding: 0 1rem; font: 15px/1.55 system-ui, sans-serif; }}
  body {{ color: #1c1d1f; }}
  h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.1rem; margin-top: 2.2rem; }}
  svg {{ max-width: 100%; height: auto; }}
  .wide {{ overflow-x: auto; }}
  table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
  th, td {{ text-align: right; padding: .3rem .8rem; border-bottom: 1px solid #d8dad7; white-space: nowrap; }}
  th:first-child, td:first-child {{ text-align: left; padding-left: 0; }}
  th {{ font-weight: 600; white-space: normal; max-width: 10rem; color: #4d5156; vertical-align: bottom; }}
  .note {{ color: #4d5156; font-size: .9rem; }}
</style>
<h1>{title}</h1>
{sections}
</html>
"""
ANSWER_COLUMNS = (
    *(
        "rater",
        "order",
        "trial",
        "attempt",
        "kind",
        "image",
        "left",
        "right",
        "duration",
        "choice",
        "chosen",
        "correct",
    ),
    *("valid", "shown_ms", "response_ms", "by", "key", "frames", "frame_ms", "rate_hz", "onset_ms", "offset_ms"),
    *("long_gaps", "hidden", "width", "height", "scale", "device_pixel_ratio", "viewport_width", "viewport_height"),
    *("cross_origin_isolated", "received", "uuid"),
)


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
        _write(folder / f"{name}.svg", drawing)
    sections = _sections(study, found, protocol, drawings)
    _write(folder / "index.html", PAGE.format(title=html.escape(study.question), sections="\n".join(sections)))
    return in_short(found)


def describe(study, min_checks):
    """The protocol, as lines that let someone else repeat the study."""
    plan, sizes = study.plan, sorted({f"{width} x {height}" for height, width in study.sizes.values()})
    times = ", ".join("without limit" if not d else f"{d:g} s" for d in plan.durations)
    tie = " Raters could say that they cannot tell." if study.allow_tie else ""
    feedback = " with feedback" if study.has_truth else ""
    return [
        f"Question: {study.question}{tie}",
        f"Comparisons: {'; '.join(' / '.join(pair) for pair in plan.comparisons)}, of {len(plan.images)} images.",
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
    """How much there is, and what was left out and why, as lines."""
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
    for entry in found.get("scale", {}).get("methods", []):
        lines.append(
            f"{entry['name']}: strength {entry['strength']:+.2f} ({entry['low']:+.2f} to {entry['high']:+.2f}), "
            f"the best with probability {entry['best']:.2f}"
        )
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


def _sections(study, found, protocol, drawings):
    """The page's parts, HTML."""
    yield f"<p>{'<br>'.join(html.escape(line) for line in counts(found))}</p>"
    head = ("", "answers", "raters", "images", "share", "95 % interval", "as if all answers were independent")
    if found["used"]:
        yield from (drawings.get("shares", ""), drawings.get("curve", ""))
        rows = []
        for row in found["comparisons"]:
            answers, *rest = _cells(row)
            rows.append((name_of(row), answers, row["raters"], row["images"], *rest))
            for level in row["durations"] if any(study.plan.durations) else []:
                answers, *rest = _cells(level)
                rows.append((f"{name_of(row)}, {_time(level)}", answers, "", "", *rest))
        yield f"<h2>Shares</h2>{_table(head, rows)}"
        yield (
            '<p class="note">The 95 % interval holds for other raters and other images of the same kind. The last '
            "column takes all answers as independent, which they are not: it is too narrow, and stands here to compare "
            "with other reports.</p>"
        )
        yield from _trust(found)
    yield f"<h2>Protocol</h2><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in protocol)}</ul>"
    yield '<p class="note">All answers: <a href="answers.csv">answers.csv</a>. This page as data: '
    yield '<a href="report.json">report.json</a>.</p>'


def _trust(found):
    """Sections on one scale, sides, repeats and times."""
    if "methods" in found.get("scale", {}):
        rows = [
            (e["name"], f"{e['strength']:+.2f}", f"{e['low']:+.2f} to {e['high']:+.2f}", f"{e['best']:.2f}")
            for e in found["scale"]["methods"]
        ]
        head = ("", "strength", "95 % interval", "best with probability")
        yield f"<h2>One scale (Bradley-Terry)</h2>{_table(head, rows)}"
        yield '<p class="note">The difference of two strengths is the logarithm of the odds that one is preferred.</p>'
    elif "scale" in found:
        yield f"<h2>One scale (Bradley-Terry)</h2><p>{html.escape(found['scale']['missing'])}</p>"
    _, share, bounds, _ = _cells(found["left"])
    again = found["repeats"]
    yield f"<h2>Can it be trusted?</h2><p>The left picture was chosen in {share} of the answers ({bounds}); without a "
    yield "habit of sides it is 50 %."
    if again["pairs"]:
        yield f" Of {again['pairs']} pairs seen again with sides swapped, {again['same']} were answered alike."
    yield "</p>"
    if found["timing"]:
        head = ("asked", "pairs seen", "mean, ms", "largest error, ms", "off: shown again")
        rows = [
            (f"{r['duration']:g} s", r["shown"], f"{r['mean_ms']:.1f}", f"{r['worst_ms']:.1f}", r["off"])
            for r in found["timing"]
        ]
        yield _table(head, rows)
    rows = [(row["browser"], row["raters"], row["shown"], row["off"]) for row in found["browsers"]]
    yield f"<p></p>{_table(('browser', 'raters', 'pairs seen', 'time off'), rows)}"


def _table(head, rows):
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    lines = ("".join(f"<td>{html.escape(str(value))}</td>" for value in row) for row in rows)
    return f'<div class="wide"><table><tr>{cells}</tr>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'


def write_answers(path, answers, inattentive):
    """All answers, a row each, and why each is left out of the shares, if it is."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*ANSWER_COLUMNS, "browser", "left_out"], extrasaction="ignore")
        table.writeheader()
        for answer in answers:
            table.writerow({**answer, "browser": browser(answer), "left_out": exclusion(answer, inattentive) or ""})


def _write(path, text):
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
