"""Images and their augmented variants, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from deltarule.figures.style import BLUE, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_variants(images: npt.NDArray[Any], labels: Sequence[str], *, title: str = "") -> Figure:
    """Draw a row for each image, the original first and framed: images (variants, n, height, width) or with channels.

    >>> import numpy as np
    >>> len(image_variants(np.zeros((4, 2, 8, 8)), ["0", "1"]).axes)
    8
    """
    many, rows = images.shape[:2]
    height, width = images.shape[2:4]
    picture = figure(1.05 * many + 0.6, 1.05 * rows * max(0.3, min(3.0, height / width)) + 0.75)
    picture.suptitle(title, fontsize="medium", fontweight="bold")
    panels = picture.subplots(rows, many, squeeze=False)
    low, high = float(images.min()), float(images.max())
    for row, label in zip(range(rows), labels, strict=True):
        for column in range(many):
            axes, image = panels[row, column], images[column, row]
            grey = image.ndim == 2 or image.shape[-1] == 1
            shown = image.reshape(height, width) if grey else (image - low) / max(high - low, 1e-30)
            axes.imshow(shown, cmap="gray" if grey else None, vmin=low, vmax=high, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            original = column == 0
            axes.spines[:].set(color=BLUE if original else "#BBBBBB", linewidth=2.5 if original else 0.8)
        panels[row, 0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize="small")
    panels[0, 0].set_title("Original", fontsize="small", color=BLUE)
    if many > 1:
        panels[0, 1].set_title("Variants", fontsize="small", loc="left")
    return picture
