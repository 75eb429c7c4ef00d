"""The style of pictures: colors that colorblind readers can distinguish, and figures without global state."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from deltarule.errors import OutputError
from deltarule.writing import write_whole

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
"""Okabe and Ito's colors (2008), distinct for colorblind readers; those with the most contrast on white come first."""

TRAIN, VALIDATION, TEST = BLUE, VERMILION, GREEN
"""The colors of the training, the validation and the test set."""

RIGHT, WRONG = GREEN, VERMILION
"""The colors of correct and wrong predictions, which pictures also distinguish by other marks."""


@dataclass(frozen=True)
class Theme:
    """The colors of a picture, to match the page.

    paper : background. ink : text and frames. quiet : auxiliary lines and text. grid : grid lines.
    colours : data, in descending order of contrast.
    """

    paper: str
    ink: str
    quiet: str
    grid: str
    colours: tuple[str, ...]


LIGHT = Theme("#FFFFFF", "#000000", GREY, "#DDDDDD", COLOURS)
DARK = Theme(
    "#16191D", "#E8E6E3", "#9A9FA6", "#30353B",
    ("#6CB8F0", "#FF8A4C", "#3CCF9F", "#E39BC4", "#F2B733", "#B7BEFF", "#F4F4F4", "#F0E442"),
)  # fmt: skip
"""For dark pages: Okabe and Ito's colors, lightened for sufficient contrast."""

RESOLUTION = 120
"""Pixels per inch."""


def figure(width: float, height: float, theme: Theme = LIGHT) -> Figure:
    """Return an empty figure of the given size in inches, without pyplot's list of open figures.

    >>> figure(6, 4).axes
    []
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained", facecolor=theme.paper)
    FigureCanvasAgg(empty)
    return empty


def tidy(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: bool = True, theme: Theme = LIGHT) -> Axes:
    """Label the axes, remove the upper and the right spine, and draw a light grid."""
    axes.set_facecolor(theme.paper)
    axes.set_xlabel(x, color=theme.ink)
    axes.set_ylabel(y, color=theme.ink)
    axes.set_title(title, loc="left", fontsize="medium", fontweight="bold", color=theme.ink)
    axes.tick_params(which="both", colors=theme.ink)
    for spine in axes.spines.values():
        spine.set_color(theme.ink)
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(visible=True, color=theme.grid, linewidth=0.6)
        axes.set_axisbelow(True)
    return axes


def plain(words: str, at_most: int = 40) -> str:
    r"""Return untrusted text, for example the name of a class, shortened, and with dollar signs escaped.

    A space is put before a leading underscore, because legends omit such labels.

    >>> print(plain("$5 to $9"), plain("a" * 99, at_most=5))
    \$5 to \$9 aaaa…
    """
    line = "".join(letter if letter.isprintable() else " " for letter in words)
    line = f" {line}" if line.startswith("_") else line
    return (line if len(line) <= at_most else f"{line[: at_most - 1]}…").replace("$", r"\$")


def save(picture: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a picture atomically; the suffix of `path` (.png, .svg, .pdf) determines the format.

    The file contains neither date nor program, so equal pictures have equal bytes.
    """
    target = Path(path)
    kind = target.suffix.lstrip(".").lower() or "png"
    drawn = io.BytesIO()
    try:
        draw(picture, drawn, kind)
    except ValueError as error:
        raise OutputError("a picture's name that ends in .png, .svg or .pdf", str(target)) from error
    write_whole(target, drawn.getvalue())
    return target


def draw(picture: Figure, stream: BinaryIO, kind: str) -> None:
    """Write a picture in a format (png, svg, pdf) to a stream, without date and program."""
    nobody: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }.get(kind, {})
    with warnings.catch_warnings():
        # Letters that the font lacks, for example in names of classes, are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        picture.savefig(stream, format=kind, metadata=nobody)
