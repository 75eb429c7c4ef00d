"""Displays of explanations: contributions of all samples and of one, effects of a feature, importances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.displays import Display, legend
from deltarule.figures.style import Theme, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 15
"""Number of features that are drawn; the others are added up."""


@dataclass
class ContributionsDisplay(Display):
    """Contributions of each feature to the predictions of all samples: a dot each, its colour the feature's value.

    values, data : (n, features). names : of the features. output : its name. The most important features come first.

    >>> ContributionsDisplay(np.ones((3, 1)), np.ones((3, 1)), ["age"], "income").plot().ax_.get_xlabel()
    'Contribution to income'
    """

    values: Any
    data: Any
    names: Sequence[str]
    output: str
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return the size, with a height for the number of features."""
        return 6.4, 1.5 + 0.34 * min(len(self.names), _MOST)

    def _draw(self, axes: Axes, theme: Theme) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap

        values = np.asarray(self.values, dtype=np.float64)
        order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")[:_MOST]
        tidy(axes, x=f"Contribution to {self.output}", title=self.title, theme=theme)
        axes.axvline(0, color=theme.quiet, linewidth=1)
        colours = LinearSegmentedColormap.from_list("values", [theme.colours[0], theme.quiet, theme.colours[1]])
        for row, feature in enumerate(order):
            own, heights = _numbers(self.data[:, feature]), row + _offsets(values[:, feature])
            shades = theme.quiet if own is None else colours(own)
            axes.scatter(values[:, feature], heights, c=shades, s=9, linewidths=0, alpha=0.8, zorder=3)
        axes.set_yticks(range(len(order)), [self.names[feature] for feature in order], color=theme.ink)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.grid(visible=False, axis="x")
        bar = axes.figure.colorbar(ScalarMappable(cmap=colours), ax=axes, aspect=30, ticks=[0, 1])
        bar.ax.set_yticklabels(["low", "high"], color=theme.ink)
        bar.set_label("Feature's value", color=theme.ink)
        bar.outline.set_visible(False)


