"""Decision boundaries on two moons: a network that memorizes its few points, and two regularized ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.plane import PlaneMap
from deltarule.formulas import L2, Adam
from deltarule.recipes import Network, Recipe
from deltarule.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, FRESH, NOISE, SPAN = 60, 2000, 0.3, (-1.8, 2.7, -1.3, 1.9)
BARE = Recipe(
    network=Network(hidden=(64, 64)), optimizer=Adam(0.01), batch_size=SAMPLES, epochs=600, stopping=None
)  # fmt: skip
RECIPES = {
    "No regularization": BARE,
    "L2, λ = 0.02": BARE.replace(penalty=L2(0.02)),
    "Dropout 0.5": BARE.replace(network=Network(hidden=(64, 64), dropout=0.5)),
}


@dataclass(frozen=True)
class Overfitting(Illustration):
    """Three networks with the same initial weights, on the same 60 points.

    x, y : the points, (60, 2) and (60,). maps : predictions of each network in the plane.
    training, fresh : accuracy of each network on the 60 points, and on 2,000 new points.
    """

    name: ClassVar[str] = "overfitting"
    shows: ClassVar[str] = "decision boundaries on two moons, overfitted and regularized"

    x: Any
    y: Any
    maps: dict[str, PlaneMap]
    training: dict[str, float]
    fresh: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the three networks, and generate new points."""
        x, y = moons(SAMPLES, NOISE, seed)
        other_x, other_y = moons(FRESH, NOISE, seed + 1)
        data = Dataset(train=(x, y))
        models = {name: train(recipe.replace(seed=seed), data).model for name, recipe in RECIPES.items()}
        return cls(
            x,
            y,
            {name: PlaneMap.of(model, SPAN) for name, model in models.items()},
            {name: model.score(x, y) for name, model in models.items()},
            {name: model.score(other_x, other_y) for name, model in models.items()},
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Return both accuracies of each network."""
        return {"training_accuracy": self.training, "fresh_accuracy": self.fresh, "fresh_points": FRESH}

    @property
    def sentence(self) -> str:
        """Compare the accuracies on the training points and on new points."""
        bare, *held = self.fresh
        others = " and ".join(f"{100 * self.fresh[name]:.1f} % with {_within(name)}" for name in held)
        return (
            f"Without regularization, the accuracy is {100 * self.training[bare]:.0f} % on the {SAMPLES} training "
            f"points, and the boundary bends around single points; on {FRESH:,} new points the accuracy is "
            f"{100 * self.fresh[bare]:.1f} %, compared with {others}."
        )

    def picture(self) -> Figure:
        """Draw the regions of each network under the points."""
        from deltarule.experiments.figures.boundaries import boundaries

        notes = [
            f"{100 * self.training[name]:.0f} % here, {100 * self.fresh[name]:.1f} % on new points"
            for name in self.maps
        ]
        maps = {name: (each.span, each.probabilities) for name, each in self.maps.items()}
        return boundaries(self.x, self.y, maps, notes, ("Upper moon", "Lower moon"))


def _within(name: str) -> str:
    """Return a name for use within a sentence: without its numbers, dropout in lower case.

    >>> _within("L2, λ = 0.02"), _within("Dropout 0.5")
    ('L2', 'dropout')
    """
    word = name.replace(",", "").split()[0]
    return word if word.isupper() else word.lower()
