"""Losses over the iterations: one line for each optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.style import COLOURS, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MARK_EVERY = 100
"""Iterations between two markers of a line."""


def smoothed(values: Any, window: int = 11, beta: float = 2.0) -> Floats:
    """Return a moving average with a Kaiser window of odd length; mirrored ends keep the length.

    >>> smoothed([1.0, 1.0, 1.0], window=3).tolist()
    [1.0, 1.0, 1.0]
    """
    x = np.asarray(values, dtype=np.float64)
    window = min(window, 2 * len(x) - 1) | 1
    weights = np.kaiser(window, beta)
    return np.convolve(np.pad(x, window // 2, mode="reflect"), weights / weights.sum(), mode="valid")


def loss_lines(
    series: Mapping[str, tuple[Any, Any]],
    x: str,
    y: str,
    title: str,
    *,
    markers: Mapping[str, str] | None = None,
    top: float | None = None,
) -> Figure:
    """Draw one line for each name from its (numbers, losses).

    markers : marker of each name, drawn every 100 iterations; None draws lines only.
    top : upper limit of the loss axis, which starts at 0.
    """
    picture = figure(8, 5)
    axes = tidy(picture.subplots(), x=x, y=y, title=title)
    for (name, (numbers, losses)), colour in zip(series.items(), COLOURS, strict=False):
        marker = (markers or {}).get(name)
        axes.plot(
            numbers, losses, color=colour, label=name, linewidth=1.1, marker=marker, markevery=MARK_EVERY,
            markersize=6, markerfacecolor="white" if marker != "x" else None, markeredgewidth=1.4,
        )  # fmt: skip
    axes.set_ylim(0, top)
    axes.set_xlim(left=0)
    axes.legend(frameon=False)
    return picture
