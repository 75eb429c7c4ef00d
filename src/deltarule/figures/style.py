"""How our pictures look: colours that everyone can tell apart, and figures without global state."""

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
"""Okabe and Ito's colours (2008), which colour-blind eyes tell apart; the strongest on white come first."""

TRAIN, VALIDATION, TEST = BLUE, VERMILION, GREEN
"""The colour of each part, the same in every picture."""

RIGHT, WRONG = GREEN, VERMILION
"""The colour of a right and of a wrong prediction; a picture marks the wrong ones by more than their colour."""


@dataclass(frozen=True)
class Theme:
    """The colours that a picture takes from the page it stands on.

    paper, ink : behind everything, and of all words and frames. quiet : of what is only to be guided by.
    grid : of its faint lines. colours : of what is drawn, the strongest on this paper first.
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
"""Dark paper takes Okabe and Ito's colours lightened, all at least as far from it as print from a page."""

RESOLUTION = 120
"""Pixels for each inch of a picture's width and height."""


def figure(width: float, height: float, theme: Theme = LIGHT) -> Figure:
    """An empty figure of so many inches: matplotlib's object, without pyplot and its list of open figures.

    >>> figure(6, 4).axes
    []
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    empty = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained", facecolor=theme.paper)
    FigureCanvasAgg(empty)
    return empty


def tidy(axes: Axes, *, x: str = "", y: str = "", title: str = "", grid: bool = True, theme: Theme = LIGHT) -> Axes:
    """Name the axes, leave out the frame's upper and right side, and draw a faint grid."""
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
    r"""Other people's words, such as a class's name, as a picture shows them: short, and no formula between dollars.

    Words that begin with an underscore get a space before it, as a legend leaves such labels out.

    >>> print(plain("$5 to $9"), plain("a" * 99, at_most=5))
    \$5 to \$9 aaaa…
    """
    line = "".join(letter if letter.isprintable() else " " for letter in words)
    line = f" {line}" if line.startswith("_") else line
    return (line if len(line) <= at_most else f"{line[: at_most - 1]}…").replace("$", r"\$")


def save(picture: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a picture where `path` says, whole or not at all; its suffix (.png, .svg, .pdf) chooses the format.

    Neither the date nor the program goes into the file: the same picture is the same bytes.
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
    """Write a picture of that kind (png, svg, pdf) into a stream, without date and program."""
    nobody: dict[str, Any] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    }.get(kind, {})
    with warnings.catch_warnings():
        # A class may be named in letters that the font lacks: boxes stand for them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        picture.savefig(stream, format=kind, metadata=nobody)
