"""Learning curves: loss and score of the training and the validation set over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import GREY, TRAIN, VALIDATION, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKED_UP_TO = 30
"""Largest number of epochs drawn with markers."""


def learning_curves(
    history: Sequence[Mapping[str, float | None]], *, best_epoch: int = 0, score: str = "Accuracy", title: str = ""
) -> Figure:
    """Draw the loss and the score over the epochs, side by side.

    history : the metrics of each epoch by name, as returned by `Epoch.to_json`; None for a missing one.
    best_epoch : epoch marked by a line, or 0.
    score : name of the score; "Accuracy" is drawn in percent.

    >>> line = {"number": 1, "train_loss": 0.5, "validation_loss": 0.6, "train_score": 0.8, "validation_score": 0.7}
    >>> [axes.get_ylabel() for axes in learning_curves([line]).axes]
    ['Loss (mean over samples)', 'Accuracy (%)']
    """
    picture = figure(10, 4)
    if title:
        picture.suptitle(title, x=0.01, ha="left", fontweight="bold")
    left, right = picture.subplots(1, 2)
    epochs = _column(history, "number")
    percent = score == "Accuracy"
    _curves(left, epochs, history, "loss", 1.0)
    _curves(right, epochs, history, "score", 100.0 if percent else 1.0)
    tidy(left, x="Epoch", y="Loss (mean over samples)")
    tidy(right, x="Epoch", y="Accuracy (%)" if percent else score)
    if _spans_decades(history):
        left.set_yscale("log")
        left.set_ylabel("Loss (mean over samples, logarithmic)")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(epochs) == 1:
            axes.set_xlim(0.5, 1.5)
        if best_epoch:
            axes.axvline(best_epoch, color=GREY, linewidth=1, linestyle=":", label=f"Best epoch: {best_epoch}")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    return picture


def _curves(
    axes: Axes,
    epochs: Floats,
    history: Sequence[Mapping[str, float | None]],
    what: str,
    factor: float,
) -> None:
    styles = (("train", "Training", TRAIN, "o", "-"), ("validation", "Validation", VALIDATION, "s", "--"))
    for part, label, colour, marker, line in styles:
        values = factor * _column(history, f"{part}_{what}")
        if np.isfinite(values).any():
            dots = marker if len(epochs) <= _MARKED_UP_TO else ""
            axes.plot(epochs, values, color=colour, linestyle=line, marker=dots, markersize=3.5, label=label)


def _column(history: Sequence[Mapping[str, float | None]], name: str) -> Floats:
    """Return one value of every epoch, NaN where it is missing."""
    values = (epoch.get(name) for epoch in history)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _spans_decades(history: Sequence[Mapping[str, float | None]]) -> bool:
    """Whether the losses differ by more than a factor of 30, so that a linear scale would show a flat end."""
    losses = np.concatenate([_column(history, "train_loss"), _column(history, "validation_loss")])
    losses = losses[np.isfinite(losses)]
    return bool(len(losses) and losses.min() > 0 and losses.max() > 30 * losses.min())
