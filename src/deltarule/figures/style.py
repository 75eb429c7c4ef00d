"""How our pictures look: colours that everyone can tell apart, and figures without global state."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltarule.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#707070"

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)
"""Okabe and Ito's colours (2008), which colour-blind eyes tell apart; the strongest on white come first."""

TRAIN, VALIDATION, TEST = BLUE, VERMILION, GREEN
"""The colour of each part, the same in every picture."""

RIGHT, WRONG = GREEN, VERMILION
"""The colour of a right and of a wrong prediction; a picture marks the wrong ones by more than their colour."""

RESOLUTION = 120
"""Pixels for each inch of a picture's width and height."""


def figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches: matplotlib's object, without pyplot and its list of open figures.

    >>> figure(6, 4).axes
    []
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained", facecolor="white")
    FigureCanvasAgg(empty)
    return empty


def tidy(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: bool = True) -> Axes:
    """Name the axes, leave out the frame's upper and right side, and draw a faint grid."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(visible=True, color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
    return axes


def save(picture: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a picture where `path` says, whole or not at all; its suffix (.png, .svg, .pdf) chooses the format.

    Neither the date nor the program goes into the file: the same picture is the same bytes.
    """
    target = Path(path)
    kind = target.suffix.lstrip(".").lower() or "png"
    nobody: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }.get(kind, {})
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
            whole = Path(beside) / f"picture.{kind}"
            picture.savefig(whole, format=kind, metadata=nobody)
            whole.replace(target)
    except ValueError as error:
        raise OutputError("a picture's name that ends in .png, .svg or .pdf", str(target)) from error
    except OSError as error:
        raise OutputError(f"a place to write {target.name}", f"{target}: {error.strerror or error}") from error
    return target
