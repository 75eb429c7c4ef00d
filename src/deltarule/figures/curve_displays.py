"""Displays of training: curves over epochs with bands, smoothed losses over iterations, score over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.displays import LINES, MARKERS, MOST, Display, legend
from deltarule.figures.iterations import smoothed
from deltarule.figures.style import Theme, plain, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


BAND = (0.1, 0.9)
"""The lower and the upper quantile of a band."""


class CurvesDisplay(Display):
    """Metric of each epoch: the median over the networks as a line, and a band that contains 80 % of them.

    curves : for each name the curves of its networks; a curve that ends early is extended by its last value. Up to
        eight names are drawn; `left_out` has the others.
    near_the_end : start the axis after the first, steep part of the curves.

    >>> display = CurvesDisplay({"adam": [[0.9, 0.5, 0.3], [0.8, 0.4]]}, "Validation loss").plot()
    >>> display.ax_.get_xlabel()
    'Epoch'
    """

    def __init__(
        self,
        curves: Mapping[str, Sequence[Sequence[float]]],
        label: str,
        *,
        factor: float = 1.0,
        near_the_end: bool = False,
        title: str = "",
    ) -> None:
        self.label, self.title, self.near_the_end = label, title, near_the_end
        self.curves = {name: factor * _same_length(each) for name, each in list(curves.items())[:MOST]}
        self.left_out = list(curves)[MOST:]

    def _draw(self, axes: Axes, theme: Theme) -> None:
        from matplotlib.ticker import MaxNLocator

        tidy(axes, x="Epoch", y=self.label, title=self.title, theme=theme)
        for place, (name, values) in enumerate(self.curves.items()):
            epochs = np.arange(1, values.shape[1] + 1)
            low, middle, high = _bands(values)
            colour = theme.colours[place]
            axes.fill_between(epochs, low, high, color=colour, alpha=0.16, linewidth=0)
            every = max(1, len(epochs) // 8)
            axes.plot(
                epochs, middle, color=colour, linestyle=LINES[place], linewidth=1.6, label=plain(name),
                marker=MARKERS[place], markevery=(place * every // max(1, len(self.curves)), every), markersize=5,
                markeredgecolor=theme.paper, markeredgewidth=0.5,
            )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if self.near_the_end:
            axes.set_ylim(bottom=_without_the_start(self.curves.values()))
        if _spans_decades(self.curves.values()):
            axes.set_yscale("log")
            axes.set_ylabel(f"{self.label}, logarithmic")
        legend(axes, theme)


class IterationsDisplay(Display):
    """Loss of each batch over the iterations: the mean over the networks, smoothed.

    losses : for each name the losses of each of its networks.

    >>> display = IterationsDisplay({"sgd": [[1.0, 0.8, 0.7]]}).plot()
    >>> display.ax_.get_ylabel()
    'Loss of the batch, smoothed'
    """

    def __init__(
        self, losses: Mapping[str, Sequence[Sequence[float]]], *, label: str = "Loss of the batch", title: str = ""
    ) -> None:
        self.label, self.title = label, title
        self.losses = {name: list(each) for name, each in list(losses.items())[:MOST]}
        self.left_out = list(losses)[MOST:]

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="Iteration", y=f"{self.label}, smoothed", title=self.title, theme=theme)
        lines = []
        for place, (name, each) in enumerate(self.losses.items()):
            # Only iterations that every network reached: a mean over fewer of them jumps.
            length = min(map(len, each), default=0)
            if not length:
                continue
            mean = np.mean([losses[:length] for losses in each], axis=0)
            line = np.maximum(smoothed(mean, max(3, length // 40 | 1)), 0.0)
            lines.append(line)
            axes.plot(
                np.arange(1, length + 1), line, color=theme.colours[place], linestyle=LINES[place], linewidth=1.4,
                label=plain(name), marker=MARKERS[place], markevery=max(1, length // 8), markersize=5,
                markeredgecolor=theme.paper, markeredgewidth=0.5,
            )  # fmt: skip
        if _spans_decades([line[None] for line in lines]):
            axes.set_yscale("log")
            axes.set_ylabel(f"{self.label}, smoothed, logarithmic")
        else:
            axes.set_ylim(bottom=0)
        legend(axes, theme)


class CostDisplay(Display):
    """Score over training time: a small dot for each network, a large one with its name for each median.

    costs : for each name the seconds and the scores of its networks, (n,) each.

    >>> display = CostDisplay({"adam": ([0.1, 0.2], [0.9, 0.95])}, "Accuracy (%)", factor=100).plot()
    >>> display.ax_.get_xlabel()
    'Seconds of training on one core'
    """

    @property
    def size(self) -> tuple[float, float]:
        """Return the size, with space for the names below."""
        return 5.4, 3.8 + 0.2 * -(-len(self.costs) // 2)

    def __init__(
        self, costs: Mapping[str, tuple[Any, Any]], label: str, *, factor: float = 1.0, title: str = ""
    ) -> None:
        self.label, self.title = label, title
        self.costs = {
            name: (np.asarray(seconds, dtype=np.float64), factor * np.asarray(scores, dtype=np.float64))
            for name, (seconds, scores) in list(costs.items())[:MOST]
        }
        self.left_out = list(costs)[MOST:]

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="Seconds of training on one core", y=self.label, title=self.title, theme=theme)
        self._time_axis(axes)
        axes.margins(0.08)  # so that large markers are not clipped
        for place, (name, (seconds, scores)) in enumerate(self.costs.items()):
            colour, marker = theme.colours[place], MARKERS[place]
            axes.plot(seconds, scores, linestyle="none", marker=marker, markersize=3.5, color=colour, alpha=0.45)
            axes.plot(
                np.median(seconds), np.median(scores), linestyle="none", marker=marker, markersize=10, color=colour,
                markeredgecolor=theme.ink, markeredgewidth=1.0, label=plain(name), zorder=3,
            )  # fmt: skip
        legend(axes, theme, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, fontsize="small")

    def _time_axis(self, axes: Axes) -> None:
        """Use a logarithmic axis if the times differ by more than a factor of 10."""
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        times = np.concatenate([seconds for seconds, _ in self.costs.values()])
        if not (times.min() > 0 and times.max() > 10 * times.min()):
            return
        axes.set_xscale("log")
        axes.set_xlabel(f"{axes.get_xlabel()}, logarithmic")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if times.max() < 1000 * times.min() else (1,)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _same_length(curves: Sequence[Sequence[float]]) -> Floats:
    """Return curves (networks, epochs), each extended by its last value."""
    longest = max(map(len, curves), default=0)
    values = np.full((len(curves), longest), np.nan)
    for row, curve in enumerate(curves):
        if len(curve):
            values[row, : len(curve)] = curve
            values[row, len(curve) :] = curve[-1]
    return values


def _bands(values: Floats) -> Floats:
    """Return the lower end of the band, the median, and the upper end, (3, epochs)."""
    finite = np.where(np.isfinite(values), values, np.nan)
    some = np.isfinite(finite).any(axis=0)
    bands = np.full((3, values.shape[1]), np.nan)
    bands[:, some] = np.nanquantile(finite[:, some], (BAND[0], 0.5, BAND[1]), axis=0)
    return bands


def _without_the_start(curves: Any) -> float | None:
    """Return a lower limit of the axis that cuts off the first tenth of each increase."""
    middles = [_bands(each)[1] for each in curves if each.size]
    starts = [np.nanquantile(middle, 0.1) for middle in middles if np.isfinite(middle).any()]
    tops = [np.nanmax(middle) for middle in middles if np.isfinite(middle).any()]
    return float(min(starts) - 0.1 * (max(tops) - min(starts))) if starts and max(tops) > min(starts) else None


def _spans_decades(curves: Any) -> bool:
    """Whether the medians differ by more than a factor of 10, so that a linear scale would show a flat end."""
    middles = np.concatenate([np.zeros(0), *(_bands(each)[1] for each in curves)])
    middles = middles[np.isfinite(middles)]
    return bool(len(middles) and middles.min() > 0 and middles.max() > 10 * middles.min())
