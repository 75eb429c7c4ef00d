"""Pictures of predictions: labelled images, a map of the plane, a confusion matrix, a scatter plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from deltarule.figures.displays import Display
from deltarule.figures.style import BLACK, BLUE, COLOURS, GREY, LIGHT, VERMILION, WRONG, Theme, figure, tidy
from deltarule.types import Booleans, Floats, Integers, Positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS, _ROWS = 6, 4
_CELL, _IMAGE, _CAPTION = 1.45, 1.25, 0.3  # inches: of an image and its margin, of the image, of two lines above it
_MARKERS = "osD^vP*X"
_LINE = 0.16  # inches between two lines of text that do not touch
_LARGE = 10_000  # from here on, numbers are written as 10k, 2M


def chosen_samples(wrong: Booleans, count: int = _COLUMNS * _ROWS) -> Positions:
    """Return the samples to show: up to half of them wrong ones, then correct ones, each in their order.

    >>> chosen_samples(np.array([False, True, False, False]), 2).tolist()
    [1, 0]
    """
    faults, rights = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    faults = faults[: max(count // 2, count - len(rights))]
    return np.concatenate([faults, rights[: count - len(faults)]])


def image_samples(
    images: npt.NDArray[Any],
    true: Sequence[str],
    predicted: Sequence[str],
    *,
    title: str = "",
    instead: str = "is",
    theme: Theme = LIGHT,
) -> Figure:
    r"""Draw images (n, height, width) or with channels under their predicted classes.

    Large values are bright, as in the file of a photograph. Wrong ones are framed and crossed, and show the true class
    in parentheses, after the word `instead`.

    >>> [text.get_text() for text in image_samples(np.zeros((2, 8, 8)), ["1", "8"], ["1", "2"]).axes[0].texts]
    ['1', '✗ 2\n(is 8)']
    """
    from matplotlib.patches import Rectangle

    columns = min(_COLUMNS, max(len(images), 1))
    rows = max(1, math.ceil(len(images) / columns))
    picture = figure(max(_CELL * columns, 4.5), (_CELL + _CAPTION) * rows + 0.4, theme)
    picture.suptitle(title, fontweight="bold", fontsize="medium", color=theme.ink)
    # All images in one coordinate system, in inches: laying out a system for each takes longer than all else.
    axes = picture.add_subplot(aspect="equal", xlim=(0, _CELL * columns), ylim=(-(_CELL + _CAPTION) * rows, 0))
    axes.set_axis_off()
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 1.0)
    for number, (image, label, guess) in enumerate(zip(images, true, predicted, strict=True)):
        row, column = divmod(number, columns)
        shown, right = _picture_of(image, low, high), label == guess
        height, width = (_IMAGE * side / max(shown.shape[:2]) for side in shown.shape[:2])
        left, top = _CELL * (column + 0.5) - width / 2, -(_CELL + _CAPTION) * row - _CAPTION
        axes.imshow(
            shown, cmap="gray" if shown.ndim == 2 else None, vmin=low, vmax=high, interpolation="nearest",
            extent=(left, left + width, top - height, top),
        )  # fmt: skip
        wrong = WRONG if theme == LIGHT else theme.colours[1]
        frame, line = (theme.quiet, 0.8) if right else (wrong, 3)
        axes.add_patch(Rectangle((left, top - height), width, height, fill=False, edgecolor=frame, linewidth=line))
        words = guess if right else f"✗ {guess}\n({instead} {label})"
        colour = theme.ink if right else wrong
        axes.text(left + width / 2, top + 0.05, words, color=colour, fontsize=8.5, ha="center", va="bottom")
    return picture


@dataclass
class ImagesDisplay(Display):
    """Images under their predicted classes, as `image_samples` draws them.

    >>> display = ImagesDisplay(np.zeros((2, 8, 8)), ["1", "8"], ["1", "2"]).plot()
    >>> len(display.ax_.images)
    2
    """

    images: npt.NDArray[Any]
    true: Sequence[str]
    predicted: Sequence[str]
    title: str = ""
    instead: str = "is"

    def plot(self, ax: Axes | None = None, *, theme: Theme = LIGHT) -> Self:  # noqa: ARG002 - the size is that of the images
        """Draw on a new figure."""
        picture = image_samples(
            self.images, self.true, self.predicted, title=self.title, instead=self.instead, theme=theme
        )
        self.figure_, self.ax_ = picture, picture.axes[0]
        return self


def confusion_matrix(counts: Integers, names: Sequence[str], *, title: str = "", what: str = "class") -> Figure:
    """Draw a confusion matrix, (classes, classes): rows are true classes, columns predicted ones.

    what : the target's name. Where names would collide, only every second, third, ... is written.

    >>> confusion_matrix(np.array([[9, 1], [0, 5]]), ["no", "yes"]).axes[0].get_xlabel()
    'Predicted class'
    """
    classes = len(names)
    side = min(max(3.6, 0.55 * classes + 1.8), 12.0)
    longest = max(map(len, names))
    upright = longest * classes >= 9 * side
    margin = 0.085 * max(longest - 10, 0)  # inches for long names
    picture = figure(side + 0.9 + margin, side + 0.3 + margin * upright)
    axes = picture.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(100 * shares, cmap="Blues", vmin=0, vmax=100)
    picture.colorbar(image, ax=axes, label="Fraction of the true class (%)", shrink=0.8)
    tidy(axes, x=f"Predicted {what}", y=f"True {what}", title=title, grid=False)
    step = math.ceil(_LINE * classes / side)
    axes.set_xticks(range(0, classes, step), names[::step], rotation=90 if upright else 0)
    axes.set_yticks(range(0, classes, step), names[::step])
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = shares[row, column] > 0.6
        colour = "white" if dark else BLACK if row == column else VERMILION
        weight = "normal" if row == column else "bold"
        size = 9 if classes <= 20 else 5
        words = f"{counts[row, column]:,}"
        axes.text(column, row, words, ha="center", va="center", color=colour, fontweight=weight, fontsize=size)
    return picture


def predicted_against_true(
    true: npt.NDArray[Any], predicted: npt.NDArray[Any], *, title: str = "", names: Sequence[str] = ()
) -> Figure:
    """Draw predictions over true values (n, k), a panel for each of up to four targets.

    names : of the targets, or none.

    >>> predicted_against_true(np.zeros((3, 1)), np.ones((3, 1))).axes[0].get_ylabel()
    'Predicted value'
    """
    outputs = min(true.shape[1], 4)
    picture = figure(4.6 * outputs, 4.4)
    for number in range(outputs):
        axes = picture.add_subplot(1, outputs, number + 1)
        x, y = true[:, number], predicted[:, number]
        ends = min(x.min(), y.min()), max(x.max(), y.max())
        axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", label="Predicted = true")
        axes.plot(x, y, "o", color=BLUE, markersize=4, alpha=max(0.15, min(0.8, 60 / math.sqrt(len(x)) / 6)))
        unnamed = "value" if true.shape[1] == 1 else f"value (output {number + 1})"
        what = names[number] if number < len(names) else unnamed
        tidy(axes, x=f"True {what}", y=f"Predicted {what}", title=title if number == 0 else "")
        _tick_few(axes, max(map(abs, ends)))
        axes.legend(frameon=False, loc="upper left")
    return picture


def probabilities_of_labels(
    true: npt.NDArray[Any], probabilities: npt.NDArray[Any], *, title: str = "", names: Sequence[str] = ()
) -> Figure:
    """Draw the probabilities of labels (n, k), for samples without and with the label, a panel for each of up to four.

    names : of the labels, or none. A label is predicted above the dashed line.

    >>> probabilities_of_labels(np.eye(2), np.eye(2), names=("red", "big")).axes[1].get_xlabel()
    'True big'
    """
    outputs = min(true.shape[1], 4)
    picture = figure(3.4 * outputs + 0.6, 3.8)
    for number in range(outputs):
        axes = picture.add_subplot(1, outputs, number + 1)
        name = names[number] if number < len(names) else f"label {number + 1}"
        sides = np.random.default_rng(0).uniform(-0.2, 0.2, len(true))  # so that equal probabilities do not collide
        axes.axhline(0.5, color=GREY, linewidth=1, linestyle="--")
        alpha = max(0.15, min(0.8, 10 / math.sqrt(len(true))))
        axes.plot(true[:, number] + sides, probabilities[:, number], "o", color=BLUE, markersize=4, alpha=alpha)
        tidy(axes, x=f"True {name}", y=f"Probability of {name}", title=title if number == 0 else "")
        axes.set_xticks([0, 1], ["no", "yes"])
        axes.set_xlim(-0.5, 1.5)
        axes.set_ylim(-0.03, 1.03)
    return picture


def _tick_few(axes: Axes, largest: float) -> None:
    """Give both axes few ticks; large numbers are written as 10k, 2M, so that they do not collide."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        if largest >= _LARGE:
            axis.set_major_formatter(EngFormatter(sep=""))


