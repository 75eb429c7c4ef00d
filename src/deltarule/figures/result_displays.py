"""Displays of a model's results: ROC and precision–recall curves, residuals, and the reliability of probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.figures.displays import LINES, MOST, Display, legend
from deltarule.figures.style import Theme, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class _ClassCurves(Display):
    """Curves in the unit square, by class: x (t,), y (t,), and the area under the curve.

    Of more classes than can be told apart, those with the smallest areas are drawn, and the legend says so.
    """

    curves: Mapping[str, tuple[Any, Any, float]]
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return a square, with space for the legend beside it."""
        return 6.2, 3.9

    def _draw_curves(self, axes: Axes, theme: Theme, *, area: str, stepped: bool) -> None:
        order = sorted(self.curves, key=lambda name: np.nan_to_num(self.curves[name][2], nan=2.0))
        shown = [name for name in self.curves if name in order[:MOST]]
        for place, name in enumerate(shown):
            x, y, value = self.curves[name]
            axes.plot(
                x, y, color=theme.colours[place], linestyle=LINES[place], linewidth=1.6,
                drawstyle="steps-post" if stepped else "default", label=f"{plain(name, 20)} ({area} {value:.3f})",
            )  # fmt: skip
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        left_out = len(self.curves) - len(shown)
        heading = f"The {len(shown)} hardest\nof {len(self.curves)} classes" if left_out else ""
        legend(axes, theme, loc="upper left", bbox_to_anchor=(1.0, 1.0), title=heading, fontsize=8.5)


@dataclass
class RocDisplay(_ClassCurves):
    """ROC curves: for each class the false positive rate, the true positive rate, and the area under the curve.

    >>> RocDisplay({"spam": ([0, 0, 1], [0, 1, 1], 1.0)}).plot().ax_.get_xlabel()
    'False positive rate'
    """

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="False positive rate", y="True positive rate (recall)", title=self.title, theme=theme)
        axes.plot([0, 1], [0, 1], color=theme.quiet, linewidth=1, linestyle="--", label="chance")
        self._draw_curves(axes, theme, area="AUC", stepped=False)


@dataclass
class PrecisionRecallDisplay(_ClassCurves):
    """Precision–recall curves: for each class the recall, the precision, and the average precision.

    >>> PrecisionRecallDisplay({"spam": ([0, 1, 1], [1, 1, 0.5], 1.0)}).plot().ax_.get_ylabel()
    'Precision'
    """

    def _draw(self, axes: Axes, theme: Theme) -> None:
        tidy(axes, x="Recall", y="Precision", title=self.title, theme=theme)
        self._draw_curves(axes, theme, area="AP", stepped=False)


@dataclass
class ResidualsDisplay(Display):
    """Residuals over predicted numbers, with the median and the middle 80 % of each of up to ten equal parts.

    predicted, residuals : (n,). name : of the target.

    >>> display = ResidualsDisplay(np.arange(20.0), np.ones(20), "price").plot()
    >>> display.ax_.get_ylabel()
    'Residual: true − predicted price'
    """

    predicted: Any
    residuals: Any
    name: str = "target"
    title: str = ""

    def _draw(self, axes: Axes, theme: Theme) -> None:
        x, y = np.asarray(self.predicted), np.asarray(self.residuals)
        tidy(
            axes, x=f"Predicted {self.name}", y=f"Residual: true − predicted {self.name}", title=self.title, theme=theme
        )
        alpha = max(0.15, min(0.8, 10 / np.sqrt(len(x))))
        axes.plot(x, y, "o", color=theme.colours[0], markersize=3.5, alpha=alpha, markeredgewidth=0)
        axes.axhline(0, color=theme.quiet, linewidth=1, linestyle="--")
        parts = np.array_split(np.argsort(x, kind="stable"), max(1, min(10, len(x) // 10)))
        centres = [float(np.median(x[part])) for part in parts]
        low, middle, high = np.array([np.quantile(y[part], (0.1, 0.5, 0.9)) for part in parts]).T
        axes.fill_between(centres, low, high, color=theme.colours[1], alpha=0.2, linewidth=0, label="middle 80 %")
        axes.plot(centres, middle, color=theme.colours[1], linewidth=2, label="median")
        legend(axes, theme, loc="best", fontsize=8.5)


@dataclass
class ReliabilityDisplay(Display):
    """Reliability curve: the accuracy over the confidence of predictions, with intervals, above their numbers.

    confidence, accuracy, low, high, counts : (bins,), of the bins that have samples.

    >>> ReliabilityDisplay([0.9], [0.8], [0.7], [0.9], [50]).plot().ax_.get_ylabel()
    'Accuracy (%)'
    """

    confidence: Sequence[float]
    accuracy: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    counts: Sequence[int]
    title: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Return a square, nearly."""
        return 4.6, 4.2

    def _draw(self, axes: Axes, theme: Theme) -> None:
        middle, lower, upper = (100 * np.asarray(each) for each in (self.accuracy, self.low, self.high))
        x = 100 * np.asarray(self.confidence)
        tidy(
            axes,
            x="Confidence: probability of the predicted class (%)",
            y="Accuracy (%)",
            title=self.title,
            theme=theme,
        )
        axes.plot([0, 100], [0, 100], color=theme.quiet, linewidth=1, linestyle="--", label="calibrated")
        axes.vlines(x, lower, upper, color=theme.colours[0], linewidth=2)
        axes.plot(x, middle, "o-", color=theme.colours[0], markersize=5, linewidth=1, label="accuracy, 95 %")
        heights = 12 * np.asarray(self.counts) / max(self.counts)
        axes.bar(x, heights, width=3, color=theme.colours[1], alpha=0.35, label="number of samples")
        axes.set_xlim(min(50.0, x.min() - 4), 101)
        axes.set_ylim(0, 102)
        legend(axes, theme, loc="upper left", bbox_to_anchor=(-0.05, -0.16), ncols=3, fontsize=8, columnspacing=1.0)
