"""A function and its approximations by networks of several widths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import BLACK, BLUE, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def approximations(x: Floats, truth: Floats, outputs: Mapping[int, Floats], limit: float) -> Figure:
    """Draw the function (points,) and the output of each width in its own panel; gray is beyond ±limit."""
    picture = figure(6.8, 4.8)
    panels = picture.subplots(2, -(-len(outputs) // 2), sharex=True, sharey=True)
    inside = np.abs(x) <= limit
    for number, (axes, (width, output)) in enumerate(zip(panels.ravel(), outputs.items(), strict=False)):
        largest = float(np.abs(output - truth)[inside].max())
        tidy(axes, title=f"{width} hidden units: error up to {largest:.2g}")
        for side in (-1, 1):
            ends = sorted((side * limit, side * float(x[-1])))
            axes.axvspan(*ends, color="#EEEEEE", linewidth=0, label="Not trained on" if side == 1 else None)
        axes.plot(x, truth, color=BLACK, linewidth=1.2, linestyle="--", label="Function")
        axes.plot(x, output, color=BLUE, linewidth=1.8, label="Network")
        axes.set_ylim(-3, 3)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylabel("Output" if number % 2 == 0 else "")
        axes.set_xlabel("Input x" if number >= len(outputs) - 2 else "")
    handles, labels = panels.ravel()[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return picture
