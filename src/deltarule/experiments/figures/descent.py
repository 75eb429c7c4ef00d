"""Steps of gradient descent on functions of one and of two variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.style import BLACK, COLOURS, GREY, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_LINES = ("-", "--", "-.", ":")
_MARKERS = "osD^"


def bowl_steps(curve: Callable[[Any], Any], paths: Mapping[float, Floats], names: Mapping[float, str]) -> Figure:
    """Draw the steps of each learning rate on the curve; below, the loss over the steps.

    paths : by the learning rate, (steps + 1,). names : description of each rate.
    """
    picture = figure(6.8, 5.6)
    grid = picture.add_gridspec(2, len(paths), height_ratios=(1.0, 1.15))
    below = tidy(picture.add_subplot(grid[1, :]), x="Step", y="Loss ½ w² (logarithmic)")
    reach = 1.9 * max(abs(path[0]) for path in paths.values())
    w = np.linspace(-reach, reach, 201)
    first: Axes | None = None
    for column, (rate, path) in enumerate(paths.items()):
        colour = COLOURS[column]
        axes = picture.add_subplot(grid[0, column], sharex=first, sharey=first)
        first = first or axes
        tidy(axes, x="w", title=f"η = {rate:g}", grid=False)
        axes.plot(w, curve(w), color=GREY, linewidth=1)
        axes.plot(path, curve(path), color=colour, marker="o", markersize=3.5, linewidth=1)
        axes.plot(path[0], curve(path[0]), marker="s", color=BLACK, markersize=5)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-0.04 * curve(reach), curve(reach))
        if column:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("Loss ½ w²")
        below.plot(
            np.maximum(curve(path), 1e-12), color=colour, linestyle=_LINES[column], marker=_MARKERS[column],
            markersize=4, linewidth=1.3, label=f"η = {rate:g}: {names[rate][0].lower()}{names[rate][1:]}",
        )  # fmt: skip
    below.set_yscale("log")
    below.legend(frameon=False, loc="lower left", fontsize="small")
    return picture


def valley_steps(curve: Callable[[Any], Any], paths: Mapping[str, Floats]) -> Figure:
    """Draw the steps of each method on a curve with two minima; below, w over the steps."""
    picture = figure(6.8, 4.9)
    panels = picture.subplots(2, len(paths), sharex="row", sharey="row", height_ratios=(1.2, 1.0))
    every = np.concatenate(list(paths.values()))
    w = np.linspace(min(every.min(), -2.1) - 0.1, max(every.max(), 2.1) + 0.1, 301)
    for column, (name, path) in enumerate(paths.items()):
        above, below = panels[:, column]
        tidy(above, x="w", title=name, grid=False)
        above.plot(w, curve(w), color=GREY, linewidth=1.2)
        above.plot(path, curve(path), "o", color=COLOURS[column], markersize=3.5, alpha=0.5, markeredgewidth=0)
        above.plot(path[0], curve(path[0]), marker="s", color=BLACK, markersize=5.5)
        above.plot(
            path[-1],
            curve(path[-1]),
            marker="*",
            color=BLACK,
            markersize=12,
            markeredgecolor="white",
            markeredgewidth=0.5,
        )
        tidy(below, x="Step")
        below.plot(path, color=COLOURS[column], linewidth=1.3)
        below.axhline(0.152, color=GREY, linewidth=0.9, linestyle=":")
    panels[0, 0].set_ylabel("Loss f(w)")
    panels[1, 0].set_ylabel("w")
    panels[0, 0].set_ylim(curve(w).min() - 0.25, 2.2)
    panels[1, 0].text(panels[1, 0].get_xlim()[1], 0.2, "ridge", color=GREY, ha="right", va="bottom", fontsize="small")
    return picture


def paths_on_a_surface(
    paths: Mapping[str, Floats],
    surface: Callable[[Any, Any], Any],
    lowest: Floats,
    seen: Mapping[str, Floats],
    losses: Mapping[str, Floats],
) -> Figure:
    """Draw paths (steps + 1, 2) on the contours of one surface; below, the loss minus its minimum over the epochs."""
    picture = figure(6.8, 5.6)
    grid = picture.add_gridspec(2, len(paths), height_ratios=(1.15, 1.0))
    every = np.concatenate([*paths.values(), lowest[None]])
    low, high = every.min(axis=0) - 0.35, every.max(axis=0) + 0.35
    w, b = np.meshgrid(np.linspace(low[0], high[0], 121), np.linspace(low[1], high[1], 121))
    z = surface(w, b)
    bottom = float(surface(*lowest))
    levels = bottom + (z.max() - bottom) * np.linspace(0.04, 1, 14) ** 2
    below = tidy(picture.add_subplot(grid[1, :]), x="Epochs")
    below.set_ylabel("Loss minus its minimum\n(logarithmic)")
    for column, (name, path) in enumerate(paths.items()):
        colour = COLOURS[column]
        axes = tidy(picture.add_subplot(grid[0, column]), x="w", title=name, grid=False)
        axes.contour(w, b, z, levels=levels, colors="#BBBBBB", linewidths=0.7)
        few = len(path) <= 100
        axes.plot(*path.T, color=colour, linewidth=1.2 if few else 0.7, marker="o" if few else "", markersize=3)
        axes.plot(*path[0], marker="s", color=BLACK, markersize=5.5)
        axes.plot(*lowest, marker="+", color=BLACK, markersize=11, markeredgewidth=1.8, zorder=5)
        if column:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("b")
        steps = len(path) - 1
        below.plot(
            seen[name], np.maximum(losses[name] - bottom, 1e-6), color=colour, linestyle=("-", "--", "-")[column],
            linewidth=(1.8, 1.6, 0.8)[column], marker="o" if steps < 20 else "", markersize=4,
            label=f"{name}: {steps} steps", zorder=3 - column,
        )  # fmt: skip
    below.set_yscale("log")
    below.set_xlim(0, max(times[-1] for times in seen.values()))
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return picture
