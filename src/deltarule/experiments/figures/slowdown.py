"""The learning slowdown: the output of one unit trained with three costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deltarule.figures.style import COLOURS, figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLES = ("-", "--", ":")


def slowdown_curves(curves: Sequence[Mapping[str, Any]], *, panel: tuple[float, float] = (4.6, 3.2)) -> Figure:
    """Draw panels of outputs over the epochs: starts side by side, learning rates one below the other.

    Each curve has `loss`, `start`, `learning_rate` and `outputs` (epochs + 1,).
    panel : width and height of each panel in inches.
    """
    starts = list(dict.fromkeys(curve["start"] for curve in curves))
    rates = list(dict.fromkeys(curve["learning_rate"] for curve in curves))
    losses = list(dict.fromkeys(curve["loss"] for curve in curves))
    picture = figure(panel[0] * len(starts), panel[1] * len(rates) + 0.5)
    panels = picture.subplots(len(rates), len(starts), squeeze=False, sharex=True, sharey=True)
    for curve in curves:
        row, column = rates.index(curve["learning_rate"]), starts.index(curve["start"])
        kind = losses.index(curve["loss"])
        panels[row, column].plot(
            curve["outputs"], label=curve["loss"], color=COLOURS[kind], linestyle=_STYLES[kind % 3], linewidth=2
        )
    for row, rate in enumerate(rates):
        for column, start in enumerate(starts):
            axes = tidy(panels[row, column], title=f"Start w = b = {start:g}, η = {rate:g}")
            axes.set_ylim(0, 1.02)
            if column == 0:
                axes.set_ylabel("Output a (target 0)")
            if row == len(rates) - 1:
                axes.set_xlabel("Epoch")
    panels[0, 0].legend(frameon=False, loc="upper right", fontsize="small")
    title = "A saturated unit learns slowly with the quadratic cost: input 1, target 0"
    picture.suptitle(title, x=0.01, ha="left", fontsize="medium")
    return picture