@dataclass
class WaterfallDisplay(Display):
    """The contributions to one prediction, from the base value at the bottom to the prediction at the top.

    values, errors : (features,). names : of the features, with their values. base : the base value.

    >>> WaterfallDisplay(np.array([0.5]), np.zeros(1), ["age = 3"], 0.1, "income").plot().ax_.get_xlabel()
    'Prediction: income'
    """

    values: Any
    errors: Any
    names: Sequence[str]
    base: float
    output: str
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return the size, with a height for the number of features."""
        return 6.4, 1.7 + 0.34 * min(len(self.names), _MOST + 1)

    def _draw(self, axes: Axes, theme: Theme) -> None:
        values, errors, names = self._shown()
        ends = self.base + np.cumsum(values[::-1])[::-1]
        starts = ends - values
        colours = [theme.colours[1] if value > 0 else theme.colours[0] for value in values]
        tidy(axes, x=f"Prediction: {self.output}", title=self.title, theme=theme)
        axes.barh(range(len(values)), values, left=starts, color=colours, height=0.62, zorder=2)
        shown = np.isfinite(errors) & (errors > 0)
        if shown.any():
            rows = np.flatnonzero(shown)
            axes.errorbar(ends[rows], rows, xerr=2 * errors[rows], fmt="none", ecolor=theme.ink, elinewidth=1, zorder=3)
        span = max(float(np.ptp(np.append(ends, self.base))), 1e-12)
        bars = np.where(shown, 2 * errors, 0.0)
        behind = {"facecolor": theme.paper, "edgecolor": "none", "pad": 0.8}
        for row, (value, right) in enumerate(zip(values, np.maximum(starts, ends + bars), strict=True)):
            place = right + 0.02 * span
            axes.text(place, row, f"{value:+.3g}", va="center", color=theme.ink, fontsize=8.5, bbox=behind)
        axes.axvline(
            self.base, color=theme.quiet, linewidth=1, linestyle="--", label=f"mean prediction {self.base:.4g}"
        )
        axes.axvline(ends[0], color=theme.ink, linewidth=1, label=f"this prediction {ends[0]:.4g}")
        axes.set_yticks(range(len(names)), names, color=theme.ink)
        axes.set_ylim(len(names) - 0.4, -0.6)
        low, high = min((ends - bars).min(), self.base), max((ends + bars).max(), self.base, starts.max())
        axes.set_xlim(low - 0.05 * span, high + 0.24 * span)
        axes.grid(visible=False, axis="y")
        below = 0.55 / (self.size[1] - 1.2)  # inches for the axis and its label, of the height of the axes
        legend(axes, theme, loc="upper right", bbox_to_anchor=(1.0, -below), fontsize=8.5)

    def _shown(self) -> tuple[Floats, Floats, list[str]]:
        """Return the largest contributions, the largest first, and the sum of the others."""
        values, errors = np.asarray(self.values, np.float64), np.asarray(self.errors, np.float64)
        order = np.argsort(-np.abs(values), kind="stable")
        first, rest = order[:_MOST], order[_MOST:]
        names = [self.names[feature] for feature in first]
        if not len(rest):
            return values[first], errors[first], names
        together = np.append(values[first], values[rest].sum())
        return together, np.append(errors[first], np.nan), [*names, f"{len(rest)} other features"]


@dataclass
class EffectDisplay(Display):
    """The mean prediction over the values of a feature, with what varies around it.

    x : (points,), numbers or words. y : (points,). low, high : (points,), or None. label : of the vertical axis.
    band : what lies between low and high, for the legend.

    >>> EffectDisplay([0, 1], [0.2, 0.4], None, None, "age", "Mean prediction").plot().ax_.get_xlabel()
    'age'
    """

    x: Any
    y: Any
    low: Any
    high: Any
    name: str
    label: str
    band: str = "10 % to 90 % of the samples"
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return the size."""
        return 5.0, 3.4

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x=self.name, y=self.label, title=self.title, theme=theme)
        words = np.asarray(self.x).dtype.kind not in "fiu"
        x = np.arange(len(self.x)) if words else np.asarray(self.x, np.float64)
        style = "o" if words else "o-"
        if self.low is not None:
            if words:
                axes.vlines(x, self.low, self.high, color=theme.colours[0], linewidth=2, alpha=0.5, label=self.band)
            else:
                axes.fill_between(
                    x, self.low, self.high, color=theme.colours[0], alpha=0.18, linewidth=0, label=self.band
                )
        axes.plot(x, self.y, style, color=theme.colours[0], markersize=4, linewidth=1.6, label="mean")
        if self.low is not None:
            legend(axes, theme, fontsize=8.5)
        if words:
            labels = [str(each) for each in self.x]
            axes.set_xticks(x, labels, rotation=90 if max(map(len, labels)) * len(labels) > 50 else 0)


def _numbers(column: Any) -> Floats | None:
    """Return numbers as ranks from 0 to 1; None for words."""
    try:
        numbers = np.asarray(column, dtype=np.float64)
    except ValueError:
        return None
    known = np.nan_to_num(numbers, nan=float(np.nanmin(numbers)) if np.isfinite(numbers).any() else 0.0)
    low, high = np.quantile(known, (0.05, 0.95))
    return np.clip((known - low) / (high - low), 0, 1) if high > low else np.full(len(known), 0.5)


def _offsets(values: Floats) -> Floats:
    """Return vertical offsets (n,) within ± 0.35, wider where many values are close together."""
    span = float(np.ptp(values)) or 1.0
    bins = np.minimum(((values - values.min()) / span * 100).astype(int), 99)
    counts = np.bincount(bins, minlength=100)
    width = 0.35 * (counts / max(counts.max(), 12)) ** 0.5
    places = np.zeros(len(values))
    for each in np.flatnonzero(counts):
        here = np.flatnonzero(bins == each)
        places[here] = np.linspace(-1, 1, len(here)) if len(here) > 1 else 0.0
    offsets: Floats = places * width[bins]
    return offsets
