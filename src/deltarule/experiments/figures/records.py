"""Test error against seconds: each record a point, beside the published errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from deltarule.figures.style import COLOURS, GREY, figure, plain, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """A recipe: seconds, and test error with the ends of its interval where it has one, in percent."""

    name: str
    seconds: float
    error: float
    low: float | None = None
    high: float | None = None


class Line(NamedTuple):
    """A published test error, in percent."""

    what: str
    error: float


class Panel(NamedTuple):
    """What is drawn of a data set."""

    title: str
    points: Sequence[Point]
    published: Sequence[Line]


_ERROR = "Test error in %, mean and its 95 % interval"
_MARKS = "os^Dvph*"
_CLOSE = 0.045
"""The least distance of two labels, as a fraction of the axis."""


def error_against_seconds(panels: Sequence[Panel]) -> Figure:
    """Draw a panel for each data set: points with their intervals, and published errors as dotted lines.

    >>> points = [Point("mnist", 400.0, 0.8, 0.78, 0.83)]
    >>> picture = error_against_seconds([Panel("MNIST", points, [Line("dropout", 1.06)])])
    >>> picture.axes[0].get_xlabel()
    'Seconds of training and prediction (logarithmic)'
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    picture = figure(9.2, 4.7 * len(panels))
    for axes, panel in zip(picture.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        tidy(axes, x="Seconds of training and prediction (logarithmic)", y=_ERROR, title=panel.title)
        for place, point in enumerate(panel.points):
            colour = COLOURS[place % len(COLOURS)]
            if point.low is not None and point.high is not None:
                axes.vlines(point.seconds, point.low, point.high, color=colour, linewidth=2)
            mark = _MARKS[place % len(_MARKS)]
            label = f"{plain(point.name)}: {point.error:.2f} %"
            axes.plot([point.seconds], [point.error], mark, color=colour, markersize=8, label=label)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        seconds = [point.seconds for point in panel.points]
        axes.set_xlim(min(seconds) / 2, max(seconds) * 2)
        errors = [each for point in panel.points for each in (point.error, point.low, point.high) if each is not None]
        errors += [line.error for line in panel.published]
        room = max(max(errors) - min(errors), 0.1)
        low, high = min(errors) - 0.12 * room, max(errors) + 0.12 * room
        axes.set_ylim(low, high)
        height = -1.0
        for line in sorted(panel.published, key=lambda each: each.error):
            legend = "published" if height < 0 else None
            axes.axhline(line.error, color=GREY, linewidth=1.2, linestyle=":", label=legend)
            height = max((line.error - low) / (high - low), height + _CLOSE)
            words = f"{line.error:.2f}  {plain(line.what, 64)}"
            axes.text(
                1.01, height, words, transform=axes.transAxes, va="center", ha="left", fontsize="x-small", color=GREY
            )
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    return picture
