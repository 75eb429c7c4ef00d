"""Histograms and sorted absolute values of the weights of several networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import COLOURS, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES = ("-", "--", "-.", ":")


def weight_sizes(weights: Mapping[str, Floats], accuracy: Mapping[str, float]) -> Figure:
    """Draw a histogram of the nonzero weights (n,) of each network; below, all absolute values in descending order."""
    picture = figure(6.8, 5.9)
    grid = picture.add_gridspec(2, len(weights), height_ratios=(1.0, 1.2))
    reach = float(np.quantile(np.abs(np.concatenate(list(weights.values()))), 0.99))
    edges = np.linspace(-reach, reach, 42)
    below = tidy(picture.add_subplot(grid[1, :]), x="Weights in descending order of size (%)")
    below.set_ylabel("Absolute value |w| (logarithmic)")
    top = 0.0
    panels = []
    for column, (name, values) in enumerate(weights.items()):
        axes = tidy(picture.add_subplot(grid[0, column]), x="Weight w", title=name.partition(",")[0])
        zero = values == 0.0
        counts, _ = np.histogram(values[~zero], bins=edges)
        shares = 100 * counts / len(values)
        axes.stairs(shares, edges, fill=True, color=COLOURS[column], alpha=0.85)
        top = max(top, shares.max())
        of_zeros = f"{100 * zero.mean():.0f} % zeros" if zero.any() else "no zeros"
        axes.text(0.97, 0.97, of_zeros, transform=axes.transAxes, ha="right", va="top", fontsize="small")
        panels.append(axes)
        order = np.sort(np.abs(values))[::-1]
        place = 100 * np.arange(1, len(order) + 1) / len(order)
        some = order > 0
        below.plot(
            place[some], order[some], color=COLOURS[column], linestyle=_LINES[column], linewidth=1.8,
            label=f"{name} (test accuracy {100 * accuracy[name]:.1f} %)",
        )  # fmt: skip
        if zero.any():
            end = place[some][-1]
            below.annotate(
                f"{100 * zero.mean():.0f} % are exactly 0", (end, 3e-4), xytext=(4, 0), textcoords="offset points",
                fontsize="small", va="center",
            )  # fmt: skip
            below.axvline(end, color=COLOURS[column], linewidth=0.9)
    for column, axes in enumerate(panels):
        axes.set_ylim(0, 1.25 * top)
        axes.set_xlim(-reach, reach)
        axes.tick_params(labelleft=column == 0)
    panels[0].set_ylabel("Fraction of weights (%)")
    below.set_yscale("log")
    below.set_ylim(1e-4, None)
    below.set_xlim(0, 100)
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return picture
