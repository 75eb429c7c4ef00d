"""The learning rate range test: the loss over an increasing learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import BLUE, GREEN, GREY, VERMILION, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def range_curve(
    rates: Floats,
    losses: Floats,
    smoothed: Floats,
    *,
    steepest: float | None = None,
    largest: float | None = None,
    title: str = "",
) -> Figure:
    """Draw the loss of each batch in gray, the smoothed loss, and the two suggested rates.

    rates, smoothed : (steps,). losses : (seeds, steps), NaN after a run has diverged.

    >>> rates = np.geomspace(1e-3, 1, 4)
    >>> picture = range_curve(rates, np.ones((2, 4)), np.ones(4), steepest=0.01)
    >>> picture.axes[0].get_xscale(), picture.axes[0].get_xlabel()
    ('log', 'Learning rate (logarithmic)')
    """
    picture = figure(7, 4.4)
    axes = tidy(
        picture.subplots(), x="Learning rate (logarithmic)", y="Loss of a batch (mean over samples)", title=title
    )
    for place, run in enumerate(losses):
        axes.plot(rates, run, color=GREY, linewidth=0.7, alpha=0.5, label="" if place else "Each run's batches")
    axes.plot(rates, smoothed, color=BLUE, linewidth=2.2, label="Mean, smoothed")
    axes.set_xscale("log")
    axes.set_xlim(rates[0], rates[-1])
    # The last losses increase steeply; the axis is limited to the smoothed curve.
    low = float(np.nanmin(losses, initial=smoothed.min()))
    room = max(float(smoothed.max()) - low, 1e-12)
    axes.set_ylim(low - 0.05 * room, low + 1.2 * room)
    marks = (("Steepest", steepest, GREEN, "o", "--"), ("Lowest, before the increase", largest, VERMILION, "s", ":"))
    for name, rate, colour, marker, line in marks:
        if rate is not None:
            height = float(np.interp(np.log(rate), np.log(rates), smoothed))
            axes.axvline(rate, color=colour, linestyle=line, linewidth=1.3)
            axes.plot([rate], [height], marker, color=colour, markersize=8, label=f"{name}: {rate:.2g}")
    picture.legend(frameon=False, loc="outside lower center", ncols=2)
    return picture
