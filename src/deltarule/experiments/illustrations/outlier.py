"""Squared and absolute error on data with one outlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import Adam, LinearToZero
from deltarule.formulas.random import Purpose, normal
from deltarule.recipes import Network, Recipe
from deltarule.training import train
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, TRUE = 20, (2.0, 1.0)
OUTLIER = (1.6, -8.0)
LOSSES = {"Squared error": "half_squared_error", "Absolute error": "absolute_error"}


@dataclass(frozen=True)
class Outlier(Illustration):
    """One linear neuron a = w x + b on 20 points of y = 2x + 1 with noise, and one point far below.

    x, y : (21,), the outlier last. lines : w and b with each loss, and with the squared error without the outlier.
    """

    name: ClassVar[str] = "outlier"
    shows: ClassVar[str] = "squared and absolute error, with one outlier"

    x: Floats
    y: Floats
    lines: dict[str, tuple[float, float]]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the neuron with each loss, in full batches."""
        x = np.linspace(-2.0, 2.0, SAMPLES)
        y = TRUE[0] * x + TRUE[1] + 0.5 * normal(seed, Purpose.NOISE, (1, SAMPLES))[0]
        lines = {"Without the outlier": _line(x, y, "half_squared_error", seed)}
        x, y = np.append(x, OUTLIER[0]), np.append(y, OUTLIER[1])
        lines |= {name: _line(x, y, loss, seed) for name, loss in LOSSES.items()}
        return cls(x, y, lines)

    @property
    def facts(self) -> dict[str, Any]:
        """Return each line, and its mean distance from the points other than the outlier."""
        x, y = self.x[:-1], self.y[:-1]
        return {
            "lines": self.lines,
            "distance_from_the_others": {
                name: float(np.mean(np.abs(w * x + b - y))) for name, (w, b) in self.lines.items()
            },
        }

    @property
    def sentence(self) -> str:
        """Describe how much the outlier changes each line."""
        far = self.facts["distance_from_the_others"]
        w = {name: line[0] for name, line in self.lines.items()}
        return (
            f"With the squared error, one outlier changes the slope of the line from {w['Without the outlier']:.2f} to "
            f"{w['Squared error']:.2f}, because the gradient of a residual grows with its size; with the absolute "
            f"error the slope is {w['Absolute error']:.2f}, because the gradient of every residual is ±1. The mean "
            f"distance from the other points is {far['Squared error']:.2f} and {far['Absolute error']:.2f}."
        )

    def picture(self) -> Figure:
        """Draw the points with the lines, and the gradient of a residual."""
        from deltarule.experiments.figures.outlier import robust_lines

        return robust_lines(self.x, self.y, self.lines)


def _line(x: Floats, y: Floats, loss: str, seed: int) -> tuple[float, float]:
    recipe = Recipe(
        network=Network(hidden=()),
        loss=loss,
        optimizer=Adam(0.1),
        schedule=LinearToZero(),
        batch_size=len(x),
        epochs=600,
        stopping=None,
        scaling="none",
        target_scaling="none",
        task="regression",
        seed=seed,
    )
    w, b = train(recipe, Dataset(train=(x[:, None], y)), engine="reference").model.theta
    return float(w), float(b)
