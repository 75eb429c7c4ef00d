"""Values over several seeds: dots by name, and lines of means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import COLOURS, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES, _MARKERS = ("-", "--", "-.", ":"), "osD^"


def lines_over_seeds(
    places: Sequence[float], series: Mapping[str, Floats], *, x: str, y: str, logarithmic: bool = False
) -> Figure:
    """Draw a line of means for each name, and a small dot for each seed: values (places, seeds) over the places."""
    picture = figure(6.8, 3.9)
    axes = tidy(picture.subplots(), x=x, y=y)
    for number, (name, values) in enumerate(series.items()):
        colour, marker = COLOURS[number], _MARKERS[number]
        axes.plot(
            places, values.mean(axis=1), color=colour, linestyle=_LINES[number], marker=marker, markersize=6,
            linewidth=1.8, label=f"{name} (mean of {values.shape[1]} seeds)",
        )  # fmt: skip
        for seed in values.T:
            axes.plot(places, seed, marker, color=colour, markersize=3, alpha=0.45, markeredgewidth=0)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xticks(places, [f"{place:,}".replace("-", "−") for place in places])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="best")
    return picture


def dots_by_name(panels: Mapping[str, Mapping[str, Floats]], y: str) -> Figure:
    """Draw a panel for each mapping of names to values (seeds,): a dot for each seed, a line for the mean."""
    picture = figure(6.8, 3.6)
    for number, (axes, (title, values)) in enumerate(
        zip(np.atleast_1d(picture.subplots(1, len(panels))), panels.items(), strict=True)
    ):
        tidy(axes, x="Regularization", y="" if number else y, title=title)
        for place, (name, each) in enumerate(values.items()):
            spread = place + np.linspace(-0.18, 0.18, len(each))
            label = "" if number else f"{name} ({len(each)} seeds)"
            axes.plot(spread, each, _MARKERS[place], color=COLOURS[place], markersize=5, label=label)
            axes.plot([place - 0.3, place + 0.3], [each.mean()] * 2, color=COLOURS[place], linewidth=2)
        axes.set_ylim(bottom=0)
        axes.set_xticks(range(len(values)), [name.partition(",")[0].replace(" ", "\n", 1) for name in values])
        axes.grid(visible=False, axis="x")
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return picture
