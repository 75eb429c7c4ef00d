"""Cost and accuracy, on training and on evaluation data, over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deltarule.figures.style import COLOURS, figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = (
    ("training_cost", "Training data", "Cost (nats)"),
    ("evaluation_cost", "Evaluation data", "Cost (nats)"),
    ("training_accuracy", "Training data", "Accuracy (%)"),
    ("evaluation_accuracy", "Evaluation data", "Accuracy (%)"),
)


class Line(NamedTuple):
    """A run in a picture: its lists by name, (epochs,) each, accuracies as fractions; dashed lines are drawn on top.

    A line without a name is not in the legend.
    """

    name: str
    lists: Mapping[str, Any]
    dashed: bool = False


def four_monitors(lines: Sequence[Line], title: str) -> Figure:
    """Draw four panels: costs above, accuracies below; training on the left, evaluation on the right."""
    picture = figure(10, 6.6)
    panels = picture.subplots(2, 2, sharex=True).ravel()
    for axes, (name, of, unit) in zip(panels, _PANELS, strict=True):
        tidy(axes, y=unit, title=of, x="Epoch" if "accuracy" in name else "")
        for number, line in enumerate(lines):
            _plot(axes, line, name, number, 100.0 if "accuracy" in name else 1.0)
    panels[0].legend(frameon=False)
    picture.suptitle(title, x=0.01, ha="left")
    return picture


def accuracy_lines(lines: Sequence[Line], title: str, y: str) -> Figure:
    """Draw one panel of accuracies; the list of each line has the empty name."""
    picture = figure(8, 5)
    axes = tidy(picture.subplots(), x="Epoch", y=y, title=title)
    for number, line in enumerate(lines):
        _plot(axes, line, "", number, 100.0)
    axes.legend(frameon=False)
    return picture


def _plot(axes: Any, line: Line, name: str, number: int, factor: float) -> None:
    values = factor * np.asarray(line.lists[name], dtype=np.float64)
    style: dict[str, Any] = {"linestyle": (0, (2, 3)), "linewidth": 1.4} if line.dashed else {"linewidth": 2.0}
    colour = "black" if line.dashed else COLOURS[number % len(COLOURS)]
    axes.plot(1 + np.arange(len(values)), values, label=line.name or None, color=colour, **style)
