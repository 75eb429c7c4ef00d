"""Networks fitted to the same few points of two moons: the base class of illustrations that compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.plane import PlaneMap
from deltarule.recipes import Recipe
from deltarule.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, FRESH, NOISE, SPAN = 60, 2000, 0.3, (-1.8, 2.7, -1.3, 1.9)


@dataclass(frozen=True)
class MoonFits(Illustration):
    """Networks trained on the same 60 points.

    recipes : by the networks' names; the seed is set later.
    x, y : the points, (60, 2) and (60,). maps : predictions of each network in the plane.
    training, fresh : accuracy of each network on the 60 points, and on 2,000 new points.
    """

    recipes: ClassVar[Mapping[str, Recipe]]

    x: Any
    y: Any
    maps: dict[str, PlaneMap]
    training: dict[str, float]
    fresh: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the networks, and generate new points."""
        x, y = moons(SAMPLES, NOISE, seed)
        new_x, new_y = moons(FRESH, NOISE, seed + 1)
        data = Dataset(train=(x, y))
        models = {name: train(recipe.replace(seed=seed), data).model for name, recipe in cls.recipes.items()}
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
    def notes(self) -> list[str]:
        """Return what is written under the map of each network."""
        raise NotImplementedError

    def picture(self) -> Figure:
        """Draw the regions of each network under the points."""
        from deltarule.experiments.figures.boundaries import boundaries

        maps = {name: (each.span, each.probabilities) for name, each in self.maps.items()}
        return boundaries(self.x, self.y, maps, self.notes, ("Upper moon", "Lower moon"))
