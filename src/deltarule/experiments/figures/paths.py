"""Paths of optimizers on the contours of a function of two variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.style import COLOURS, GREY, figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def optimizer_paths(
    paths: Mapping[str, Any],
    function: Callable[[Any, Any], Any],
    title: str,
    *,
    columns: int = 3,
    panel: tuple[float, float] = (4.2, 3.4),
) -> Figure:
    """Draw a panel for each path (steps, 2) on the contours of the function, then all together; its minimum is (0, 0).

    columns, panel : number of panels in a row, and their width and height in inches.
    """
    columns = min(columns, len(paths) + 1)
    rows = -(-(len(paths) + 1) // columns)
    picture = figure(panel[0] * columns, panel[1] * rows + 0.4)
    panels = picture.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    every = np.concatenate([np.asarray(each) for each in paths.values()])
    wide, high = 1.12 * np.abs(every).max(axis=0)
    x, y = np.meshgrid(np.linspace(-wide, wide, 241), np.linspace(-high, high, 241))
    z = function(x, y)
    levels = np.array([0.05, 0.2, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32])
    coloured = [(np.asarray(steps), colour) for steps, colour in zip(paths.values(), COLOURS, strict=False)]
    shown = [*([each] for each in coloured), coloured]
    for number, (axes, name, lines) in enumerate(
        zip(panels, [*paths, "All five" if len(paths) == 5 else "All"], shown, strict=False)
    ):
        tidy(axes, title=name, grid=False)
        axes.contour(x, y, z, levels=levels[levels < z.max()], colors="#BBBBBB", linewidths=0.7)
        for steps, colour in lines:
            axes.plot(steps[:, 0], steps[:, 1], color=colour, marker="o", markersize=3.2, linewidth=1.2)
        axes.plot(*coloured[0][0][0], marker="s", color=GREY, markersize=6, linestyle="none")
        axes.plot(0, 0, marker="+", color="black", markersize=10, markeredgewidth=1.5, linestyle="none")
        axes.set_ylabel("y" if number % columns == 0 else "")
        axes.set_xlabel("x" if number + columns >= len(shown) else "")
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    picture.suptitle(title, x=0.01, ha="left")
    return picture
