"""HTML fragments for notebooks: self-contained, short, readable in light and dark, with all text escaped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["card", "curves", "details", "table", "text"]

_LONGEST = 2_000
_POINTS = 200
_WIDTH, _FLOOR, _LEFT, _TOP = 340, 116, 52, 10
_STYLES = (("#1F8DD6", ""), ("#D55E00", "5 3"), ("#009E73", "1.5 2.5"), ("#B85C92", "7 2 1.5 2"))
"""Colours that colour-blind people distinguish and that contrast with white and black by 3 : 1; dashes beside them."""
_CELL = "padding:1px 12px 1px 0;text-align:left;vertical-align:top;background:none"


def text(value: object) -> str:
    r"""Return text as HTML: escaped, without control characters, the middle of very long text left out.

    Names in files are untrusted: none of them becomes markup.

    >>> print(text("<b>a</b>\x1b[31m"))
    &lt;b&gt;a&lt;/b&gt;�[31m
    """
    shown = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in str(value))
    if len(shown) > _LONGEST:
        shown = f"{shown[: _LONGEST // 2]} … {shown[-_LONGEST // 2 :]}"
    return escape(shown)


def card(kind: str, title: str, rows: Iterable[tuple[str, str]], *further: str) -> str:
    """Return an object's summary: its kind and title, rows of names and values, and further fragments.

    >>> card("Model", "4-8-3", [("parameters", "67")]).count("<tr>")
    1
    """
    head = f"<strong>{text(kind)}</strong> {text(title)}".strip()
    body = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal;white-space:nowrap;opacity:.75">{text(name)}</th>'
        f'<td style="{_CELL}">{text(value)}</td></tr>'
        for name, value in rows
    )
    lines = f'<table style="border-collapse:collapse;margin:2px 0">{body}</table>' if body else ""
    style = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45;max-width:760px"
    return f'<div class="deltarule" style="{style}"><div>{head}</div>{lines}{"".join(further)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table.

    >>> table(["layer"], [["<hidden>"]]).count("&lt;hidden&gt;")
    1
    """
    head = "".join(f'<th scope="col" style="{_CELL}">{text(each)}</th>' for each in columns)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{text(each)}</td>' for each in row) + "</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;margin:4px 0"><thead><tr>{head}</tr></thead>{body}</table>'


def details(summary: str, data: Any) -> str:
    """Return data as JSON in an element that opens on a click.

    >>> details("Recipe", {"seed": 0}).startswith("<details>")
    True
    """
    pre = 'style="margin:2px 0;max-height:20em;overflow:auto;background:none;color:inherit"'
    shown = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    return f"<details><summary>{text(summary)}</summary><pre {pre}>{escape(shown)}</pre></details>"


def curves(
    series: Mapping[str, Sequence[float]],
    *,
    x: Sequence[float] | None = None,
    mark: float | None = None,
    x_label: str = "epoch",
) -> str:
    """Return lines as an inline SVG picture; numbers that are not finite leave gaps.

    series : the values of each line by its name.
    x : increasing, for the values of all lines (default: 1, 2, …). Where it spans more than a factor of 100, it is
        drawn on a logarithmic scale; so are positive values that span a factor of 30.
    mark : an x that a vertical line marks; 0 and None mark none.

    >>> curves({"loss": [2.0, 1.0, 0.5]}).count("<polyline")
    1
    >>> curves({"loss": []})
    ''
    """
    shown = {name: values for name, values in series.items() if any(map(math.isfinite, values))}
    if not shown:
        return ""
    n = max(map(len, shown.values()))
    places = list(range(1, n + 1)) if x is None else list(x)
    finite = [value for values in shown.values() for value in values if math.isfinite(value)]
    across = _Scale(min(places), max(places), logarithmic=x is not None and 0 < 100 * min(places) < max(places))
    up = _Scale(min(finite), max(finite), logarithmic=0 < 30 * min(finite) < max(finite))
    lines, names = [], []
    for number, (name, values) in enumerate(shown.items()):
        colour, dash = _STYLES[number % len(_STYLES)]
        stroke = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}"'
        lines += [f'<polyline points="{points}" {stroke}/>' for points in _runs(places, values, across, up)]
        left, base = _LEFT + 145 * (number % 2), _FLOOR + 30 + 13 * (number // 2)
        short = name if len(name) <= 20 else f"{name[:19]}…"
        names.append(
            f'<line x1="{left}" y1="{base - 4}" x2="{left + 18}" y2="{base - 4}" {stroke}/>'
            f'<text x="{left + 23}" y="{base}">{text(short)}</text>'
        )
    frame = f'<path d="M{_LEFT} {_TOP}V{_FLOOR}H{_WIDTH - 8}" fill="none" stroke="currentColor" opacity=".4"/>'
    if mark:
        at = f"{_LEFT + across(mark) * (_WIDTH - 8 - _LEFT):.1f}"
        path = f"M{at} {_TOP}V{_FLOOR}"
        frame += f'<path d="{path}" stroke="currentColor" stroke-dasharray="2 3" opacity=".6"/>'
    height = _FLOOR + 34 + 13 * ((len(shown) - 1) // 2)
    ticks = (
        f'<text x="{_LEFT - 4}" y="{_TOP + 8}" text-anchor="end">{up.high:.3g}</text>'
        f'<text x="{_LEFT - 4}" y="{_FLOOR}" text-anchor="end">{up.low:.3g}</text>'
        f'<text x="{_LEFT}" y="{_FLOOR + 13}">{text(x_label)} {across.low:.3g}</text>'
        f'<text x="{_WIDTH - 8}" y="{_FLOOR + 13}" text-anchor="end">{across.high:.3g}</text>'
    )
    label = text(", ".join(shown) + f" by {x_label}")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" role="img" aria-label="{label}" '
        f'style="color:inherit"><g font-size="10" fill="currentColor" stroke="none">{ticks}</g>{frame}'
        f'{"".join(lines)}<g font-size="10" fill="currentColor">{"".join(names)}</g></svg>'
    )


class _Scale:
    """Converts numbers from low to high to 0 to 1, evenly or by their logarithms."""

    def __init__(self, low: float, high: float, *, logarithmic: bool) -> None:
        self.low, self.high, self._log = low, high, logarithmic

    def __call__(self, value: float) -> float:
        if self.high <= self.low:
            return 0.5
        if self._log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def _runs(places: Sequence[float], values: Sequence[float], across: _Scale, up: _Scale) -> Iterable[str]:
    """Yield the points of each stretch of finite values, at most about 200 in all."""
    step = max(1, len(values) // _POINTS)
    chosen = sorted({*range(0, len(values), step), len(values) - 1})
    points: list[str] = []
    for index in chosen:
        value = values[index]
        if math.isfinite(value):
            at = _LEFT + across(places[index]) * (_WIDTH - 8 - _LEFT)
            level = _FLOOR - up(value) * (_FLOOR - _TOP)
            points.append(f"{at:.1f},{level:.1f}")
        elif points:
            yield " ".join(points)
            points = []
    if len(points) == 1:
        points = [points[0], points[0]]
    if points:
        yield " ".join(points)
