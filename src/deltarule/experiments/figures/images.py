"""Images of a data set with captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deltarule.figures.style import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def captioned_images(images: Sequence[Any], captions: Sequence[str], columns: int = 4) -> Figure:
    """Draw gray images (height, width), dark on light, in rows of `columns`, each under its caption."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    picture = figure(max(2.4 * columns, 3.2), 2.7 * rows)
    panels = picture.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, image, caption in zip(panels, images, captions, strict=False):
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set_title(caption, fontsize="medium")
    return picture
