"""The error of finite differences over their step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import BLUE, GREY, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def difference_errors(steps: Floats, errors: Floats) -> Figure:
    """Draw the largest relative error of each step h, with the slopes of truncation and rounding errors."""
    picture = figure(6.8, 3.9)
    axes = tidy(picture.subplots(), x="Step h of the finite difference", y="Largest relative error")
    axes.loglog(steps, errors, color=BLUE, marker="o", markersize=5, linewidth=1.6)
    best = int(np.argmin(errors))
    large, small = steps[: best + 1], steps[best:]
    axes.loglog(large, 4 * errors[1] * (large / steps[1]) ** 2, color=GREY, linestyle="--", linewidth=1.1)
    axes.loglog(small, 4 * errors[-2] * steps[-2] / small, color=GREY, linestyle=":", linewidth=1.3)
    for words, place, aside, side in (
        ("too large: truncation, h²", 2, -6, "right"),
        ("too small: rounding, 1 / h", -3, 8, "left"),
    ):
        where = steps[place], 4 * errors[place]
        axes.annotate(words, where, xytext=(aside, 4), textcoords="offset points", ha=side, va="bottom")
    axes.set_ylim(errors.min() / 5, None)
    return picture
