"""Displays in the style of scikit-learn: made from numbers, drawn by `plot`, which sets `figure_` and `ax_`."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from deltarule.figures.style import LIGHT, Theme, draw, figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (3, 1)), (0, (1, 1)), (0, (8, 3)))
MARKERS = "os^Dv*PX"
"""A line style and a marker for each color, so that pictures are readable without color."""

MOST = len(MARKERS)
"""Number of series that can be distinguished."""


class Display:
    """The data of a picture. `plot` draws it and sets `figure_` and `ax_`.

    size : width and height in inches of a new figure.
    """

    figure_: Figure
    ax_: Axes

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height in inches."""
        return 5.4, 3.6

    def plot(self, ax: Axes | None = None, *, theme: Theme = LIGHT) -> Self:
        """Draw on the given axes, or on those of a new figure."""
        if ax is None:
            ax = figure(*self.size, theme).subplots()
        self.ax_, self.figure_ = ax, cast("Figure", ax.figure)
        self._draw(ax, theme)
        return self

    def _draw(self, axes: Axes, theme: Theme) -> None:
        raise NotImplementedError

    def _repr_png_(self) -> bytes | None:
        """Return the picture for a notebook."""
        return png(self.figure_) if hasattr(self, "figure_") else None


class Picture:
    """A figure that a notebook shows; `figure_` is matplotlib's, `axes_` are its axes."""

    def __init__(self, picture: Figure) -> None:
        self.figure_, self.axes_ = picture, picture.axes

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture; its suffix (.png, .svg, .pdf) chooses the format."""
        return save(self.figure_, path)

    def _repr_png_(self) -> bytes:
        return png(self.figure_)


def png(picture: Figure) -> bytes:
    """Return a figure as a PNG file."""
    content = io.BytesIO()
    draw(picture, content, "png")
    return content.getvalue()


def legend(axes: Axes, theme: Theme, **further: Any) -> None:
    """Add a legend without a frame, in the text color of the theme."""
    axes.legend(frameon=False, labelcolor=theme.ink, **further).get_title().set_color(theme.ink)
