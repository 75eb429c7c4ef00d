"""Underfitting and overfitting: networks of three sizes on the same points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.plane import PlaneMap
from deltarule.formulas import Adam
from deltarule.recipes import Network, Recipe
from deltarule.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, FRESH, NOISE, SPAN = 60, 2000, 0.3, (-1.8, 2.7, -1.3, 1.9)
HIDDEN: dict[str, tuple[int, ...]] = {"No hidden layer": (), "8 hidden units": (8,), "64 + 64 units": (64, 64)}
FITS = ("Underfits", "About right", "Overfits")


@dataclass(frozen=True)
class Capacity(Illustration):
    """Networks of three sizes, trained on the same 60 points without regularization.

    x, y : the points, (60, 2) and (60,). maps : predictions of each network in the plane.
    training, fresh : accuracy of each network on the 60 points, and on 2,000 new points.
    """

    name: ClassVar[str] = "underfitting"
    shows: ClassVar[str] = "a network that is too small, about right, and too large"

    x: Any
    y: Any
    maps: dict[str, PlaneMap]
    training: dict[str, float]
    fresh: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the three networks, and generate new points."""
        x, y = moons(SAMPLES, NOISE, seed)
        new_x, new_y = moons(FRESH, NOISE, seed + 1)
        data = Dataset(train=(x, y))
        recipe = Recipe(optimizer=Adam(0.01), batch_size=SAMPLES, epochs=600, stopping=None, seed=seed)
        models = {
            name: train(recipe.replace(network=Network(hidden=hidden)), data).model for name, hidden in HIDDEN.items()
        }
        return cls(
            x,
            y,
            {name: PlaneMap.of(model, SPAN) for name, model in models.items()},
            {name: model.score(x, y) for name, model in models.items()},
            {name: model.score(new_x, new_y) for name, model in models.items()},
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Return both accuracies of each network."""
        return {"training_accuracy": self.training, "fresh_accuracy": self.fresh, "fresh_points": FRESH}

    @property
    def sentence(self) -> str:
        """Compare the accuracies of the three networks."""
        small, right, large = (f"{100 * each:.1f}" for each in self.fresh.values())
        low, _, high = (f"{100 * each:.0f}" for each in self.training.values())
        return (
            f"Without a hidden layer the boundary is a straight line: {low} % of the {SAMPLES} training points and "
            f"{small} % of {FRESH:,} new points are correct. With 64 + 64 hidden units {high} % of the training points "
            f"are correct, but only {large} % of the new ones. With 8 units it is {right} %."
        )

    def picture(self) -> Figure:
        """Draw the regions of each network under the points."""
        from deltarule.experiments.figures.boundaries import boundaries

        notes = [
            f"{fits}: {100 * self.training[name]:.0f} %, new points {100 * self.fresh[name]:.1f} %"
            for fits, name in zip(FITS, self.maps, strict=True)
        ]
        maps = {name: (each.span, each.probabilities) for name, each in self.maps.items()}
        return boundaries(self.x, self.y, maps, notes, ("Upper moon", "Lower moon"))
