"""Losses by epoch, and errors by the number of training samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.displays import LINES, Display, legend
from deltarule.figures.style import Theme, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class LossesDisplay(Display):
    """The losses of each epoch, on a logarithmic axis where they span more than ten times; the lowest is marked.

    losses : for each set the loss of each epoch; the last one's lowest value is marked.

    >>> display = LossesDisplay({"training": [1.0, 0.5], "validation": [1.0, 0.8]}).plot()
    >>> display.ax_.get_xlabel()
    'Epoch'
    """

    losses: Mapping[str, Sequence[float]]

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="Epoch", y="Loss (mean over samples)", theme=theme)
        everything: list[float] = []
        for number, (name, losses) in enumerate(self.losses.items()):
            values = np.array(losses, np.float64)
            values[~np.isfinite(values)] = np.nan
            everything += values[np.isfinite(values)].tolist()
            epochs = np.arange(1, len(values) + 1)
            marker = "o" if len(values) < 5 else ""
            axes.plot(epochs, values, color=theme.colours[number], linestyle=LINES[number], marker=marker, label=name)
        if np.isfinite(values).any():
            axes.axvline(int(np.nanargmin(values)) + 1, color=theme.quiet, linewidth=1.0, linestyle=":")
        if everything and min(everything) > 0 and max(everything) > 10 * min(everything):
            axes.set_yscale("log")
        legend(axes, theme)


@dataclass
class LearningCurveDisplay(Display):
    """Errors of networks by the number of their training samples, and the means.

    sizes : (sizes,). errors : (sizes, networks). label : of the errors. factor : on the errors.

    >>> LearningCurveDisplay([100, 200], [[0.2, 0.22], [0.1, 0.12]], "Error (%)", 100).plot().ax_.get_xscale()
    'log'
    """

    sizes: Sequence[int]
    errors: Any
    label: str
    factor: float = 1.0

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="Training samples (logarithmic)", y=self.label, theme=theme)
        errors = self.factor * np.asarray(self.errors, np.float64)
        for each in errors.T:
            axes.plot(self.sizes, each, color=theme.quiet, marker="o", markersize=4, linestyle="none")
        axes.plot(self.sizes, errors.mean(axis=1), color=theme.colours[0], marker="D", linewidth=1.8)
        axes.set_xscale("log")
        axes.set_xticks(list(self.sizes), [f"{size:,}" for size in self.sizes], color=theme.ink)
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
