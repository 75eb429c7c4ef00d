"""L2 regularization of growing strength: the network becomes nearly linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.plane import PlaneMap
from deltarule.formulas import L2, Adam
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.training import train
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, NOISE, SPAN = 60, 0.3, (-1.8, 2.7, -1.3, 1.9)
STRENGTHS = (0.0001, 0.001, 0.01)


@dataclass(frozen=True)
class StrongL2(Illustration):
    """Networks 2-64-64-1 with tanh units, with the same initial weights, for three strengths λ.

    x, y : the points, (60, 2) and (60,). maps : predictions in the plane by λ.
    nonlinear : fraction of the variance of the raw output over the plane that no linear function explains, by λ.
    weights : mean absolute weight, by λ.
    """

    name: ClassVar[str] = "strong-l2"
    shows: ClassVar[str] = "a growing λ of L2 that makes a network nearly linear"

    x: Any
    y: Any
    maps: dict[float, PlaneMap]
    nonlinear: dict[float, float]
    weights: dict[float, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the same network with each strength."""
        x, y = moons(SAMPLES, NOISE, seed)
        recipe = Recipe(
            network=Network(hidden=(64, 64), activation="tanh"),
            loss="sigmoid_cross_entropy",
            optimizer=Adam(0.01),
            batch_size=SAMPLES,
            epochs=600,
            stopping=None,
            scaling="none",
            seed=seed,
        )
        models = {each: train(recipe.replace(penalty=L2(each)), Dataset(train=(x, y))).model for each in STRENGTHS}
        return cls(
            x,
            y,
            {each: PlaneMap.of(model, SPAN) for each, model in models.items()},
            {each: _nonlinear(model) for each, model in models.items()},
            {each: _mean_size(model) for each, model in models.items()},
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Return the nonlinear fraction and the mean absolute weight of each strength."""
        return {
            "nonlinear_fraction": {f"{each:g}": value for each, value in self.nonlinear.items()},
            "mean_absolute_weight": {f"{each:g}": value for each, value in self.weights.items()},
        }

    @property
    def sentence(self) -> str:
        """Compare the smallest and the largest strength."""
        weak, *_, strong = STRENGTHS
        return (
            f"From λ = {weak:g} to λ = {strong:g} the mean absolute weight falls from {self.weights[weak]:.2f} to "
            f"{self.weights[strong]:.2f}. Small weighted sums stay where tanh is nearly linear: the fraction of the "
            f"output's variance that no linear function explains falls from {_percent(self.nonlinear[weak])} to "
            f"{_percent(self.nonlinear[strong])} %, and the boundary becomes a straight line: the network underfits."
        )

    def picture(self) -> Figure:
        """Draw the regions of each strength under the points."""
        from deltarule.experiments.figures.boundaries import boundaries

        notes = [
            f"{_percent(self.nonlinear[each])} % nonlinear, mean |w| {self.weights[each]:.2f}" for each in self.maps
        ]
        maps = {f"λ = {each:g}": (found.span, found.probabilities) for each, found in self.maps.items()}
        return boundaries(self.x, self.y, maps, notes, ("Upper moon", "Lower moon"))


def _nonlinear(model: Model) -> float:
    """Return 1 − R² of the linear function of the inputs that is closest to the raw output over the plane."""
    left, right, bottom, top = SPAN
    across, up = np.meshgrid(np.linspace(left, right, 61), np.linspace(bottom, top, 61))
    points = np.stack([across.ravel(), up.ravel()], axis=1)
    z = _raw_output(model, points)
    design = np.column_stack([points, np.ones(len(points))])
    residual = z - design @ np.linalg.lstsq(design, z, rcond=None)[0]
    return float(np.mean(residual**2) / np.var(z))


def _mean_size(model: Model) -> float:
    return float(np.mean(np.abs(np.concatenate([weights.ravel() for weights in model.weights]))))


def _raw_output(model: Model, x: Floats) -> Floats:
    *hidden, last = zip(model.weights, model.biases, strict=True)
    for weights, bias in hidden:
        x = np.tanh(x @ weights + bias)
    z: Floats = (x @ last[0] + last[1])[:, 0]
    return z


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g}"
