"""A network drawn as a graph: units as circles, weights as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.style import BLACK, BLUE, GREY, VERMILION, figure
from deltarule.types import Booleans, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS_SHOWN = 10
"""Largest number of units drawn of a layer; of larger layers the first and the last ones are drawn."""


def network_picture(
    sizes: Sequence[int], names: Sequence[str], weights: Sequence[Floats] = (), title: str = ""
) -> Figure:
    """Return a figure with the graph of a network; see `draw_network`.

    >>> network_picture((4, 3), ("Input", "Output")).axes[0].get_title(loc="left")
    ''
    """
    picture = figure(max(4.0, 1.7 * len(sizes) + 0.8), 4.2)
    axes = picture.subplots()
    draw_network(axes, sizes, names, weights=weights, title=title)
    if len(weights):
        for name, sign in (("positive weight", 1.0), ("negative weight", -1.0)):
            axes.plot([], [], **_line(sign), label=name)
        picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    return picture


def draw_network(
    axes: Axes,
    sizes: Sequence[int],
    names: Sequence[str],
    *,
    weights: Sequence[Floats] = (),
    kept: Sequence[Booleans] = (),
    title: str = "",
) -> None:
    """Draw the units of each layer, the weights between them, and the name and size of each layer.

    weights : matrices (inputs, units); the width of a line follows |w|, its color and style the sign.
    kept : for each layer, whether its units are kept; dropped ones are crossed, and their lines are left out.
    """
    axes.set_axis_off()
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold", color=BLACK)
    shown = [_shown(size) for size in sizes]
    heights = [_heights(size, rows) for size, rows in zip(sizes, shown, strict=True)]
    masks = list(kept) or [np.ones(size, dtype=bool) for size in sizes]
    for layer in range(len(sizes) - 1):
        matrix = weights[layer] if len(weights) else None
        largest = 1.0 if matrix is None else float(np.max(np.abs(matrix))) or 1.0
        for i, low in zip(shown[layer], heights[layer], strict=True):
            for j, high in zip(shown[layer + 1], heights[layer + 1], strict=True):
                if masks[layer][i] and masks[layer + 1][j]:
                    style = _line(None if matrix is None else float(matrix[i, j]) / largest)
                    axes.plot([layer, layer + 1], [low, high], zorder=1, **style)
    for layer, (rows, places) in enumerate(zip(shown, heights, strict=True)):
        on = masks[layer][rows]
        filled: dict[str, Any] = {"color": "white", "markeredgecolor": BLACK, "markersize": 11, "zorder": 2}
        axes.plot(np.full(on.sum(), layer), places[on], "o", **filled)
        off = places[~on]
        axes.plot(np.full(len(off), layer), off, "o", color="#EEEEEE", markeredgecolor=GREY, markersize=11, zorder=2)
        axes.plot(np.full(len(off), layer), off, "x", color=VERMILION, markersize=9, markeredgewidth=2, zorder=3)
        if len(rows) < sizes[layer]:
            axes.text(layer, 0.0, "⋮", ha="center", va="center", fontsize="x-large")
        axes.text(layer, -1.22, f"{names[layer]}\n{sizes[layer]:,}", ha="center", va="top", fontsize="small")
    axes.set_xlim(-0.45, len(sizes) - 0.55)
    axes.set_ylim(-1.75, 1.15)


def _shown(size: int) -> list[int]:
    half = UNITS_SHOWN // 2 - 1
    return list(range(size)) if size <= UNITS_SHOWN else [*range(half), *range(size - half, size)]


def _heights(size: int, rows: Sequence[int]) -> Floats:
    """Return the vertical positions of the units shown, from 1 down to −1, with a gap for those left out."""
    count = len(rows) if len(rows) == size else len(rows) + 2
    spacing = min(2.0 / max(count - 1, 1), 0.4)
    places = np.array([n if n < len(rows) / 2 or len(rows) == size else n + 2 for n in range(len(rows))], np.float64)
    return spacing * ((count - 1) / 2.0 - places)


def _line(weight: float | None) -> dict[str, Any]:
    if weight is None:
        return {"color": "#9A9A9A", "linewidth": 0.7}
    colour, style = (BLUE, "-") if weight >= 0 else (VERMILION, "--")
    size = abs(weight)
    return {"color": colour, "linestyle": style, "linewidth": 0.2 + 1.8 * size, "alpha": 0.25 + 0.7 * size}
