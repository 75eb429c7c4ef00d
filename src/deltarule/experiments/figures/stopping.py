"""Early stopping on learning curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import BLACK, GREY, TRAIN, VALIDATION, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def stopping_point(training: Floats, validation: Floats, best: int, stopped: int) -> Figure:
    """Draw training and validation loss, the epoch whose weights are restored, and the last epoch trained."""
    picture = figure(6.8, 3.9)
    axes = tidy(picture.subplots(), x="Epoch", y="Loss (1 is the target's variance)")
    epochs = np.arange(1, len(training) + 1)
    axes.axvspan(stopped, epochs[-1], color="#F1F1F1", linewidth=0, zorder=0)
    axes.plot(epochs, training, color=TRAIN, linewidth=1.8, label="Training")
    axes.plot(epochs, validation, color=VALIDATION, linewidth=1.8, linestyle="--", label="Validation")
    axes.plot(best, validation[best - 1], "*", color=BLACK, markersize=13, label=f"Best: epoch {best}")
    axes.axvline(stopped, color=GREY, linewidth=1.2, linestyle=":", label=f"Stopped after epoch {stopped}")
    top = axes.get_ylim()[1]
    axes.set_ylim(0, top)
    middle = 0.5 * (stopped + epochs[-1])
    axes.text(middle, 0.98 * top, "saved by early stopping", ha="center", va="top", color=GREY, fontsize="small")
    axes.set_xlim(1, epochs[-1])
    axes.legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.46))
    return picture
