"""Lines fitted with two losses to points with an outlier, and the gradients of the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import BLACK, BLUE, GREY, VERMILION, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def robust_lines(x: Floats, y: Floats, lines: Mapping[str, tuple[float, float]]) -> Figure:
    """Draw the points (n,), the outlier last, and each line a = w x + b; beside them the gradient of a residual."""
    picture = figure(6.8, 3.9)
    left, right = picture.subplots(1, 2, width_ratios=(1.55, 1.0))
    tidy(left, x="x", y="y", title="Fitted lines")
    ends = np.array([x.min() - 0.15, x.max() + 0.15])
    looks = ((GREY, ":", 1.6), (VERMILION, "--", 1.9), (BLUE, "-", 1.9))
    for (name, (w, b)), (colour, style, width) in zip(lines.items(), looks, strict=True):
        left.plot(ends, w * ends + b, color=colour, linestyle=style, linewidth=width, label=name)
    left.plot(x[:-1], y[:-1], "o", color=BLACK, markersize=4)
    left.plot(x[-1], y[-1], "X", color=BLACK, markersize=9)
    left.annotate("outlier", (x[-1], y[-1]), xytext=(-9, 0), textcoords="offset points", ha="right", va="center")
    left.legend(frameon=False, loc="upper left", fontsize="small")
    tidy(right, x="Residual a − y", y="Gradient ∂C/∂a", title="Gradient of a residual")
    far = 1.1 * abs(lines["Absolute error"][0] * x[-1] + lines["Absolute error"][1] - y[-1])
    r = np.linspace(-far, far, 400)
    right.plot(r, r, color=VERMILION, linestyle="--", linewidth=1.9, label="½ (a − y)²")
    right.plot(r, np.sign(r), color=BLUE, linewidth=1.9, label="|a − y|")
    right.axhline(0, color=GREY, linewidth=0.7)
    right.axvline(0, color=GREY, linewidth=0.7)
    right.legend(frameon=False, loc="upper left", fontsize="small")
    return picture
