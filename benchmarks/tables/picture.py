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
TITLES = {"classification": "Classification", "regression": "Regression"}


def draw(standings: Sequence[Standing], path: Path) -> None:
    """Draw the models whose error relative to the reference is known."""
    tasks = [task for task in TITLES if any(math.isfinite(each.errors[task][0]) for each in standings)]
    if not tasks:
        return
    picture = style.figure(5.2 * len(tasks), 4.6)
    for axes, task in zip(picture.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        _panel(axes, task, standings)
    _legend(picture, {rivals()[each.rival].family for each in standings})
    path.parent.mkdir(parents=True, exist_ok=True)
    style.save(picture, path)


def _panel(axes: Any, task: str, standings: Sequence[Standing]) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    known, ends = rivals(), []
    for each in standings:
        (mean, low, high), seconds = each.errors[task], each.seconds[0]
        if not math.isfinite(mean):
            continue
        colour, shape = LOOKS[known[each.rival].family]
        if math.isfinite(low) and math.isfinite(high):
            axes.plot([seconds, seconds], [low, high], color=colour, linewidth=3, alpha=0.3, zorder=2)
        axes.plot([seconds], [mean], shape, color=colour, markersize=7, zorder=3)
        axes.annotate(style.plain(known[each.rival].name), (seconds, mean), (6, 4), textcoords="offset points",
                      fontsize=7.5, color=style.BLACK)  # fmt: skip
        ends += [mean]
    axes.axhline(1.0, color=style.GREY, linewidth=0.8, linestyle="--", zorder=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    lowest, highest = min(0.9, *ends), max(1.1, *ends)
    axes.set_ylim(lowest / 1.15, highest * 1.15)
    ticks = [tick for tick in (0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 3, 5, 10)
             if lowest / 1.15 <= tick <= highest * 1.15]  # fmt: skip
    axes.set_yticks(ticks)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.25)
    style.tidy(
        axes, title=TITLES[task], x="processor time of training, s (logarithmic; geometric mean over tables)",
        y="error relative to HistGradientBoosting (95 % interval)",
    )  # fmt: skip


def _legend(picture: Any, present: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=shape, linestyle="", markersize=7, label=family)
        for family, (colour, shape) in LOOKS.items()
        if family in present
    ]
    picture.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8, frameon=False)