def plane(
    x: npt.NDArray[Any],
    true: Positions,
    wrong: Booleans,
    names: Sequence[str],
    classify: Callable[[Floats], Positions],
    *,
    axes_names: Sequence[str] = ("First feature", "Second feature"),
    title: str = "",
) -> Figure:
    """Draw samples in the plane, (n, 2), on the regions predicted for each class; wrong ones are circled.

    true : class number of each sample. classify : function from points (m, 2) to class numbers.
    """
    from matplotlib.colors import ListedColormap

    picture = figure(6.4, 5)
    axes = picture.add_subplot()
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    lines = [np.linspace(a, b, 301) for a, b in zip(low - margin, high + margin, strict=True)]
    grid = np.stack([part.ravel() for part in np.meshgrid(*lines)], axis=1)
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(names))]
    regions = classify(grid).reshape(301, 301)
    top = max(len(names) - 1, 1)
    axes.pcolormesh(*lines, regions, cmap=ListedColormap(colours), vmin=0, vmax=top, alpha=0.22, linewidth=0)
    for number, name in enumerate(names):
        axes.plot(
            *x[true == number].T,
            _MARKERS[number % len(_MARKERS)],
            color=colours[number],
            markersize=4.5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=name,
        )
    if wrong.any():
        axes.plot(*x[wrong].T, "o", markersize=10, markerfacecolor="none", markeredgecolor=BLACK, label="Wrong")
    tidy(axes, x=axes_names[0], y=axes_names[1], title=title, grid=False)
    _legend_beside(axes)
    return picture


def _legend_beside(axes: Axes) -> None:
    axes.legend(
        frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), title="True class, on the\nregion predicted"
    )


def _picture_of(image: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[Any]:
    """Return an image as matplotlib expects it: (height, width), or (height, width, 3) from 0 to 1."""
    if image.ndim == 3 and image.shape[2] in {3, 4}:
        span = high - low if high > low else 1.0
        return (image.astype(np.float64) - low) / span
    return image if image.ndim == 2 else image.mean(axis=2)
