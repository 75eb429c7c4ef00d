"""The picture: error against training time, a panel for each task, a mark for each model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables.protocol import FAMILIES, rivals
from benchmarks.tables.summary import Standing
from deltarule.figures import style

__all__ = ["draw"]

# Colors that colorblind readers can distinguish, and a shape for each besides.
LOOKS = dict(
    zip(FAMILIES, [(style.BLUE, "o"), (style.GREEN, "s"), (style.VERMILION, "^"), (style.PURPLE, "v")], strict=True)
)
TICKS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 5, 10)
FONT = 7
TITLES = {"classification": "Classification", "regression": "Regression"}


def draw(standings: Sequence[Standing], path: Path) -> None:
    """Draw the models whose error relative to the reference is known."""
    tasks = [task for task in TITLES if any(math.isfinite(each.errors[task][0]) for each in standings)]
    if not tasks:
        return
    picture = style.figure(6.0 * len(tasks), 7.2)
    for axes, task in zip(picture.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        _panel(axes, task, standings)
    _legend(picture, {rivals()[each.rival].family for each in standings})
    path.parent.mkdir(parents=True, exist_ok=True)
    style.save(picture, path)


def _panel(axes: Any, task: str, standings: Sequence[Standing]) -> None:
    known = rivals()
    shown = sorted((each for each in standings if math.isfinite(each.errors[task][0])), key=lambda each: each.seconds)
    for each in shown:
        (mean, low, high), seconds = each.errors[task], each.seconds[0]
        colour, shape = LOOKS[known[each.rival].family]
        if math.isfinite(low) and math.isfinite(high):
            axes.plot([seconds, seconds], [low, high], color=colour, linewidth=3, alpha=0.3, zorder=2)
        axes.plot([seconds], [mean], shape, color=colour, markersize=6.5, zorder=3)
    axes.axhline(1.0, color=style.GREY, linewidth=0.8, linestyle="--", zorder=1)
    times = [each.seconds[0] for each in shown]
    _scale(axes, [min(times) / 1.6, max(times) * 5], [end for each in shown for end in each.errors[task] if end > 0])
    _label(axes, [(known[each.rival].name, each.seconds[0], each.errors[task][0]) for each in shown])
    style.tidy(axes, title=TITLES[task], x="processor time to train, s (logarithmic; geometric mean over tables)",
               y="error relative to HistGradientBoosting, 95 % interval")  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_size(8.5)


def _scale(axes: Any, times: Sequence[float], errors: Sequence[float]) -> None:
    """Logarithmic axes that contain all marks and intervals."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    finite = [error for error in errors if math.isfinite(error)]
    low, high = min(0.9, *finite) / 1.1, max(1.1, *finite) * 1.1
    axes.set_xlim(*times)
    axes.set_ylim(low, high)
    axes.set_yticks([tick for tick in TICKS if low <= tick <= high])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _label(axes: Any, marks: Sequence[tuple[str, float, float]]) -> None:
    """Write each name where it covers the fewest marks and names: beside its mark, or further off with a line to it."""
    axes.figure.draw_without_rendering()  # the layout decides where the marks are
    pixel = axes.figure.dpi / 72  # in points
    places = [axes.transData.transform((seconds, error)) / pixel for _, seconds, error in marks]
    taken = [(x - 4, x + 4, y - 4, y + 4) for x, y in places]
    for (name, seconds, error), (x, y) in zip(marks, places, strict=True):
        width = 0.54 * FONT * len(name)
        found: list[tuple[int, int, tuple[float, float], tuple[float, float, float, float]]] = []
        near = [(5, 4), (5, -11), (-5 - width, 4), (-5 - width, -11), (8, -3)]
        far = [(dx, dy) for dy in (14, -21, 24, -31) for dx in (10, -10 - width)]
        for dx, dy in (*near, *far):
            box = (x + dx, x + dx + width, y + dy, y + dy + FONT)
            covered = sum(box[0] < b and a < box[1] and box[2] < d and c < box[3] for a, b, c, d in taken)
            found.append((covered, len(found), (dx, dy), box))
        _, _, offset, box = min(found)
        taken.append(box)
        line = {"arrowstyle": "-", "color": style.GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
        axes.annotate(style.plain(name), (seconds, error), offset, textcoords="offset points", fontsize=FONT,
                      color=style.BLACK, arrowprops=line if offset in far else None)  # fmt: skip


def _legend(picture: Any, present: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=shape, linestyle="", markersize=7, label=family)
        for family, (colour, shape) in LOOKS.items()
        if family in present
    ]
    picture.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8, frameon=False)
