"""Decision regions and boundaries of networks in the plane, under the points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.figures.style import BLACK, BLUE, VERMILION, figure, tidy
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALE, WARM = "#E3F0F9", "#F6CFA6"
"""Colors of the regions of the two classes, also distinct in gray."""


def boundaries(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    maps: Mapping[str, tuple[tuple[float, float, float, float], Floats]],
    notes: Sequence[str],
    names: tuple[str, str],
    *,
    large: bool = False,
) -> Figure:
    """Draw a panel for each map of the probability of the second class, with the points (n, 2) of both classes.

    maps : by the name of the network: left, right, bottom, top, and probabilities (rows, columns) from the bottom.
    notes : a line under the title of each panel. large : use large markers, for few points.
    """
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("regions", (PALE, "#F7F1EA", WARM))
    wide = 6.8 / len(maps)
    picture = figure(6.8, 1.1 + (0.85 * wide if large else 1.05 * wide))
    panels = np.atleast_1d(picture.subplots(1, len(maps), sharex=True, sharey=True))
    size = 9 if large else 4.5
    for axes, (name, (extent, shares)), note in zip(panels, maps.items(), notes, strict=True):
        tidy(axes, x="First input", grid=False)
        axes.locator_params(nbins=5)
        axes.set_title(f"{name}\n", loc="left", fontsize="medium", fontweight="bold")
        axes.text(0, 1.03, note, transform=axes.transAxes, fontsize=7.2 if len(maps) > 2 else 8.5)
        axes.imshow(shares, extent=extent, origin="lower", cmap=shades, vmin=0, vmax=1, aspect="auto")
        rows, columns = shares.shape
        across, up = np.linspace(*extent[:2], columns), np.linspace(*extent[2:], rows)
        if shares.min() < 0.5 < shares.max():
            axes.contour(across, up, shares, levels=[0.5], colors=BLACK, linewidths=1.4)
        for number, (label, marker, colour) in enumerate(zip(names, "os", (BLUE, VERMILION), strict=True)):
            points = x[y == number].T
            edge = {"markeredgecolor": "white", "markeredgewidth": 0.6}
            axes.plot(*points, marker, color=colour, markersize=size, label=label, **edge)
    panels[0].set_ylabel("Second input")
    picture.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return picture
