"""Bars of several series over a few names: layers of a network, or learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.displays import MARKERS, Display, legend
from deltarule.figures.style import Theme, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class LayersDisplay(Display):
    """A marked line for each series over the names.

    values : for each series a number for each name. label, names_label : of the axes. log : a logarithmic axis.

    >>> display = LayersDisplay(["hidden 1", "output"], {"at the start": [0.1, 1.0]}, "Norm of the gradient").plot()
    >>> display.ax_.get_yscale()
    'log'
    """

    names: Sequence[str]
    values: Mapping[str, Sequence[float]]
    label: str
    names_label: str = ""
    log: bool = True

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x=self.names_label or ("Layer" if len(self.names) > 5 else ""), y=self.label, theme=theme)
        places = np.arange(len(self.names))
        drawn: list[float] = []
        for number, (name, values) in enumerate(self.values.items()):
            shown = np.array(values, np.float64)
            shown[~np.isfinite(shown)] = np.nan
            if self.log:
                shown[shown <= 0] = np.nan
            drawn += shown[np.isfinite(shown)].tolist()
            axes.plot(
                places,
                shown,
                color=theme.colours[number],
                marker=MARKERS[number],
                markersize=7,
                linewidth=1.6,
                label=name,
            )
        if self.log and drawn:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, max([*drawn, 1.0]) * 1.08)
        ticks = [name.removeprefix("hidden ") for name in self.names] if len(self.names) > 5 else list(self.names)
        axes.set_xticks(places, ticks, color=theme.ink)
        axes.set_xlim(-0.4, len(self.names) - 0.6)
        legend(axes, theme)
