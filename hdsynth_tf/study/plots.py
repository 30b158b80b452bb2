"""Shares and their intervals as drawings, SVG."""

import html
import math

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
INK, SOFT, LINE = "#1c1d1f", "#5a5e63", "#d8dad7"
WIDTH, HEIGHT = 800, 430
LEFT, RIGHT, TOP, BOTTOM = 64, 210, 44, 58  # margins of the curve
ROW = 40  # pixels of a row of the table of shares


def curve(series, label):
    """Shares over viewing time, on a log scale; what was seen without limit stands apart, at the right.

    Args:
        series: Dict: name -> list of dicts `seconds` (0: without limit), `share`, `low`, `high`.
        label: String, what the share is of.

    Returns:
        String, an SVG document.
    """
    times = sorted({point["seconds"] for points in series.values() for point in points if point["seconds"]})
    unlimited = any(not point["seconds"] for points in series.values() for point in points)
    x = _time_axis(times, unlimited)
    ticks = [(x(t), _seconds(t)) for t in _apart(times)] + ([(x(0), "no limit")] if unlimited else [])
    parts = [_share_grid(), *(_text(at, HEIGHT - BOTTOM + 22, text, "middle", SOFT) for at, text in ticks)]
    parts += [_line(at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 5, SOFT) for at, _ in ticks]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "time seen", "middle", INK))
    parts.append(_text(LEFT - 46, 18, label, "start", INK))
    ends = {}
    for n, (name, points) in enumerate(series.items()):
        color, shift = COLORS[n % len(COLORS)], (n - (len(series) - 1) / 2) * 5
        points = sorted(points, key=lambda point: point["seconds"] or math.inf)
        places = [(x(p["seconds"]) + shift, _y(p["share"]), _y(p["low"]), _y(p["high"])) for p in points]
        limited = [(at, y) for (at, y, *_), p in zip(places, points) if p["seconds"]]
        path = " ".join(f"{at:.1f},{y:.1f}" for at, y in limited)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for at, y, low, high in places:
            parts += [_line(at, low, at, high, color, 2), _marker(n, at, y, color)]
        ends[name] = places[-1][1], color
    parts += _end_labels(ends)
    return _document(WIDTH, HEIGHT, parts)


def shares(rows):
    """Shares with their intervals, one below the other.

    Args:
        rows: List of dicts `name`, `share`, `low`, `high`.
    """
    left, right = 300, 90
    height = 36 + ROW * len(rows)
    across = lambda share: left + share * (WIDTH - left - right)  # noqa: E731
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        dash = ' stroke-dasharray="5 4"' if share == 0.5 else ""
        color = SOFT if share == 0.5 else LINE
        parts.append(_line(across(share), 24, across(share), height - 8, color, 1, dash))
        parts.append(_text(across(share), 16, f"{share:.0%}", "middle", SOFT))
    for n, row in enumerate(rows):
        y = 24 + ROW * (n + 0.5)
        parts.append(_text(left - 20, y + 5, _short(row["name"], 36), "end", INK))
        parts.append(_line(across(row["low"]), y, across(row["high"]), y, COLORS[0], 3))
        parts.append(_marker(0, across(row["share"]), y, COLORS[0]))
        parts.append(_text(WIDTH - right + 16, y + 5, f"{row['share']:.1%}", "start", INK))
    return _document(WIDTH, height, parts)


def _time_axis(times, unlimited):
    """Function: seconds -> pixels from the left."""
    begin, end = LEFT + 24, WIDTH - RIGHT - 24 - (70 if unlimited and times else 0)
    if not times:
        return lambda seconds: (LEFT + WIDTH - RIGHT) / 2
    span = math.log(times[-1] / times[0]) or 1.0

    def place(seconds):
        return begin + (end - begin) * math.log(seconds / times[0]) / span if seconds else WIDTH - RIGHT - 24

    return place


def _apart(times):
    """Of times that are nearly the same, as different screens give them, one."""
    kept = []
    for time in times:
        if not kept or time / kept[-1] > 1.2:
            kept.append(time)
    return kept


def _seconds(seconds):
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _y(share):
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _share_grid():
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        dash, color = (' stroke-dasharray="5 4"', SOFT) if share == 0.5 else ("", LINE)
        parts.append(_line(LEFT, _y(share), WIDTH - RIGHT, _y(share), color, 1, dash))
        parts.append(_text(LEFT - 10, _y(share) + 5, f"{share:.0%}", "end", SOFT))
    return "".join(parts)


def _end_labels(ends):
    """Names at the right, each beside the end of its line, none on another."""
    parts, lowest = [], -math.inf
    for name, (y, color) in sorted(ends.items(), key=lambda entry: entry[1][0]):
        lowest = max(y, lowest + 20)
        parts.append(_line(WIDTH - RIGHT - 14, y, WIDTH - RIGHT + 8, lowest, color))
        parts.append(_text(WIDTH - RIGHT + 12, lowest + 5, _short(name, 24), "start", color, "600"))
    return parts


def _marker(number, x, y, color):
    """A form of its own for each series, so that colour is not alone."""
    style = f'fill="{color}" stroke="white" stroke-width="1.5"'
    if number % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" {style}/>'
    if number % 3 == 1:
        return f'<rect x="{x - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" {style}/>'
    return f'<path d="M{x:.1f} {y - 7:.1f} l7 12 h-14 z" {style}/>'


def _line(x1, y1, x2, y2, color, width=1, extra=""):
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{color}" stroke-width="{width}"{extra}/>'


def _text(x, y, text, anchor, color, weight="400"):
    attributes = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-weight="{weight}"'
    return f"<text {attributes}>{html.escape(text)}</text>"


def _short(text, length):
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _document(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="14"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}</svg>"
    )
