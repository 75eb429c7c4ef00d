"""Displays of scores: all scores, means with intervals, and a heat map over two fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.displays import Display
from deltarule.figures.style import Theme, plain, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Rows(Display):
    """A row for each name, from top to bottom."""

    names: Sequence[str]

    @property
    def size(self) -> tuple[float, float]:
        """Return the size, with a height that depends on the number of rows."""
        return 5.4, 1.3 + 0.38 * len(self.names)

    def _rows(self, axes: Axes, theme: Theme, x: str, title: str) -> None:
        tidy(axes, x=x, title=title, theme=theme)
        axes.grid(visible=False, axis="y")
        axes.set_yticks(range(len(self.names)), [plain(name) for name in self.names], color=theme.ink)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(self.names) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)


class ScoresDisplay(_Rows):
    """All scores as dots over a box of quartiles and median; the diamond is the mean.

    scores : for each name its scores (n,), in the order of the rows.
    label : label of the axis, with its unit. factor : factor on the scores.

    >>> display = ScoresDisplay({"sgd": [0.9, 0.92], "adam": [0.95, 0.96]}, "Accuracy (%)", factor=100).plot()
    >>> [tick.get_text() for tick in display.ax_.get_yticklabels()]
    ['sgd', 'adam']
    """

    def __init__(self, scores: Mapping[str, Any], label: str, *, factor: float = 1.0, title: str = "") -> None:
        self.scores = {name: factor * np.asarray(values, dtype=np.float64) for name, values in scores.items()}
        self.names, self.label, self.title = list(self.scores), label, title

    def _draw(self, axes: Axes, theme: Theme) -> None:
        self._rows(axes, theme, self.label, self.title)
        line = {"color": theme.ink, "linewidth": 1.0}
        for row, values in enumerate(self.scores.values()):
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            # Fewer than four scores have no quartiles.
            axes.boxplot(
                values if len(values) > 3 else [],
                positions=[row], orientation="horizontal", widths=0.55, showfliers=False, manage_ticks=False,
                patch_artist=True, boxprops={"facecolor": theme.grid, "edgecolor": theme.ink, "linewidth": 0.8},
                medianprops={**line, "linewidth": 2.0, "zorder": 3.5}, whiskerprops=line, capprops=line, zorder=2,
            )  # fmt: skip
            heights = row + _strip(values)
            axes.plot(
                values, heights, linestyle="none", marker="o", markersize=4.5, zorder=3,
                color=theme.colours[0], markeredgecolor=theme.paper, markeredgewidth=0.5,
            )  # fmt: skip
            axes.plot(
                values.mean(), row, marker="D", markersize=6.5, zorder=4,
                color=theme.colours[1], markeredgecolor=theme.paper, markeredgewidth=0.9,
            )  # fmt: skip


class IntervalsDisplay(_Rows):
    """Means as dots, with their intervals as lines.

    middles, lows, highs : by name; intervals without limits are not drawn.
    filled : names with filled dots; the others have open ones. zero : draw a line at 0.

    >>> display = IntervalsDisplay({"adam": (0.95, 0.94, 0.96)}, "Accuracy (%)", factor=100).plot()
    >>> display.ax_.get_xlabel()
    'Accuracy (%)'
    """

    def __init__(
        self,
        intervals: Mapping[str, tuple[float, float, float]],
        label: str,
        *,
        factor: float = 1.0,
        filled: Sequence[str] | None = None,
        zero: bool = False,
        title: str = "",
    ) -> None:
        self.intervals = {name: factor * np.array(each, dtype=np.float64) for name, each in intervals.items()}
        self.names, self.label, self.title, self.zero = list(self.intervals), label, title, zero
        self.filled = set(self.names if filled is None else filled)

    def _draw(self, axes: Axes, theme: Theme) -> None:
        self._rows(axes, theme, self.label, self.title)
        if self.zero:
            axes.axvline(0, color=theme.quiet, linewidth=1.2, linestyle="--", zorder=1)
        for row, (name, (middle, low, high)) in enumerate(self.intervals.items()):
            if np.isfinite([low, high]).all():
                axes.plot([low, high], [row, row], color=theme.colours[0], linewidth=2.2, solid_capstyle="butt")
                axes.plot([low, high], [row, row], color=theme.colours[0], linestyle="none", marker="|", markersize=9)
            axes.plot(
                middle, row, marker="o", markersize=7.5, color=theme.colours[0], markeredgewidth=1.6, zorder=3,
                markerfacecolor=theme.colours[0] if name in self.filled else theme.paper,
            )  # fmt: skip


@dataclass
class HeatMapDisplay(Display):
    """A value for each pair of values of two fields, the best one framed.

    values : (rows, columns), NaN if missing. rows, columns : values of the fields, as text.
    row_field, column_field : names of the fields. label : name of the values, with their unit.

    >>> display = HeatMapDisplay([[0.9, 0.8]], ["sgd"], ["0", "0.1"], "optimizer", "l2", "Accuracy (%)", 100).plot()
    >>> display.ax_.get_ylabel()
    'optimizer'
    """

    values: Any
    rows: Sequence[str]
    columns: Sequence[str]
    row_field: str
    column_field: str
    label: str
    factor: float = 1.0
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return the size, which depends on the number of cells."""
        return max(4.6, 2.6 + 0.95 * len(self.columns)), max(3.0, 1.5 + 0.5 * len(self.rows))

    def _draw(self, axes: Axes, theme: Theme) -> None:
        values = self.factor * np.asarray(self.values, dtype=np.float64)
        shown = np.ma.masked_invalid(values)
        image = axes.imshow(shown, cmap="cividis", aspect="auto")
        tidy(axes, x=plain(self.column_field), y=plain(self.row_field), title=self.title, grid=False, theme=theme)
        axes.set_xticks(range(len(self.columns)), [plain(each) for each in self.columns], color=theme.ink)
        axes.set_yticks(range(len(self.rows)), [plain(each) for each in self.rows], color=theme.ink)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        bar = axes.figure.colorbar(image, ax=axes)
        bar.set_label(self.label, color=theme.ink)
        bar.ax.tick_params(colors=theme.ink)
        bar.outline.set_visible(False)
        self._write(axes, shown, image, theme)

    def _write(self, axes: Axes, shown: Any, image: Any, theme: Theme) -> None:
        from matplotlib.patches import Rectangle

        for (row, column), value in np.ndenumerate(shown):
            if shown[row, column] is np.ma.masked:
                axes.text(column, row, "–", ha="center", va="center", color=theme.quiet)
                continue
            # White on the dark half of the scale, black on the light one.
            ink = "white" if image.norm(value) < 0.55 else "black"
            axes.text(
                column,
                row,
                f"{value:.2f}" if self.factor == 100 else f"{value:.4f}",
                ha="center",
                va="center",
                color=ink,
            )
        if shown.count():
            row, column = np.unravel_index(int(np.ma.argmax(shown)), shown.shape)
            axes.add_patch(
                Rectangle(
                    (column - 0.48, row - 0.46), 0.96, 0.92, fill=False, edgecolor=theme.colours[1], linewidth=2.5
                )
            )


def _strip(values: Floats) -> Floats:
    """Return vertical offsets of the dots, (n,), within ± 0.22, that keep equal ones from overlapping."""
    offsets = np.zeros(len(values))
    span = float(np.ptp(values)) or 1.0
    places = np.round((values - values.min()) / span * 60).astype(int)
    for place in np.unique(places):
        here = np.flatnonzero(places == place)
        room = min(0.22, 0.055 * (len(here) - 1))
        offsets[here] = np.linspace(-room, room, len(here)) if len(here) > 1 else 0.0
    return offsets
