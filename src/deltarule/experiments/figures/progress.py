"""Loss and accuracy of single batches during training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deltarule.figures.style import TRAIN, figure, tidy

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def batches_on_the_way(rows: Sequence[tuple[int, float, float]], *, title: str = "") -> Figure:
    """Draw two panels over (number, loss, accuracy from 0 to 1) of batches."""
    number, loss, accuracy = np.array(rows).T
    picture = figure(10, 4)
    left, right = picture.subplots(1, 2)
    for axes, values, y in (
        (left, loss, "Cross-entropy of the batch (nats)"),
        (right, 100 * accuracy, "Accuracy of the batch (%)"),
    ):
        tidy(axes, x="Batch", y=y)
        axes.plot(number, values, color=TRAIN, marker="o", markersize=3.5, linewidth=0.7, alpha=0.9)
    left.set_ylim(bottom=0)
    picture.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return picture
